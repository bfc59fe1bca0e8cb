"""Metre events of a file -> where its bars lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

STEPS_A_BEAT = 4  # a beat is a quarter note, a step a sixteenth
MAX_LATE = 0.5 / STEPS_A_BEAT  # beats that a metre event may be off its bar line


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


def bar_sections(metres: Sequence[tuple[float, int, int]]) -> tuple[Section, ...]:
    """Where the bars lie, from a file's metre events.

    Every event starts a bar, so the bar before it may be incomplete; one that is off a bar line by less than half a
    step was meant there, and one that changes nothing where a bar starts anyway is dropped. No metre at the start
    means 4/4, and so does a metre of a single beat (1/4) kept for two bars or more, which sequencers write where they
    know none. A first section shorter than a bar of the second is an upbeat: it becomes the end of a whole bar 0, the
    rest of which is silence.

    Args:
        metres: (beat, numerator, denominator), ascending.

    Returns:
        at least one section; the first is bar 0 and step 0.

    >>> [(s.beat, s.metre, s.bar) for s in bar_sections([(0, 1, 4), (1.0, 3, 4), (7.0, 3, 4), (8.0, 4, 4)])]
    [(-2.0, (3, 4), 0), (8.0, (4, 4), 4)]
    """
    return _bar_sections(tuple(metres))


@lru_cache(maxsize=64)  # folders of tunes have the same few over and over
def _bar_sections(metres: tuple[tuple[float, int, int], ...]) -> tuple[Section, ...]:
    changes: dict[float, tuple[int, int]] = {}
    for beat, numerator, denominator in metres:
        at = beat if beat > MAX_LATE else 0.0
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
        if abs(bars - round(bars)) * bar_beats(last.metre) < MAX_LATE and round(bars) > 0:
            bars, at = round(bars), last.beat + round(bars) * bar_beats(last.metre)
        else:
            at = beat
        if changes[beat] != last.metre or abs(bars - round(bars)) > 1e-6:
            step = last.step + round((at - last.beat) * STEPS_A_BEAT)
            sections.append(Section(at, step, last.bar + math.ceil(bars - 1e-6), changes[beat]))
    return tuple(sections)


def metres_within(sections: Sequence[Section], first: int, last: int) -> list[str]:
    """The metres of bars from one to another, both from 0 and included, each once.

    >>> metres_within(bar_sections([(0, 4, 4), (8, 3, 4), (14, 4, 4)]), 1, 9)
    ['4/4', '3/4']
    """
    ends = [*[section.bar for section in sections[1:]], last + 1]
    here = [section.metre for section, end in zip(sections, ends, strict=True) if section.bar <= last and end > first]
    return [f"{numerator}/{denominator}" for numerator, denominator in dict.fromkeys(here)]
