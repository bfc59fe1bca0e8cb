"""Blends of vectors by weights, along arcs and between places on a plane; pure numpy.

    position, pad or weights -> weights of the melodies (M,) -> their latents (M, ..., D) mixed to one (..., D)

A weight for each melody and dimension, (M, D), mixes every dimension in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

NEARLY_PARALLEL = 1e-3  # sine of the angle below which an arc is not to be computed
CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0))  # (x, y) of the melodies of `corners`


def lerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The point at share t of the straight line from a to b; (..., D).

    >>> lerp(np.array([0.0, 2.0]), np.array([4.0, 2.0]), 0.25).tolist()
    [1.0, 2.0]
    """
    return (1.0 - t) * np.asarray(a) + t * np.asarray(b)


def slerp(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """The point at share t of the arc from a to b (Shoemake 1985), lengths going over evenly; (..., D).

    Equal, opposite and zero vectors have no arc of their own: there it is the straight line.

    >>> slerp(np.array([1.0, 0.0]), np.array([0.0, 2.0]), 0.5).round(4).tolist()
    [1.0607, 1.0607]
    >>> slerp(np.array([1.0, 0.0]), np.array([-1.0, 0.0]), 0.25).tolist()
    [0.5, 0.0]
    """
    a, b = np.asarray(a), np.asarray(b)
    length_a, length_b = (np.linalg.norm(v, axis=-1, keepdims=True) for v in (a, b))
    u, w = a / np.maximum(length_a, 1e-12), b / np.maximum(length_b, 1e-12)
    angle = np.arccos(np.clip((u * w).sum(-1, keepdims=True), -1.0, 1.0))
    sine = np.sin(angle)
    arc = (np.sin((1.0 - t) * angle) * u + np.sin(t * angle) * w) / np.maximum(sine, NEARLY_PARALLEL)
    straight = (sine < NEARLY_PARALLEL) | (length_a == 0) | (length_b == 0)
    return np.where(straight, lerp(a, b, t), arc * lerp(length_a, length_b, t))


def weighted(vectors: np.ndarray, weights: np.ndarray | Sequence[float], spherical: bool = False) -> np.ndarray:
    """The mean of vectors by weights, which are divided by their sum.

    Args:
        vectors: (M, ..., D).
        weights: (M,) or (M, D), at least 0, with a sum above 0 (in every dimension).
        spherical: the mean direction at the mean length; straight where the mean has no direction.

    Returns:
        (..., D)

    Raises:
        ValueError: weights of another shape, below 0, not finite, or all 0.

    >>> weighted(np.array([[0.0, 0.0], [4.0, 8.0]]), [3, 1]).tolist()
    [1.0, 2.0]
    """
    vectors, weights = np.asarray(vectors), np.asarray(weights, dtype=np.float64)
    shapes = ((len(vectors),), (len(vectors), vectors.shape[-1]))
    if weights.shape not in shapes or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"expected finite weights of at least 0, of shape {shapes[0]} or {shapes[1]}, found {weights}")
    sums = weights.sum(0)
    if not (sums > 0).all():
        raise ValueError("expected a weight above 0, found none")
    share = (weights / sums).astype(vectors.dtype)
    share = share.reshape(len(vectors), *[1] * (vectors.ndim - 2), -1)
    mean = (share * vectors).sum(0)
    if not spherical:
        return mean
    length = (share * np.linalg.norm(vectors, axis=-1, keepdims=True)).sum(0)
    norm = np.linalg.norm(mean, axis=-1, keepdims=True)
    return np.where(norm < 1e-6 * np.maximum(length, 1e-12), mean, mean / np.maximum(norm, 1e-12) * length)


def aside(asides: Mapping[tuple[int, int], np.ndarray], weights: np.ndarray | Sequence[float]) -> np.ndarray | float:
    """How far off the straight mix the even way goes (`midi_vae.travel`), for weights (M,) with the sum 1; (..., D).

    Between two melodies it is the way between them, found in `asides` by their indices, the lower first: (K, ..., D),
    evenly spaced, 0 at both ends. Among more, each pair adds its own by the square of its share; a pair that is not in
    `asides` adds nothing.

    >>> aside({(0, 1): np.array([[0.0], [2.0], [0.0]])}, [0.75, 0.25]).tolist()
    [1.0]
    """
    total: np.ndarray | float = 0.0
    for (i, j), way in asides.items():
        if weights[i] > 0 and weights[j] > 0:
            pair = weights[i] + weights[j]
            where = weights[j] / pair * (len(way) - 1)
            before = min(int(where), len(way) - 2)
            total = total + pair**2 * lerp(way[before], way[before + 1], where - before)
    return total


def path(position: float, count: int) -> np.ndarray:
    """Weights (count,) at a position 0..1 along several melodies, evenly spaced.

    >>> path(0.625, 3).tolist()
    [0.0, 0.75, 0.25]
    """
    at = min(max(position, 0.0), 1.0) * (count - 1)
    return np.maximum(0.0, 1.0 - np.abs(np.arange(count) - at))


def corners(x: float, y: float) -> np.ndarray:
    """Weights (4,) at a place in the unit square, bilinear; the melodies stand at `CORNERS`.

    >>> corners(0.5, 0.25).tolist()
    [0.375, 0.375, 0.125, 0.125]
    """
    x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
    return np.array([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y])


def inverse_distance(points: np.ndarray, x: float, y: float, power: float = 2.0) -> np.ndarray:
    """Weights (M,) at a place among points (M, 2) of a plane (Shepard 1968): 1 over the distance to the power.

    On a point that point alone counts; on several that lie there together, they count alike.

    >>> inverse_distance(np.array([[0.0, 0.0], [3.0, 0.0]]), 1.0, 0.0).round(6).tolist()
    [0.8, 0.2]
    """
    distance = np.hypot(*(np.asarray(points, dtype=np.float64) - (x, y)).T)
    nearest = distance.min()
    if nearest < 1e-9:
        weights = (distance < 1e-9).astype(np.float64)
    else:
        weights = (nearest / distance) ** power  # the nearest has 1, so that nothing overflows
    return weights / weights.sum()


def on_grid(grid: np.ndarray, x: float, y: float) -> np.ndarray:
    """What lies at a place 0..1 of a plane, of which a grid (rows upwards, columns, ...) is known; bilinear, (...).

    >>> on_grid(np.array([[0.0, 1.0], [2.0, 3.0]]), 0.5, 1.0)
    np.float64(2.5)
    """
    rows, columns = grid.shape[:2]
    u, v = min(max(x, 0.0), 1.0) * (columns - 1), min(max(y, 0.0), 1.0) * (rows - 1)
    left, low = min(int(u), columns - 2), min(int(v), rows - 2)
    lower, upper = (lerp(grid[row, left], grid[row, left + 1], u - left) for row in (low, low + 1))
    return lerp(lower, upper, v - low)
