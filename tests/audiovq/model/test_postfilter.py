"""What decoding does to gains and noise: known answers, and that it stays out of what training sees."""

from __future__ import annotations

import pytest
import torch

from audiovq.model.postfilter import CROSSOVER, ROUGHNESS, SHARPENING, roughness, sharpener

BINS, RATE = 257, 16_000
LOW, HIGH = 40, 160  # bins: 1,250 and 5,000 Hz


@pytest.mark.parametrize(("centre", "amount"), [(LOW, SHARPENING[0]), (HIGH, SHARPENING[1])])
def test_formants_stand_out_from_their_surroundings_more_above_the_crossover(centre: int, amount: float) -> None:
    bins = torch.arange(float(BINS))
    slope = -bins / 100
    formant = slope + torch.exp(-0.5 * ((bins - centre) / 8).square())
    out = formant @ sharpener(BINS, RATE)
    assert 0.4 * amount < out[centre] - formant[centre] < amount
    assert (out - formant)[[centre - 20, centre + 20]].max() < 0


def test_what_is_smooth_stays_as_it_is() -> None:
    slope = -torch.arange(float(BINS)) / 100
    torch.testing.assert_close((slope @ sharpener(BINS, RATE))[40:-40], slope[40:-40], atol=1e-4, rtol=0)


def test_noise_is_even_below_the_crossover_and_rough_above() -> None:
    found, middle = roughness(BINS, RATE), round(CROSSOVER / RATE * 2 * (BINS - 1))
    torch.testing.assert_close(found[[0, middle, -1]], torch.tensor([ROUGHNESS[0], sum(ROUGHNESS) / 2, ROUGHNESS[1]]))
    assert (found.diff() >= 0).all()
