"""What a controller is, from the values that it sends while it is moved; pure.

A knob with two ends passes through neighbouring values and seldom turns round; an encoder without ends says how many
clicks it was turned, so that its values repeat themselves, go up and down at random, jump from one side to the other
when the hand turns round, or begin and end each turn near rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .bindings import ENCODINGS, Encoding
from .messages import clicks

MIN_TO_TELL = 4  # values
MAX_CLICKS = 40  # that a hand turns an encoder within one message
JUMP = 40  # between two values: no knob with ends goes so far in one message
RESTLESS = 0.4  # share of steps that repeat a value or turn round
AT_REST = 4  # clicks with which a turn of an encoder begins and ends at most, if it began slowly
SURE = 0.75  # of the clicks that the second best encoding would have made of the same values
NEAR, WIDE = 12, 24  # steps of a knob, and a way that leaves no doubt that it is one


@dataclass(frozen=True)
class Kind:
    """What a control was recognised as; `is_sure` only after a movement that leaves no doubt."""

    kind: str
    encoding: Encoding = "twos-complement"
    is_button: bool = False
    is_sure: bool = True


def recognise(values: list[int]) -> Kind | None:
    """What a controller of 7 bits is, from the values it sent while it was moved; None: too few to tell.

    A button sends one value, or two of which one is 0.

    >>> recognise([127, 0]).is_button, recognise([10, 11, 13, 14, 16, 19, 22]).kind
    (True, 'cc')
    >>> recognise([1, 1, 1, 2, 1, 127, 127, 126, 127]).encoding, recognise([65, 65, 66, 65, 63, 63]).encoding
    ('twos-complement', 'binary-offset')
    >>> recognise([8, 11, 14, 12, 9, 117, 114, 116, 120]).encoding
    'twos-complement'
    """
    distinct = set(values)
    if not values:
        return None
    if len(distinct - {0}) <= 1 and max(values) >= 64 and (0 in distinct or len(values) < MIN_TO_TELL):
        return Kind("cc", is_button=True, is_sure=max(values) == 127 and 0 in distinct)
    if len(values) < MIN_TO_TELL:
        return None
    encodings = _encodings(values)
    is_restless = _is_restless(values)
    if encodings and (is_restless or any(_turns_round(values, each) for each in encodings)):
        best, *others = encodings
        is_clear = all(_mean(values, best) <= SURE * _mean(values, other) for other in others)
        # a knob that is moved about its middle goes the way that an encoder does which counts from 64
        is_encoder = is_restless or best != "binary-offset" or _turns_round(values, best, AT_REST)
        return Kind("relative", best, is_sure=is_clear and is_encoder)
    return _knob(values, any(_rests(values, each) for each in encodings))


def _knob(values: list[int], may_be_encoder: bool) -> Kind | None:
    """A control with two ends, if it is one."""
    steps = [b - a for a, b in pairwise(values)]
    near = sum(0 < abs(step) <= NEAR for step in steps)
    if len(set(values)) < 6 or near < 0.6 * len(steps):
        return None
    turns = any(step > 0 for step in steps) and any(step < 0 for step in steps)
    if may_be_encoder and turns:  # up from rest and back to it: a knob at one end, or one turn of an encoder
        return None
    is_wide = max(values) - min(values) >= WIDE
    if turns and not is_wide:
        return None
    starts_at_rest = any(0 < abs(clicks(values[0], each)) <= AT_REST for each in ENCODINGS)
    return Kind("cc", is_sure=is_wide or not starts_at_rest)


def _encodings(values: Sequence[int]) -> list[Encoding]:
    """Those that an encoder may have which sent these, the likeliest first: the one with the fewest clicks."""
    fit = [each for each in ENCODINGS if all(0 < abs(clicks(value, each)) < 64 for value in values)]
    return sorted((each for each in fit if _most(values, each) <= MAX_CLICKS), key=lambda each: _mean(values, each))


def _mean(values: Sequence[int], encoding: Encoding) -> float:
    return sum(abs(clicks(value, encoding)) for value in values) / len(values)


def _most(values: Sequence[int], encoding: Encoding) -> int:
    return max(abs(clicks(value, encoding)) for value in values)


def _is_restless(values: Sequence[int]) -> bool:
    """Whether values repeat themselves or turn round all the time, by more than the noise of a fader."""
    steps = [b - a for a, b in pairwise(values)]
    repeats = steps.count(0)
    moved = [step for step in steps if step]
    turns = sum((a > 0) != (b > 0) for a, b in pairwise(moved))
    if repeats < 0.2 * len(steps) and sum(map(abs, moved)) < 1.5 * max(len(moved), 1):
        return False
    return repeats + turns >= RESTLESS * len(steps)


def _turns_round(values: Sequence[int], encoding: Encoding, rest: float | None = None) -> bool:
    """Whether an encoder was turned both ways, and hardly a knob could have gone from one side to the other like that.

    Args:
        rest: see `_rest`, which it is if None.
    """
    sides = [
        (a, b) for a, b in pairwise(values) if (clicks(a, encoding) > 0) != (clicks(b, encoding) > 0)
    ]  # where it turned round
    if not sides:
        return False
    if encoding != "binary-offset":
        return all(abs(b - a) >= JUMP for a, b in sides)
    rest = _rest(values, encoding) if rest is None else rest
    ends = [values[0], values[-1], *(value for side in sides for value in side)]
    return all(abs(clicks(value, encoding)) <= rest for value in ends)


def _rests(values: Sequence[int], encoding: Encoding) -> bool:
    """Whether a movement begins and ends with few clicks, as turns of an encoder mostly do."""
    rest = _rest(values, encoding)
    return all(abs(clicks(value, encoding)) <= rest for value in (values[0], values[-1]))


def _rest(values: Sequence[int], encoding: Encoding) -> float:
    """Clicks with which a turn may begin and end: of a fast one more than of a slow one."""
    return max(AT_REST, 0.3 * _most(values, encoding))
