"""What the networks are built of: blocks over the beats of a window, and a tower that reads it step by step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from ..music.windows import WINDOW_STEPS

BEATS = 8  # in a window
DILATIONS = (1, 2, 4, 8, 16)  # of a tower: the last step sees all 32


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
    """Beats of one size in, through blocks, beats of another out; (B, 8, inputs) -> (B, 8, outputs)."""

    def __init__(self, inputs: int, outputs: int, width: int, across: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.places = nn.Parameter(0.02 * torch.randn(BEATS, width))
        self.blocks = nn.Sequential(*[BeatBlock(width, across) for _ in range(blocks)])
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.blocks(self.enter(x) + self.places))


class CausalTowers(nn.Module):
    """T causal dilated convolutions (van den Oord et al. 2016, arXiv 1609.03499) at once, each with weights of its own.

    (T, B, 32) symbols, each from 0 to `symbols` - 1, -> (T, B, 32, width); what stands at step s has seen symbols 0..s.
    Whoever draws them one after the other takes `TowerSteps`.
    A convolution of two taps is a matrix product of all steps, and one of the steps so many before them: several times
    faster on a CPU. Towers that run at once take little longer than one, where a window is so little work that its
    calls are what takes the time.
    """

    def __init__(self, towers: int, symbols: int, width: int, rounds: int = 1) -> None:
        super().__init__()
        self.dilations = DILATIONS * rounds
        self.embedding = nn.Embedding(towers * symbols, width)
        self.places = nn.Parameter(torch.zeros(towers, 1, WINDOW_STEPS, width))
        self.taps = cast(Iterable[Linears], nn.ModuleList(Linears(towers, 2 * width, width) for _ in self.dilations))
        self.mix = cast(Iterable[Linears], nn.ModuleList(Linears(towers, width, width) for _ in self.dilations))
        # each tower has its own part of the table
        self.starts = nn.Buffer(torch.arange(towers)[:, None, None] * symbols, persistent=False)

    def forward(self, symbols: Tensor, context: Tensor | None = None) -> Tensor:
        """As above; `context` (T, B, 32, width) is added to what the steps begin as."""
        windows, width = symbols.shape[1], self.embedding.embedding_dim
        h = self.embedding((symbols + self.starts).transpose(1, 2)) + self.places.transpose(1, 2)
        if context is not None:
            h = h + context.transpose(1, 2)
        h = h.flatten(1, 2)  # (T, 32 B, width), step by step: the steps before are the rows before
        for dilation, taps, mix in zip(self.dilations, self.taps, self.mix, strict=True):
            x = torch.baddbmm(taps.bias, h, taps.weight[:, :width])
            before = dilation * windows
            x[:, before:].add_(torch.bmm(h[:, :-before], taps.weight[:, width:]))
            h = h + mix(silu(x))
        return h.unflatten(1, (WINDOW_STEPS, windows)).transpose(1, 2)


class TowerSteps:
    """Towers that are given a window step by step, and compute of each step what they would in the whole, once.

    (T, B) symbols, and (T, B, width) of the context, -> (T, B, width), 32 times. For one thread.
    """

    def __init__(self, towers: CausalTowers) -> None:
        self.towers, self.step = towers, 0
        self.before = [deque[Tensor](maxlen=dilation) for dilation in towers.dilations]  # no more is looked back at

    def __call__(self, symbols: Tensor, context: Tensor | None = None) -> Tensor:
        towers, width = self.towers, self.towers.embedding.embedding_dim
        h = towers.embedding(symbols + towers.starts[:, :, 0]) + towers.places[:, :, self.step]
        if context is not None:
            h = h + context
        for before, taps, mix in zip(self.before, towers.taps, towers.mix, strict=True):
            x = torch.baddbmm(taps.bias, h, taps.weight[:, :width])
            if len(before) == before.maxlen:
                x.add_(torch.bmm(before[0], taps.weight[:, width:]))
            before.append(h)
            h = h + mix(silu(x))
        self.step += 1
        return h


class Linears(nn.Module):
    """T linear layers at once, (T, N, inputs) -> (T, N, outputs), begun like `nn.Linear`."""

    def __init__(self, count: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(count, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(count, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)
