"""How far a parameter moves when a knob turns: curves from a share 0..1 of the knob to a share or value, and back."""

from __future__ import annotations

import math

CURVES = ("linear", "log", "s")
Curve = str | float
FLATTEST, STEEPEST = 0.05, 20.0  # exponents


def bend(share: float, curve: Curve, low: float, high: float) -> float:
    """The value at a share 0..1 of a knob.

    Args:
        share: of the knob's way, 0..1.
        curve: "linear"; "log": equal turns are equal ratios, as ears take tempo; "s": slow at both ends
            (3u² - 2u³); or an exponent: above 1 slow at the start, below 1 slow at the end.
        low, high: what 0 and 1 give; high may lie below low. Both above 0 for "log".

    >>> bend(0.5, "linear", 20, 400), round(bend(0.5, "log", 20, 400), 2), bend(0.5, 2.0, 1, 0)
    (210.0, 89.44, 0.75)
    """
    if share <= 0.0:
        return float(low)
    if share >= 1.0:
        return float(high)
    if curve == "log":
        return low * (high / low) ** share
    if curve == "s":
        share = share * share * (3.0 - 2.0 * share)
    elif curve != "linear":
        share = share ** float(curve)
    return low + share * (high - low)


def unbend(value: float, curve: Curve, low: float, high: float) -> float:
    """The share 0..1 of a knob at which `bend` gives this value: where a motor fader or a ring of LEDs stands.

    >>> round(unbend(bend(0.3, "s", -3, 3), "s", -3, 3), 12)
    0.3
    """
    if low == high:
        return 0.0
    share = (value - low) / (high - low)
    if share <= 0.0 or share >= 1.0:
        return 0.0 if share <= 0.0 else 1.0
    if curve == "log":
        return math.log(value / low) / math.log(high / low)
    if curve == "s":
        return 0.5 - math.sin(math.asin(1.0 - 2.0 * share) / 3.0)
    return share if curve == "linear" else share ** (1.0 / float(curve))


def smooth(value: float, goal: float, seconds: float, time_constant: float) -> float:
    """A one-pole low-pass: where the value is, some seconds after it was at `value` and set out for the goal.

    After one time constant 63 % of the way is done. The same in one step or in many, since it is exact.

    >>> round(smooth(0.0, 1.0, 0.02, 0.02), 3), smooth(0.25, 1.0, 0.0, 0.02), smooth(0.3, 1.0, 0.001, 0.0)
    (0.632, 0.25, 1.0)
    """
    if time_constant <= 0.0:
        return goal
    return goal + (value - goal) * math.exp(-max(seconds, 0.0) / time_constant)
