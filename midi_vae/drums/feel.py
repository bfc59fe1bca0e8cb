"""How hard and how early or late a drummer plays given hits: the median velocity and offset of each.

Gillick et al. 2019 (arXiv 1905.06118) call it humanisation and use a recurrent encoder and decoder; here it is one pass
over the whole window, learned by absolute errors, so that it says medians.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ..music.windows import HALF, WINDOW_STEPS
from .kit import INSTRUMENTS

USUAL_TEMPO = 110.0  # quarter notes a minute, which the network sees as 0
STEP = len(INSTRUMENTS)
TAPS = 5  # steps that a convolution sees
DROPOUT = 0.2


@dataclass(frozen=True)
class Played:
    """What is said of each cell, both (B, 32, 9): velocity 0 to 1, and offset in sixteenths, -0.5 to 0.5."""

    velocity: Tensor
    offset: Tensor


def played(velocity: Tensor, offset: Tensor) -> Played:
    """What any two features (B, 32, 9) stand for; a velocity is not squashed, for one in seven is the highest."""
    return Played(velocity.clamp(0.0, 1.0) + 0.01 * (velocity - velocity.clamp(0.0, 1.0)), 0.5 * torch.tanh(offset))


class Feel(nn.Module):
    """Hits, tempo and style -> `Played`.

    Convolutions over steps, which go round the window as a loop does: what holds on one step is learned for all.
    Layers over the whole window learned the training windows by heart instead.
    """

    def __init__(self, width: int, blocks: int, styles: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(STEP, width, TAPS, padding=TAPS // 2, padding_mode="circular")
        self.places = nn.Parameter(torch.zeros(width, HALF))
        self.style = nn.Embedding(styles + 1, width)  # the last one is any style
        self.tempo = nn.Linear(2, width)
        self.blocks = nn.ModuleList(FeelBlock(width, 2**block) for block in range(blocks))
        self.leave = nn.Conv1d(width, 2 * STEP, 1)

    def forward(self, hits: Tensor, tempo: Tensor, style: Tensor) -> Played:
        """
        Args:
            hits: (B, 32, 9), 1.0 or 0.0.
            tempo: (B,) quarter notes a minute.
            style: (B,) int64 indices; the number of styles is any.
        """
        pace = (tempo.float() / USUAL_TEMPO).clamp(0.1, 10.0).log()
        told = self.style(style) + self.tempo(torch.stack([pace, pace.square()], 1))
        x = self.enter(hits.transpose(1, 2)) + self.places.repeat(1, WINDOW_STEPS // HALF) + told[:, :, None]
        for block in self.blocks:
            x = block(x)
        velocity, offset = self.leave(silu(x)).transpose(1, 2).chunk(2, 2)
        return played(velocity, offset)


class FeelBlock(nn.Module):
    """A residual convolution over steps, (B, width, 32) -> the same."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        reach = TAPS // 2 * dilation
        self.norm, self.dropout = nn.GroupNorm(1, width), nn.Dropout(DROPOUT)
        self.mix = nn.Conv1d(width, width, TAPS, padding=reach, padding_mode="circular", dilation=dilation)
        self.spread = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.spread(self.dropout(silu(self.mix(self.norm(x)))))
        return x + added
