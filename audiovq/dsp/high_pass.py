"""What lies below speech is taken out: a constant offset and rumble, in blocks of any size."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator

import numpy as np

from .streaming import filtered

HALF_SECONDS = 0.064  # of the impulse response on each side: from all to nothing within 27 Hz (Hamming's window)
STEP_SECONDS = 0.1  # of the output that one transform gives
TOGETHER = 16  # transforms in a call, which bounds memory


class HighPass:
    """Streaming high-pass filter of linear phase, without delay: a windowed sinc, by overlap-save.

    In blocks of any size it gives what it gives for the whole, bit for bit. Before the first sample and after the last
    one that sample goes on, so that an offset makes no step there.

    Args:
        sample_rate: Hz.
        cutoff: Hz, half the amplitude.
    """

    def __init__(self, sample_rate: int, cutoff: float) -> None:
        self.half, self.step = math.ceil(HALF_SECONDS * sample_rate), math.ceil(STEP_SECONDS * sample_rate)
        self._size = 1 << (self.step + 2 * self.half).bit_length()
        self._response = _response(sample_rate, cutoff, self.half, self._size)
        self._held: np.ndarray | None = None  # input from `half` samples before the next of the output

    def push(self, block: np.ndarray) -> np.ndarray:
        """Samples (C, n), n >= 1 -> those of the output (C, m) float32 that no later ones can change."""
        if self._held is None:
            self._held = np.repeat(block[:, :1], self.half, 1)
        self._held = np.concatenate([self._held, block], 1)
        count = max((self._held.shape[1] - 2 * self.half) // self.step, 0)
        if not count:
            return block[:, :0]
        made = self._filtered(self._held, count)
        self._held = self._held[:, count * self.step :]
        return made

    def finish(self) -> np.ndarray:
        """The rest of the output, which is as long as the input."""
        if self._held is None:
            return np.zeros((1, 0), np.float32)
        left = self._held.shape[1] - self.half
        padded = np.concatenate([self._held, np.repeat(self._held[:, -1:], self.half + self.step, 1)], 1)
        return self._filtered(padded, -(-left // self.step))[:, :left]

    def _filtered(self, x: np.ndarray, count: int) -> np.ndarray:
        """Input (C, n) -> the first `count` steps of output (C, count * step), each by a transform of its own."""
        pieces = np.lib.stride_tricks.sliding_window_view(x, self.step + 2 * self.half, 1)[:, :: self.step]
        made = []
        for start in range(0, count, TOGETHER):
            some = pieces[:, start : min(start + TOGETHER, count)].astype(np.float64)
            spectrum = np.fft.rfft(some, self._size)
            y = np.fft.irfft(np.multiply(spectrum, self._response, out=spectrum), self._size)
            kept = y[:, :, 2 * self.half : 2 * self.half + self.step].astype(np.float32)
            made.append(kept.reshape(len(x), -1))
        return np.concatenate([x[:, :0], *made], 1)


@functools.lru_cache(maxsize=16)
def _response(sample_rate: int, cutoff: float, half: int, size: int) -> np.ndarray:
    """What spectra are multiplied by; of all recordings of a run the same, and as dear as filtering a second."""
    position = np.arange(-half, half + 1)
    low = np.sinc(2.0 * cutoff / sample_rate * position) * np.hamming(2 * half + 1)
    taps = -low / low.sum()  # so that a constant vanishes altogether
    taps[half] += 1.0
    response: np.ndarray = np.fft.rfft(taps, size)
    response.flags.writeable = False
    return response


def high_passed(blocks: Iterable[np.ndarray], sample_rate: int, cutoff: float) -> Iterator[np.ndarray]:
    """Blocks (C, n) without what is below the cutoff (Hz; 0: as they are), none of them empty."""
    return filtered(blocks, HighPass(sample_rate, cutoff)) if cutoff else iter(blocks)


def without_rumble(x: np.ndarray, sample_rate: int, cutoff: float, most: float) -> tuple[np.ndarray, float]:
    """Samples (T,) float32 without what lies below the cutoff in Hz, and its share of the power.

    They are as they were, and the share is 0, where it is `most` or less.
    """
    power = float(np.square(x, dtype=np.float64).sum())
    length = max(round(sample_rate / (2.0 * cutoff)), 1)
    means = np.pad(x, (0, -len(x) % length)).reshape(-1, length).mean(1, dtype=np.float64)
    if length * float(np.square(means).sum()) <= 0.5 * most * power:  # most recordings need no filter to be told so
        return x, 0.0
    passed = np.concatenate(list(high_passed([x[None]], sample_rate, cutoff)), 1)[0]
    share = 1.0 - float(np.square(passed, dtype=np.float64).sum()) / power
    return (passed, share) if share > most else (x, 0.0)
