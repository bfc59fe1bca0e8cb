"""Causal layers over frames, with explicit state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import silu


class CausalBlock(nn.Module):
    """Residual block of a frame and the one `dilation` before it; (B, N, C), state (B, dilation, C) -> the same.

    A convolution of two taps written as a matrix product, the one thing that CPUs are quick at.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.width, self.dilation = width, dilation
        self.norm = nn.LayerNorm(width)
        self.taps, self.out = nn.Linear(2 * width, width), nn.Linear(width, width)
        nn.init.zeros_(self.out.bias)
        with torch.no_grad():
            self.out.weight.mul_(0.5)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        h = torch.cat([past, self.norm(x)], 1)
        before = h[:, : h.shape[1] - self.dilation]
        y = x + self.out(silu(self.taps(torch.cat([h[:, self.dilation :], before], -1))))
        return y, h[:, h.shape[1] - self.dilation :]


class CausalStack(nn.Module):
    """Frames (B, N, inputs) -> blocks -> (B, N, outputs); the state is a list of one tensor a block."""

    def __init__(self, inputs: int, outputs: int, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.blocks = cast(Sequence[CausalBlock], nn.ModuleList([CausalBlock(width, d) for d in dilations]))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, outputs))
        self.warm_up = sum(dilations)  # frames of the past that a frame depends on

    def start(self, batch: int) -> list[Tensor]:
        """Fresh state: what a silent past has left in it, zeros."""
        weight = self.enter.weight
        return [weight.new_zeros(batch, block.dilation, block.width) for block in self.blocks]

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        h = self.enter(x)
        after: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            h, kept = block(h, state[i])
            after.append(kept)
        return self.leave(h), after
