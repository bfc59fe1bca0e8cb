"""Power as loudness has it: weighed over frequency by ITU-R BS.1770-5, annex 1 (K-weighting)."""

from __future__ import annotations

import functools

import numpy as np

# numerator and denominator of the two filters at 48 kHz (tables 1 and 2): the head, and little below 100 Hz
FILTERS = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
FILTER_RATE = 48_000  # Hz


def k_weighted_power(x: np.ndarray, sample_rate: int) -> np.ndarray:
    """Mean power of samples (C, n), n >= 1; (C,) float64.

    >>> tone = np.sin(2 * np.pi * 997 / 16000 * np.arange(16000))[None]
    >>> round(10 * float(np.log10(k_weighted_power(tone, 16000)[0])), 1)  # -3.01 and what the standard takes off, 0.691
    -2.3
    """
    spectrum = np.fft.rfft(x.astype(np.float64), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    power *= _weights(x.shape[1], sample_rate)
    found: np.ndarray = power.sum(1) * (2.0 / x.shape[1] ** 2)
    return found


@functools.lru_cache(maxsize=8)
def _weights(size: int, sample_rate: int) -> np.ndarray:
    """Gains in power of the bins of a transform of so many samples."""
    turns = np.exp(-2j * np.pi * np.fft.rfftfreq(size, 1.0 / sample_rate) / FILTER_RATE)
    gain = np.ones(len(turns))
    for numerator, denominator in FILTERS:
        above, below = (np.polynomial.polynomial.polyval(turns, each) for each in (numerator, denominator))
        gain *= np.square(np.abs(above / below))
    if size % 2 == 0:
        gain[-1] *= 0.5  # the one bin that does not stand for two
    gain.flags.writeable = False
    return gain
