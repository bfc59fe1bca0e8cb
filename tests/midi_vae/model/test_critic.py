"""The critic's full conditionals: what they may see, that they are probabilities, where gradients go."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from midi_vae.model.critic import Critic, corrupt
from midi_vae.music.melody import ONSET

PITCHES = 12
SYMBOLS = ONSET + PITCHES


@pytest.fixture(scope="module")
def critic() -> Critic:
    torch.manual_seed(0)
    return Critic(PITCHES, width=24)


def some_symbols(count: int, seed: int = 0) -> Tensor:
    return torch.randint(SYMBOLS, (count, 32), generator=torch.Generator().manual_seed(seed))


def test_log_probabilities_are_normalised(critic: Critic) -> None:
    log_p = critic(some_symbols(4))
    assert log_p.shape == (4, 32, SYMBOLS)
    torch.testing.assert_close(log_p.exp().sum(-1), torch.ones(4, 32))


@pytest.mark.parametrize("step", [0, 1, 13, 16, 30, 31])
def test_a_symbol_is_judged_by_all_others_and_never_by_itself(critic: Critic, step: int) -> None:
    symbols = some_symbols(3)
    changed = symbols.clone()
    changed[:, step] = (changed[:, step] + 1) % SYMBOLS
    difference = (critic(symbols) - critic(changed)).abs().amax((0, 2))
    assert difference[step] == 0.0
    others = [s for s in range(32) if s != step]
    assert (difference[others] > 0).all()


def test_surprise_of_is_the_sum_over_the_steps(critic: Critic) -> None:
    symbols = some_symbols(2)
    log_p = critic(symbols)
    by_hand = [-sum(log_p[row, s, symbols[row, s]].item() for s in range(32)) for row in range(2)]
    assert critic.surprise_of(symbols).tolist() == pytest.approx(by_hand, rel=1e-5)
    assert not critic.surprise_of(symbols).requires_grad


def test_surprise_of_a_sure_decoder_is_that_of_its_symbols(critic: Critic) -> None:
    symbols = some_symbols(3)
    sure = torch.nn.functional.one_hot(symbols, SYMBOLS).float()
    torch.testing.assert_close(critic.surprise(sure), critic.surprise_of(symbols))


def test_surprise_is_the_expectation_given_the_likeliest_symbols(critic: Critic) -> None:
    logits = torch.randn(2, 32, SYMBOLS, generator=torch.Generator().manual_seed(1))
    probabilities = logits.softmax(-1)
    log_p = critic(probabilities.argmax(-1))
    expected = [-(probabilities[row] * log_p[row]).sum().item() for row in range(2)]
    assert critic.surprise(probabilities).tolist() == pytest.approx(expected, rel=1e-5)


def test_the_gradient_of_surprise_reaches_the_probabilities_only(critic: Critic) -> None:
    critic.zero_grad()
    probabilities = torch.rand(2, 32, SYMBOLS, requires_grad=True)
    critic.surprise(probabilities).sum().backward()
    log_p = critic(probabilities.argmax(-1)).detach()
    torch.testing.assert_close(probabilities.grad, -log_p)
    assert all(parameter.grad is None for parameter in critic.parameters())


def test_it_learns_a_rule() -> None:
    """Windows of one pitch each: any symbol follows from the others."""
    torch.manual_seed(0)
    critic, generator = Critic(PITCHES, width=24), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    for _ in range(60):
        symbols = torch.randint(SYMBOLS, (32, 1), generator=generator).expand(-1, 32)
        loss = torch.nn.functional.nll_loss(critic(symbols).flatten(0, 1), symbols.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    all_of_them = torch.arange(SYMBOLS)[:, None].repeat(1, 32)
    assert critic.surprise_of(all_of_them).max() < 0.1 * 32 * math.log(SYMBOLS)
    odd = all_of_them.clone()
    odd[:, 9] = (odd[:, 9] + 3) % SYMBOLS
    assert (critic.surprise_of(odd) > critic.surprise_of(all_of_them) + 3.0).all()
    assert critic(odd)[:, 9].argmax(-1).tolist() == list(range(SYMBOLS))  # it knows what belongs there


# corrupt: every symbol below is unique, 32 * row + step, so one can see where each came from


def unique(count: int) -> Tensor:
    return torch.arange(count * 32).view(count, 32)


def test_corrupt_takes_symbols_of_other_windows_at_the_same_step() -> None:
    symbols = unique(500)
    out = corrupt(symbols, torch.Generator().manual_seed(0))
    assert out.shape == symbols.shape
    assert out.dtype == symbols.dtype
    assert torch.equal(out % 32, symbols % 32)
    assert torch.equal(symbols, unique(500))  # the input stays as it was


def test_corrupt_touches_half_the_windows_and_up_to_a_share_of_their_symbols() -> None:
    most, count = 0.4, 4000
    wrong = corrupt(unique(count), torch.Generator().manual_seed(1), most) != unique(count)
    share = wrong.float().mean(1)
    touched = share > 0
    # of this half some stay whole: r uniform in 0..most, E[(1 - r)^32] = (1 - (1 - most)^33) / (33 most)
    expected = 0.5 * (1 - (1 - (1 - most) ** 33) / (33 * most))
    assert touched.float().mean().item() == pytest.approx(expected, abs=0.03)
    assert wrong.float().mean().item() == pytest.approx(0.5 * most / 2, abs=0.01)
    assert share.max() < most + 5 * math.sqrt(most * (1 - most) / 32)


def test_corrupt_repeats_with_its_generator_and_does_nothing_at_most_0() -> None:
    draws = [corrupt(unique(50), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(corrupt(unique(50), torch.Generator().manual_seed(1), most=0.0), unique(50))


def test_mixed_precision() -> None:
    critic, symbols = Critic(88, 16), torch.randint(0, 90, (3, 32))
    with torch.autocast("cpu", torch.bfloat16):
        critic(symbols).sum().backward()
    assert torch.isfinite(critic.towers.taps[0].weight.grad).all()
