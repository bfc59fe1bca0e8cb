"""Periodicity: which share of the power of each band repeats with the pitch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .pitch import SAMPLE_RATE, WINDOW, centred_windows, frequency_at, taper_correction

FFT = 1024  # as long as the window and a period but for the window's last, near-zero samples


def band_weights(bins: int, bands: int) -> Tensor:
    """Triangles, evenly spaced on the Bark scale (Traunmüller 1990), that add up to 1 in each bin; (bands, bins).

    >>> band_weights(257, 16).sum(0).sub(1.0).abs().max() < 1e-5
    tensor(True)
    """
    hertz = torch.linspace(0.0, SAMPLE_RATE / 2, bins)
    bark = 26.81 * hertz / (1960.0 + hertz) - 0.53
    place = (bark - bark[0]) / (bark[-1] - bark[0]) * (bands - 1)
    return (1.0 - (place - torch.arange(bands)[:, None]).abs()).clamp(min=0.0)


def track_periodicity(x: Tensor, pitch: np.ndarray, hop: int, offset: int, bands: int) -> np.ndarray:
    """Autocorrelation of each band at the pitch's period, by the Wiener-Khinchin theorem.

    Args:
        x: (T,) samples; frame i is centred on sample (i + 1) * hop - offset, N = T // hop.
        pitch: (N,) fractional bins, as in `PitchTrack`.

    Returns:
        (N, bands) float32, 0 to 1; 0 in silence.
    """
    lag = SAMPLE_RATE / frequency_at(torch.from_numpy(pitch))
    window = torch.hann_window(WINDOW)
    correction = taper_correction(window, lag)
    weights = band_weights(FFT // 2 + 1, bands).t()
    turn = 2.0 * torch.pi * torch.arange(FFT // 2 + 1) / FFT
    found = [torch.zeros(0, bands)]
    for some, frames in centred_windows(x, hop, offset):
        power = torch.fft.rfft(frames * window, FFT).abs().square()
        repeating = (power * torch.cos(turn * lag[some, None])) @ weights
        found.append(repeating / (power @ weights + 1e-6) * correction[some, None])
    return torch.cat(found).clamp(0.0, 1.0).numpy()
