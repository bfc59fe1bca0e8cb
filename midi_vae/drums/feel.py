"""How hard and how early or late a drummer plays given hits: the median velocity and offset of each.

Gillick et al. 2019 (arXiv 1905.06118) call it humanisation and use a recurrent encoder and decoder; here it is one pass
over the whole window, learned by absolute errors, so that it says medians. Beside the window it hears the piece, how
often each drum is struck on each step of the bar: what goes on is played otherwise than what passes by, and a
fill is what the other bars have not. (To hear the windows before and after as well was no better.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ..music.windows import HALF, WINDOW_STEPS
from .kit import INSTRUMENTS

USUAL_TEMPO = 110.0  # quarter notes a minute, which the network sees as 0
STEP = len(INSTRUMENTS)
TAPS = 5  # steps that a convolution sees
DROPOUT = 0.2
HEARD = 2  # sets of hits: of the window, and what is usual
PIECE_WIDTH, PIECE_DROPOUT = 32, 0.3  # of what is made of the usual hits as a whole


class Heard(NamedTuple):
    """The hits of windows, 1.0 or 0.0, and what else of their pieces tells how they are played.

    Attributes:
        hits: (B, 32, 9).
        usual: (B, 16, 9), in what share of the half windows of the piece, those that are silent aside, a drum is
            struck on a step.
    """

    hits: Tensor
    usual: Tensor

    @classmethod
    def in_turn(cls, hits: Tensor) -> Heard:
        """The windows (W, 32, 9) of one piece."""
        halves = hits.reshape(-1, HALF, STEP)
        struck = halves[halves.sum((1, 2)) > 0]
        usual = struck.mean(0) if len(struck) else halves[0]
        return cls(hits, usual.expand(len(hits), -1, -1))

    @classmethod
    def alone(cls, hits: Tensor) -> Heard:
        """Windows (B, 32, 9) each of which is a piece."""
        halves = hits.unflatten(1, (-1, HALF))
        struck = (halves.sum((2, 3), keepdim=True) > 0).sum(1).clamp(min=1)
        return cls(hits, halves.sum(1) / struck)


@dataclass(frozen=True)
class Played:
    """What is said of each cell, both (B, 32, 9): velocity 0 to 1, and offset in sixteenths, -0.5 to 0.5."""

    velocity: Tensor
    offset: Tensor


def played(velocity: Tensor, offset: Tensor) -> Played:
    """What any two features (B, 32, 9) stand for; a velocity is not squashed, for one in seven is the highest."""
    return Played(velocity.clamp(0.0, 1.0) + 0.01 * (velocity - velocity.clamp(0.0, 1.0)), 0.5 * torch.tanh(offset))


class Feel(nn.Module):
    """Hits of a window in its piece, tempo and style -> `Played`.

    Convolutions over steps, which go round the window as a loop does: what holds on one step is learned for all.
    Layers over the whole window learned the training windows by heart instead.
    """

    def __init__(self, width: int, blocks: int, styles: int) -> None:
        super().__init__()
        self.enter = nn.Conv1d(HEARD * STEP, width, TAPS, padding=TAPS // 2, padding_mode="circular")
        self.places = nn.Parameter(torch.zeros(width, HALF))
        self.style = nn.Embedding(styles + 1, width)  # the last one is any style
        self.tempo = nn.Linear(2, width)
        self.piece = nn.Sequential(
            nn.Linear(HALF * STEP, PIECE_WIDTH), nn.SiLU(), nn.Dropout(PIECE_DROPOUT), nn.Linear(PIECE_WIDTH, width)
        )
        self.blocks = nn.ModuleList(FeelBlock(width, 2**block) for block in range(blocks))
        self.leave = nn.Conv1d(width, 2 * STEP, 1)

    def forward(self, heard: Heard, tempo: Tensor, style: Tensor) -> Played:
        """
        Args:
            tempo: (B,) quarter notes a minute.
            style: (B,) int64 indices; the number of styles is any.
        """
        pace = (tempo.float() / USUAL_TEMPO).clamp(0.1, 10.0).log()
        told = self.style(style) + self.tempo(torch.stack([pace, pace.square()], 1))
        told = told + self.piece(heard.usual.flatten(1))
        usual = heard.usual.repeat(1, WINDOW_STEPS // HALF, 1)
        steps = torch.cat([heard.hits, usual], 2)
        x = self.enter(steps.transpose(1, 2)) + self.places.repeat(1, WINDOW_STEPS // HALF) + told[:, :, None]
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
