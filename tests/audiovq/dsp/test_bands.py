from __future__ import annotations

import pytest
import torch

from audiovq.dsp.bands import a_weights, band_triangles


@pytest.mark.parametrize(("hertz", "decibels"), [(100, -19.1), (200, -10.9), (1000, 0.0), (4000, 1.0), (10_000, -2.5)])
def test_a_weighting_is_that_of_the_standard(hertz: int, decibels: float):
    weights = a_weights(24_001, 48_000)
    assert float(10.0 * weights[hertz].log10()) == pytest.approx(decibels, abs=0.1)


@pytest.mark.parametrize(("window", "rate"), [(1024, 48_000), (940, 44_100)])
def test_every_band_has_a_bin_and_every_bin_all_of_its_gain(window: int, rate: int):
    triangles = band_triangles(window // 2 + 1, 64, rate)
    torch.testing.assert_close(triangles.sum(0), torch.ones(window // 2 + 1))
    assert (triangles.sum(1) > 0.5).all()
