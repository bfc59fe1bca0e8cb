"""The learned prior: causal, its likelihood a likelihood, its draws those of the melodies it has seen."""

from __future__ import annotations

import math

import pytest
import torch
from random_numbers import seeded
from torch import Tensor

from midi_vae.model.layers import CausalTowers, TowerSteps
from midi_vae.model.prior import DRAWS, NUCLEUS, WIDE_NUCLEUS, MelodyPrior, nucleus
from midi_vae.music.windows import WINDOW_STEPS

PITCHES = 12


def make(width: int = 16, rounds: int = 1) -> MelodyPrior:
    torch.manual_seed(0)
    return MelodyPrior(PITCHES, width, rounds)


def some_symbols(count: int, seed: int = 0) -> Tensor:
    return torch.randint(2 + PITCHES, (count, WINDOW_STEPS), generator=seeded(seed))


@pytest.mark.parametrize("rounds", [1, 2])
def test_each_step_depends_on_all_before_it_and_on_none_after(rounds: int) -> None:
    prior, symbols = make(rounds=rounds).double(), some_symbols(1)
    plain = prior(symbols)
    for changed in range(WINDOW_STEPS):
        other = symbols.clone()
        other[0, changed] = (other[0, changed] + 1) % (2 + PITCHES)
        differs = (prior(other) != plain).any(-1)[0]
        assert not differs[: changed + 1].any()
        assert differs[changed + 1 :].all()


@pytest.mark.parametrize(("towers", "rounds"), [(1, 1), (2, 1), (1, 3)])
def test_step_by_step_a_tower_says_what_it_says_of_the_whole_window(towers: int, rounds: int) -> None:
    torch.manual_seed(0)
    tower = CausalTowers(towers, 7, 12, rounds)
    torch.nn.init.normal_(tower.places)
    symbols = torch.randint(0, 7, (towers, 5, WINDOW_STEPS), generator=seeded(1))
    context = torch.randn(towers, 5, WINDOW_STEPS, 12, generator=seeded(2))
    with torch.inference_mode():
        for told in (None, context):
            see = TowerSteps(tower)
            parts = [None if told is None else told[:, :, step] for step in range(WINDOW_STEPS)]
            found = torch.stack([see(symbols[:, :, step], part) for step, part in enumerate(parts)], 2)
            torch.testing.assert_close(found, tower(symbols, told), rtol=1e-5, atol=1e-5)


def test_probabilities_of_all_continuations_sum_to_one() -> None:
    """exp(-32 loss) is p(x): over the last symbol, all else the same, it adds up to p of what stands before."""
    prior, symbols = make().double(), some_symbols(1)
    rows = symbols.repeat(2 + PITCHES, 1)
    rows[:, -1] = torch.arange(2 + PITCHES)
    whole = torch.stack([-WINDOW_STEPS * prior.loss(row[None]) for row in rows]).logsumexp(0)
    before = prior(symbols).log_softmax(-1)[0, :-1].gather(1, symbols[0, :-1, None]).sum()
    torch.testing.assert_close(whole, before)


def test_an_untrained_head_of_zeros_is_uniform() -> None:
    prior = make()
    torch.nn.init.zeros_(prior.head[1].weight)
    torch.nn.init.zeros_(prior.head[1].bias)
    assert prior.loss(some_symbols(4)).item() == pytest.approx(math.log(2 + PITCHES))


def test_temperature_0_takes_the_likeliest_at_each_step() -> None:
    prior = make()
    drawn = prior.sample(2, 0.0, seeded())
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(prior(drawn).argmax(-1), drawn)


def test_the_seed_decides_the_draw() -> None:
    prior = make()
    first = prior.sample(4, 1.0, seeded(1))
    assert torch.equal(first, prior.sample(4, 1.0, seeded(1)))
    assert not torch.equal(first, prior.sample(4, 1.0, seeded(2)))


def test_of_the_draws_of_a_window_the_one_of_middle_likelihood_is_taken() -> None:
    prior = make()
    with torch.no_grad():
        prior.head[1].bias.copy_(3 * torch.randn(2 + PITCHES, generator=seeded(5)))  # so that some draws are likelier
    drawn = prior.sample(20 * DRAWS, 0.9, seeded(3), WIDE_NUCLEUS).unflatten(0, (20, DRAWS))
    kept = prior.sample_middle(20, 0.9, seeded(3))
    for draws, one in zip(drawn, kept, strict=True):
        with torch.inference_mode():
            nats = [prior.loss(each[None]).item() for each in (*draws, one)]
        assert any(torch.equal(each, one) for each in draws)
        assert nats[-1] == pytest.approx(sorted(nats[:-1])[DRAWS // 2], rel=1e-5)
    assert torch.equal(kept, prior.sample_middle(20, 0.9, seeded(3)))
    assert torch.equal(prior.sample_middle(2, 0.0, seeded()), prior.sample(2, 0.0, seeded()))


def test_a_flat_head_is_drawn_evenly_and_a_low_temperature_sharpens() -> None:
    prior = make()
    torch.nn.init.zeros_(prior.head[1].weight)
    with torch.no_grad():
        prior.head[1].bias.copy_(torch.arange(2.0 + PITCHES).log1p())  # p(k) ~ k + 1
    count = 200
    for temperature in (1.0, 0.5):
        expected = (torch.arange(2.0 + PITCHES) + 1) ** (1 / temperature)
        expected = nucleus((expected / expected.sum())[None])[0]
        drawn = expected > 0
        assert 2 <= drawn.sum() < 2 + PITCHES
        found = prior.sample(count, temperature, seeded()).flatten().bincount(minlength=2 + PITCHES).double()
        assert found[~drawn].sum() == 0
        expected = expected / expected.sum() * count * WINDOW_STEPS
        chi_square = ((found - expected)[drawn] ** 2 / expected[drawn]).sum().item()
        assert chi_square < 34.5  # p = 0.001 at 13 degrees of freedom, of which there are fewer


def test_the_nucleus_is_the_fewest_symbols_that_make_up_its_share() -> None:
    assert NUCLEUS == 0.93
    rows = torch.tensor([[0.5, 0.3, 0.16, 0.04], [0.02, 0.03, 0.05, 0.9], [1.0, 0.0, 0.0, 0.0]])
    expected = torch.tensor([[0.5, 0.3, 0.16, 0.0], [0.0, 0.0, 0.05, 0.9], [1.0, 0.0, 0.0, 0.0]])
    assert torch.equal(nucleus(rows) > 0, expected > 0)
    torch.testing.assert_close(nucleus(rows), expected)


def test_it_learns_that_the_second_bar_repeats_the_first() -> None:
    """What is drawn must rhyme with itself over 16 steps, which takes more than the last few symbols."""
    prior, generator = make(32), seeded()
    optimizer = torch.optim.Adam(prior.parameters(), 1e-2)

    def melodies(count: int) -> Tensor:
        return torch.randint(2, 2 + PITCHES, (count, 16), generator=generator).repeat(1, 2)

    for _ in range(350):
        loss = prior.loss(melodies(64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert prior.loss(melodies(256)).item() == pytest.approx(math.log(PITCHES) / 2, rel=0.15)  # the first bar is free
    drawn = prior.sample(64, 1.0, generator)
    assert (drawn[:, :16] == drawn[:, 16:]).double().mean() > 0.9
