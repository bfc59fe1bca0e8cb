"""Places on the pad: a puck that runs along a path, in time with the music; room for one more melody. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import dist

Point = tuple[float, float]
GRID = 9  # places on a side, of which the roomiest is taken


def along(points: Sequence[Point], share: float) -> Point:
    """The point at a share 0..1 of the length of a path.

    >>> along([(0, 0), (1, 0), (1, 1)], 0.75)
    (1.0, 0.5)
    >>> along([(0.2, 0.3)], 0.5)
    (0.2, 0.3)
    """
    lengths = [0.0, *accumulate(dist(a, b) for a, b in pairwise(points))]
    if lengths[-1] == 0:
        return points[0]
    at = min(max(share, 0.0), 1.0) * lengths[-1]
    index = min(bisect_right(lengths, at), len(points) - 1)
    a, b, start, end = points[index - 1], points[index], lengths[index - 1], lengths[index]
    inside = (at - start) / (end - start) if end > start else 0.0
    return (a[0] + inside * (b[0] - a[0]), a[1] + inside * (b[1] - a[1]))


def share_at(bars: float, length: int, back: bool) -> float:
    """How far along a path of so many bars one is after some bars: there and back again, or round and round.

    >>> [share_at(bars, 4, back=True) for bars in (1, 4, 6, 8)], share_at(6, 4, back=False)
    ([0.25, 1.0, 0.5, 0.0], 0.5)
    """
    turns = bars / length
    if not back:
        return turns % 1.0
    return 1.0 - abs(turns % 2.0 - 1.0)


def roomiest(taken: Sequence[Point]) -> Point:
    """The place on the pad furthest from all that is there.

    >>> roomiest([(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5)])
    (0.5, 0.0)
    """
    grid = [(x / (GRID - 1), y / (GRID - 1)) for y in range(GRID) for x in range(GRID)]
    return max(grid, key=lambda point: min(dist(point, other) for other in taken))
