"""Tokens of a melody: what stands on each step of a grid of sixteenth notes."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from latentmix.errors import InputError

from .bars import STEPS_A_BEAT

HOLD, OFF, ONSET = 0, 1, 2  # tokens; the onset of pitch p is ONSET + p
VOCABULARY = ONSET + 128


def steps_per_bar(metre: tuple[int, int]) -> int:
    """Sixteenth-note steps in a bar.

    Raises:
        InputError: the bar is not a whole number of sixteenths.

    >>> steps_per_bar((4, 4)), steps_per_bar((6, 8))
    (16, 12)
    """
    numerator, denominator = metre
    steps, rest = divmod(4 * STEPS_A_BEAT * numerator, denominator) if denominator > 0 else (0, 1)
    if steps < 1 or rest or denominator & (denominator - 1) or numerator > 255:
        raise InputError(f"expected a metre whose bar is a whole number of sixteenths, found {numerator}/{denominator}")
    return steps


class OnGrid(ABC):
    """Whole bars of sixteenths in a metre; two of a kind are equal where all that counts in them is."""

    metre: tuple[int, int]

    @property
    def steps_per_bar(self) -> int:
        return steps_per_bar(self.metre)

    @property
    def bars(self) -> int:
        return self._steps() // self.steps_per_bar

    @abstractmethod
    def _steps(self) -> int:
        """How long it is."""

    @abstractmethod
    def _key(self) -> tuple[object, ...]:
        """What counts in it."""

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


def tidy(tokens: np.ndarray) -> np.ndarray:
    """Without the note offs where nothing sounds; tokens (..., S), each row by itself, -> the same shape, a copy.

    >>> tidy(np.array([1, 62, 0, 1, 1])).tolist()
    [0, 62, 0, 1, 0]
    >>> tidy(np.array([[62, 0], [1, 62]])).tolist()
    [[62, 0], [0, 62]]
    """
    steps = tokens.shape[-1]
    flat = tokens.flatten()
    events = np.flatnonzero(flat)
    idle = flat[events] == OFF
    after_none = idle[:-1].copy()  # each after another note off, and the first event of a row
    if len(flat) > steps:
        rows = events // steps
        after_none |= rows[1:] != rows[:-1]
    idle[1:] &= after_none
    flat[events[idle]] = HOLD
    return flat.reshape(tokens.shape)
