"""Notes in beats -> one voice on a grid of sixteenth notes with bar lines; pure numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..midi.masks import all_of, any_of
from .bars import STEPS_A_BEAT, Section, bar_beats, bar_sections
from .ornaments import merge_trills
from .phase import FoundGrid, find_grid
from .skyline import skyline

_NOTHING = np.zeros(0)


@dataclass(frozen=True)
class GridReport:
    """What putting the notes of one voice on the grid did to them.

    Attributes:
        mean_deviation_steps: mean distance of an onset from its step, in steps; 0.25 is chance.
        triplets: notes snapped from a triplet's place, a third of a beat or of half a beat.
        notes: how many notes there were.
        free: played freely; the file's beats did not fit, so the grid follows the notes (`phase.follow`).
        file_deviation_steps: mean distance of an onset from the nearest step of the file's own beats.
        dropped: notes that the grid has no place for: several on one step, and the notes of trills.
        lateness_beats: by which all notes were late, and which was taken out.
    """

    mean_deviation_steps: float
    triplets: int
    notes: int
    free: bool = False
    file_deviation_steps: float = 0.0
    dropped: int = 0
    lateness_beats: float = 0.0


@dataclass(frozen=True, eq=False)
class GridLine:
    """One voice on the grid.

    Attributes:
        start, end: (n,) int64 steps from the start of bar 0, start < end <= next start.
        pitch: (n,) MIDI pitches.
        sections: where the bars lie.
        report: how well the notes fitted.
        dropped: (k,) int64 steps on which notes were dropped, ascending.
    """

    start: np.ndarray
    end: np.ndarray
    pitch: np.ndarray
    sections: tuple[Section, ...]
    report: GridReport
    dropped: np.ndarray

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


def place(notes: np.ndarray, metres: Sequence[tuple[float, int, int]], others: np.ndarray = _NOTHING) -> GridLine:
    """Put the tune of some notes on the grid.

    Onsets go to the nearest step, and half way between two to the earlier one, so that a swung off-beat stays in its
    beat, also where it is nearer to the next one and that has a note; ends to the nearest. A note lasts at least one
    step and at most to the next note. Of several notes on a step the one that is nearest to it keeps it, but for those
    that are much shorter than another: a grace note gives way to its main note. A trill is its written note. A
    lateness of all notes is taken out, and where the file's own grid does not fit the notes, the grid follows them
    (`phase.find_grid`).

    Args:
        notes: (n,) of dtype `score.NOTE`, n >= 1, by start and then from high to low.
        metres: (beat, numerator, denominator), ascending.
        others: (k,) onsets of the other parts of the file in beats, which may have the grace notes.
    """
    line = skyline(notes)
    grid = find_grid(line["start"], others)
    if (exact := _place_exact(line, grid, metres)) is not None:
        return exact
    line, merged = (line, np.zeros(0)) if grid.is_plain else merge_trills(line)
    if len(merged):
        grid = grid.without(merged)
    sections = bar_sections([(max(beat - grid.lateness, 0.0), n, d) for beat, n, d in metres])
    onsets, ends = ((line[key] - sections[0].beat) * STEPS_A_BEAT for key in ("start", "end"))
    if grid.offsets is None:
        if late := grid.lateness * STEPS_A_BEAT:
            onsets, ends = onsets - late, ends - late
        position, end_position = _from_bar_lines(onsets, sections), _from_bar_lines(ends, sections)
    else:
        position, end_position = onsets - grid.offsets, ends - np.interp(ends, onsets, grid.offsets)
        position = position + STEPS_A_BEAT * max(0, int(np.ceil(-(position[0] + 0.5) / STEPS_A_BEAT)))
    position = np.maximum(position, 0.0)
    start = np.maximum.accumulate(_nearest(position))  # a jump of phase must not change the order
    if grid.is_swung:
        start = _apart(start, position)
    end = np.maximum(np.floor(end_position + 0.5 + 1e-6).astype(np.int64), start + 1)
    pitch, deviation, lost = line["pitch"], np.abs(position - np.rint(position)), start[:0]
    if len(merged):
        lost = start[np.searchsorted(line["start"], merged, "right") - 1]
    if not all_of(start[1:] > start[:-1]):
        keep = _winners(start, position, line["end"] - line["start"])
        lost = np.sort(np.concatenate([lost, start[~keep]]))
        start, end, pitch = start[keep], end[keep], pitch[keep]
    report = GridReport(
        mean_deviation_steps=float(deviation.sum()) / len(line),
        triplets=0 if grid.is_plain else _triplets(position, deviation),
        notes=len(line) + len(merged),
        free=grid.offsets is not None,
        file_deviation_steps=grid.file_deviation,
        dropped=len(lost),
        lateness_beats=grid.lateness,
    )
    end[:-1] = np.minimum(end[:-1], start[1:])
    return GridLine(start, end, pitch, sections, report, lost)


def _place_exact(line: np.ndarray, grid: FoundGrid, metres: Sequence[tuple[float, int, int]]) -> GridLine | None:
    """What `place` makes of a line whose onsets and bar lines are all exactly on steps, no two of them on one; None of
    any other. It is the same with most of its work left out, and half of all files are like that.
    """
    if grid.file_deviation or grid.lateness or not grid.is_plain:
        return None
    sections = bar_sections(metres)
    origin = sections[0].beat
    start = (grid.steps - origin * STEPS_A_BEAT).astype(np.int64)
    on_steps = all((section.beat - origin) * STEPS_A_BEAT == section.step for section in sections)
    if not on_steps or (origin * STEPS_A_BEAT) % 1 or not all_of(start[1:] > start[:-1]):
        return None
    end = np.floor((line["end"] - origin) * STEPS_A_BEAT + 0.5 + 1e-6).astype(np.int64)
    end = np.maximum(end, start + 1, out=end)
    np.minimum(end[:-1], start[1:], out=end[:-1])
    return GridLine(start, end, line["pitch"], sections, GridReport(0.0, 0, len(line)), start[:0])


def _triplets(position: np.ndarray, deviation: np.ndarray) -> int:
    """How many onsets stand where a triplet's do rather than on a step."""
    is_far = deviation > 0.2
    if not any_of(is_far):
        return 0
    places = position[is_far] * 1.5
    return int(np.count_nonzero(np.abs(places - np.rint(places)) / 1.5 < 0.1))


