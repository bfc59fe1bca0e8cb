"""Note-ons and note-offs -> notes; pure numpy, no loop over events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .masks import any_of
from .parser import TrackEvents

_NAMES = ("start", "end", "pitch", "velocity", "channel")
STOPS = (120, 123)  # controllers: all sound off, all notes off


@dataclass(frozen=True, eq=False)
class TickNotes:
    """Notes of a chunk, by start: (n,) int64 each; start and end in ticks, end >= start."""

    start: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    channel: np.ndarray

    def channels(self) -> list[int]:
        """Those that have notes, ascending."""
        one = self.channel[:1]
        if one.tobytes() * len(self.channel) == self.channel.tobytes():
            return one.tolist()
        present: list[int] = np.bincount(self.channel).nonzero()[0].tolist()
        return present

    def take(self, chosen: np.ndarray) -> TickNotes:
        return TickNotes(*(getattr(self, name)[chosen] for name in _NAMES))


def joined(parts: Sequence[TickNotes]) -> TickNotes:
    """Those of several channels, by start and then from high to low."""
    if len(parts) == 1:
        return parts[0]
    all_of_them = TickNotes(*(np.concatenate([getattr(each, name) for each in parts]) for name in _NAMES))
    return all_of_them.take(np.lexsort((-all_of_them.pitch, all_of_them.start)))


def count_notes(events: TrackEvents) -> int:
    return int(np.count_nonzero(((events.status & 0xF0) == 0x90) & (events.second > 0)))


def pair_notes(events: TrackEvents) -> TickNotes:
    """The notes of a chunk: first in, first out.

    A note-off ends the oldest sounding note of its pitch and channel, so that a note-on before the note-off of its tick
    is a repeat. "All notes off" and "all sound off" end the notes of their channel. A note without a note-off ends at
    the last note-off of its pitch that was left to an older one; else it gives way to the next onset of its channel;
    else it lasts to the end of the chunk.
    """
    if not len(events.status):
        return TickNotes(*[events.tick] * 5)
    if not events.has_controls and (notes := _one_after_another(events)) is not None:
        return notes
    kind, channel = events.status & 0xF0, (events.status & 0x0F).astype(np.int64)
    is_note = (kind == 0x80) | (kind == 0x90)
    is_stop = (kind == 0xB0) & ((events.first == STOPS[0]) | (events.first == STOPS[1]))
    part, stops = _parts(channel, is_stop, events.tick)
    tick, channel, part = events.tick[is_note], channel[is_note], part[is_note]
    pitch, velocity = events.first[is_note].astype(np.int64), events.second[is_note].astype(np.int64)
    is_on = (kind[is_note] == 0x90) & (velocity > 0)
    key = (part * 16 + channel) * 128 + pitch
    order = np.argsort(key, kind="stable")
    ons, end = _first_in_first_out(tick[order], is_on[order], key[order])
    ons = order[ons]
    _end_the_rest(end, ons, tick, channel, part, stops, events.end)
    order = np.lexsort((-pitch[ons], tick[ons]))
    ons, end = ons[order], end[order]
    return TickNotes(tick[ons], np.maximum(end, tick[ons]), pitch[ons], velocity[ons], channel[ons])


def _one_after_another(events: TrackEvents) -> TickNotes | None:
    """The notes where each note-on is followed by its note-off on one channel, as in most files of one voice.

    As bytes, which are compared faster than arrays of this size.
    """
    count = len(events.status) // 2
    kinds = events.status[:2].tobytes()
    if not count or events.status.tobytes() != kinds * count:
        return None
    first, second = events.first.tobytes(), events.second.tobytes()
    is_off = kinds[1] == kinds[0] & 0x8F or (kinds[1] == kinds[0] and not any(second[1::2]))
    if kinds[0] < 0x90 or not is_off or first[::2] != first[1::2] or 0 in second[::2]:
        return None
    if any_of(events.tick[2 : 2 * count : 2] == events.tick[: 2 * count - 2 : 2]):
        return None  # they are to be sorted
    pitch, velocity = events.first[::2].astype(np.int64), events.second[::2].astype(np.int64)
    channel = np.full(count, kinds[0] & 0x0F, np.int64)
    return TickNotes(events.tick[::2], events.tick[1::2], pitch, velocity, channel)


def _parts(channel: np.ndarray, is_stop: np.ndarray, tick: np.ndarray) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """How many stops of its channel lie before each event, and the ticks of the stops by channel."""
    part = np.zeros(len(channel), np.int64)
    if not is_stop.any():
        return part, {}
    stops: dict[int, np.ndarray] = {}
    for each in np.unique(channel[is_stop]).tolist():
        mine = channel == each
        part[mine] = np.cumsum(is_stop[mine])
        stops[each] = tick[is_stop & mine]
    return part, stops


def _first_in_first_out(tick: np.ndarray, is_on: np.ndarray, key: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair events sorted by key and then by time.

    Returns:
        the indices of the note-ons (n,), and the ticks at which their notes end (n,), -1 where no note-off is left.
    """
    count = len(key)
    is_first = np.ones(count, bool)
    is_first[1:] = key[1:] != key[:-1]
    group = np.cumsum(is_first) - 1
    sounding = np.cumsum(np.where(is_on, 1, -1))
    first = np.flatnonzero(is_first)
    before = sounding[first] - np.where(is_on[first], 1, -1)
    sounding -= before[group]
    step = group * (2 * count + 2)  # so that a running minimum starts anew in each group
    lowest = np.minimum(np.minimum.accumulate(sounding - step) + step, 0)
    lowest_before = np.concatenate([[0], lowest[:-1]])[:count] * ~is_first
    ends_one = ~is_on & (lowest == lowest_before)  # a new minimum is a note-off with nothing sounding
    ons, offs = np.flatnonzero(is_on), np.flatnonzero(ends_one)
    end = np.full(len(ons), -1, np.int64)
    ons_before = np.concatenate([[0], np.cumsum(is_on)])[first]  # of the groups before
    offs_before = np.concatenate([[0], np.cumsum(ends_one)])[first]
    rank = np.arange(len(offs)) - offs_before[group[offs]]
    end[ons_before[group[offs]] + rank] = tick[offs]
    for index in np.flatnonzero(end < 0).tolist():  # where a note was started twice and ended once, the last one was
        mine, start = group[ons[index]], tick[ons[index]]
        if index and group[ons[index - 1]] == mine and end[index - 1] > start:
            end[index], end[index - 1] = end[index - 1], start
    return ons, end


def _end_the_rest(
    end: np.ndarray,
    ons: np.ndarray,
    tick: np.ndarray,
    channel: np.ndarray,
    part: np.ndarray,
    stops: dict[int, np.ndarray],
    last: int,
) -> None:
    """Give an end to the notes that have none (-1), in place."""
    open_notes = np.flatnonzero(end < 0)
    if not len(open_notes):
        return
    onsets = {each: np.unique(tick[ons[channel[ons] == each]]) for each in np.unique(channel[ons]).tolist()}
    for index in open_notes.tolist():
        note = ons[index]
        own = onsets[int(channel[note])]
        at = np.searchsorted(own, tick[note], side="right")
        ends = [int(own[at])] if at < len(own) else []
        own, at = stops.get(int(channel[note]), own[:0]), int(part[note])
        end[index] = min([*ends, *own[at : at + 1].tolist()], default=last)
