"""Pitch bends -> the pitches at which notes sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .notes import TickNotes
from .parser import TrackEvents
from .score import DRUM_PART, DRUM_PART_SHARE

MIN_BEND = 0.75  # semitones that a bend must move a note by, to be heard as another pitch
DEFAULT_RANGE = 2.0  # semitones of a full bend


def bend_pitches(
    notes: TickNotes,
    events: TrackEvents,
    ranges: dict[int, float],
    resolution: float,
    is_drum: Callable[[int], bool] = lambda channel: False,
) -> TickNotes:
    """Notes at the pitch at which they sound: moved by whole semitones where a pitch bend moves them.

    A drum that is tuned by a bend stays that drum.

    A note sounds where its bend is for most of its time; one that is bent by two semitones or more, and stays on either
    side for a sixteenth or longer, becomes two notes.

    Args:
        notes: of a chunk.
        events: the same chunk.
        ranges: semitones of a full bend by channel, of those where it is not 2.
        resolution: ticks a quarter note.
        is_drum: whether a channel is one of percussion.
    """
    is_bend = (events.status & 0xF0) == 0xE0 if events.has_controls else None
    if is_bend is None or not is_bend.any():
        return notes
    value = (events.first.astype(np.int64) | events.second.astype(np.int64) << 7) - 8192
    if not np.any(value[is_bend]):
        return notes
    rows = [np.stack([notes.start, notes.end, notes.pitch, notes.velocity, notes.channel])]
    changed = False
    for channel in np.unique(notes.channel).tolist():
        mine = is_bend & ((events.status & 0x0F) == channel)
        semitones = value[mine] / 8192 * ranges.get(channel, DEFAULT_RANGE)
        if not len(semitones) or np.abs(semitones).max() < MIN_BEND:
            continue
        if is_drum(channel) and np.mean(np.isin(notes.pitch[notes.channel == channel], DRUM_PART)) > DRUM_PART_SHARE:
            continue  # an expressive melody that takes turns with other channels may use that of drums
        ticks = np.concatenate([[-1], events.tick[mine]])
        whole = np.concatenate([[0.0], np.where(np.abs(semitones) < MIN_BEND, 0.0, np.rint(semitones))]).astype(
            np.int64
        )
        rows.append(_bent(rows[0], np.flatnonzero(notes.channel == channel), ticks, whole, resolution / 4))
        changed = True
    if not changed:
        return notes
    table = np.concatenate(rows, axis=1)
    table[2] = np.clip(table[2], 0, 127)
    return TickNotes(*table[:, np.lexsort((-table[2], table[0]))])


def _bent(table: np.ndarray, mine: np.ndarray, ticks: np.ndarray, whole: np.ndarray, step: float) -> np.ndarray:
    """Move the notes of one channel, columns of the table, in place; those that become notes of their own, (5, k).

    However many bends lie under however many notes, the time is that of both added up, times the shifts that there are.

    Args:
        table: (5, n) start, end, pitch, velocity and channel.
        mine: (m,) columns.
        ticks, whole: (b,) of the bends, ascending, the first before all notes; by how many semitones each moves.
        step: ticks that a note lasts at least on either side of a bend that makes two of it.
    """
    start, end = table[0, mine], table[1, mine]
    first = ticks.searchsorted(start, "right") - 1  # bends first..last are under a note
    last = ticks.searchsorted(np.maximum(end - 1, start), "right") - 1
    far = np.empty(len(mine), np.int64)  # the first of them by two semitones away
    for begin in np.unique(whole[first]).tolist():
        places = np.append(np.flatnonzero(np.abs(whole - begin) >= 2), len(whole))
        begins = whole[first] == begin
        far[begins] = places[places.searchsorted(first[begins])]
    stays_from = np.maximum.accumulate(np.append(0, np.diff(whole) != 0) * np.arange(len(whole)))
    change = ticks[np.minimum(far, len(ticks) - 1)]
    is_two = (far <= last) & (stays_from[last] <= far) & (change - start >= step) & (end - change >= step)
    added = table[:, mine[is_two]].copy()
    added[0], added[2] = change[is_two], added[2] + whole[last[is_two]]
    table[1, mine[is_two]] = change[is_two]
    table[2, mine] += np.where(
        is_two, whole[first], _longest(start, np.maximum(end, start + 1), first, last, ticks, whole)
    )
    return added


def _longest(
    start: np.ndarray, end: np.ndarray, first: np.ndarray, last: np.ndarray, ticks: np.ndarray, whole: np.ndarray
) -> np.ndarray:
    """The shift at which each note is for most of its time, (m,); of several the one that comes first."""
    shift, most, since = whole[first], np.full(len(start), -1), first
    for each in np.unique(whole).tolist():
        is_it = whole == each
        passed = np.append(0, np.cumsum(np.diff(ticks) * is_it[:-1]))  # ticks at it, up to each bend
        time = passed[last] + (end - ticks[last]) * is_it[last] - passed[first] - (start - ticks[first]) * is_it[first]
        places = np.append(np.flatnonzero(is_it), len(whole))
        begins = places[places.searchsorted(first)]
        is_better = (time > most) | ((time == most) & (begins < since))
        shift, most, since = (np.where(is_better, *pair) for pair in ((each, shift), (time, most), (begins, since)))
    return shift
