"""Discriminators of real and decoded speech: they look at spectrograms of two resolutions, frame by frame.

Wide layers over frames, no two-dimensional convolutions: on a CPU the former are an order of magnitude quicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model.layers import CausalStack
from .losses import SpectralLoss

WINDOWS = (512, 1024)
SCORES = 16  # bands of a frame that are judged apart


@dataclass(frozen=True)
class Judgement:
    """Of one waveform batch.

    Attributes:
        scores: one (B, N, SCORES) a resolution, above 0 for real.
        features: one hidden (B, N, width) a resolution and block.
    """

    scores: list[Tensor]
    features: list[Tensor]


class Discriminators(nn.Module):
    """Waveforms (B, T) -> how real each frame looks at each resolution."""

    def __init__(self, spectral: SpectralLoss, width: int = 256) -> None:
        super().__init__()
        self.spectral = spectral
        stacks = [CausalStack(w // 2 + 1, SCORES, width, (1, 2, 4)) for w in WINDOWS]
        self.stacks = cast(Sequence[CausalStack], nn.ModuleList(stacks))

    def forward(self, x: Tensor) -> Judgement:
        scores, features = [], []
        for window, stack in zip(WINDOWS, self.stacks, strict=True):
            h = stack.enter(self.spectral.loudness(x, window))
            for block, past in zip(stack.blocks, stack.start(len(x)), strict=True):
                h, _ = block(h, past)
                features.append(h)
            scores.append(stack.leave(h))
        return Judgement(scores, features)


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
