"""Discriminators and what is learned from them."""

from __future__ import annotations

import pytest
import torch
from synthetic_speech import hiss, vowel

from audiovq.training.discriminators import (
    HOP,
    PATCHES,
    WINDOW,
    Discriminators,
    Judgement,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    power_of,
)


@pytest.fixture(scope="module")
def discriminators() -> Discriminators:
    torch.manual_seed(0)
    return Discriminators(width=16)


def judged(score: float, feature: float = 1.0) -> Judgement:
    return Judgement([torch.full((2, 3, 15), score)] * 3, [torch.full((2, 3, 15, 4), feature)] * 9)


def test_shapes(discriminators: Discriminators) -> None:
    x = torch.from_numpy(vowel(100.0, 0.3))[None].repeat(3, 1)
    judgement = discriminators(x, power_of(x))
    frames = (x.shape[1] - WINDOW) // HOP + 1
    sizes = [((frames - n) // (n // 2) + 1, (WINDOW // 2 - bins) // (bins // 2) + 1) for bins, n in PATCHES]
    assert [tuple(s.shape) for s in judgement.scores] == [(3, *size) for size in sizes]
    assert [tuple(f.shape) for f in judgement.features] == [(3, *size, 16) for size in sizes for _ in range(3)]


def test_they_hear_no_level(discriminators: Discriminators) -> None:
    x = torch.from_numpy(vowel(100.0, 0.3))[None]
    loud, quiet = (discriminators(gain * x, power_of(gain * x)).scores[0] for gain in (1.0, 0.1))
    torch.testing.assert_close(loud, quiet, atol=1e-3, rtol=1e-3)


def test_hinge_loss() -> None:
    assert discriminator_loss(judged(1.5), judged(-1.5)) == 0.0
    assert discriminator_loss(judged(0.0), judged(0.0)) == 2.0
    assert discriminator_loss(judged(-1.0), judged(1.0)) == 4.0
    assert adversarial_loss(judged(0.75)) == -0.75


def test_feature_loss_is_relative() -> None:
    assert feature_loss(judged(0, 2.0), judged(0, 2.0)) == 0.0
    torch.testing.assert_close(feature_loss(judged(0, 2.0), judged(0, 3.0)), torch.tensor(0.5))


def test_gradients_are_finite_on_silence(discriminators: Discriminators) -> None:
    made, none = torch.zeros(1, 3200, requires_grad=True), torch.zeros(1, 1)
    real = discriminators(torch.zeros(1, 3200), none)
    judgement = discriminators(made, none)
    (adversarial_loss(judgement) + feature_loss(real, judgement)).backward()
    assert made.grad.isfinite().all()


def test_features_of_the_real_are_a_constant() -> None:
    real, made = judged(0, 1.0), judged(0, 2.0)
    for feature in real.features + made.features:
        feature.requires_grad_()
    feature_loss(real, made).backward()
    assert all(f.grad is None for f in real.features)
    assert all(f.grad is not None for f in made.features)


def test_they_learn_to_tell_vowels_from_noise() -> None:
    torch.manual_seed(0)
    discriminators = Discriminators(width=16)
    optimizer = torch.optim.AdamW(discriminators.parameters(), 3e-3)
    real = torch.stack([torch.from_numpy(vowel(p, 0.3)) for p in (100.0, 180.0)])
    made = torch.stack([torch.from_numpy(hiss(0.3, seed=s)) for s in (0, 1)])
    losses = []
    for _ in range(30):
        loss = discriminator_loss(discriminators(real, power_of(real)), discriminators(made, power_of(real)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert abs(losses[0] - 2.0) < 0.5
    assert losses[-1] < 0.2
