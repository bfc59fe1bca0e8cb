"""Melodies that are mixed are made partners first: one metre, one length."""

from __future__ import annotations

from collections.abc import Sequence

from latentmix.errors import check_count

from .melody import Melody
from .windows import rebar, window_layout

MAX_MELODIES = 8


def partners(melodies: Sequence[Melody]) -> list[Melody]:
    """The melodies in the metre of the first and the length of the longest, in bars of that metre.

    Raises:
        InputError: fewer than 2 or more than 8 melodies, or the first one's bars are longer than a window.
    """
    check_count(len(melodies), 2, MAX_MELODIES, "melodies to mix")
    first = melodies[0]
    window_layout(first.metre)
    bars = max(-(-_steps_in(melody, first) // first.steps_per_bar) for melody in melodies)
    return [rebar(melody, first.metre, bars * first.steps_per_bar) for melody in melodies]


def _steps_in(melody: Melody, first: Melody) -> int:
    """Length of a melody once it stands in the bars of the first."""
    size, wanted = melody.steps_per_bar, first.steps_per_bar
    even = not size % wanted or not wanted % size
    return len(melody.tokens) if even else melody.bars * wanted
