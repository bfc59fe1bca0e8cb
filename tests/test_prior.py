"""The learned prior: its loss and integrator on velocities known by hand; that it learns a distribution."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from midi_vae.prior import LatentPrior

SIZE = 8


class Known(LatentPrior):
    """A prior whose velocity is given."""

    def __init__(self, velocity) -> None:
        super().__init__(SIZE, 4, 4, 0)
        self.known = velocity

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        return self.known(z, t)


def noise(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, SIZE, generator=torch.Generator().manual_seed(seed))


def test_a_constant_velocity_moves_everything_by_it() -> None:
    start = noise(5)
    torch.testing.assert_close(Known(lambda z, t: torch.full_like(z, 2.5)).sample(start, steps=7), start + 2.5)


def test_time_runs_from_0_to_1() -> None:
    seen: list[float] = []

    def velocity(z: Tensor, t: Tensor) -> Tensor:
        assert t.shape == (5, 1)
        seen.extend(t.unique().tolist())
        return 2 * t.expand_as(z)  # its integral is t², which the trapezoid of Heun's method has exactly

    torch.testing.assert_close(Known(velocity).sample(noise(5), steps=10), noise(5) + 1.0)
    assert seen[0] == 0.0
    assert max(seen) == pytest.approx(1.0)


def test_heun_s_method_is_of_second_order() -> None:
    exact = math.e * noise(5)
    errors = [(Known(lambda z, t: z).sample(noise(5), steps=n) - exact).abs().max() for n in (10, 20)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.15)
    growth = (1 + 0.1 + 0.1**2 / 2) ** 10
    torch.testing.assert_close(Known(lambda z, t: z).sample(noise(5), steps=10), growth * noise(5))


def test_loss_is_the_squared_error_of_the_straight_line_s_velocity() -> None:
    codes, start, t = noise(6, 1), noise(6, 2), torch.rand(6, 1)
    right = Known(lambda z, t: codes - start)
    assert right.loss(codes, start, t).item() == 0.0
    still = Known(lambda z, t: torch.zeros_like(z))
    assert still.loss(codes, start, t).item() == pytest.approx(((codes - start) ** 2).mean().item())


def test_loss_looks_at_the_point_reached_at_its_time() -> None:
    codes, start = noise(6, 1), noise(6, 2)
    for share in (0.0, 0.25, 1.0):
        seen: list[Tensor] = []
        prior = Known(lambda z, t, seen=seen: seen.extend([z, t]) or torch.zeros_like(z))
        prior.loss(codes, start, torch.full((6, 1), share))
        torch.testing.assert_close(seen[0], (1 - share) * start + share * codes)
        assert seen[1].eq(share).all()


def test_shapes_and_the_same_noise_gives_the_same_codes() -> None:
    torch.manual_seed(0)
    prior = LatentPrior(16, 8, 8, 1)
    start = torch.randn(3, 16)
    out = prior.sample(start)
    assert out.shape == (3, 16)
    assert torch.equal(out, prior.sample(start))
    assert not torch.equal(out, prior.sample(torch.randn(3, 16)))
    torch.testing.assert_close(out[1:], prior.sample(start[1:]))


def test_velocity_depends_on_place_and_time() -> None:
    torch.manual_seed(0)
    prior = LatentPrior(SIZE, 16, 16, 1)
    z, t = noise(3), torch.full((3, 1), 0.4)
    assert not torch.allclose(prior(z, t), prior(z, t + 0.01))
    assert not torch.allclose(prior(z, t), prior(z + 0.1, t))


def learn(codes, steps: int) -> LatentPrior:
    """A small prior, shown draws of `codes(count, generator)`."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    prior = LatentPrior(SIZE, 32, 32, 1)
    optimizer = torch.optim.Adam(prior.parameters(), 3e-3)
    for _ in range(steps):
        start = torch.randn(256, SIZE, generator=generator)
        loss = prior.loss(codes(256, generator), start, torch.rand(256, 1, generator=generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return prior


def test_it_learns_mean_and_spread() -> None:
    mean = torch.linspace(-2.0, 2.0, SIZE)
    spread = torch.linspace(0.5, 1.5, SIZE)
    drawn = learn(lambda n, g: mean + spread * torch.randn(n, SIZE, generator=g), 300).sample(noise(2000))
    assert (drawn.mean(0) - mean).abs().max() < 0.25
    assert ((drawn.std(0) / spread).log()).abs().max() < math.log(1.25)


def test_it_learns_two_modes_and_leaves_the_space_between_them_empty() -> None:
    mode = torch.tensor([1.5, -1.5] * (SIZE // 2))

    def codes(count: int, generator: torch.Generator) -> Tensor:
        side = torch.where(torch.rand(count, 1, generator=generator) < 0.3, 1.0, -1.0)
        return side * mode + 0.3 * torch.randn(count, SIZE, generator=generator)

    drawn = learn(codes, 400).sample(noise(2000))
    place = drawn @ mode / mode.square().sum()  # -1 and 1 at the modes
    assert (place > 0).float().mean().item() == pytest.approx(0.3, abs=0.08)
    assert (place.abs() - 1).abs().mean() < 0.15
    assert (place.abs() < 0.5).float().mean() < 0.05
