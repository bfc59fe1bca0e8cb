"""Gaussian latents: divergences, bounds and gradients where the exact answer is known; decoder likelihoods."""

from __future__ import annotations

import math

import pytest
import torch
from random_numbers import seeded
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, MultivariateNormal, Normal, kl_divergence

from midi_vae.model.latents import gaussian_kl
from midi_vae.model.latents.gaussian import (
    evidence_lower_bound,
    importance_weighted_bound,
    monte_carlo_kl,
    reparameterize,
    standard_normal_log_density,
)
from midi_vae.model.latents.likelihoods import (
    bernoulli_log_likelihood,
    categorical_log_likelihood,
    gaussian_log_likelihood,
)

DOUBLE = torch.float64


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=DOUBLE)


def test_the_analytic_kl_is_torchs() -> None:
    mean, log_variance = randn(5, 3), randn(5, 3, seed=1)
    wanted = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(gaussian_kl(mean, log_variance), wanted)
    assert gaussian_kl(torch.zeros(2, 4), torch.zeros(2, 4)).tolist() == [0.0, 0.0]


def test_the_monte_carlo_kl_is_the_analytic_one_within_its_error() -> None:
    mean, log_variance = randn(6, 3), randn(6, 3, seed=1)
    draws = monte_carlo_kl(mean, log_variance, 20_000, seeded(2))
    assert draws.shape == (20_000, 6)
    error = draws.std(0) / math.sqrt(len(draws))
    assert ((draws.mean(0) - gaussian_kl(mean, log_variance)).abs() < 4.0 * error).all()
    with pytest.raises(ValueError, match="0 samples"):
        monte_carlo_kl(mean, log_variance, 0)


def test_densities_are_torchs() -> None:
    x, mean, log_variance = randn(4, 3), randn(4, 3, seed=1), randn(4, 3, seed=2)
    wanted = Normal(mean, (0.5 * log_variance).exp()).log_prob(x).sum(1)
    torch.testing.assert_close(gaussian_log_likelihood(x, mean, log_variance), wanted)
    torch.testing.assert_close(standard_normal_log_density(x), Normal(0.0, 1.0).log_prob(x).sum(1))
    bits, logits = (randn(4, 3) > 0).to(DOUBLE), randn(4, 3, seed=3)
    torch.testing.assert_close(bernoulli_log_likelihood(bits, logits), Bernoulli(logits=logits).log_prob(bits).sum(1))
    symbols, scores = torch.randint(0, 7, (4, 3), generator=seeded()), randn(4, 3, 7, seed=4)
    wanted = Categorical(logits=scores).log_prob(symbols).sum(1)
    torch.testing.assert_close(categorical_log_likelihood(symbols, scores), wanted)


def test_a_learned_variance_finds_the_datas() -> None:
    x = 2.0 + 0.5 * randn(4000, 1)
    mean, log_variance = (
        torch.zeros(1, dtype=DOUBLE, requires_grad=True),
        torch.zeros(1, dtype=DOUBLE, requires_grad=True),
    )
    search = torch.optim.LBFGS([mean, log_variance], line_search_fn="strong_wolfe", max_iter=100)

    def closure() -> Tensor:
        search.zero_grad()
        loss = -gaussian_log_likelihood(x, mean, log_variance).mean()
        loss.backward()
        return loss

    search.step(closure)
    torch.testing.assert_close(mean.detach(), x.mean(0), rtol=1e-4, atol=0.0)
    torch.testing.assert_close(log_variance.detach().exp(), x.var(0, correction=0), rtol=1e-3, atol=0.0)


class LinearGaussian:
    """z ~ N(0, I), x | z ~ N(W z, s² I): the posterior and log p(x) are known."""

    def __init__(self) -> None:
        self.w, self.noise = randn(5, 2, seed=7), 0.6
        self.x = randn(8, 5, seed=8)
        self.log_p = MultivariateNormal(
            torch.zeros(5, dtype=DOUBLE), self.w @ self.w.T + self.noise**2 * torch.eye(5, dtype=DOUBLE)
        ).log_prob(self.x)
        self.precision = torch.eye(2, dtype=DOUBLE) + self.w.T @ self.w / self.noise**2
        self.mean = self.x @ self.w @ torch.linalg.inv(self.precision) / self.noise**2

    def log_likelihood(self, z: Tensor) -> Tensor:
        log_variance = torch.full((5,), 2.0 * math.log(self.noise), dtype=DOUBLE)
        return gaussian_log_likelihood(self.x.expand(*z.shape[:-1], 5), z @ self.w.T, log_variance)

    def log_weights(self, mean: Tensor, log_variance: Tensor, count: int, seed: int) -> Tensor:
        shape = (count, *mean.shape)
        z = reparameterize(mean.expand(shape), log_variance.expand(shape), seeded(seed))
        log_q = gaussian_log_likelihood(z, mean, log_variance)
        return self.log_likelihood(z) + standard_normal_log_density(z) - log_q


