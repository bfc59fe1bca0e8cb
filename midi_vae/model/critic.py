"""A critic of melodies for training: how likely is each symbol, given all the others of its window?

Two causal towers read the window from either end;
what they know up to just before and just after a step predicts the symbol of that step. The full conditionals
log p(x_s | all other steps) are what the gradient of a joint log p(x) with respect to one step's distribution needs, so
a decoder learns from them without differentiating through the critic.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..music.melody import ONSET
from .layers import CausalTowers


class Critic(nn.Module):
    """Full conditionals over the symbols hold, note off and the onset of each of P pitches."""

    def __init__(self, pitches: int, width: int = 80) -> None:
        super().__init__()
        self.symbols = ONSET + pitches
        self.towers = CausalTowers(2, self.symbols + 1, width)  # one symbol more: the edge of the window
        self.head = nn.Sequential(nn.Linear(2 * width, 2 * width), nn.SiLU(), nn.Linear(2 * width, self.symbols))

    def forward(self, symbols: Tensor) -> Tensor:
        """Symbols (B, 32) int64 -> log p(symbol | the other 31), (B, 32, 2 + P)."""
        return self.scores(symbols).log_softmax(-1)

    def scores(self, symbols: Tensor) -> Tensor:
        """log p up to a constant of each step, which is enough to compare symbols, and quicker."""
        edge = symbols.new_full((symbols.shape[0], 1), self.symbols)  # not len(): an exporter would keep the number
        framed = torch.cat([edge, symbols, edge], 1)
        before, after = self.towers(torch.stack([framed[:, :-2], framed[:, 2:].flip(1)]))
        return self.head(torch.cat([before, after.flip(1)], -1))

    @torch.no_grad()
    def surprise_of(self, symbols: Tensor) -> Tensor:
        """-log p of symbols (B, 32), each given the others; (B,) nats."""
        return -self(symbols).gather(2, symbols[..., None]).sum((1, 2))

    def surprise(self, probabilities: Tensor) -> Tensor:
        """Expected -log p of symbols drawn from a decoder's (B, 32, 2 + P), the others being its likeliest; (B,) nats.

        The gradient reaches the probabilities only.
        """
        with torch.no_grad():
            log_p = self(probabilities.argmax(-1))
        return -(probabilities * log_p).sum((1, 2))


def corrupt(symbols: Tensor, generator: torch.Generator | None = None, most: float = 0.3) -> Tensor:
    """Replace up to a share of the symbols of half the windows by those of other windows, same step; (B, 32).

    A critic that has only seen real neighbourhoods says nothing useful about a decoder's unfinished ones.
    """
    rate = torch.rand(len(symbols), 1, generator=generator) * most
    rate = rate * (torch.rand(len(symbols), 1, generator=generator) < 0.5)
    wrong = torch.rand(symbols.shape, generator=generator) < rate
    others = symbols[torch.randperm(len(symbols), generator=generator).to(symbols.device)]
    return torch.where(wrong.to(symbols.device), others, symbols)
