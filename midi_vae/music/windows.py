"""Melodies <-> the model's windows of 32 steps; pure numpy.

A window is two halves of 16 steps. A half holds as many whole bars as fit: one of 4/4, 3/4 or 6/8, two of 2/4 or 3/8.
A bar longer than that (12/8, 5/4, 3/2) has a window to itself. What a bar leaves of its place is empty, so that the
second bar of a waltz stands where the second bar of a march does.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from latentmix.errors import InputError

from ..midi.masks import any_of
from .melody import HOLD, OFF, ONSET, Melody, steps_per_bar, tidy

WINDOW_STEPS = 32
HALF = WINDOW_STEPS // 2


@dataclass(frozen=True, eq=False)
class WindowLayout:
    """Where the bars of a metre stand in a window.

    Attributes:
        bars: whole bars in a window.
        places: (bars * steps per bar,) int64, the window step of each step of these bars, ascending.
    """

    bars: int
    places: np.ndarray


@functools.lru_cache(64)
def window_layout(metre: tuple[int, int]) -> WindowLayout:
    """The layout of a metre.

    Raises:
        InputError: a bar is longer than a window.

    >>> window_layout((4, 4)).bars, window_layout((2, 4)).bars, window_layout((12, 8)).bars
    (2, 4, 1)
    >>> window_layout((3, 4)).places.tolist()[10:14]
    [10, 11, 16, 17]
    """
    size = steps_per_bar(metre)
    if size > WINDOW_STEPS:
        raise InputError(
            f"expected bars of at most {WINDOW_STEPS} sixteenths, found {metre[0]}/{metre[1]}, which has {size}"
        )
    if size > HALF:
        return WindowLayout(1, _read_only(np.arange(size)))
    half = np.arange(HALF // size * size)
    return WindowLayout(2 * (HALF // size), _read_only(np.concatenate([half, HALF + half])))


class Barred(Protocol):
    """A melody or a groove."""

    @property
    def metre(self) -> tuple[int, int]: ...
    @property
    def name(self) -> str: ...


def layout_of(piece: Barred) -> WindowLayout:
    """The layout of a piece's metre.

    Raises:
        InputError: its bars are longer than a window; the piece is named.
    """
    try:
        return window_layout(piece.metre)
    except InputError as error:
        raise InputError(
            f"{piece.name or 'the first piece'}: {error}; write it in shorter bars (3/2 rather than 6/2)"
        ) from None


def _read_only(places: np.ndarray) -> np.ndarray:
    places.setflags(write=False)
    return places


def to_windows(melody: Melody) -> np.ndarray:
    """Cut a melody into windows, the last one filled up with silence.

    A note that sounds across the edge of two windows goes on in the second, which starts with a hold; where a window
    starts in silence after a note of the one before, it keeps the note off in its first step.

    Returns:
        (W, 32) int64 tokens, W >= 1.
    """
    layout = layout_of(melody)
    used = len(layout.places)
    count = -(-len(melody.tokens) // used)
    tokens = np.zeros(count * used, np.int64)
    tokens[: len(melody.tokens)] = melody.tokens
    if len(melody.tokens) < len(tokens):
        tokens[len(melody.tokens)] = OFF  # the silence ends the last note; tidied away where none sounds
    windows = np.zeros((count, WINDOW_STEPS), np.int64)
    windows[:, layout.places] = tidy(tokens).reshape(count, used)
    return windows


def from_windows(windows: np.ndarray, like: Melody, bars: int | None = None) -> Melody:
    """Put windows one after another; the inverse of `to_windows`.

    Args:
        windows: (W, 32) tokens.
        like: gives metre, tempo, program and name.
        bars: how many to keep; all if None.
    """
    return each_from_windows(np.asarray(windows)[None], like, bars)[0]


def each_from_windows(windows: np.ndarray, like: Melody, bars: int | None = None) -> list[Melody]:
    """M melodies of windows (M, W, 32), as `from_windows` puts each together, and sooner than one by one."""
    places = window_layout(like.metre).places
    tokens = np.asarray(windows)[:, :, places].reshape(len(windows), windows.shape[1] * len(places))
    return Melody.rows(tokens if bars is None else tokens[:, : bars * like.steps_per_bar], like)


def rebar(melody: Melody, metre: tuple[int, int], steps: int) -> Melody:
    """A melody in another metre and length, as a partner in a mix.

    Where one bar length is a multiple of the other the notes stay as they follow one another; else every bar is laid
    in a bar of the new metre, cut off or filled up with silence at its end. Too short a melody is repeated from its
    start, too long a one is cut off.

    Args:
        melody: of any metre.
        metre: the new one.
        steps: wanted length, a whole number of the new bars.

    >>> march = Melody.from_notes([(0, 16, 60), (16, 32, 62)])
    >>> rebar(march, (3, 4), 24).notes()
    [(0, 12, 60), (12, 24, 62)]
    >>> len(rebar(march, (4, 4), 64).notes())
    4
    """
    old, new = melody.steps_per_bar, steps_per_bar(metre)
    tokens = melody.tokens
    if old % new and new % old:
        bars = tokens.reshape(-1, old)
        laid = np.zeros((len(bars), new), np.int16)
        laid[:, : min(old, new)] = bars[:, :new]
        if old < new:
            laid[:, old] = OFF
        else:  # a note that ended or gave way in what is cut off does not sound on over the bar line
            gone = (bars[:-1, new:] != HOLD).any(1) & (laid[1:, 0] == HOLD)
            laid[1:, 0] = np.where(gone, OFF, laid[1:, 0])
        tokens = laid.reshape(-1)
    repeats = -(-steps // len(tokens))
    if repeats > 1:
        joint = tokens.copy()
        if joint[0] == HOLD:
            joint[0] = OFF  # a repeat that starts with a rest ends the last note of the one before
        tokens = np.concatenate([tokens, *[joint] * (repeats - 1)])
    return replace(melody, tokens=tokens[:steps], metre=metre)


def fold_pitches(tokens: np.ndarray, lowest: int, pitches: int) -> np.ndarray:
    """Move onsets outside a range of at least an octave by octaves into it; tokens of any shape.

    >>> fold_pitches(np.array([0, 1, 2 + 20, 2 + 60]), 21, 88).tolist()
    [0, 1, 34, 62]
    """
    tokens = np.asarray(tokens)
    highest = lowest + pitches - 1
    is_onset = tokens >= ONSET
    if not any_of((tokens > highest + ONSET) | (is_onset & (tokens < lowest + ONSET))):
        return tokens.astype(np.int64)
    pitch = tokens.astype(np.int64) - ONSET
    up = np.maximum(0, -(-(lowest - pitch) // 12))
    down = np.maximum(0, -(-(pitch - highest) // 12))
    return np.where(pitch >= 0, pitch + 12 * (up - down), pitch) + ONSET


def window_of(melodies: Sequence[Melody]) -> np.ndarray:
    """The single windows of melodies that each fit one; (B, 32) int64.

    Raises:
        InputError: a melody is longer than one window.
    """
    rows = []
    for melody in melodies:
        windows = to_windows(melody)
        if len(windows) > 1:
            raise InputError(
                f"{melody.name or 'melody'}: expected at most {window_layout(melody.metre).bars} bars of "
                f"{melody.metre[0]}/{melody.metre[1]}, found {melody.bars}; "
                "longer ones are mixed by midi_vae.interpolation"
            )
        rows.append(windows[0])
    return np.stack(rows) if rows else np.zeros((0, WINDOW_STEPS), np.int64)
