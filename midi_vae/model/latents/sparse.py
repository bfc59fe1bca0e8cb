"""Sparse autoencoders: latents of which most entries are near 0.

The penalty λ Σ|h| is a prior in disguise: the negative log of a Laplace density with rate λ is
-log p(h) = Σ (λ|h| - log(λ/2)), the penalty and a constant. (Goodfellow, Bengio & Courville 2016,
section 14.2.1; Olshausen & Field 1996.) A decoder could make up for smaller latents by larger weights: decay them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .latent import Draw, Latent, Point


def sparse_penalty(h: Tensor, lam: float) -> Tensor:
    """λ Σ|h| over the last dimension; (..., D) -> (...), nats.

    Raises:
        ValueError: lam not above 0.
    """
    return _rate(lam) * h.abs().sum(-1)


def laplace_log_prior(h: Tensor, lam: float) -> Tensor:
    """log p(h), entries independent, Laplace of mean 0 and rate λ; (..., D) -> (...), nats.

    Raises:
        ValueError: lam not above 0.
    """
    return h.shape[-1] * math.log(_rate(lam) / 2.0) - sparse_penalty(h, lam)


def share_near_zero(h: Tensor, of_scale: float = 0.1) -> Tensor:
    """Share of entries below so much of the root mean square of the batch; (B, D) -> scalar."""
    return (h.abs() < of_scale * h.square().mean().sqrt()).to(h.dtype).mean()


class Sparse(Latent):
    """A latent of which most entries are near 0; the cost is Σ|h|, its weight is λ."""

    term, weight = "sparsity", 0.1

    def draw(self, posterior: Point, generator: torch.Generator | None = None, free_nats: float = 0.0) -> Draw:
        return Draw(posterior.mean, sparse_penalty(posterior.mean, 1.0))


def _rate(lam: float) -> float:
    if not 0.0 < lam < math.inf:
        raise ValueError(f"lam {lam}; the rate of a Laplace density is above 0")
    return lam
