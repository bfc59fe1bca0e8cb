"""Grooves <-> the model's windows of two bars; pure numpy. Bars stand in them as melodies' do (`music.windows`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from latentmix.errors import check_count

from ..music.tokens import steps_per_bar
from ..music.windows import WINDOW_STEPS, layout_of, window_layout
from .groove import FULL, MAX_OFFSET, Groove
from .kit import INSTRUMENTS

HIT, VELOCITY, OFFSET = 0, 1, 2  # of a cell
MAX_GROOVES = 8


def to_cells(groove: Groove) -> np.ndarray:
    """Cut a groove into windows, the last one filled up with silence.

    Returns:
        (W, 32, 3, 9) float32, W >= 1: of each cell whether there is a hit, its velocity 0 to 1 and its offset.
    """
    layout = layout_of(groove)
    used = len(layout.places)
    count = -(-len(groove.velocities) // used)
    rows = np.zeros((count * used, 3, len(INSTRUMENTS)), np.float32)
    filled = rows[: len(groove.velocities)]
    filled[:, HIT], filled[:, VELOCITY], filled[:, OFFSET] = groove.hits, groove.velocities / FULL, groove.lateness
    cells = np.zeros((count, WINDOW_STEPS, 3, len(INSTRUMENTS)), np.float32)
    cells[:, layout.places] = rows.reshape(count, used, 3, -1)
    return cells


def from_cells(cells: np.ndarray, like: Groove, bars: int | None = None) -> Groove:
    """Put windows (W, 32, 3, 9) one after another; the inverse of `to_cells`.

    Args:
        like: gives metre, tempo and name.
        bars: how many to keep; all if None.
    """
    layout = window_layout(like.metre)
    rows = np.asarray(cells)[:, layout.places].reshape(-1, 3, len(INSTRUMENTS))
    if bars is not None:
        rows = rows[: bars * like.steps_per_bar]
    velocities = np.where(rows[:, HIT] > 0.5, np.clip(np.rint(rows[:, VELOCITY] * FULL), 1, FULL), 0)
    offsets = np.clip(rows[:, OFFSET], -MAX_OFFSET, MAX_OFFSET)
    return replace(like, velocities=velocities.astype(np.uint8), offsets=offsets)


def partners(grooves: Sequence[Groove]) -> list[Groove]:
    """Grooves in the metre of the first and the length of the longest, shorter ones repeated.

    Raises:
        InputError: fewer than 2 or more than 8, or the first one's bars are longer than a window.
    """
    check_count(len(grooves), 2, MAX_GROOVES, "grooves to mix")
    first = grooves[0]
    layout_of(first)
    laid = [rebar(groove, first.metre) for groove in grooves]
    steps = max(len(groove.velocities) for groove in laid)
    return [repeated(groove, steps) for groove in laid]


def rebar(groove: Groove, metre: tuple[int, int]) -> Groove:
    """A groove in bars of another metre.

    Where one bar length is a multiple of the other hits stay as they follow one another; else every bar is laid in a
    bar of the new metre, cut off or left empty at its end.
    """
    old, new = groove.steps_per_bar, steps_per_bar(metre)
    arrays = [np.asarray(groove.velocities), groove.lateness]
    if old % new and new % old:
        kept = min(old, new)
        laid = [np.zeros((groove.bars, new, len(INSTRUMENTS)), each.dtype) for each in arrays]
        for target, source in zip(laid, arrays, strict=True):
            target[:, :kept] = source.reshape(groove.bars, old, -1)[:, :kept]
        arrays = [each.reshape(groove.bars * new, -1) for each in laid]
    rest = -len(arrays[0]) % new
    arrays = [np.pad(each, ((0, rest), (0, 0))) for each in arrays]
    return replace(groove, velocities=arrays[0], offsets=arrays[1], metre=metre)


def repeated(groove: Groove, steps: int) -> Groove:
    """A groove from its start again and again until it has so many steps, a whole number of bars."""
    at = np.arange(steps) % len(groove.velocities)
    return replace(groove, velocities=groove.velocities[at], offsets=groove.lateness[at])
