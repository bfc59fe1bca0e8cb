"""Deterministic autoencoders: undercomplete, sparse, contractive, denoising, against what theory says of them."""

from __future__ import annotations

import math

import pytest
import torch
from random_numbers import seeded
from torch import Tensor, nn
from torch.distributions import Laplace

from midi_vae.model.latents import (
    contractive_penalty,
    contractive_penalty_estimate,
    laplace_log_prior,
    score_from_denoiser,
    sparse_penalty,
)
from midi_vae.model.latents.contractive import directional_sensitivity
from midi_vae.model.latents.denoising import (
    add_gaussian,
    denoising_objective,
    mask_symbols,
    mask_values,
    replace_symbols,
)
from midi_vae.model.latents.linear import LinearAutoencoder, principal_angles, principal_subspace
from midi_vae.model.latents.sparse import share_near_zero


def encoder(inputs: int, outputs: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(inputs, 24), nn.Tanh(), nn.Linear(24, outputs), nn.Tanh())


# Undercomplete


def test_a_linear_autoencoder_finds_the_principal_subspace() -> None:
    spread = torch.tensor([3.0, 2.0, 1.5, 0.5, 0.4, 0.3, 0.2, 0.1])
    turn = torch.linalg.qr(torch.randn(8, 8, generator=seeded(1))).Q
    x = ((torch.randn(2000, 8, generator=seeded(2)) * spread) @ turn.T).double()
    x = x - x.mean(0)
    torch.manual_seed(0)
    model = LinearAutoencoder(8, 3).double()
    search = torch.optim.LBFGS(model.parameters(), max_iter=300, tolerance_change=1e-14, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        search.zero_grad()
        loss = model.loss(x).mean()
        loss.backward()
        return loss

    search.step(closure)
    principal = principal_subspace(x, 3)
    assert principal_angles(model.decoder.weight.detach(), principal).max() < 1.0
    assert principal_angles(model.encoder.weight.detach().T, principal).max() < 1.0
    left = torch.linalg.svdvals(x)[3:].square().sum() / len(x)  # Eckart and Young: no rank 3 map leaves less
    torch.testing.assert_close(model.loss(x).mean().detach(), left, rtol=1e-6, atol=0.0)


def test_principal_angles_do_not_depend_on_the_basis() -> None:
    a = torch.randn(6, 2, generator=seeded(), dtype=torch.float64)
    same = a @ torch.tensor([[2.0, 1.0], [0.5, -1.0]], dtype=torch.float64)
    assert principal_angles(a, same).max() < 1e-6
    small = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1e-4]], dtype=torch.float64)
    torch.testing.assert_close(
        principal_angles(torch.eye(3, dtype=torch.float64)[:, :2], small)[1].item(), math.degrees(math.atan(1e-4))
    )


# Sparse


@pytest.mark.parametrize("lam", [0.1, 1.0, 7.5])
def test_the_penalty_is_the_laplace_prior_up_to_a_constant(lam: float) -> None:
    h = 3.0 * torch.randn(5, 16, generator=seeded(), dtype=torch.float64)
    prior = laplace_log_prior(h, lam)
    assert prior.shape == sparse_penalty(h, lam).shape == (5,)
    torch.testing.assert_close(prior, Laplace(0.0, 1.0 / lam).log_prob(h).sum(1))
    constant = 16 * math.log(lam / 2.0)
    torch.testing.assert_close(-prior, sparse_penalty(h, lam) - constant)


def test_the_penalty_in_numbers() -> None:
    assert sparse_penalty(torch.tensor([[1.0, -2.0], [0.0, 0.5]]), 2.0).tolist() == [6.0, 1.0]
    assert sparse_penalty(torch.tensor([1.0, -2.0]), 2.0).item() == 6.0
    with pytest.raises(ValueError, match=r"lam 0\.0"):
        laplace_log_prior(torch.zeros(1), 0.0)


def test_share_near_zero() -> None:
    assert share_near_zero(torch.tensor([[0.0, 4.0, 0.01, 4.0]])) == 0.5


# Contractive


def test_the_exact_penalty_is_that_of_the_jacobian() -> None:
    f, x = encoder(7, 4), torch.randn(6, 7, generator=seeded())
    wanted = [3.0 * torch.func.jacrev(f)(row).square().sum() for row in x]
    torch.testing.assert_close(contractive_penalty(f, x, 3.0), torch.stack(wanted))


def test_the_penalty_of_a_linear_map_is_the_norm_of_its_matrix() -> None:
    f = nn.Linear(5, 3)
    wanted = (2.0 * f.weight.square().sum()).expand(4)
    torch.testing.assert_close(contractive_penalty(f, torch.randn(4, 5), 2.0), wanted)


def test_the_estimate_is_unbiased() -> None:
    f, x = encoder(7, 4), torch.randn(6, 7, generator=seeded())
    exact = contractive_penalty(f, x, 0.5).detach()
    draws = torch.stack([contractive_penalty_estimate(f, x, 0.5, 1, seeded(n)).detach() for n in range(800)])
    error = draws.std(0) / math.sqrt(len(draws))
    assert ((draws.mean(0) - exact).abs() < 4.0 * error).all()
    spread = [
        torch.stack([contractive_penalty_estimate(f, x, 0.5, probes, seeded(n)).detach() for n in range(100)]).std(0)
        for probes in (1, 16)
    ]
    assert (spread[1] < 0.5 * spread[0]).all()


