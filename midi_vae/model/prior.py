"""The learned prior over latents: random melodies of an autoregressive model, seen through the encoder.

The bound pulls each posterior towards N(0, I) but leaves their mixture full of holes (Tomczak & Welling 2018, arXiv
1705.07120); samples that fall into them are not music. The prior that loses nothing is that mixture itself, the
aggregate posterior p(z) = E[q(z | x)] over melodies x. Tomczak & Welling learn some hundred melodies x to stand for
all; here x is drawn from a model of melodies, p(x) = product over s of p(x_s | x_1 .. x_(s-1)), which is small, exact
in likelihood and learned in minutes. A flow from N(0, I) to the latents was tried first and was far behind
(docs/melody-model.md).

Symbols are drawn from the nucleus (Holtzman et al. 2020, arXiv 1904.09751): a model that is a little wrong about each
of many unlikely symbols, drawn from 32 times, would be wrong in most melodies. A narrow nucleus says the usual, though;
of several draws from a wider one the one of middle likelihood is neither the usual nor a string of accidents.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..music.melody import ONSET
from ..music.windows import WINDOW_STEPS
from .layers import CausalTowers, TowerSteps

NUCLEUS = 0.93  # probability of the likeliest symbols, which are drawn from; the rest never is
WIDE_NUCLEUS, DRAWS = 0.96, 5  # of a window that is drawn so many times, for the draw of middle likelihood


class MelodyPrior(nn.Module):
    """p(x) over windows of the symbols hold, note off and the onset of each of P pitches."""

    def __init__(self, pitches: int, width: int, rounds: int) -> None:
        super().__init__()
        self.symbols = ONSET + pitches
        self.tower = CausalTowers(1, self.symbols + 1, width, rounds)  # one more: the edge of the window
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, self.symbols))

    def forward(self, symbols: Tensor) -> Tensor:
        """Symbols (B, 32) int64 -> logits of each given those before it, (B, 32, 2 + P)."""
        edge = symbols.new_full((len(symbols), 1), self.symbols)
        return self.head(self.tower(torch.cat([edge, symbols[:, :-1]], 1)[None])[0])

    def loss(self, symbols: Tensor) -> Tensor:
        """-log p(x), mean over the windows of (B, 32) symbols and over their steps; scalar, nats a step."""
        return F.cross_entropy(self(symbols).flatten(0, 1), symbols.flatten())

    @torch.inference_mode()
    def sample_middle(self, n: int, temperature: float, generator: torch.Generator) -> Tensor:
        """As `sample`, of a wider nucleus: each window is drawn several times, and the draw of middle p(x) kept."""
        if temperature <= 0.0:
            return self.sample(n, temperature, generator)
        drawn = self.sample(n * DRAWS, temperature, generator, WIDE_NUCLEUS)
        nats = F.cross_entropy(self(drawn).flatten(0, 1), drawn.flatten(), reduction="none").view(n, DRAWS, -1).sum(-1)
        middle = nats.argsort(dim=1, stable=True)[:, DRAWS // 2]
        return drawn.view(n, DRAWS, -1)[torch.arange(n, device=drawn.device), middle]

    @torch.inference_mode()
    def sample(self, n: int, temperature: float, generator: torch.Generator, share: float = NUCLEUS) -> Tensor:
        """Symbols (n, 32) int64 drawn step by step, from the nucleus of p^(1 / temperature); 0 takes the likeliest.

        The draw is made on the CPU whatever the device, so that a seed means the same everywhere.

        Args:
            share: of the nucleus.
        """
        device, see = self.tower.places.device, TowerSteps(self.tower)
        symbols = [torch.full((n,), self.symbols, device=device)]
        for _ in range(WINDOW_STEPS):
            logits = self.head(see(symbols[-1][None])[0]).cpu()
            if temperature > 0.0:
                probabilities = nucleus(torch.softmax(logits / temperature, -1), share)
                drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
            else:
                drawn = logits.argmax(-1)
            symbols.append(drawn.to(device))
        return torch.stack(symbols[1:], 1)


def nucleus(probabilities: Tensor, share: float = NUCLEUS) -> Tensor:
    """Probabilities (B, V) with all but the fewest that make up a share set to 0; not normalised again."""
    falling, order = probabilities.sort(-1, descending=True)
    kept = falling.cumsum(-1) - falling < share
    return probabilities * torch.zeros_like(kept).scatter(-1, order, kept)
