"""Losses: 0 where nothing is wrong, known values, gradients that are finite on silence."""

from __future__ import annotations

import math

import pytest
import torch
from synthetic_speech import hiss, vowel

from audiovq.dsp.pitch import BINS
from audiovq.training.losses import (
    COMPRESSION,
    FLOOR,
    RESOLUTIONS,
    SpectralLoss,
    bin_loss,
    periodicity_loss,
    pitch_loss,
    spread_loss,
)


@pytest.fixture(scope="module")
def spectral() -> SpectralLoss:
    return SpectralLoss(16000)


def voices() -> torch.Tensor:
    return torch.from_numpy(vowel(120.0, 0.25))[None], torch.from_numpy(vowel(200.0, 0.25, "i"))[None]


def test_equal_waveforms_are_no_distance_apart(spectral: SpectralLoss) -> None:
    for x in (*voices(), torch.zeros(2, 2000)):
        terms = spectral(x, x)
        assert (terms.mel.item(), terms.fine.item()) == (0.0, 0.0)


def test_the_distance_is_symmetric_and_knows_no_sign(spectral: SpectralLoss) -> None:
    a, b = voices()
    there, back, turned = spectral(a, b), spectral(b, a), spectral(-a, b)
    assert there.mel > 0.1
    for other in (back, turned):
        torch.testing.assert_close(other.mel, there.mel)
        torch.testing.assert_close(other.fine, there.fine)


def test_twice_as_loud_is_log_two_in_mel(spectral: SpectralLoss) -> None:
    x = torch.from_numpy(hiss(0.5))[None]
    torch.testing.assert_close(spectral(2.0 * x, x).mel, torch.tensor(math.log(2.0)), atol=1e-3, rtol=0)
    nearer = spectral(1.1 * x, x)
    assert nearer.mel < spectral(2.0 * x, x).mel
    assert nearer.fine < spectral(2.0 * x, x).fine


def test_the_level_is_that_of_power_whatever_the_detail(spectral: SpectralLoss) -> None:
    x = torch.from_numpy(hiss(1.0))[None]
    torch.testing.assert_close(spectral(2.0 * x, x).level, torch.tensor(math.log(2.0)), atol=1e-2, rtol=0)
    other = spectral(torch.from_numpy(hiss(1.0, seed=1))[None], x)
    assert other.level < 0.1 < other.mel  # another draw of the same noise
    silence = spectral(torch.zeros(1, 4000), torch.zeros(1, 4000))
    assert silence.level == 0.0