def test_both_penalties_teach_the_encoder() -> None:
    f, x = encoder(7, 4), torch.randn(6, 7, generator=seeded())
    exact = torch.autograd.grad(contractive_penalty(f, x, 1.0).mean(), list(f.parameters()), allow_unused=True)
    estimated = torch.autograd.grad(
        contractive_penalty_estimate(f, x, 1.0, 4000, seeded()).mean(), list(f.parameters()), allow_unused=True
    )
    for a, b in zip(exact, estimated, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert torch.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.99
    with pytest.raises(ValueError, match="0 probes"):
        contractive_penalty_estimate(f, x, 1.0, 0)


def test_training_flattens_the_code_across_the_manifold() -> None:
    """Data on a circle in the plane: across it (radially) the code comes to move little, along it it has to move."""
    angle = 2 * math.pi * torch.rand(256, generator=seeded())
    outward = torch.stack([angle.cos(), angle.sin()], 1)
    along = torch.stack([-angle.sin(), angle.cos()], 1)
    torch.manual_seed(0)
    code, back = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 8), nn.Tanh()), nn.Linear(8, 2)
    optimizer = torch.optim.Adam([*code.parameters(), *back.parameters()], 1e-2)

    def across() -> Tensor:
        return directional_sensitivity(code, outward, outward).detach().square().mean()

    first, ratios = across(), []
    for step in range(400):
        if step % 100 == 0:
            ratios.append(across() / directional_sensitivity(code, outward, along).detach().square().mean())
        loss = (back(code(outward)) - outward).square().sum(1).mean()
        loss = loss + contractive_penalty(code, outward, 0.05).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert across() < 0.1 * first
    assert across() / directional_sensitivity(code, outward, along).detach().square().mean() < 0.1 * ratios[0]
    assert (back(code(outward)) - outward).square().sum(1).mean() < 0.05


# Denoising


def test_corruption_of_symbols() -> None:
    symbols = torch.arange(20000).view(500, 40)
    masked = mask_symbols(symbols, 0.25, -1, seeded())
    assert ((masked == -1) | (masked == symbols)).all()
    assert abs((masked == -1).float().mean() - 0.25) < 0.02
    replaced = replace_symbols(symbols, 0.5, seeded())
    assert ((replaced - symbols) % 40 == 0).all()  # of the same step
    assert abs((replaced != symbols).float().mean() - 0.5) < 0.02
    assert torch.equal(replace_symbols(symbols, 0.0), symbols)
    with pytest.raises(ValueError, match=r"rate 1\.5"):
        mask_symbols(symbols, 1.5, 0)


def test_corruption_of_vectors() -> None:
    x = torch.ones(200, 50)
    assert abs(mask_values(x, 0.3, seeded()).mean() - 0.7) < 0.02
    noisy = add_gaussian(x, 0.2, seeded())
    assert abs(noisy.mean() - 1.0) < 0.01
    assert abs(noisy.std() - 0.2) < 0.01
    assert torch.equal(noisy, add_gaussian(x, 0.2, seeded()))


def test_the_worked_example() -> None:
    assert denoising_objective(torch.tensor([-0.1, -0.2, -0.3, -0.4])).item() == pytest.approx(0.25)


def test_the_best_residual_is_the_score() -> None:
    """Of N(μ, Σ) + N(0, σ² I) the best denoiser is linear and known, and so is the score."""
    mean, spread, sigma = torch.tensor([1.0, -2.0]), torch.tensor([[2.0, 0.9], [0.9, 1.0]]), 0.7
    smoothed = spread + sigma**2 * torch.eye(2)
    x = 3.0 * torch.randn(50, 2, generator=seeded())
    score = score_from_denoiser(lambda y: mean + (y - mean) @ torch.linalg.solve(smoothed, spread), x, sigma)
    torch.testing.assert_close(score, -torch.linalg.solve(smoothed, (x - mean).T).T, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="sigma 0"):
        score_from_denoiser(lambda y: y, x, 0)


def test_a_learned_residual_points_along_the_score() -> None:
    root = torch.tensor([[1.5, 0.0], [0.8, 0.6]])
    sigma = 0.5
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    draw, steps = seeded(1), 600
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1.0 - step / steps)
        clean = torch.randn(1024, 2, generator=draw) @ root.T
        loss = (model(add_gaussian(clean, sigma, draw)) - clean).square().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x = add_gaussian(torch.randn(1000, 2, generator=seeded(2)) @ root.T, sigma, seeded(3))
    learned = score_from_denoiser(model, x, sigma).detach()
    exact = -torch.linalg.solve(root @ root.T + sigma**2 * torch.eye(2), x.T).T
    assert torch.cosine_similarity(learned.flatten(), exact.flatten(), dim=0) > 0.99
