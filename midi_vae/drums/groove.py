"""Groove: what a drummer plays on a grid of sixteenths, how hard, and how far off the grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..midi.writer import tempo_us
from ..music.tokens import OnGrid, steps_per_bar
from .kit import INSTRUMENTS

FULL = 127  # the highest velocity
MAX_OFFSET = 0.5  # of a sixteenth; beyond it a hit is nearer to another step


@dataclass(frozen=True, eq=False)
class Groove(OnGrid):
    """Nine instruments on a grid of four steps a quarter note.

    Two grooves are equal if velocities, offsets, metre and tempo are, the tempo to what a MIDI file can store.

    Attributes:
        velocities: (S, 9) uint8, read-only, 1 to 127 where an instrument of `kit.INSTRUMENTS` is struck, else 0; S is
            a whole number of bars.
        offsets: (S, 9) float32, read-only, by how much of a sixteenth a hit is late, -0.5 to 0.5; 0 where none is.
        metre, tempo, name: as of `music.melody.Melody`.

    Raises:
        InputError: a bar of this metre is not a whole number of steps.
        ValueError: velocities, offsets or tempo of another shape or range.

    >>> beat = np.zeros((16, 9), np.uint8)
    >>> beat[::4, 0] = 100
    >>> Groove(beat).hits.sum(), Groove(beat).bars
    (np.int64(4), 1)
    """

    velocities: np.ndarray
    offsets: np.ndarray | None = None
    metre: tuple[int, int] = (4, 4)
    tempo: float = 120.0
    name: str = ""

    def __post_init__(self) -> None:
        velocities = np.asarray(self.velocities)
        if velocities.ndim != 2 or velocities.shape[1] != len(INSTRUMENTS) or velocities.dtype.kind not in "iu":
            raise ValueError(f"expected whole numbers (S, {len(INSTRUMENTS)}), found {velocities.shape}")
        if not len(velocities) or len(velocities) % steps_per_bar(self.metre):
            raise ValueError(f"expected whole bars of {steps_per_bar(self.metre)} steps, found {len(velocities)} steps")
        if velocities.min() < 0 or velocities.max() > FULL:
            raise ValueError(f"expected velocities 0 to {FULL}, found {velocities.min()} to {velocities.max()}")
        offsets = np.zeros(velocities.shape) if self.offsets is None else np.asarray(self.offsets)
        if offsets.shape != velocities.shape or not (np.abs(offsets) <= MAX_OFFSET + 1e-6).all():
            raise ValueError(f"expected offsets of the same shape within ±{MAX_OFFSET}, found others")
        if not 0 < self.tempo < float("inf"):
            raise ValueError(f"expected a tempo above 0, found {self.tempo}")
        velocities = velocities.astype(np.uint8)
        offsets = np.where(velocities > 0, offsets, 0.0).astype(np.float32)
        for array in (velocities, offsets):
            array.setflags(write=False)
        object.__setattr__(self, "velocities", velocities)
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "metre", (int(self.metre[0]), int(self.metre[1])))
        object.__setattr__(self, "tempo", float(self.tempo))

    @property
    def hits(self) -> np.ndarray:
        """Where an instrument is struck, (S, 9) bool."""
        return self.velocities > 0

    @property
    def lateness(self) -> np.ndarray:
        """`offsets`, never None; (S, 9) float32 of a sixteenth."""
        assert self.offsets is not None
        return self.offsets

    def _steps(self) -> int:
        return len(self.velocities)

    def straight(self, velocity: int = 90) -> Groove:
        """The same hits, all on the grid and equally hard."""
        return replace(self, velocities=np.where(self.hits, velocity, 0), offsets=None)

    def notes(self) -> list[tuple[float, int, int]]:
        """(step with its lateness, instrument, velocity) of each hit, by time; the first may be before step 0."""
        step, instrument = np.nonzero(self.velocities)
        at = step + self.lateness[step, instrument]
        order = np.lexsort((instrument, at))
        velocity = self.velocities[step, instrument]
        return list(zip(at[order].tolist(), instrument[order].tolist(), velocity[order].tolist(), strict=True))

    def _key(self) -> tuple[object, ...]:
        return self.velocities.tobytes(), self.lateness.tobytes(), self.metre, tempo_us(self.tempo)
