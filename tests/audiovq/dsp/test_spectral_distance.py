from __future__ import annotations

import pytest
import torch

from audiovq.dsp.spectral_distance import spectral_distance

NOISE = 0.1 * torch.randn(2, 24_000, generator=torch.Generator().manual_seed(0))


def test_the_distance_of_what_is_twice_as_large_is_six_decibels():
    assert float(spectral_distance(NOISE, NOISE, 48_000).mean) == 0.0
    assert float(spectral_distance(2.0 * NOISE, NOISE, 48_000).mean) == pytest.approx(6.02, abs=0.05)


def test_two_noises_are_as_far_apart_as_two_logarithms_of_exponentials():
    # the mean absolute difference of two logs of exponential variables is 2 ln 2 nats of power
    other = NOISE.flip(1)
    found = float(spectral_distance(other, NOISE, 48_000).mean)
    assert found == pytest.approx(2.0 * 0.6931 * 10.0 / 2.302585, rel=0.05)


def test_only_what_is_heard_counts_where_that_is_asked_for():
    real = torch.cat([NOISE, 1e-4 * NOISE], 1)
    made = torch.cat([NOISE, torch.zeros_like(NOISE)], 1)
    assert float(spectral_distance(made, real, 48_000, only_heard=True).mean) < 0.05
    assert float(spectral_distance(made, real, 48_000).mean) > 0.1
