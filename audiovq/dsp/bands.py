"""Bands of a spectrum that are as wide as a bin below and evenly spaced in the logarithm above; and how loud it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor

CORNER = 800.0  # Hz: below, bands are evenly spaced; above, they widen with their frequency
TOP = 20_000.0  # Hz, the centre of the last band


def band_triangles(bins: int, bands: int, sample_rate: int) -> Tensor:
    """Triangles on the scale asinh(f / CORNER) that add up to 1 in each bin; (bands, bins).

    To go from log gains of bands to those of bins; over their sums they take means of bins.

    >>> band_triangles(513, 64, 48_000).sum(0).sub(1.0).abs().max() < 1e-5
    tensor(True)
    """
    hertz = torch.linspace(0.0, sample_rate / 2, bins)
    top = math.asinh(min(TOP, sample_rate / 2) / CORNER)
    place = (torch.asinh(hertz / CORNER) / top * (bands - 1)).clamp(max=bands - 1)
    return (1.0 - (place - torch.arange(bands)[:, None]).abs()).clamp(min=0.0)


def band_centres(bands: int, sample_rate: int) -> Tensor:
    """Hz where each band is alone; (bands,).

    >>> band_centres(64, 48_000)[[0, 1, 63]].round()
    tensor([    0.,    50., 20000.])
    """
    top = math.asinh(min(TOP, sample_rate / 2) / CORNER)
    return CORNER * torch.sinh(torch.linspace(0.0, top, bands))


def a_weights(bins: int, sample_rate: int) -> Tensor:
    """Share of its power that a bin adds to the loudness: A-weighting (IEC 61672-1, annex E), 1 at 1 kHz; (bins,).

    >>> a_weights(513, 48_000)[[2, 43, 213]].log10().mul(10).round()
    tensor([-20.,   1.,  -2.])
    """
    f = torch.linspace(0.0, sample_rate / 2, bins, dtype=torch.float64).square()
    amplitude = 12194.0**2 * f * f / ((f + 20.6**2) * ((f + 107.7**2) * (f + 737.9**2)).sqrt() * (f + 12194.0**2))
    return (amplitude * 10.0**0.1).square().float()
