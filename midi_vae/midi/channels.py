"""What channels are set to: programs, drum parts, the range of bends; and which channels play one line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .notes import STOPS, TickNotes
from .parser import TrackEvents
from .score import DRUM_CHANNEL

_BANK, _DATA_ENTRY, _DATA_ENTRY_FINE, _RPN_FINE, _RPN = 0, 6, 38, 100, 101  # controllers
_XG_DRUMS, _XG_EFFECTS, _GM2_DRUMS, _GM2_MELODIC = 127, 126, 120, 121  # banks
_BEND_RANGE, _MPE_ZONE = 0, 6  # registered parameters
_MPE_RANGE = 48.0  # semitones of a full bend
MIN_MEMBERS = 3  # channels besides the drums' that take turns with it, from which on it plays no drums
MIN_STRINGS = 4  # channels of one plucked instrument, each of one voice, from which on they are its strings
_PLUCKED = (*range(24, 40), *range(104, 108))  # programs of guitars, basses, sitar, banjo, shamisen, koto
_ROTATION = 0.25  # share of neighbouring notes on different channels, from which on channels take turns
_ONE_LINE = 0.1  # share of notes that start while another of the line sounds, up to which it is one


@dataclass
class ChannelStates:
    """Settings of all channels of a file, gathered chunk by chunk; a key is (port, channel), times in ticks.

    Attributes:
        programs: (tick, chunk, program), in the order of the file.
        drums: whether a setting says that a channel is percussion (True) or not (False).
        ranges: semitones of a full bend where registered parameter 0 or an MPE zone (48 on its members) sets them.
        stops: (chunk, ticks) of "all notes off" and "all sound off".
        zones: channels of the notes of each MPE zone, by its main channel.
    """

    programs: dict[tuple[int, int], list[tuple[int, int, int]]] = field(default_factory=dict)
    drums: dict[tuple[int, int], bool] = field(default_factory=dict)
    ranges: dict[tuple[int, int], float] = field(default_factory=dict)
    stops: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = field(default_factory=dict)
    zones: dict[tuple[int, int], frozenset[int]] = field(default_factory=dict)
    has_xg: bool = False
    _ordered: dict[tuple[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)
    _changes: dict[tuple[int, int], _Changes] = field(default_factory=dict)

    def add(self, events: TrackEvents, chunk: int, port: int) -> None:
        """Take over the settings of one chunk."""
        for tick, channel, program in events.programs:
            self.programs.setdefault((port, channel), []).append((tick, chunk, program))
        for _, status, _, content in events.messages:
            if status == 0xF0:
                self._obey(content, port)
        if events.has_controls:
            is_control = (events.status & 0xF0) == 0xB0
            is_bank = is_control & (events.first == _BANK)
            for status, bank in zip(events.status[is_bank].tolist(), events.second[is_bank].tolist(), strict=True):
                self._select_bank((port, status & 0x0F), bank)
            ranges, zones = _bend_ranges(events)
            self.ranges |= {(port, channel): each for channel, each in ranges.items()}
            self.zones |= {(port, channel): each for channel, each in zones.items()}
            is_stop = is_control & np.isin(events.first, STOPS)
            for status in np.unique(events.status[is_stop]).tolist():
                ticks = events.tick[is_stop & (events.status == status)]
                self.stops.setdefault((port, status & 0x0F), []).append((chunk, ticks))

    def _select_bank(self, key: tuple[int, int], bank: int) -> None:
        if bank in (_XG_DRUMS, _GM2_DRUMS) or (bank == _XG_EFFECTS and self.has_xg):
            self.drums[key] = True
        elif bank == _GM2_MELODIC:
            self.drums[key] = False

    def _obey(self, content: bytes, port: int) -> None:
        """A system exclusive message, without its first byte."""
        if content[:1] == b"\x41" and content[2:4] == b"\x42\x12" and len(content) >= 8:  # Roland GS, data set
            if content[4] == 0x40 and content[5] & 0xF0 == 0x10 and content[6] == 0x15:
                part = content[5] & 0x0F
                channel = DRUM_CHANNEL if part == 0 else part - 1 if part <= DRUM_CHANNEL else part
                self.drums[port, channel] = content[7] in (1, 2)
        elif content[:1] == b"\x43" and content[2:3] == b"\x4c" and len(content) >= 7:  # Yamaha XG, parameter change
            self.has_xg = True
            if content[3] == 0x08 and content[5] == 0x07 and content[4] < 16:
                self.drums[port, content[4]] = content[6] != 0

    def stopped(self, notes: TickNotes, port: int, chunk: int) -> TickNotes:
        """The notes of a chunk, ended where another chunk stops their channel; all chunks have been added."""
        end = notes.end
        for channel in notes.channels() if self.stops else ():
            if (port, channel) in self.stops:
                ticks, chunks, of_others = self._stops_by_time((port, channel))
                at = ticks.searchsorted(notes.start, "right")
                at = np.where(chunks[at] == chunk, of_others[at], at)
                end = np.where(notes.channel == channel, np.minimum(end, ticks[at]), end)
        return notes if end is notes.end else replace(notes, end=end)

    def _stops_by_time(self, key: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ticks of all stops of a channel, ascending, their chunks, and of each the index of the next one of another
        chunk; all (n + 1,), for the last one is at the end of time and of no chunk.
        """
        if key not in self._ordered:
            ticks = np.concatenate([each for _, each in self.stops[key]])
            chunks = np.repeat([chunk for chunk, _ in self.stops[key]], [len(each) for _, each in self.stops[key]])
            order = np.argsort(ticks, kind="stable")
            ticks, chunks = np.append(ticks[order], np.iinfo(np.int64).max), np.append(chunks[order], -1)
            last = np.flatnonzero(np.append(chunks[1:] != chunks[:-1], True))  # of those of one chunk in a row
            of_others = np.minimum(last[last.searchsorted(np.arange(len(ticks)))] + 1, len(ticks) - 1)
            self._ordered[key] = ticks, chunks, of_others
        return self._ordered[key]

    def is_drum(self, port: int, channel: int) -> bool:
        return self.drums.get((port, channel), channel == DRUM_CHANNEL)

    def zones_of(self, port: int) -> list[frozenset[int]]:
        """Channels that play the notes of each MPE zone."""
        return [members for (its, _), members in self.zones.items() if its == port]

    def program_at(self, port: int, channel: int, tick: int, chunk: int, is_alone: bool) -> int:
        """The program that is in force at a note, whatever chunk has set it; one that comes later if there is none. All
        chunks have been added.

        Args:
            port, channel: of the note.
            tick, chunk: where it starts, and in which chunk.
            is_alone: chunks are sequences of their own (type 2).
        """
        key = port, channel
        if key not in self.programs and self.zones:  # a zone has the program of its main channel
            main = (c for (its, c), members in self.zones.items() if its == port and channel in members)
            key = port, next(main, channel)
        if key not in self.programs:
            return 0
        if key not in self._changes:
            self._changes[key] = _Changes(self.programs[key])
        changes = self._changes[key]
        ticks = changes.ticks_of.get(chunk, []) if is_alone else changes.ticks
        if at := bisect_right(ticks, tick):
            return changes.last_of.get((ticks[at - 1], chunk), changes.last[ticks[at - 1]])
        return changes.first_of.get(chunk, 0 if is_alone else self.programs[key][0][2])


