"""Gaussian latents: q(z | x) = N(μ, diag σ²), p(z) = N(0, I), and bounds on log p(x).

(Kingma & Welling 2014, arXiv 1312.6114.) The evidence lower bound is E_q[log p(x | z)] - β KL(q(z | x) ‖ p(z)), β = 1;
another β trades rate for distortion (Higgins et al. 2017). The mean of R importance weights under the logarithm is a
tighter bound (Burda et al. 2016, arXiv 1509.00519).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .latent import Draw, Latent, Point
from .likelihoods import gaussian_log_likelihood


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² - 1 - log σ²) over the last dimension; (..., D) -> (...), nats."""
    return gaussian_kl_by_dimension(mean, log_variance).sum(-1)


def gaussian_kl_by_dimension(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The terms of `gaussian_kl`; (..., D), nats."""
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)


def free_bits(kl: Tensor, free_nats: float) -> Tensor:
    """Sum of a KL over dimensions, each of which costs at least so much in the mean of the batch; (B, D) -> (B,).

    (Kingma et al. 2016, arXiv 1606.04934, app. C.8.) So nothing is gained by emptying a dimension.
    """
    if free_nats > 0.0:
        kl = torch.maximum(kl.mean(0, keepdim=True), kl.new_tensor(free_nats)).expand_as(kl)
    return kl.sum(1)


def reparameterize(mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """z = μ + σ ε, ε ~ N(0, I); drawn on the CPU, so that a seed means the same on every device."""
    noise = torch.randn(mean.shape, dtype=mean.dtype, generator=generator).to(mean.device)
    return mean + noise * torch.exp(0.5 * log_variance)


def standard_normal_log_density(z: Tensor) -> Tensor:
    """log N(z; 0, I); (..., D) -> (...), nats."""
    return -0.5 * (z.square() + math.log(2.0 * math.pi)).sum(-1)


def monte_carlo_kl(
    mean: Tensor, log_variance: Tensor, samples: int, generator: torch.Generator | None = None
) -> Tensor:
    """log q(z) - log p(z) of so many draws from q; (B, D) -> (R, B), nats. Its mean over R estimates `gaussian_kl`.

    Raises:
        ValueError: no samples.
    """
    if samples < 1:
        raise ValueError(f"{samples} samples; an estimate takes at least 1")
    shape = (samples, *mean.shape)
    z = reparameterize(mean.expand(shape), log_variance.expand(shape), generator)
    return gaussian_log_likelihood(z, mean, log_variance) - standard_normal_log_density(z)


def evidence_lower_bound(log_likelihood: Tensor, kl: Tensor, beta: float = 1.0) -> Tensor:
    """(1/R) Σ log p(x | z_r) - β KL; (R, B) and (B,) -> (B,), nats."""
    return log_likelihood.mean(0) - beta * kl


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """log (1/R) Σ w_r, w = p(x, z) / q(z | x); (R, B) of log w -> (B,), nats. R = 1 is the evidence lower bound."""
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


@dataclass(frozen=True)
class Posterior(Point):
    """q(z | x) = N(mean, exp(log_variance)); both (B, D)."""

    log_variance: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """z = mean + sigma * noise, the reparameterization trick; (B, D)."""
        return reparameterize(self.mean, self.log_variance, generator)


class Gaussian(Latent):
    """VAE and, by the weight of its KL term, β-VAE."""

    heads, term, weight = 2, "kl", 0.03
    min_log_variance, max_log_variance = -8.0, 4.0  # bounds keep exp() finite

    def posterior(self, features: Tensor) -> Posterior:
        mean, log_variance = self.heads_of(features)
        return Posterior(mean, log_variance.clamp(self.min_log_variance, self.max_log_variance))

    def draw(self, posterior: Posterior, generator: torch.Generator | None = None, free_nats: float = 0.0) -> Draw:
        kl = gaussian_kl_by_dimension(posterior.mean, posterior.log_variance)
        return Draw(posterior.sample(generator), free_bits(kl, free_nats))
