"""Blends: ends, middles, the cases without a direction, and what all weights have in common."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.music import blend

NUMBERS = st.floats(-100, 100, width=32)
SHARES = st.floats(0, 1)


def vectors(count: int, size: int = 4) -> st.SearchStrategy[np.ndarray]:
    return st.lists(NUMBERS, min_size=count * size, max_size=count * size).map(
        lambda numbers: np.array(numbers).reshape(count, size)
    )


@given(vectors(2))
def test_both_lines_start_at_a_and_end_at_b(pair):
    for go in (blend.lerp, blend.slerp):
        assert go(pair[0], pair[1], 0.0) == pytest.approx(pair[0], abs=1e-4)
        assert go(pair[0], pair[1], 1.0) == pytest.approx(pair[1], abs=1e-4)


@given(vectors(2), SHARES)
def test_an_arc_stays_between_the_lengths(pair, t):
    length = np.linalg.norm(blend.slerp(pair[0], pair[1], t))
    assert np.isfinite(length) and length <= np.linalg.norm(pair, axis=1).max() * 1.01 + 1e-6


def test_an_arc_keeps_the_length_where_a_line_loses_it():
    a, b = np.array([[2.0, 0.0], [0.0, 1.0]])[:, None]
    assert np.linalg.norm(blend.slerp(a, 0.5 * a[:, ::-1], 0.5)) == pytest.approx(1.5)
    assert np.linalg.norm(blend.lerp(2 * b, b[:, ::-1] * 2, 0.5)) == pytest.approx(2**0.5)


@pytest.mark.parametrize("b", [[3.0, 4.0], [6.0, 8.0], [-3.0, -4.0], [0.0, 0.0], [3.0, 4.0000001]])
def test_without_an_arc_it_is_the_straight_line(b):
    a = np.array([3.0, 4.0])
    for t in (0.0, 0.3, 0.5, 1.0):
        assert blend.slerp(a, np.array(b), t) == pytest.approx(blend.lerp(a, np.array(b), t), abs=1e-4)


def test_arcs_of_many_vectors_are_those_of_each():
    a, b = np.random.default_rng(1).normal(size=(2, 3, 5, 8))
    b[1, 2] = -a[1, 2]
    together = blend.slerp(a, b, 0.3)
    assert together[1, 2] == pytest.approx(blend.slerp(a[1, 2], b[1, 2], 0.3))
    assert together[0, 1] == pytest.approx(blend.slerp(a[0, 1], b[0, 1], 0.3))


def test_weights_are_shares():
    z = np.arange(12.0).reshape(3, 2, 2)
    assert blend.weighted(z, [2, 2, 0]).tolist() == [[2, 3], [4, 5]]
    assert blend.weighted(z, [0, 0, 5]).tolist() == z[2].tolist()
    assert blend.weighted(z, np.array([[1, 0], [0, 0], [0, 9]])).tolist() == [[0, 9], [2, 11]]


def test_the_spherical_mean_has_the_mean_length():
    z = np.array([[3.0, 0.0], [0.0, 1.0]])
    assert blend.weighted(z, [1, 1], spherical=True) == pytest.approx(np.array([3.0, 1.0]) * 2 / 10**0.5)
    assert blend.weighted(np.array([[1.0, 0.0], [-1.0, 0.0]]), [1, 1], spherical=True).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "weights", [[0, 0], [-1, 2], [float("nan"), 1], [1], [float("inf"), 1], [[1, 1, 1], [1, 1, 1]]]
)
def test_weights_that_cannot_be_are_refused(weights):
    with pytest.raises(ValueError, match="expected"):
        blend.weighted(np.zeros((2, 2)), weights)


@given(st.floats(-2, 3), st.integers(1, 8))
def test_a_path_has_at_most_two_neighbours(position, count):
    weights = blend.path(position, count)
    assert weights.sum() == pytest.approx(1.0) and (weights >= 0).all()
    assert np.ptp(np.flatnonzero(weights)) <= 1


def test_a_path_meets_every_melody():
    assert [int(blend.path(k / 4, 5).argmax()) for k in range(5)] == [0, 1, 2, 3, 4]
    assert blend.path(1.0, 5).tolist() == [0, 0, 0, 0, 1]


@given(SHARES, SHARES)
def test_corners_find_the_place_again(x, y):
    assert np.array(blend.CORNERS).T @ blend.corners(x, y) == pytest.approx([x, y])
    assert blend.corners(x, y).sum() == pytest.approx(1.0)


@given(vectors(5, 2), NUMBERS, NUMBERS)
def test_points_on_a_plane(points, x, y):
    weights = blend.inverse_distance(points, x, y)
    assert np.isfinite(weights).all() and weights.sum() == pytest.approx(1.0)
    for index, point in enumerate(points):
        assert blend.inverse_distance(points, *point)[index] >= 1 / 5 - 1e-9


def test_points_that_lie_together_share():
    points = np.array([[0.2, 0.2], [0.2, 0.2], [0.9, 0.1]])
    assert blend.inverse_distance(points, 0.2, 0.2).tolist() == [0.5, 0.5, 0.0]
