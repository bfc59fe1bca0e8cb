"""How sharply a sound begins, again and again: what attacks are compared by."""

from __future__ import annotations

import numpy as np

ATTACK_HOP = 0.002  # seconds


def rises(x: np.ndarray, rate: int) -> np.ndarray:
    """How fast the level of each 2 ms rises, dB, within 50 dB of the loudest."""
    hop = round(ATTACK_HOP * rate)
    power = np.square(x[: len(x) // hop * hop].astype(np.float64)).reshape(-1, hop).mean(1)
    smooth = np.convolve(power, np.hanning(7) / np.hanning(7).sum(), "same")
    floor = smooth.max(initial=0.0) * 1e-5 + 1e-12
    return np.maximum(np.diff(10.0 * np.log10(smooth + floor), prepend=10.0 * np.log10(smooth[0] + floor)), 0.0)
