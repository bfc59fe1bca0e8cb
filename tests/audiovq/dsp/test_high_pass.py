"""What is below speech is taken out, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from audiovq.dsp.high_pass import HighPass, high_passed

RATE = 16_000


def filtered(x: np.ndarray, block: int = 1000, cutoff: float = 40.0) -> np.ndarray:
    blocks = (x[:, i : i + block] for i in range(0, x.shape[1], block))
    return np.concatenate(list(high_passed(blocks, RATE, cutoff)), 1)


@pytest.mark.parametrize(("hertz", "gain"), [(0, 0), (10, 0), (20, 0.02), (40, 0.5), (60, 1), (100, 1), (7000, 1)])
def test_gains_are_known(hertz: float, gain: float) -> None:
    x = np.cos(2 * np.pi * hertz * np.arange(3 * RATE) / RATE)[None].astype(np.float32)
    middle = filtered(x)[0, RATE : 2 * RATE], x[0, RATE : 2 * RATE]
    found = np.dot(*middle) / np.dot(middle[1], middle[1])  # in phase: without delay
    assert found == pytest.approx(gain, abs=0.02)


def test_an_offset_leaves_nothing_not_even_at_the_ends() -> None:
    assert np.abs(filtered(np.full((1, 5000), 0.1, np.float32))).max() < 1e-6


@pytest.mark.parametrize("length", [1, 5, 1599, 1600, 1601, 3000, 20_000])
def test_it_is_the_same_in_blocks_of_any_size(length: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, length)).astype(np.float32)
    whole = filtered(x, length)
    assert whole.shape == x.shape
    for block in (1, 160, 1700):
        assert np.array_equal(filtered(x, max(block, length // 500)), whole)


def test_it_looks_no_further_ahead_than_it_says() -> None:
    filtering = HighPass(RATE, 40.0)
    made = filtering.push(np.zeros((1, RATE + filtering.half), np.float32))
    assert made.shape[1] == RATE // filtering.step * filtering.step


def test_without_a_cutoff_all_stays() -> None:
    x = np.ones((1, 100), np.float32)
    assert np.array_equal(filtered(x, cutoff=0.0), x)
