"""Spectrogram inversion: samples whose spectrogram has the magnitudes that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic_speech import vowel

from audiovq.dsp.griffin_lim import SpectrogramInversion, invert_at_once
from audiovq.dsp.stft import STFT


@pytest.fixture(scope="module")
def stft() -> STFT:
    return STFT(window=512, hop=160)


@pytest.fixture(scope="module")
def magnitude(stft: STFT) -> torch.Tensor:
    x = torch.from_numpy(vowel(np.linspace(100.0, 160.0, 16000)))[None, : 96 * 160]
    return stft.analyse(x, stft.past(1))[0].abs()


def random_phase(magnitude: torch.Tensor) -> torch.Tensor:
    angle = 2 * torch.pi * torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0))
    return torch.polar(torch.ones_like(angle), angle)


def blur(samples: torch.Tensor, magnitude: torch.Tensor, stft: STFT) -> float:
    """Spectral convergence: how far the magnitudes of samples, which are late by the delay, are from those wanted."""
    made = stft.analyse(samples[:, stft.delay :], stft.past(1))[0].abs()
    return float((made - magnitude[:, : made.shape[1]]).norm() / magnitude.norm())


def test_magnitudes_come_nearer_to_what_was_asked_for(stft: STFT, magnitude: torch.Tensor) -> None:
    phase = random_phase(magnitude)
    plain, _ = stft.synthesise(magnitude * phase, stft.tail(1))
    inversion = SpectrogramInversion(stft)
    framewise, _ = inversion(magnitude, phase, inversion.start(1))
    at_once = invert_at_once(magnitude, phase, stft)
    assert plain.shape == framewise.shape == at_once.shape
    assert blur(framewise, magnitude, stft) < 0.4 * blur(plain, magnitude, stft)
    assert blur(at_once, magnitude, stft) < 0.8 * blur(plain, magnitude, stft)


def test_in_pieces_it_is_the_same(stft: STFT, magnitude: torch.Tensor) -> None:
    inversion, phase = SpectrogramInversion(stft), random_phase(magnitude)
    whole, last = inversion(magnitude, phase, inversion.start(1))
    state, parts = inversion.start(1), []
    for some, theirs in zip(magnitude.split([1, 40, 7, 48], 1), phase.split([1, 40, 7, 48], 1), strict=True):
        y, state = inversion(some, theirs, state)
        parts.append(y)
    assert torch.equal(torch.cat(parts, 1), whole)
    assert torch.equal(state, last)


def test_training_hears_the_magnitudes_alone(stft: STFT, magnitude: torch.Tensor) -> None:
    """A gradient reaches magnitudes, linearly, and no phase."""
    phase = random_phase(magnitude).requires_grad_()
    wanted = magnitude.clone().requires_grad_()
    invert_at_once(wanted, phase, stft).square().sum().backward()
    assert wanted.grad.norm() > 0
    doubled = invert_at_once(2 * magnitude, phase.detach(), stft)
    torch.testing.assert_close(doubled, 2 * invert_at_once(magnitude, phase.detach(), stft), rtol=1e-4, atol=1e-4)


def test_silence_stays_silence(stft: STFT) -> None:
    nothing = torch.zeros(2, 5, stft.bins)
    inversion = SpectrogramInversion(stft)
    y, state = inversion(nothing, random_phase(nothing), inversion.start(2))
    assert not y.any() and not state.any()
