"""What a controller is, from the values that it sends while it is moved; pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from .bindings import Encoding

# Values by which the directions of relative encoders are told: slow and fast turns.
_UP, _DOWN, _ABOVE, _BELOW = range(1, 17), range(112, 128), range(65, 81), range(48, 64)


@dataclass(frozen=True)
class Kind:
    """What a control was recognised as; `is_sure` only after a movement that leaves no doubt."""

    kind: str
    encoding: Encoding = "twos-complement"
    is_button: bool = False
    is_sure: bool = True


def recognise(values: list[int]) -> Kind | None:
    """What a controller of 7 bits is, from the values it sent while it was moved; None: too few to tell.

    A button sends one value, or two of which one is 0. A knob passes through neighbouring values and does not repeat
    itself. A relative encoder repeats itself, near 0 and 127, near 64, or near 0 and 64 (`messages.clicks`).

    >>> recognise([127, 0]).is_button, recognise([10, 11, 13, 14, 16, 19, 22]).kind
    (True, 'cc')
    >>> recognise([1, 1, 1, 2, 1, 127, 127, 126, 127]).encoding, recognise([65, 65, 66, 65, 63, 63]).encoding
    ('twos-complement', 'binary-offset')
    """
    distinct = set(values)
    if not values:
        return None
    if len(distinct - {0}) <= 1 and max(values) >= 64 and (0 in distinct or len(values) < 4):
        return Kind("cc", is_button=True, is_sure=max(values) == 127 and 0 in distinct)
    steps = [abs(b - a) for a, b in pairwise(values)]
    near = sum(0 < step <= 12 for step in steps)
    if len(distinct) >= 6 and near >= 0.6 * len(steps):
        falls = any(b < a for a, b in pairwise(values))
        if max(values) - min(values) >= 24 or not (falls and any(b > a for a, b in pairwise(values))):
            return Kind("cc")
    if len(values) < 4 or steps.count(0) < 0.3 * len(steps):
        return None
    zones = {name: any(v in zone for v in values) for name, zone in _ZONES.items()}
    if not all(any(v in zone for zone in _ZONES.values()) for v in values):
        return None
    return _RELATIVE.get("".join(name for name, found in zones.items() if found))


_ZONES = {"u": _UP, "d": _DOWN, "a": _ABOVE, "b": _BELOW}
_RELATIVE = {
    "ud": Kind("relative", "twos-complement"),
    "d": Kind("relative", "twos-complement"),
    "u": Kind("relative", "twos-complement", is_sure=False),  # or sign-magnitude, turned right only
    "ua": Kind("relative", "sign-magnitude"),
    "ab": Kind("relative", "binary-offset"),
    "b": Kind("relative", "binary-offset"),
    "a": Kind("relative", "binary-offset", is_sure=False),  # or sign-magnitude, turned left only
}
