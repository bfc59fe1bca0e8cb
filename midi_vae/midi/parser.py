"""The bytes of a MIDI file -> its events, as arrays.

Done here rather than by mido or pretty_midi because both build an object an event (a crafted file of 16 MB would take
gigabytes), stop at harmless oddities and raise a dozen kinds of exception. Here every fault is an `InputError` (without
the file's name, which this module does not know), and what is wrong but leaves no doubt is read and remarked.

Where an event ends depends on the one before (running status), so events cannot be found in parallel; but where an
event *would* end if it began at some byte can be computed for all bytes at once, twice: for a running status with one
data byte and with two. What is left for Python is to follow these places from event to event (`_Reader._read_block`).

Most tracks are simpler: a few meta events and then nothing but events with two data bytes. Of bytes below 128 each of
these has just three, the last one of its time and its data, whether or not a status byte stands between them; so every
third such byte ends an event, and no place has to be followed (`_Reader._read_run`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from latentmix.errors import InputError

from .gaps import find_rest
from .masks import all_of, any_of
from .runs import MAX_RUN, find_run
from .tables import LAST_DELTA, event_tables

META = 0xFF
END_OF_TRACK = 0x2F
BLOCK = 1 << 16  # bytes of a track that are looked at together: bounds the memory for tables
MAX_MESSAGES = 200_000  # meta events and system exclusive messages in a file
MAX_CONTENT = 512  # bytes of a meta event or a message that are kept; no name, tempo or setting is longer
_NEGATIVE = 1 << 31  # a delta of 32 bits that a program wrote of a time before the last event
_SHORT_RUN = 256  # bytes, below which it is quicker to follow events one by one
_SHORT_RUNS = 8  # in a track, after which this is done
_MIN_WINDOW = 1024  # bytes in which a run is looked for; four times as many as the last one had
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
_STATUS = np.arange(256)
_DATA_BYTES = np.where((_STATUS & 0xE0) == 0xC0, 1, 2).astype(np.uint8)  # by status
_IS_KEPT = np.isin(_STATUS & 0xF0, (0x80, 0x90, 0xB0, 0xE0))  # aftertouch says nothing of notes
_NOTES_END = 0xA0  # statuses below are of notes


@dataclass(frozen=True, eq=False)
class TrackEvents:
    """The events of one track chunk, in the order of the file; times in ticks, ascending.

    Attributes:
        tick: (n,) int64 of notes, controllers and pitch bends.
        status, first, second: (n,) uint8.
        programs: (tick, channel, program) of program changes.
        messages: (tick, META, type, content) of meta events and (tick, 0xF0, 0, content) of system exclusive ones,
            content cut off after `MAX_CONTENT` bytes.
        end: tick of the last event of all.
        has_controls: there are controllers or pitch bends.
        remarks: what was wrong and read all the same.
    """

    tick: np.ndarray
    status: np.ndarray
    first: np.ndarray
    second: np.ndarray
    programs: list[tuple[int, int, int]]
    messages: list[tuple[int, int, int, bytes]]
    end: int
    has_controls: bool
    remarks: tuple[str, ...] = ()


def read_events(track: bytes, missing: int | None = None) -> TrackEvents:
    """The events of a track chunk, up to its end-of-track event; running status goes on through meta events.

    Args:
        track: content of the chunk.
        missing: bytes that the chunk announces and has not; it is read if its end-of-track event is there.

    Raises:
        InputError: the chunk is damaged.
    """
    return _Reader(track, missing).read()


class _Reader:
    """One chunk on its way to events, block by block."""

    def __init__(self, track: bytes, missing: int | None) -> None:
        self.track = track
        self.missing = missing
        self.padded = np.zeros(0, np.uint8)  # the same with 16 bytes more, once it is needed
        self.place = 0  # where the next event begins
        self.two = 1  # data bytes of the running status, less one
        self.running = 0
        self.tick = 0
        self.is_over = self.is_backward = False
        self.parts: list[tuple[np.ndarray, ...]] = []
        self.programs: list[tuple[int, int, int]] = []
        self.messages: list[tuple[int, int, int, bytes]] = []
        self.remarks: dict[str, int] = {}

    def read(self) -> TrackEvents:
        short_runs, window = 0, MAX_RUN
        while self.place < len(self.track) and not self.is_over:
            place = self.place
            if short_runs < _SHORT_RUNS:
                size = self._read_run(window)
                short_runs += size < _SHORT_RUN
                window = min(max(4 * size, _MIN_WINDOW), MAX_RUN)
            if self.place == place:
                self._read_block()
        if self.missing is not None and not self.is_over:
            self._cut()
        if not self.parts:
            self.parts.append((np.zeros(0, np.int64), *[np.zeros(0, np.uint8)] * 3))
        parts = self.parts[0] if len(self.parts) == 1 else map(np.concatenate, zip(*self.parts, strict=True))
        tick, status, first, second = parts
        if self.is_backward:
            order = np.argsort(tick := np.maximum(tick, 0), kind="stable")  # nothing is before the start
            tick, status, first, second = tick[order], status[order], first[order], second[order]
            self.messages = sorted([(max(each[0], 0), *each[1:]) for each in self.messages], key=lambda row: row[0])
            self.programs = sorted([(max(each[0], 0), *each[1:]) for each in self.programs], key=lambda row: row[0])
        remarks = tuple(text.format(count, s="s" * (count > 1)) for text, count in self.remarks.items())
        has_controls = any_of(status >= _NOTES_END)
        end = max(self.tick, 0)
        return TrackEvents(tick, status, first, second, self.programs, self.messages, end, has_controls, remarks)

    def _read_run(self, window: int) -> int:
        """Messages and program changes, and then events with two data bytes within a window of so many bytes: as many
        as leave no question of what they are. How many bytes the latter take.
        """
        track, place = self.track, self.place
        while not self.is_over:
            at, delta = place, 0
            while at < min(place + 3, len(track)) and track[at] >= 0x80:
                delta = delta << 7 | track[at] & 0x7F
                at += 1
            status = track[at + 1] if at + 2 < len(track) and track[at] < 0x80 else 0
            if status == META and track[at + 2] != END_OF_TRACK and (end := self._end_of_short(at + 3)):
                self.tick += delta << 7 | track[at]
                self._keep_message(self.tick, META, track[at + 2], track[at + 4 : end])
            elif status >= 0xF0:
                end = self._special(at + 1)
                self.tick += delta << 7 | track[at]
                self._add_message(self.tick, at + 1, end)
            elif status & 0xE0 == 0xC0 and track[at + 2] < 0x80:
                end = at + 3
                self.tick += delta << 7 | track[at]
                if status < 0xD0:
                    self.programs.append((self.tick, status & 0x0F, track[at + 2]))
                self.running, self.two = status, 0
            else:
                break
            place = end
        self.place = place
        if self.is_over or place >= len(track) or not (status >= 0x80 or (self.two and self.running)):
            return 0
        if not self.parts and self._read_rest():
            return len(track) - place
        bytes_there = np.frombuffer(track, np.uint8, min(window, len(track) - place), place)
        run = find_run(bytes_there, self.running if self.two else 0)
        if run is None:
            return 0
        ticks = run.delta.cumsum()
        ticks += self.tick
        self.parts.append(_kept(ticks, run.status, run.first, run.second))
        self.tick, self.running, self.two = int(ticks[-1]), int(run.status[-1]), 1
        self.place += run.size
        return run.size

    def _read_rest(self) -> bool:
        """All up to the end of the track, if it holds nothing but events with two data bytes and short messages."""
        if (rest := find_rest(self.track, self.place, self.running if self.two else 0)) is None:
            return False
        ticks = rest.run.delta.cumsum()
        ticks += self.tick
        for before, passed, kind, content in rest.messages:
            self._keep_message(tick := passed + int(ticks[before - 1] if before else self.tick), META, kind, content)
        self.parts.append(_kept(ticks, rest.run.status, rest.run.first, rest.run.second))
        self.tick, self.place, self.is_over = tick, len(self.track), True
        return True

    def _end_of_short(self, at: int) -> int:
        """Where a meta event ends whose length is at a place and a single byte; 0 where it is not, or not all there."""
        size = self.track[at] if at < len(self.track) else 0x80
        return at + 1 + size if size < 0x80 and at + 1 + size <= len(self.track) else 0

    def _read_block(self) -> None:
        """Events that begin within `BLOCK` bytes from here on."""
        if not len(self.padded):
            self.padded = np.concatenate([np.frombuffer(self.track, np.uint8), np.zeros(16, np.uint8)])
        start, stop = self.place, min(self.place + BLOCK, len(self.track))
        status_at, following = event_tables(self.padded[start : stop + 16], stop - start)
        places: list[int] = []
        specials: list[tuple[int, int]] = []  # index of the event and the end of its content
        append, table, limit = places.append, following.data, 2 * (stop - start)
        code = self.two  # twice the place, and one more where the running status has two data bytes
        while code < limit:
            append(code)
            code = table[code]
            if code < 0:
                end = self._special(start + int(status_at[places[-1] >> 1]))
                specials.append((len(places) - 1, end))
                if self.is_over:
                    break
                code = 2 * (end - start) | (places[-1] & 1)
        self._take(np.array(places, np.int64) >> 1, start, status_at, specials)
        self.place, self.two = start + (code >> 1) if code >= 0 else len(self.track), code & 1

    def _special(self, at: int) -> int:
        """Where an event that is no channel event ends, given its status byte."""
        track = self.track
        if at >= len(track):
            self._cut()
        status = track[at]
        if status in _SYSTEM_BYTES:
            return at + 1 + _SYSTEM_BYTES[status]
        if status not in (META, 0xF0, 0xF7):
            raise InputError(f"the file is damaged: status byte 0x{status:02X} is not defined")
        at += 1 + (status == META)
        size, content = self._length(at)
        if size < 0 or content + size > len(track):
            self._cut()
        if status == META and track[at - 1] == END_OF_TRACK and size == 0:
            self.is_over = True
        return content + size

    def _length(self, at: int) -> tuple[int, int]:
        value, size = 0, 0
        for size, byte in enumerate(self.track[at : at + LAST_DELTA], 1):
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                if size > 4:
                    self._remark("{} length{s} of more than four bytes", 1)
                return value, at + size
        if size == LAST_DELTA:
            raise InputError(f"the file is damaged: a length of more than {LAST_DELTA} bytes")
        return -1, at

    def _cut(self) -> NoReturn:
        if self.missing:
            raise InputError(f"the file is truncated: {self.missing} bytes are missing; save or fetch it again")
        raise InputError("the file is damaged: a track ends in the middle of an event")

    def _take(self, places: np.ndarray, start: int, status_at: np.ndarray, specials: list[tuple[int, int]]) -> None:
        """Add the events at these places of the block to those that were found."""
        padded = self.padded[start:]
        at = status_at[places].astype(np.int64)
        ticks = self.tick + np.cumsum(self._deltas(padded, places, at - places))
        raw = padded[at]
        is_special = raw >= 0xF0
        is_explicit = (raw >= 0x80) & ~is_special
        last = np.maximum.accumulate(is_explicit * np.arange(1, len(raw) + 1))
        status = np.concatenate([[np.uint8(self.running)], raw])[last]
        self.running = int(status[-1])
        data = at + is_explicit
        kept = np.flatnonzero(~is_special)
        status, data, tick = status[kept], data[kept], ticks[kept]
        if len(kept) and int(data[-1]) + int(_DATA_BYTES[status[-1]]) > len(self.track) - start:
            self._cut()
        if (status < 0x80).any():
            raise InputError("the file is damaged: an event without a status")
        for index, end in specials:
            self._add_message(int(ticks[index]), start + int(at[index]), end)
        first, second = padded[data], padded[data + 1] * (_DATA_BYTES[status] == 2)
        is_program = (status & 0xF0) == 0xC0
        is_damaged = ((first >= 0x80) | (second >= 0x80)) & (_IS_KEPT[status] | is_program)
        if is_damaged.any():
            self._remark("{} event{s} with a data byte above 127", int(is_damaged.sum()))
            good = first < 0x80
            tick, status, first, second = tick[good], status[good], first[good], np.minimum(second[good], 127)
            is_program = is_program[good]
        for at_event in is_program.nonzero()[0].tolist():
            self.programs.append((int(tick[at_event]), int(status[at_event]) & 0x0F, int(first[at_event])))
            if len(self.programs) > MAX_MESSAGES:
                raise InputError(f"expected at most {MAX_MESSAGES} program changes in a track, found more")
        self.parts.append(_kept(tick, status, first, second))
        self.tick = int(ticks[-1])

    def _deltas(self, padded: np.ndarray, places: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Ticks from the event before to each event; `sizes` are the bytes they take."""
        delta = (padded[places] & 0x7F).astype(np.int64)
        for number in range(1, int(sizes.max())):
            more = sizes > number
            byte = padded[places + number * more] & 0x7F
            delta = np.where(more, delta << 7 | byte, delta)
        if sizes.max() > 4:
            if any_of(padded[places + sizes - 1] >= 0x80):
                raise InputError(f"the file is damaged: a time of more than {LAST_DELTA} bytes")
            self._remark("{} time{s} of more than four bytes, read as 32 bits with a sign", int((sizes > 4).sum()))
            delta = (delta + _NEGATIVE) % (2 * _NEGATIVE) - _NEGATIVE
            self.is_backward = True
        return delta

    def _add_message(self, tick: int, at: int, end: int) -> None:
        """The meta event or system exclusive message whose status byte is at a place, and which goes to an end."""
        status = self.track[at]
        if status not in (META, 0xF0):
            return
        content = at + 1 + (status == META)
        kind = self.track[content - 1] if status == META else 0
        while self.track[content] >= 0x80:
            content += 1
        self._keep_message(tick, status, kind, self.track[content + 1 : min(end, content + 1 + MAX_CONTENT)])

    def _keep_message(self, tick: int, status: int, kind: int, content: bytes) -> None:
        self.messages.append((tick, status, kind, content))
        if len(self.messages) > MAX_MESSAGES:
            raise InputError(f"expected at most {MAX_MESSAGES} meta events in a track, found more")

    def _remark(self, text: str, count: int) -> None:
        self.remarks[text] = self.remarks.get(text, 0) + count


def _kept(tick: np.ndarray, status: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, ...]:
    """Notes, controllers and pitch bends."""
    is_kept = _IS_KEPT[status]
    if all_of(is_kept):
        return tick, status, first, second
    return tick[is_kept], status[is_kept], first[is_kept], second[is_kept]