class _Changes:
    """Program changes of a channel by their times, so that many notes ask fast.

    Attributes:
        ticks: ascending, each once; `ticks_of` those of each chunk.
        last: program after each tick; `last_of` that of a chunk by (tick, chunk).
        first_of: the first program of each chunk.
    """

    def __init__(self, rows: Sequence[tuple[int, int, int]]) -> None:
        self.last = {tick: program for tick, _, program in rows}
        self.last_of = {(tick, chunk): program for tick, chunk, program in rows}
        self.first_of = {chunk: program for _, chunk, program in reversed(rows)}
        self.ticks = sorted(self.last)
        self.ticks_of: dict[int, list[int]] = {}
        for tick, chunk in sorted(self.last_of):
            self.ticks_of.setdefault(chunk, []).append(tick)


def _bend_ranges(events: TrackEvents) -> tuple[dict[int, float], dict[int, frozenset[int]]]:
    """Semitones of a full bend by channel, as registered parameter 0 sets them, and MPE zones by main channel."""
    coarse: dict[int, float] = {}  # without hundredths
    ranges: dict[int, float] = {}
    zones: dict[int, frozenset[int]] = {}
    chosen: dict[int, list[int]] = {}
    is_control = (events.status & 0xF0) == 0xB0
    known = np.isin(events.first, (_DATA_ENTRY, _DATA_ENTRY_FINE, _RPN, _RPN_FINE))
    for index in np.flatnonzero(is_control & known).tolist():
        channel = int(events.status[index]) & 0x0F
        control, value = int(events.first[index]), int(events.second[index])
        parameter = chosen.setdefault(channel, [127, 127])
        if control in (_RPN, _RPN_FINE):
            parameter[control == _RPN_FINE] = value
        elif parameter == [0, _BEND_RANGE] and control == _DATA_ENTRY:
            coarse[channel] = ranges[channel] = float(value)
        elif parameter == [0, _BEND_RANGE] and channel in ranges:
            ranges[channel] = coarse[channel] + value / 100
        elif parameter == [0, _MPE_ZONE] and control == _DATA_ENTRY and value:
            members = range(1, min(value, 15) + 1) if channel == 0 else range(15 - min(value, 15), 15)
            ranges |= (usual := {member: _MPE_RANGE for member in members if member not in ranges})
            coarse |= usual
            zones[channel] = frozenset(members)
    return ranges, zones