@pytest.mark.parametrize("window", [w for w, _ in RESOLUTIONS])
def test_amplitudes_of_white_noise_are_one(spectral: SpectralLoss, window: int) -> None:
    x = torch.from_numpy(hiss(4.0, level=1.0))[None]
    amplitudes = spectral.amplitudes(x, window)
    assert amplitudes.shape == (1, (x.shape[1] - window) // (window // 4) + 1, window // 2 + 1)
    assert abs(amplitudes.square().mean() - 1.0) < 0.03
    torch.testing.assert_close(spectral.loudness(x, window), amplitudes.pow(COMPRESSION))
    assert (spectral.amplitudes(torch.zeros(1, 2000), window) == FLOOR).all()


@pytest.mark.parametrize("window", [w for w, _ in RESOLUTIONS])
def test_every_mel_band_hears_something_and_weighs_to_one(spectral: SpectralLoss, window: int) -> None:
    bank = getattr(spectral, f"bank_{window}")
    torch.testing.assert_close(bank.sum(0), torch.ones(bank.shape[1]))


@pytest.mark.parametrize("level", [0.0, 1e-8, 1.0])
def test_gradients_are_finite_on_silence(spectral: SpectralLoss, level: float) -> None:
    real = torch.from_numpy(hiss(0.25))[None]
    for made, other in ((level * real, real), (level * real, torch.zeros_like(real))):
        made.requires_grad_()
        terms = spectral(made, other)
        (terms.mel + terms.fine).backward()
        assert made.grad.isfinite().all()


def test_the_loss_pulls_towards_the_real_level(spectral: SpectralLoss) -> None:
    real = torch.from_numpy(hiss(0.25))[None]
    for start, sign in ((0.5, -1.0), (2.0, 1.0)):
        gain = torch.tensor(start, requires_grad=True)
        terms = spectral(gain * real, real)
        (terms.mel + terms.fine).backward()
        assert gain.grad * sign > 0


def test_bin_loss_is_the_weighted_ratio_in_nats() -> None:
    wanted = torch.rand(2, 3, 5, generator=torch.Generator().manual_seed(0)) + 1.0
    weight = torch.ones(2, 3, 5)
    weight[..., 1:] = 0.0
    factor = torch.tensor([2.0, 100.0, 100.0, 100.0, 100.0])
    assert bin_loss(wanted, wanted, weight) == 0.0
    assert bin_loss(factor * wanted, wanted, weight).item() == pytest.approx(math.log(2.0), abs=1e-5)
    assert bin_loss(torch.zeros(1, 1, 5), torch.zeros(1, 1, 5), weight[:1, :1]) == 0.0


def test_pitch_loss_is_least_for_the_bell_around_the_label() -> None:
    bins = torch.tensor([[30.0, 64.5]])
    offset = torch.arange(BINS) - bins[..., None]
    bell = -0.5 * (offset / 0.8).square()
    entropy = -(bell.softmax(-1) * bell.log_softmax(-1)).sum(-1).mean()
    weight = torch.ones(1, 2)
    torch.testing.assert_close(pitch_loss(bell, bins, weight), entropy)
    torch.testing.assert_close(pitch_loss(torch.zeros(1, 2, BINS), bins, weight), torch.tensor(math.log(BINS)))
    for shift in (-3.0, 1.0, 20.0):
        assert pitch_loss(bell, bins + shift, weight) > entropy


def test_pitch_loss_looks_at_voiced_frames_only() -> None:
    logits = torch.randn(1, 3, BINS, generator=torch.Generator().manual_seed(0), requires_grad=True)
    bins = torch.tensor([[10.0, 60.0, 120.0]])
    some = pitch_loss(logits, bins, torch.tensor([[1.0, 0.0, 1.0]]))
    torch.testing.assert_close(some, pitch_loss(logits[:, ::2], bins[:, ::2], torch.ones(1, 2)))
    nothing = pitch_loss(logits, bins, torch.zeros(1, 3))
    assert nothing == 0
    nothing.backward()
    assert (logits.grad == 0).all()


def test_periodicity_loss_is_least_at_the_share() -> None:
    share = torch.tensor([[[0.25, 0.5, 0.9]]])
    entropy = -(share * share.log() + (1 - share) * (1 - share).log()).mean()
    torch.testing.assert_close(periodicity_loss(share.logit(), share), entropy)
    assert periodicity_loss(share.logit() + 0.5, share) > entropy
    ends = torch.tensor([[[0.0, 1.0]]])
    assert periodicity_loss(torch.tensor([[[-90.0, 90.0]]]), ends) < 1e-6


def test_spread_is_nothing_for_white_latents() -> None:
    z = torch.linalg.qr(torch.randn(64, 4, generator=torch.Generator().manual_seed(0)).sub(0.0))[0]
    z = z - z.mean(0)
    z = torch.linalg.qr(z)[0] * 8.0  # 64 rows, columns orthogonal and of mean 0
    assert spread_loss((z + 3.0).unflatten(0, (2, 32))) < 1e-6
    torch.testing.assert_close(spread_loss(torch.zeros(2, 5, 4)), torch.tensor(0.25))  # 4 of 16 entries are off by 1
    torch.testing.assert_close(spread_loss((2.0 * z).unflatten(0, (2, 32))), torch.tensor(9.0 / 4), rtol=1e-4, atol=0)
