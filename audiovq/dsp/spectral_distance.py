"""How far two sounds are apart in their log spectra: what models of sounds are trained on and judged by; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .stft import squared

WINDOWS = (512, 1024, 2048, 4096)  # samples; at 48 kHz 11 to 85 ms
RANGE = 1e-4  # amplitude, of the strongest bin's, below which differences count less and less: -80 dB
SILENT = 1e-5  # amplitude at least of the strongest bin
HIGHEST = 20_000.0  # Hz
DECIBELS = 8.685889638  # of a neper
HEARD = 1e-3  # power of a frame, of the loudest, that counts when sounds are judged: -30 dB


@dataclass(frozen=True)
class SpectralDistance:
    """Mean absolute differences of log spectra, dB.

    Attributes:
        each: one for each window.
    """

    each: Tensor

    @property
    def mean(self) -> Tensor:
        return self.each.mean()


def powers(x: Tensor, window: int, sample_rate: int) -> Tensor:
    """Samples (B, T) -> (B, F, N) up to `HIGHEST`, 1 for white noise of power 1."""
    shape = torch.hann_window(window, device=x.device)
    spectrum = torch.stft(x, window, window // 4, window=shape, center=False, return_complex=True)
    kept = spectrum[:, : int(HIGHEST / sample_rate * window)] / shape.square().sum().sqrt()
    return squared(kept)


def spectral_distance(
    made: Tensor, real: Tensor, sample_rate: int, windows: Sequence[int] = WINDOWS, only_heard: bool = False
) -> SpectralDistance:
    """How far waveforms (B, T) are apart, over several windows (multi-resolution STFT, Yamamoto et al. 2020).

    Args:
        windows: samples.
        only_heard: leave out frames that are silent beside the loudest of theirs.
    """
    found = []
    for window in windows:
        wanted, power = powers(real, window, sample_rate), powers(made, window, sample_rate)
        floor = (RANGE**2 * wanted.amax((1, 2), keepdim=True)).clamp(min=SILENT**2 * RANGE**2)
        apart = 0.5 * ((power + floor).log() - (wanted + floor).log()).abs().mean(1)
        frames = wanted.sum(1)
        heard = (frames >= HEARD * frames.amax(1, keepdim=True) * float(only_heard)).float()
        found.append(DECIBELS * (apart * heard).sum() / heard.sum())
    return SpectralDistance(torch.stack(found))
