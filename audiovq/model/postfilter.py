"""What decoding does to gains and noise that training does not: the postfilter of the codec, bin by bin.

Gains that are learned from distances err on the smooth side, and ears mind different things below and above some
2.5 kHz. Below, harmonics stand apart and a gain that is a little wrong is heard as such: there decoding holds to what
was learned. Above, speech is texture: formants have to stand out and noise has to be as rough as noise is, or it
sounds dull and metallic, while nobody hears whether a bin is right.
"""

from __future__ import annotations

import torch
from torch import Tensor

CROSSOVER, WIDTH = 2500.0, 150.0  # Hz: where half of the way from low to high is gone, and how steeply it goes
SHARPENING = (0.2, 0.8)  # below and above: by how much more formants stand out from their surroundings
SHARPENED_OVER = 61  # bins, 1.9 kHz: wider than a formant
ROUGHNESS = (0.0, 1.25)  # below and above: how much noise varies from bin to bin; 1: as noise does


def across(low_high: tuple[float, float], bins: int, sample_rate: int) -> Tensor:
    """From one value below the crossover to another above; (bins,).

    >>> across((0.0, 1.0), 257, 16000)[[20, 80, 140]].round(decimals=3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    hertz = torch.linspace(0.0, sample_rate / 2, bins)
    low, high = low_high
    return low + (high - low) * torch.sigmoid((hertz - CROSSOVER) / WIDTH)


def sharpener(bins: int, sample_rate: int) -> Tensor:
    """Log gains times this (bins, bins) stand out from their surroundings by `SHARPENING` more.

    The postfilter of speech codecs (Chen & Gersho 1995), in logarithms.

    >>> flat = torch.full((1, 257), 0.7)
    >>> torch.allclose(flat @ sharpener(257, 16000), flat, atol=1e-5)
    True
    """
    distance = (torch.arange(bins)[:, None] - torch.arange(bins)).abs()
    hann = (0.5 + 0.5 * torch.cos(2.0 * torch.pi * distance / (SHARPENED_OVER + 1))) * (2 * distance <= SHARPENED_OVER)
    around = hann / hann.sum(1, keepdim=True)
    amount = across(SHARPENING, bins, sample_rate)[:, None]
    return ((1.0 + amount) * torch.eye(bins) - amount * around).t().contiguous()


def roughness(bins: int, sample_rate: int) -> Tensor:
    """How much decoded noise varies, (bins,); see `ROUGHNESS`."""
    return across(ROUGHNESS, bins, sample_rate)