def test_the_bound_is_below_and_the_importance_weighted_one_rises_to_it() -> None:
    model = LinearGaussian()
    log_variance = -torch.log(torch.diagonal(model.precision)).expand(8, 2)  # the best diagonal posterior
    log_w = model.log_weights(model.mean, log_variance, 102_400, 0)
    bounds = [
        importance_weighted_bound(log_w.unflatten(0, (-1, r)).transpose(0, 1).flatten(1)).view(-1, 8).mean(0)
        for r in (1, 4, 16, 256)
    ]
    for lower, higher in zip(bounds, [*bounds[1:], model.log_p], strict=True):
        assert (lower < higher).all()
    torch.testing.assert_close(bounds[-1], model.log_p, rtol=0.0, atol=0.05)
    # the gap of the bound is KL(q || p(z | x)), which is known for the best diagonal q
    gap = 0.5 * (torch.diagonal(model.precision).log().sum() - torch.linalg.slogdet(model.precision).logabsdet)
    torch.testing.assert_close(model.log_p - bounds[0], gap.expand(8), rtol=0.1, atol=0.0)


def test_one_weight_is_the_evidence_lower_bound() -> None:
    model = LinearGaussian()
    log_variance = torch.full((8, 2), -1.0, dtype=DOUBLE)
    shape = (4000, 8, 2)
    z = reparameterize(model.mean.expand(shape), log_variance.expand(shape), seeded())
    elbo = evidence_lower_bound(model.log_likelihood(z), gaussian_kl(model.mean, log_variance))
    draws = model.log_weights(model.mean, log_variance, 4000, 1)
    both = importance_weighted_bound(draws.view(1, 4000, 8)).mean(0)
    error = draws.std(0) / math.sqrt(4000)
    assert ((elbo - both).abs() < 6.0 * error).all()
    harder = evidence_lower_bound(model.log_likelihood(z), gaussian_kl(model.mean, log_variance), beta=4.0)
    torch.testing.assert_close(elbo - harder, 3.0 * gaussian_kl(model.mean, log_variance))


def test_the_exact_posterior_leaves_no_gap() -> None:
    model = LinearGaussian()
    posterior = MultivariateNormal(model.mean, precision_matrix=model.precision)
    z = posterior.sample()
    log_w = model.log_likelihood(z) + standard_normal_log_density(z) - posterior.log_prob(z)
    torch.testing.assert_close(importance_weighted_bound(log_w[None]), model.log_p)


def test_reparameterized_gradients_are_score_function_gradients() -> None:
    """∇ E_q[f(z)] both ways: through the sample, and as E_q[f(z) ∇ log q(z)] (REINFORCE), which varies more."""
    mean = torch.tensor([0.3, -0.8], dtype=DOUBLE, requires_grad=True)
    log_variance = torch.tensor([0.2, -0.5], dtype=DOUBLE, requires_grad=True)

    def f(z: Tensor) -> Tensor:
        return torch.sin(z).sum(-1) + 0.3 * z.prod(-1)

    def gradients(values: Tensor) -> Tensor:
        """Of each row's mean, so that the spread over rows gives the error."""
        rows = [torch.cat(torch.autograd.grad(row.mean(), [mean, log_variance], retain_graph=True)) for row in values]
        return torch.stack(rows)

    shape = (40, 5000, 2)
    z = reparameterize(mean.expand(shape), log_variance.expand(shape), seeded())
    through = gradients(f(z))
    fixed = reparameterize(mean.expand(shape), log_variance.expand(shape), seeded(1)).detach()
    by_score = gradients(f(fixed) * gaussian_log_likelihood(fixed, mean, log_variance))
    error = torch.sqrt((through.var(0) + by_score.var(0)) / len(through))
    assert ((through.mean(0) - by_score.mean(0)).abs() < 4.0 * error).all()
    assert (through.std(0) < by_score.std(0)).all()
