"""Accents on the first notes of bars -> where bars begin, and which notes a program has held under fermatas.

abc2midi plays a note under a fermata twice as long, and all that follows leaves the bars of the file's time signature;
nor does it say that a tune starts with a pickup. But it accents the first note of each bar, and what stands between two
accents is as long as a bar, unless a note in it was held. So the cheapest way from accent to accent is looked for
(`bar_walk.Walk`): over whole bars, over bars that a repeat divides, over bars too long by half of a note in them, and
at a price to bars that begin anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .bar_walk import Metre, Reading, Walk
from .masks import all_of
from .notes import TickNotes

TOPS = (30, 45, 60, 75, 90, 105, 120, 127)  # accents of abc2midi, from ppp to ffff
OTHERS = (10, 20, 35, 50, 65, 80, 95, 110, 125)  # its other velocities
MAX_LEVELS = 3  # different velocities of a voice of another program
MIN_MARKS, MIN_MARKS_ELSEWHERE = 2, 6  # accents; fewer tell nothing
MAX_MARKS = 5_000
MIN_RESOLUTION, MIN_BAR = 24, 0.5  # ticks a quarter, quarters a bar; below it ticks are too coarse to tell bars
_IS_TOP, _IS_ABC = (np.isin(np.arange(128), levels) for levels in (TOPS, (*TOPS, *OTHERS)))


def may_be_accented(notes: TickNotes) -> bool:
    """Whether the velocities of a chunk are few enough for a pattern, and more than one."""
    one = notes.velocity[:1].tobytes()
    return one * len(notes.velocity) != notes.velocity.tobytes() and _accents(notes) is not None


def read_accents(
    voices: Sequence[TickNotes], metres: Sequence[Metre], resolution: float, is_abc: bool
) -> list[Reading] | None:
    """What the accents of a file say, a reading for each voice; None where there is nothing to say.

    Args:
        voices: the notes of each channel of each chunk.
        metres: at least one, ascending.
        resolution: ticks a quarter note.
        is_abc: the file says that abc2midi has made it; of others more is asked.
    """
    walks = [_walk_of(voice, metres, resolution, is_abc) for voice in voices]
    there = [walk for walk in walks if walk is not None]
    plain = [walk for walk in there if walk.is_first_bar_plain] or there
    for each in there:
        each.pickup = plain[0].pickup
    found = [reading for each in there if (reading := each.reading()) is not None]
    if not any(reading.held or reading.starts for reading in found):
        return None
    first = replace(found[0], is_first=True)
    readings = []
    for walk in walks:
        own = None if walk is None or len(there) == 1 or walk.agrees(first) else walk.reading()
        readings.append(own if own is not None and own != found[0] else first)
    return readings


def _accents(notes: TickNotes) -> np.ndarray | None:
    """Which notes are accented; None where velocities are none of a pattern."""
    counts = np.bincount(notes.velocity, minlength=128)
    levels = counts.nonzero()[0]
    if len(levels) < 2:
        return None
    if all_of(_IS_ABC[levels]) and counts[~_IS_TOP].sum() >= 2:
        return _IS_TOP[notes.velocity]
    return notes.velocity == levels[-1] if len(levels) <= MAX_LEVELS else None


def _walk_of(notes: TickNotes, metres: Sequence[Metre], resolution: float, is_abc: bool) -> Walk | None:
    least = MIN_MARKS if is_abc else MIN_MARKS_ELSEWHERE
    if resolution < MIN_RESOLUTION or min(4 * n / d for _, n, d in metres) < MIN_BAR:
        return None
    if len(notes.start) < least or (accented := _accents(notes)) is None:
        return None
    first = np.flatnonzero(np.diff(notes.start, prepend=-1))
    onsets, ends = notes.start[first], np.maximum.reduceat(notes.end, first)
    is_mark = np.logical_or.reduceat(accented, first)
    near = np.diff(onsets, prepend=-resolution) > resolution / 24  # notes of a chord come one after another
    onsets, is_mark, ends = onsets[near], is_mark[near], ends[near]
    count = int(is_mark.sum())
    if not least <= count <= min(MAX_MARKS, (1.0 if is_abc else 0.7) * len(onsets)):
        return None
    late = int(np.bincount(onsets[is_mark] % max(int(resolution / 24), 1)).argmax())
    return Walk(onsets - late, ends, is_mark, metres, resolution, is_abc)
