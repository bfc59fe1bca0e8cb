"""What was moved -> the share that each of several has in a mix; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from . import blend
from .parameters import AXES, MAX_MELODIES, Value

Mode = Literal["position", "pad", "weights"]
MODES: dict[str, Mode] = {"position": "position", "x": "pad", "y": "pad"}
MODES |= {f"weight.{number}": "weights" for number in range(1, MAX_MELODIES + 1)}
Follower = Literal["drums", "sound"]  # what is mixed as the melodies are, or has a puck of its own
FOLLOWERS: tuple[Follower, ...] = ("drums", "sound")
PADS = {  # parameter -> which other one it makes what, when it is moved
    f"{each}.{name}": (f"{each}.pad", name != "position") for each in FOLLOWERS for name in ("position", "x", "y")
}


@dataclass(frozen=True)
class PadPoint:
    """Where a melody stands on the pad, both 0..1; y goes up."""

    x: float
    y: float


def shares(values: Mapping[str, Value], mode: Mode, places: Sequence[PadPoint]) -> np.ndarray:
    """Share of each (M,), with the sum 1.

    Args:
        values: of the parameters `position`, `x` and `y`, `weight.N`.
        mode: which of them says it.
        places: M, on the pad.
    """
    count = len(places)
    if mode == "pad" and is_crossed(values, count):
        second = (float(values["x"]) + float(values["y"])) / 2
        return np.array([1.0 - second, second, *[0.0] * (count - 2)])
    if mode == "position":
        return blend.path(float(values["position"]), count)
    if mode == "pad":
        return shares_at(float(values["x"]), float(values["y"]), places)
    weights = np.array([float(values[f"weight.{number}"]) for number in range(1, count + 1)])
    return weights / weights.sum() if weights.sum() > 0 else np.full(count, 1 / count)


def following_shares(
    of: Follower, values: Mapping[str, Value], melodies: np.ndarray, places: Sequence[PadPoint], count: int
) -> np.ndarray:
    """Share of each of so many grooves or sounds (count,), with the sum 1.

    Args:
        values: of the parameters `OF.follow`, `OF.position`, `OF.x`, `OF.y` and `OF.pad`.
        melodies: their shares (M,).
        places: theirs, on the pad.
    """
    if values[f"{of}.follow"]:
        return resized(melodies, count)
    if values[f"{of}.pad"]:
        return resized(shares_at(float(values[f"{of}.x"]), float(values[f"{of}.y"]), places), count)
    return blend.path(float(values[f"{of}.position"]), count)


def idle_puck(moved: Mapping[str, object], value: Callable[[str], Value]) -> Follower | None:
    """Whose own puck is moved though it counts for nothing, since they are mixed as the melodies are; None: nobody's.

    Args:
        moved: parameters, together.
        value: of a parameter, as it is set.

    >>> idle_puck({"sound.position": 0.5}, {"sound.follow": True, "drums.follow": True}.__getitem__)
    'sound'
    >>> idle_puck({"sound.position": 0.5, "sound.follow": False}, {"sound.follow": True}.__getitem__)
    """
    for each in FOLLOWERS:
        is_own = any(name in PADS and name.startswith(f"{each}.") for name in moved)
        if is_own and f"{each}.follow" not in moved and value(f"{each}.follow"):
            return each
    return None


def idle_puck_line(whose: Follower) -> str:
    """What is said of it."""
    what = {"drums": "the drums are", "sound": "the timbre is"}[whose]
    return (
        f"{whose}.position, {whose}.x and {whose}.y move nothing while {what} mixed as the melodies are; "
        f"with {whose}.follow=0 they do"
    )


def is_crossed(values: Mapping[str, Value], count: int) -> bool:
    """Whether the sides of the pad are rhythm and pitch, of the first two of so many melodies."""
    return values.get("axes") == AXES[1] and count > 1


def shares_at(x: float, y: float, places: Sequence[PadPoint]) -> np.ndarray:
    """Share of each of M places on the pad at a point of it, both 0..1; (M,) with the sum 1."""
    points = np.array([(place.x, place.y) for place in places])
    if points.tolist() == [list(corner) for corner in blend.CORNERS]:
        return blend.corners(x, y)
    return blend.inverse_distance(points, x, y)


def spread(count: int) -> list[PadPoint]:
    """Places of so many melodies: in the middle, left and right, on the corners, or on a circle with the first on top.

    >>> spread(2)
    [PadPoint(x=0.0, y=0.5), PadPoint(x=1.0, y=0.5)]
    """
    if count == 1:
        return [PadPoint(0.5, 0.5)]
    if count == 2:
        return [PadPoint(0.0, 0.5), PadPoint(1.0, 0.5)]
    if count == 4:
        return [PadPoint(*corner) for corner in blend.CORNERS]
    angles = 2 * np.pi * np.arange(count) / count
    return [
        PadPoint(round(float(0.5 + 0.5 * np.sin(angle)), 4), round(float(0.5 + 0.5 * np.cos(angle)), 4))
        for angle in angles
    ]


def resized(found: np.ndarray, count: int) -> np.ndarray:
    """Shares of melodies (M,) as those of so many grooves or sounds.

    With another number of melodies than sounds, the share of the way from the first to the last is that of the sounds.

    >>> resized(np.array([0.5, 0.5]), 3)
    array([0., 1., 0.])
    """
    if len(found) == count:
        return found
    where = float(found @ np.linspace(0.0, 1.0, len(found))) * (count - 1) if len(found) > 1 else 0.0
    return np.maximum(0.0, 1.0 - np.abs(np.arange(count) - where))
