"""Discriminators of real and decoded speech: they look at patches of its log spectrogram.

Patches of three shapes, from a formant's to that of half the spectrum, each told apart by a few wide layers that all
places share, with a vector that says where in the spectrum a patch lies. No convolutions: on a CPU matrix products are
an order of magnitude quicker, and as all patches teach the same layers, some hundred steps teach them something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..dsp.stft import STFT, squared

WINDOW, HOP = 512, 160  # samples
PATCHES = ((32, 8), (96, 4), (16, 16))  # bins and frames; the next one is half a patch higher or later
BLOCKS, SLOPE = 2, 0.2  # hidden layers, and what they pass on of what is below zero
FAINT = 1e-5  # of a piece's power, before logarithms
QUIET = 1e-7  # power of a piece


@dataclass(frozen=True)
class Judgement:
    """Of one waveform batch.

    Attributes:
        scores: one (B, N, bands) a shape of patches, above 0 for real.
        features: one hidden (B, N, bands, width) a shape and layer.
    """

    scores: list[Tensor]
    features: list[Tensor]


class Patches(nn.Module):
    """Log spectrogram (B, N, F) -> how real each patch looks."""

    def __init__(self, bins: int, frames: int, all_bins: int, width: int) -> None:
        super().__init__()
        self.bins, self.frames = bins, frames
        bands = (all_bins - bins) // (bins // 2) + 1
        self.place = nn.Parameter(0.1 * torch.randn(bands, width))
        self.enter = nn.Linear(bins * frames, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(BLOCKS)])
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(BLOCKS)])
        self.leave = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Scores (B, patches in time, bands) and features."""
        cut = x.unfold(1, self.frames, self.frames // 2).unfold(2, self.bins, self.bins // 2).flatten(3)
        h = F.leaky_relu(self.enter(cut) + self.place, SLOPE)
        features = [h]
        for norm, layer in zip(self.norms, self.hidden, strict=True):
            h = h + F.leaky_relu(layer(norm(h)), SLOPE)
            features.append(h)
        return self.leave(h)[..., 0], features


class Discriminators(nn.Module):
    """Waveforms (B, T) -> how real patches of three shapes look."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.stft = STFT(WINDOW, HOP)
        stacks = [Patches(bins, frames, WINDOW // 2, width) for bins, frames in PATCHES]
        self.stacks = cast(Sequence[Patches], nn.ModuleList(stacks))

    def forward(self, x: Tensor, power: Tensor) -> Judgement:
        """Judge waveforms.

        Args:
            x: (B, T), some 0.2 s at least.
            power: (B, 1), what loudness is relative to: that of the original.
        """
        frames = torch.stft(x, WINDOW, HOP, window=self.stft.hann, center=False, return_complex=True).transpose(1, 2)
        relative = squared(frames * self.stft.scale) / (power[..., None] + QUIET)
        loudness = 0.25 * torch.log(relative + FAINT) + 1.25
        judged = [stack(loudness) for stack in self.stacks]
        return Judgement([scores for scores, _ in judged], [f for _, features in judged for f in features])


def power_of(real: Tensor) -> Tensor:
    """Mean power of originals (B, T); (B, 1)."""
    return real.square().mean(1, keepdim=True)


def discriminator_loss(real: Judgement, made: Judgement) -> Tensor:
    """Hinge loss (Lim & Ye 2017, arXiv 1705.02894); scalar."""
    pairs = zip(real.scores, made.scores, strict=True)
    return torch.stack([F.relu(1.0 - r).mean() + F.relu(1.0 + m).mean() for r, m in pairs]).mean()


def adversarial_loss(made: Judgement) -> Tensor:
    """What the decoder wants of the scores; scalar."""
    return -torch.stack([score.mean() for score in made.scores]).mean()


def feature_loss(real: Judgement, made: Judgement) -> Tensor:
    """Feature matching (Larsen et al. 2016; Kumar et al. 2019): mean distance of hidden features; scalar."""
    pairs = zip(real.features, made.features, strict=True)
    return torch.stack([F.l1_loss(m, r.detach()) / r.detach().abs().mean() for r, m in pairs]).mean()
