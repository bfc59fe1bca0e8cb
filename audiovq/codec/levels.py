"""The loudness of each chunk of the original, which the encoder writes down and the decoder keeps to.

Codes say how loud a frame is to within a few dB: some voices come back louder by one, others quieter. So a byte a chunk
says how loud the original was, and the decoder, which has a chunk whole before any of it is heard, turns it up or down.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from ..dsp.k_weighting import k_weighted_power

UNKNOWN = 0  # of a chunk that is lost, or as good as silent
STEP, LOWEST = 0.3, -72.0  # dB: level n is n steps above the lowest; 255 is 4.5
MAX_CHANGE = 12.0  # dB by which a chunk is turned up or down: speech needs up to 4, calls and bright voices up to 11
RAMP_SECONDS = 0.1  # in which it goes from one gain to the next


def level_of(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Levels of samples (C, n): (C,) float64, in steps, from `UNKNOWN` on."""
    if not samples.shape[1]:
        return np.full(len(samples), float(UNKNOWN))
    power = k_weighted_power(samples, sample_rate)
    return ((10.0 * np.log10(np.maximum(power, 1e-20)) - LOWEST) / STEP).clip(UNKNOWN, 255.0)


class LevelMeter:
    """Levels of what goes to the encoder, chunk by chunk, as late as the decoder gives it back.

    Args:
        channels: C.
        sample_rate: Hz.
        delay: samples.
    """

    def __init__(self, channels: int, sample_rate: int, delay: int) -> None:
        self._sample_rate = sample_rate
        self._held = np.zeros((channels, delay), np.float32)

    def heard(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Blocks (C, n) on their way."""
        for block in blocks:
            self._held = np.concatenate([self._held, block], 1)
            yield block

    def next(self, count: int) -> np.ndarray:
        """Levels of the next so many samples, silence after the last; (C,) uint8."""
        chunk, self._held = self._held[:, :count], self._held[:, count:]
        padded = np.pad(chunk, ((0, 0), (0, count - chunk.shape[1])))
        return np.round(level_of(padded, self._sample_rate)).astype(np.uint8)


class Levelling:
    """Turns decoded chunks up or down to their levels, channel by channel, in one pass over a file.

    A chunk's gain depends on nothing but the chunk, so that it is the same from wherever decoding began. What the level
    does not tell, half a step, is left as it is. Where the level is unknown, or
    what comes before is lost and sounds into it, the gain before goes on.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._gains: np.ndarray | None = None  # of the chunk before, (C,)
        self._was_lost: np.ndarray | bool = False
        self._levels: deque[np.ndarray] = deque()  # of the chunks that are expected

    def expect(self, levels: np.ndarray, is_lost: np.ndarray | bool = False) -> None:
        """Levels (C,) of the next chunk, and in which channels it is lost, (C,) bool."""
        self._levels.append(np.where(self._was_lost, UNKNOWN, levels))
        self._was_lost = is_lost

    def levelled(self, samples: np.ndarray) -> np.ndarray:
        """Samples (C, n) of the first chunk of those expected, all of it."""
        levels, found = self._levels.popleft(), level_of(samples, self._sample_rate)
        lacking = levels - found
        lacking = STEP * np.sign(lacking) * np.maximum(np.abs(lacking) - 0.5, 0.0)
        wanted = 10.0 ** (lacking.clip(-MAX_CHANGE, MAX_CHANGE) / 20.0)
        is_known = (levels != UNKNOWN) & (found > UNKNOWN)
        before = np.where(is_known, wanted, 1.0) if self._gains is None else self._gains
        self._gains = after = np.where(is_known, wanted, before)
        if (before == 1.0).all() and (after == 1.0).all():
            return samples
        gone = np.minimum(np.arange(1, samples.shape[1] + 1) / (RAMP_SECONDS * self._sample_rate), 1.0)
        return (samples * (before[:, None] + (after - before)[:, None] * gone)).astype(np.float32)