def lines_of(
    notes: TickNotes,
    programs: dict[int, int],
    is_drum: dict[int, bool],
    is_own_chunk: bool,
    zones: Sequence[frozenset[int]] = (),
) -> list[list[int]]:
    """The channels of a chunk, those together that play one line or one instrument.

    Those of an MPE zone are one. Channels of the same program are one where they take turns (MPE without its settings,
    which uses channel 10 too; a channel for bent notes) or where they are three and more in a chunk of their own, or
    four and more of one voice each of a guitar or its like (a channel a string); else each stands for itself, in
    ascending order.

    Args:
        notes: of the chunk.
        programs, is_drum: by channel.
        is_own_chunk: other chunks hold notes too, so that this one is an instrument rather than the whole file.
        zones: channels that play the notes of each MPE zone.
    """
    channels = sorted(programs)
    if len(channels) == 1:
        return [channels]
    together: dict[int, list[int]] = {}
    for zone in zones:
        members = [channel for channel in channels if channel in zone]
        together.update(dict.fromkeys(members, members))
    by_program: dict[int, list[int]] = {}
    for channel in channels:
        if not is_drum[channel] and channel not in together:
            by_program.setdefault(programs[channel], []).append(channel)
    for same in by_program.values():
        drums = [
            channel
            for channel in channels
            if is_drum[channel] and channel not in together and programs[channel] == programs[same[0]]
        ]
        if len(same) >= MIN_MEMBERS and len(drums) == 1 and _take_turns(notes, sorted(same + drums)):
            together.update(dict.fromkeys(sorted(same + drums), sorted(same + drums)))
        elif len(same) > 1 and (
            (is_own_chunk and len(same) > 2) or _are_strings(notes, same, programs) or _take_turns(notes, same)
        ):
            together.update(dict.fromkeys(same, same))
    return [together.get(channel, [channel]) for channel in channels if together.get(channel, [channel])[0] == channel]


def _are_strings(notes: TickNotes, channels: list[int], programs: dict[int, int]) -> bool:
    if len(channels) < MIN_STRINGS or programs[channels[0]] not in _PLUCKED:
        return False
    strings = [notes.take(notes.channel == channel) for channel in channels]
    return all(np.mean(each.end[:-1] > each.start[1:] + 1) <= _ONE_LINE for each in strings if len(each.start) > 1)


def _take_turns(notes: TickNotes, channels: list[int]) -> bool:
    mine = notes.take(np.isin(notes.channel, channels))
    if len(mine.start) < 4:
        return False
    changes = np.mean(mine.channel[1:] != mine.channel[:-1])
    late = np.maximum.accumulate(mine.end)[:-1] - mine.start[1:]
    length = np.median(mine.end - mine.start)
    return bool(
        changes >= _ROTATION
        and np.mean(late > length / 5) <= _ONE_LINE
        and np.mean(np.diff(mine.start) == 0) <= _ONE_LINE
    )
