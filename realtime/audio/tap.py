"""What is heard, for one who listens beside the device."""

from __future__ import annotations

import numpy as np

from .ring_buffer import Ring


class Tap:
    """Frames that the reader of a ring has read since the last look. For one thread, in any process that has the ring.

    What the device plays in the place of frames that were not there in time is not among them.

    Attributes:
        lost: frames that were gone before they were looked at; they are silent.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring, self._at, self.lost = ring, ring.read, 0

    def take(self) -> np.ndarray:
        """Frames (channels, n) since then; a look every tenth of a second misses none."""
        out, gone = self._ring.peek(self._at)
        self._at += out.shape[1]
        self.lost += gone
        return out
