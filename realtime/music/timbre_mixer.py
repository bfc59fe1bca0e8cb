"""TimbreMixer: what was moved -> shares of the sounds that sing: as the melodies have them, or by their own puck."""

from __future__ import annotations

import numpy as np

from .mixer import Mixer
from .shares import following_shares


class TimbreMixer:
    """Not thread-safe, as the mixer; pure computation, of microseconds.

    Args:
        mixer: of the melodies, whose parameters, shares and places hold.
        count: sounds, 1 to 8.

    Attributes:
        shares: told last, (count,) with the sum 1; None before the first.
    """

    def __init__(self, mixer: Mixer, count: int) -> None:
        self._mixer, self.count = mixer, count
        self.shares: np.ndarray | None = None

    def weights(self) -> np.ndarray:
        """Share of each sound, (count,), with the sum 1; where they follow what is held, as they were then."""
        mixer = self._mixer
        return following_shares("sound", mixer.values, mixer.heard_weights(), mixer.places, self.count)

    def renewed(self) -> np.ndarray | None:
        """The shares, where they are others than those told last; None else."""
        found = self.weights()
        if self.shares is not None and np.array_equal(found, self.shares):
            return None
        self.shares = found
        return found