def _nearest(position: np.ndarray) -> np.ndarray:
    """The nearest steps; half way the earlier one, and what rounding errors make of half way too."""
    return np.ceil(position - 0.5 - 1e-6).astype(np.int64)


def _apart(start: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Steps of a swung line, (n,): a note late in its step goes back to it where the next step is the next note's, and
    so do all others at this place of their beat.
    """
    may_move = (np.diff(start, prepend=-1) > 1) & (position < start)
    meets_next = np.append(start[1:] == start[:-1], False)
    place = np.floor(position * 24 + 0.5).astype(np.int64) % 96
    moved: np.ndarray = start - (may_move & np.isin(place, place[may_move & meets_next]))
    return moved


def _winners(start: np.ndarray, position: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Which notes keep their step; (n,) bool, one for each step that has notes."""
    is_first = np.ones(len(start), bool)
    is_first[1:] = start[1:] != start[:-1]
    firsts, step = is_first.nonzero()[0], is_first.cumsum() - 1
    off = np.round(np.abs(position - start), 6)
    off[lengths < 0.5 * np.maximum.reduceat(lengths, firsts)[step]] = np.inf
    nearest = (off == np.minimum.reduceat(off, firsts)[step]).nonzero()[0]
    keep = np.zeros(len(start), bool)
    keep[nearest[nearest.searchsorted(firsts)]] = True
    return keep


def _from_bar_lines(places: np.ndarray, sections: Sequence[Section]) -> np.ndarray:
    """Places in steps from the start of bar 0, but where a section does not start on a step (after a bar of
    7/32, say) its first bar line is moved to the nearest one, and all that follows it.
    """
    if len(sections) == 1:
        return places
    bar_lines = np.array([(section.beat - sections[0].beat) * STEPS_A_BEAT for section in sections])
    moved = np.array([section.step for section in sections]) - bar_lines
    return places + moved[np.maximum(np.searchsorted(bar_lines, places + 1e-6, side="right") - 1, 0)]
