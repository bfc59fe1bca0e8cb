"""What is heard where a chunk is lost: the last sound goes on and fades away, and the next one fades in."""

from __future__ import annotations

from collections import deque

import numpy as np

from ..bitstream.chunks import Chunk

FADE_OUT, FADE_IN = 0.1, 0.02  # seconds


class Concealment:
    """Fills lost codes in and turns the sound of them down, channel by channel, in one pass over a file.

    Args:
        channels, codebooks: C, Q.
        sample_rate: Hz.
    """

    def __init__(self, channels: int, codebooks: int, sample_rate: int) -> None:
        self._last = np.zeros((channels, codebooks, 1), np.int16)
        self._gain = np.ones(channels)
        self._steps = 1 / (FADE_IN * sample_rate), -1 / (FADE_OUT * sample_rate)  # of the gain, a sample
        self._are_lost: deque[np.ndarray] = deque()  # of the chunks that were filled and not yet faded

    def fill(self, chunk: Chunk) -> np.ndarray:
        """Codes (C, Q, n) of a chunk, lost ones replaced by those of the last frame before."""
        self._are_lost.append(chunk.is_lost)
        codes = np.where(chunk.is_lost[:, None, None], self._last, chunk.codes)
        self._last = codes[:, :, -1:]
        return codes

    def fade(self, samples: np.ndarray) -> np.ndarray:
        """Samples (C, n) that were decoded from the chunk filled in first of those not yet faded."""
        is_lost = self._are_lost.popleft()
        if not is_lost.any() and (self._gain == 1).all():
            return samples
        steps = np.where(is_lost, self._steps[1], self._steps[0])
        gains = np.clip(self._gain[:, None] + steps[:, None] * np.arange(1, samples.shape[1] + 1), 0.0, 1.0)
        if samples.shape[1]:
            self._gain = gains[:, -1]
        return (samples * gains).astype(np.float32)
