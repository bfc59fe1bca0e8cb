"""Another sample rate, in blocks of any size: a windowed sinc, evaluated where the output samples lie."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator

import numpy as np

from .streaming import filtered

CROSSINGS = 32  # zero crossings of the sinc on each side
ROLL_OFF = 0.95  # cut-off, of the lower of the two Nyquist frequencies
WINDOW = (
    0.355768,
    0.487396,
    0.144232,
    0.012604,
)  # cosines of Nuttall's window (1981), 93 dB down beyond the transition
MAX_TAPS = 1 << 22  # coefficients that are kept; with more phases they are computed as they are needed
AT_ONCE = 1 << 20  # coefficients in one step, which bounds memory


class Resampler:
    """Streaming change of the sample rate, without delay: sample j of the output is at the time of j / target_rate.

    In blocks of any size it gives what it gives for the whole, bit for bit. Before the first sample and after the
    last one there is silence.

    Args:
        source_rate, target_rate: Hz.

    Attributes:
        half: source samples on each side that a sample of the output depends on.

    >>> resampler = Resampler(48_000, 16_000)
    >>> out = [resampler.push(np.ones((1, 1000), np.float32)), resampler.finish()]
    >>> np.concatenate(out, 1).shape
    (1, 334)
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        common = math.gcd(source_rate, target_rate)
        self._up, self._down = target_rate // common, source_rate // common
        self._cut = ROLL_OFF * min(1.0, target_rate / source_rate)  # of the source's Nyquist frequency
        self.half = math.ceil(CROSSINGS / self._cut)  # taps on each side
        self._table: np.ndarray | None = None
        if self._up != self._down and self._up * 2 * self.half <= MAX_TAPS:
            self._table = _table(self._up, self.half, self._cut)
        self._buffer: np.ndarray | None = None  # source samples from `_first` on
        self._first, self._given, self._made = -self.half, 0, 0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Source samples (C, n) float32 -> those of the output (C, m) that no later ones can change."""
        if self._up == self._down:
            return block
        if self._buffer is None:
            self._buffer = np.zeros((len(block), self.half), np.float32)
        buffer = np.concatenate([self._buffer, block], 1)
        self._given += block.shape[1]
        known = self._given - self.half  # output samples before this one have all their taps
        return self._make(buffer, max(-(-known * self._up // self._down), self._made))

    def finish(self) -> np.ndarray:
        """The rest of the output, which has ceil(samples * target_rate / source_rate) samples in all."""
        if self._buffer is None:
            return np.zeros((1, 0), np.float32)
        silence = np.zeros((len(self._buffer), self.half + 1), np.float32)
        return self._make(np.concatenate([self._buffer, silence], 1), -(-self._given * self._up // self._down))

    def _make(self, buffer: np.ndarray, end: int) -> np.ndarray:
        """The output up to `end` out of source samples from `_first` on; keeps those that later output needs."""
        taps, out = 2 * self.half, []
        for start in range(self._made, end, AT_ONCE // taps):
            places = np.arange(start, min(end, start + AT_ONCE // taps)) * self._down
            phases, firsts = places % self._up, places // self._up + 1 - self.half - self._first
            if self._table is None:
                weights = _taps(phases, self._up, self.half, self._cut)
            else:
                weights = self._table[phases]
            windows = np.lib.stride_tricks.sliding_window_view(buffer, taps, axis=1)
            out.append(np.einsum("cjk,jk->cj", windows[:, firsts], weights))
        self._made = max(end, self._made)
        unused = self._made * self._down // self._up + 1 - self.half - self._first
        self._buffer, self._first = buffer[:, max(unused, 0) :], self._first + max(unused, 0)
        return np.concatenate(out, 1) if out else buffer[:, :0]


@functools.lru_cache(maxsize=4)
def _table(up: int, half: int, cut: float) -> np.ndarray:
    """The coefficients of all phases: recordings of one rate share them."""
    table = _taps(np.arange(up), up, half, cut)
    table.flags.writeable = False
    return table


def _taps(phases: np.ndarray, up: int, half: int, cut: float) -> np.ndarray:
    """Coefficients (len(phases), 2 * half) for output samples that lie phase / up after a source sample."""
    distance = np.arange(1 - half, half + 1) - phases[:, None] / up
    cosine = np.cos(np.pi * distance / half)
    # the window's cosines of twice and three times the angle, as polynomials of the first
    window = np.polyval(np.polynomial.chebyshev.cheb2poly(WINDOW)[::-1], cosine)
    return (cut * np.sinc(cut * distance) * window).astype(np.float32)


def resampled(blocks: Iterable[np.ndarray], source_rate: int, target_rate: int) -> Iterator[np.ndarray]:
    """Blocks (C, n) at one rate -> blocks at another, none of them empty."""
    return filtered(blocks, Resampler(source_rate, target_rate))
