"""Melodies that are mixed are made partners first: one metre, one length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from latentmix.errors import check_count

from .melody import Melody, steps_per_bar
from .windows import layout_of, rebar

MAX_MELODIES = 8


def partners(melodies: Sequence[Melody]) -> list[Melody]:
    """The melodies in the metre of the first and the length of the longest, in bars of that metre.

    Raises:
        InputError: fewer than 2 or more than 8 melodies, or the first one's bars are longer than a window.
    """
    check_count(len(melodies), 2, MAX_MELODIES, "melodies to mix")
    first = melodies[0]
    layout_of(first)
    bars = max(-(-_steps_in(melody, first) // first.steps_per_bar) for melody in melodies)
    return [rebar(melody, first.metre, bars * first.steps_per_bar) for melody in melodies]


def _steps_in(melody: Melody, first: Melody) -> int:
    """Length of a melody once it stands in the bars of the first."""
    size, wanted = melody.steps_per_bar, first.steps_per_bar
    even = not size % wanted or not wanted % size
    return len(melody.tokens) if even else melody.bars * wanted


def rebarred(counts: np.ndarray, metre: tuple[int, int], wanted: tuple[int, int], what: str) -> str:
    """What `rebar` makes of a piece in a partner's bars, in words; "" where that is nothing.

    Args:
        counts: (S,) notes or hits that start in each step.

    >>> rebarred(np.ones(24, int), (3, 4), (4, 4), "note")
    'each bar of 3/4 stands in a bar of 4/4, which ends in silence'
    >>> rebarred(np.ones(32, int), (4, 4), (3, 4), "note")
    'each bar of 4/4 is cut off to one of 3/4, by which 8 notes are left out'
    >>> rebarred(np.ones(16, int), (2, 4), (4, 4), "note")
    'what stands in bars of 2/4 goes on in bars of 4/4'
    """
    old, new = steps_per_bar(metre), steps_per_bar(wanted)
    if metre == wanted:
        return ""
    had, has = (f"{numerator}/{denominator}" for numerator, denominator in (metre, wanted))
    if not old % new or not new % old:
        return f"what stands in bars of {had} goes on in bars of {has}"
    if old < new:
        return f"each bar of {had} stands in a bar of {has}, which ends in silence"
    lost = int(counts.reshape(-1, old)[:, new:].sum())
    left_out = f"{lost} {what if lost == 1 else what + 's'} {'is' if lost == 1 else 'are'} left out"
    return f"each bar of {had} is cut off to one of {has}, by which {left_out}"
