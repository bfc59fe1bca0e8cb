"""The one building block of encoder, decoder and prior: features of each beat, and what beats know of one another."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

BEATS = 8  # in a window


class BeatBlock(nn.Module):
    """One residual layer shared by all beats, then one across them; (B, 8, C) -> (B, 8, C).

    Sharing the first makes every beat of every window a lesson for all beats: at equal time it learned to reconstruct
    more windows exactly than layers over the whole window (docs/melody-model.md). The second sees all
    beats at once, through a bottleneck. Both are plain matrix products, the one thing that CPUs are quick at.
    """

    def __init__(self, width: int, across: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.norm_across = nn.LayerNorm(width)
        self.gather, self.spread = nn.Linear(BEATS * width, across), nn.Linear(across, BEATS * width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.down(silu(self.up(self.norm(x))))
        return x + self.spread(silu(self.gather(self.norm_across(x).flatten(1)))).unflatten(1, x.shape[1:])


class BeatStack(nn.Module):
    """Beats of one size in, through blocks, beats of another out; (B, 8, inputs) -> (B, 8, outputs).

    `context` (B, 1 or 8, C) is added to the features before the blocks.
    """

    def __init__(self, inputs: int, outputs: int, width: int, across: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.places = nn.Parameter(0.02 * torch.randn(BEATS, width))
        self.blocks = nn.Sequential(*[BeatBlock(width, across) for _ in range(blocks)])
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, outputs))

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        h = self.enter(x) + self.places
        return self.leave(self.blocks(h if context is None else h + context))
