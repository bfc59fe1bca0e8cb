"""Denoising autoencoders: x is corrupted by C(x̃ | x), and -log p(x | h = f(x̃)) is averaged over both, x the clean one.

(Vincent et al. 2008, ICML.) With Gaussian noise of deviation σ and squared error, the best reconstruction is
E[x | x̃] = x̃ + σ² ∇ log p_σ(x̃), so its residual over σ² estimates the score (Vincent 2011; Alain & Bengio 2014, arXiv
1211.4246; the identity is Tweedie's).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ...music.melody import HOLD
from .latent import Latent


def mask_symbols(symbols: Tensor, rate: float, mask: int, generator: torch.Generator | None = None) -> Tensor:
    """Each symbol becomes `mask` with probability `rate`; int64 of any shape."""
    return torch.where(_chosen(symbols, rate, generator), mask, symbols)


def replace_symbols(symbols: Tensor, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """Each symbol becomes that of another window at the same step with probability `rate`; (B, S) int64.

    So a wrong symbol is as usual as a right one, and has to be found out by its neighbours.
    """
    others = symbols[torch.randperm(len(symbols), generator=generator).to(symbols.device)]
    return torch.where(_chosen(symbols, rate, generator), others, symbols)


def mask_values(x: Tensor, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """Each entry becomes 0 with probability `rate`; real vectors of any shape."""
    return torch.where(_chosen(x, rate, generator), 0.0, x)


def add_gaussian(x: Tensor, sigma: float, generator: torch.Generator | None = None) -> Tensor:
    """x + σ ε, ε ~ N(0, I); real vectors of any shape."""
    return x + sigma * torch.randn(x.shape, dtype=x.dtype, generator=generator).to(x.device)


def denoising_objective(log_likelihood: Tensor) -> Tensor:
    """-(1/N) Σ log p(x | f(x̃)) over examples and corruptions; nats, scalar.

    >>> denoising_objective(torch.tensor([-0.1, -0.2, -0.3, -0.4]))
    tensor(0.2500)
    """
    return -log_likelihood.mean()


def score_from_denoiser(reconstruct: Callable[[Tensor], Tensor], x: Tensor, sigma: float) -> Tensor:
    """(r(x) - x) / σ² ≈ ∇ log p(x), p the data smoothed by noise of deviation σ; the shape of x.

    Raises:
        ValueError: sigma not above 0.
    """
    if not sigma > 0.0:
        raise ValueError(f"sigma {sigma}; the deviation of the noise is above 0")
    return (reconstruct(x) - x) / sigma**2


class Denoising(Latent):
    """The latent of a corrupted melody has to be that of the clean one."""

    masked = replaced = 0.1  # shares of the symbols

    def corrupt(self, tokens: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return mask_symbols(
            replace_symbols(tokens, self.replaced, generator), self.masked, HOLD, generator
        )  # an unheard note


def _chosen(x: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"rate {rate}; a probability is 0 to 1")
    return (torch.rand(x.shape, generator=generator) < rate).to(x.device)
