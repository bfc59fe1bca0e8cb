"""Sound that is made a frame at a time and taken in blocks of any length."""

from __future__ import annotations

import numpy as np


class Framewise:
    """What makes sound by frames; for one thread."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)  # made, and not yet taken

    def _step(self) -> np.ndarray:
        """The samples of the next frame, (hop,) float32."""
        raise NotImplementedError

    def _next(self, samples: int) -> np.ndarray:
        """The next samples (samples,) float32."""
        made = [self._rest]
        while sum(map(len, made)) < samples:
            made.append(self._step())
        whole = np.concatenate(made)
        self._rest = whole[samples:]
        return whole[:samples]
