"""Notes in beats -> one voice on a grid of sixteenth notes with bar lines; pure numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

STEPS_A_BEAT = 4  # a beat is a quarter note, a step a sixteenth
FREE_DEVIATION = 0.05  # steps; up to here a file's own grid is not questioned
FOLLOWED_NOTES = 4  # on either side of a note
MIN_FOLLOWED = 16  # notes; fewer would fit some grid by chance


@dataclass(frozen=True)
class GridReport:
    """What putting the notes of one voice on the grid did to them.

    Attributes:
        mean_deviation_steps: mean distance of an onset from its step, in steps; 0.25 is chance.
        triplets: notes snapped from a triplet's place, a third of a beat or of half a beat.
        notes: how many notes there were.
        free: played freely; the file's beats did not fit, so the grid follows the notes (`follow`).
        file_deviation_steps: mean distance of an onset from the nearest step of the file's own beats.
    """

    mean_deviation_steps: float
    triplets: int
    notes: int
    free: bool = False
    file_deviation_steps: float = 0.0


@dataclass(frozen=True)
class Section:
    """Bars of one metre.

    Attributes:
        beat: where its first bar starts; below 0 where the file starts with an upbeat.
        step: the same on the grid, counted from the first bar of all.
        bar: number of its first bar, from 0.
        metre: numerator and denominator.
    """

    beat: float
    step: int
    bar: int
    metre: tuple[int, int]


def bar_beats(metre: tuple[int, int]) -> float:
    """Quarter-note beats in a bar: 4 in 4/4, 3 in 6/8."""
    return 4.0 * metre[0] / metre[1]


def top_line(notes: np.ndarray) -> np.ndarray:
    """One voice out of many: never two notes at a time.

    A higher note ends a lower one. A lower note that starts while a higher one sounds is left out if the
    higher one covers more than half of it; else (a legato overlap, or a note that goes on alone) it ends the
    higher one.

    Args:
        notes: (n,) of dtype `midi.NOTE`, by start and then from high to low.

    Returns:
        the same dtype, (m,) with m <= n, by start.
    """
    start, end, pitch = notes["start"], notes["end"].copy(), notes["pitch"]
    if np.all(start[1:] >= end[:-1]) and np.all(np.diff(start) > 0):
        return notes
    starts, ends, pitches = start.tolist(), end.tolist(), pitch.tolist()
    kept: list[int] = []
    for i, begin in enumerate(starts):
        if kept and ends[kept[-1]] > begin:
            last = kept[-1]
            covered = min(ends[last], ends[i]) - begin
            if starts[last] == begin or (pitches[i] <= pitches[last] and covered > (ends[i] - begin) / 2):
                continue
            ends[last] = begin
        kept.append(i)
    line = notes[kept]
    line["end"] = np.array(ends)[kept]
    return line


def bar_sections(metres: Sequence[tuple[float, int, int]]) -> tuple[Section, ...]:
    """Where the bars lie, from a file's metre events.

    Every event starts a bar, so the bar before it may be incomplete; one that changes nothing where a bar
    starts anyway is dropped. No metre at the start means 4/4, and so does a metre of a single beat (1/4) kept
    for two bars or more, which sequencers write where they know none. A first section shorter than a bar of
    the second is an upbeat: it becomes the end of a whole bar 0, the rest of which is silence.

    Args:
        metres: (beat, numerator, denominator), ascending.

    Returns:
        at least one section; the first is bar 0 and step 0.

    >>> [(s.beat, s.metre, s.bar) for s in bar_sections([(0, 1, 4), (1.0, 3, 4), (7.0, 3, 4), (8.0, 4, 4)])]
    [(-2.0, (3, 4), 0), (8.0, (4, 4), 4)]
    """
    changes: dict[float, tuple[int, int]] = {}
    for beat, numerator, denominator in metres:
        at = beat if beat > 0.5 / STEPS_A_BEAT else 0.0
        if numerator > 1 or at not in changes:
            changes[at] = (numerator, denominator)
    changes.setdefault(0.0, (4, 4))
    places = sorted(changes)
    for start, end in pairwise([*places, float("inf")]):
        if changes[start][0] == 1 and end - start >= 2 * bar_beats(changes[start]):
            changes[start] = (4, 4)
    origin = 0.0
    while len(places) > 1 and places[1] < bar_beats(changes[places[1]]):
        del places[0]
        origin = places[0] - bar_beats(changes[places[0]])
    sections = [Section(origin, 0, 0, changes[places[0]])]
    for beat in places[1:]:
        last = sections[-1]
        bars = (beat - last.beat) / bar_beats(last.metre)
        if changes[beat] != last.metre or abs(bars - round(bars)) > 1e-6:
            step = last.step + round((beat - last.beat) * STEPS_A_BEAT)
            sections.append(Section(beat, step, last.bar + math.ceil(bars - 1e-6), changes[beat]))
    return tuple(sections)


@dataclass(frozen=True, eq=False)
class GridLine:
    """One voice on the grid.

    Attributes:
        start, end: (n,) int64 steps from the start of bar 0, start < end <= next start.
        pitch: (n,) MIDI pitches.
        sections: where the bars lie.
        report: how well the notes fitted.
    """

    start: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    sections: tuple[Section, ...]
    report: GridReport

    @property
    def bars(self) -> int:
        """Bars up to the last one that sounds."""
        return self.bar_at(int(self.end[-1]) - 1) + 1

    def bar_at(self, step: int) -> int:
        """Number of the bar that holds a step."""
        section = [s for s in self.sections if s.step <= step][-1]
        return section.bar + int((step - section.step) / (bar_beats(section.metre) * STEPS_A_BEAT))

    def bar_start(self, bar: int) -> tuple[int, tuple[int, int]]:
        """First step of a bar, and its metre; bars go on after the last note in the last metre."""
        section = [s for s in self.sections if s.bar <= bar][-1]
        return section.step + round((bar - section.bar) * bar_beats(section.metre) * STEPS_A_BEAT), section.metre


def place(notes: np.ndarray, metres: Sequence[tuple[float, int, int]]) -> GridLine:
    """Put the top line of some notes on the grid.

    Onsets and ends go to the nearest step; a note lasts at least one step and at most to the next note. Where
    several notes come to the same step the last one keeps it: a grace note gives way to its main note. Where
    the file's own grid does not fit the notes, the grid follows them (`follow`).

    Args:
        notes: (n,) of dtype `midi.NOTE`, n >= 1, by start and then from high to low.
        metres: (beat, numerator, denominator), ascending.
    """
    line, sections = top_line(notes), bar_sections(metres)
    onsets, ends = ((line[key] - sections[0].beat) * STEPS_A_BEAT for key in ("start", "end"))
    position, end_position = _from_bar_lines(onsets, sections), _from_bar_lines(ends, sections)
    file_deviation = _deviation(position).mean()
    offsets = follow(onsets) if file_deviation > FREE_DEVIATION and len(line) >= MIN_FOLLOWED else None
    is_free = False
    if offsets is not None and _deviation(onsets - offsets).mean() <= file_deviation / 2:
        is_free, position, end_position = True, onsets - offsets, ends - np.interp(ends, onsets, offsets)
    start = np.maximum.accumulate(_nearest(position))  # a jump of phase must not change the order
    end = np.maximum(_nearest(end_position), start + 1)
    deviation = _deviation(position)
    from_triplet = _deviation(position * 1.5) / 1.5
    report = GridReport(
        mean_deviation_steps=float(deviation.mean()),
        triplets=int(np.sum((deviation > 0.2) & (from_triplet < 0.1))),
        notes=len(line),
        free=is_free,
        file_deviation_steps=float(file_deviation),
    )
    following = np.append(start[1:], end[-1])
    keep = following > start
    return GridLine(start[keep], np.minimum(end, following)[keep], line["pitch"][keep], sections, report)


def follow(onsets: np.ndarray) -> np.ndarray:
    """How far after the file's grid the grid lies that freely played notes keep, in steps, (n,).

    Music played to a click that is not the file's has a grid of its own: at another phase, which may drift,
    and jump where takes were put together. The phase at a note is the circular mean of the places, within a
    step, of the notes up to `FOLLOWED_NOTES` before and after it. Such a file's beats are unknown too, so the
    grid is moved by whole steps to where most notes start on a beat, if clearly more do.

    Args:
        onsets: (n,) in steps, ascending.
    """
    index = np.arange(len(onsets))
    total = np.append(0, np.cumsum(np.exp(2j * np.pi * onsets)))
    last, first = np.minimum(index + FOLLOWED_NOTES + 1, len(onsets)), np.maximum(index - FOLLOWED_NOTES, 0)
    offsets = np.unwrap(np.angle(total[last] - total[first])) / (2 * np.pi)
    counts = np.bincount(_nearest(onsets - offsets) % STEPS_A_BEAT, minlength=STEPS_A_BEAT)
    weight = counts + np.roll(counts, 2) / 2  # half a beat counts half
    if weight.max() > 1.2 * weight[0]:
        offsets += (int(np.argmax(weight)) + 1) % STEPS_A_BEAT - 1  # by -1, 1 or 2 steps
    while onsets[0] - offsets[0] < -0.5:
        offsets -= STEPS_A_BEAT
    return offsets


def _deviation(position: np.ndarray) -> np.ndarray:
    return np.abs(position - np.rint(position))


def _nearest(position: np.ndarray) -> np.ndarray:
    return np.rint(position).astype(np.int64)


def _from_bar_lines(places: np.ndarray, sections: Sequence[Section]) -> np.ndarray:
    """Places in steps from the start of bar 0, but where a section does not start on a step (after a bar of
    7/32, say) its first bar line is moved to the nearest one, and all that follows it.
    """
    bar_lines = np.array([(section.beat - sections[0].beat) * STEPS_A_BEAT for section in sections])
    moved = np.array([section.step for section in sections]) - bar_lines
    return places + moved[np.maximum(np.searchsorted(bar_lines, places + 1e-6, side="right") - 1, 0)]
