"""What stands in a controller map, key by key: checked, and made into bindings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latentmix.errors import InputError

from ..midi.expression import MpeZone
from ..music.parameters import Parameter, find
from .bindings import BUTTONS, ENCODINGS, KINDS, Binding, Channel, Feedback
from .curves import CURVES, FLATTEST, STEEPEST

MAX_SMOOTHING = 10.0  # seconds
LOW_BYTE = 32  # controllers 0 to 31 have their low bytes at 32 to 63 (MIDI 1.0)
KEYS = (  # of a [[bind]] table
    *("target", "kind", "number", "low_byte", "low_first", "channel", "encoding", "step", "range", "curve"),
    *("smoothing", "mode", "button", "value", "feedback"),
)
FEEDBACK_KINDS = ("cc", "cc14", "note", "pitchbend", "pressure")


class BadEntry(Exception):
    """A key whose value cannot be used: the key, what was expected, what was found."""

    def __init__(self, key: str, expected: str, found: object) -> None:
        super().__init__(key, expected, found)
        self.key, self.expected, self.found = key, expected, found


def read_binding(entry: dict[str, Any], parameters: Mapping[str, Parameter]) -> Binding:
    """A [[bind]] table as a binding; raises BadEntry."""
    only(entry, KEYS)
    name = entry.get("target")
    try:
        parameter = find(name, parameters) if isinstance(name, str) else None
    except InputError:
        parameter = None
    if parameter is None:
        raise BadEntry("target", f"one of {', '.join(parameters)}", name)
    kind = _one_of(entry, "kind", tuple(KINDS), None)
    number = _number(entry, kind)
    if kind not in ("cc14", "nrpn") and "low_first" in entry:
        raise BadEntry("low_first", "the kind cc14 or nrpn", kind)
    button = _one_of(entry, "button", BUTTONS, "momentary")
    if button in ("next", "previous") and not (parameter.kind == "choice" or parameter.whole):
        raise BadEntry("button", f"momentary or toggle, since {parameter.name} has no next", button)
    if button == "toggle" and parameter.kind != "switch":
        raise BadEntry("button", f"no toggle, since {parameter.name} is no switch", button)
    pickup = _one_of(entry, "mode", ("jump", "pickup"), "jump") == "pickup"
    if pickup and (parameter.kind != "continuous" or kind == "relative"):
        raise BadEntry("mode", "jump: pickup is for controls with two ends and parameters that are numbers", "pickup")
    for key, wanted in (("low_byte", "cc14"), ("encoding", "relative"), ("step", "relative")):
        if key in entry and kind != wanted:
            raise BadEntry(key, f"the kind {wanted}", kind)
    span = _range(entry, parameter)
    channel = _channel(entry)
    return Binding(
        parameter=parameter.name,
        kind=kind,
        number=number,
        low_byte=_low_byte(entry, number) if kind == "cc14" else None,
        low_first=_flag(entry, "low_first"),
        channel=channel,
        encoding=_one_of(entry, "encoding", ENCODINGS, "twos-complement"),
        step=_real(entry, "step", 1e-6, 1.0) if "step" in entry else None,
        range=span,
        curve=_curve(entry, parameter, span),
        smoothing=_real(entry, "smoothing", 0.0, MAX_SMOOTHING) if "smoothing" in entry else 0.0,
        pickup=pickup,
        button=button,
        value=_value(entry, parameter),
        feedback=_feedback(entry, kind, number, channel),
    )


def check_new(binding: Binding, others: Sequence[Binding]) -> None:
    """Refuse a control that is bound twice to a parameter: each of its moves would count twice; raises BadEntry."""

    def control(each: Binding) -> tuple[object, ...]:
        return each.parameter, each.kind, each.number, each.channel, each.value

    for at, other in enumerate(others, 1):
        if control(other) == control(binding):
            raise BadEntry("target", f"another parameter, or another control, than [[bind]] {at}", binding.parameter)


def only(table: dict[str, Any], keys: tuple[str, ...]) -> None:
    """Refuse a table with other keys."""
    for key in table:
        if key not in keys:
            raise BadEntry(str(key), f"one of the keys {', '.join(keys)}", key)


def read_text(table: dict[str, Any], key: str, otherwise: str) -> str:
    """A text, for people."""
    value = table.get(key, otherwise)
    if not isinstance(value, str) or len(value) > 200:
        raise BadEntry(key, "a text of at most 200 characters", value)
    return value


def _flag(table: dict[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise BadEntry(key, "true or false", value)
    return value


def _one_of(table: dict[str, Any], key: str, choices: tuple[str, ...], otherwise: str | None) -> Any:
    value = table.get(key, otherwise)
    if value not in choices:
        raise BadEntry(key, f"one of {', '.join(choices)}", value)
    return value


def _real(table: dict[str, Any], key: str, low: float, high: float) -> float:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise BadEntry(key, f"a number from {low:g} to {high:g}", value)
    return float(value)


def _whole(table: dict[str, Any], key: str, low: int, high: int) -> int:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadEntry(key, f"a whole number from {low} to {high}", value)
    return value


def _number(entry: dict[str, Any], kind: str) -> int | None:
    highest = KINDS[kind]
    if kind in ("program", "poly") and "number" not in entry:
        return None
    if highest is None and kind != "program":
        if "number" in entry:
            raise BadEntry("number", f"none, since the kind {kind} has no number", entry["number"])
        return None
    return _whole(entry, "number", 0, 127 if highest is None else highest)


def _low_byte(entry: dict[str, Any], number: int | None) -> int:
    low_byte = _whole(entry, "low_byte", 0, 127) if "low_byte" in entry else (number or 0) + LOW_BYTE
    if low_byte == number:
        raise BadEntry("low_byte", "another controller than the number", low_byte)
    return low_byte


def _channel(entry: dict[str, Any]) -> Channel:
    value = entry.get("channel")
    if value is None or value in ("members", "master"):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 16:
        raise BadEntry("channel", "1 to 16, members or master", value)
    return value


def _range(entry: dict[str, Any], parameter: Parameter) -> tuple[float, float] | None:
    value = entry.get("range")
    if value is None:
        return None
    if parameter.kind != "continuous":
        raise BadEntry("range", f"none, since {parameter.name} is a {parameter.kind}", value)
    if not isinstance(value, list) or len(value) != 2:
        raise BadEntry("range", "two numbers, [low, high]", value)
    for end in value:
        number = isinstance(end, (int, float)) and not isinstance(end, bool)
        if not number or not parameter.low <= end <= parameter.high:
            raise BadEntry("range", f"two numbers from {parameter.low:g} to {parameter.high:g}", value)
    if value[0] == value[1]:
        raise BadEntry("range", "two numbers that differ", value)
    return float(value[0]), float(value[1])


def _curve(entry: dict[str, Any], parameter: Parameter, span: tuple[float, float] | None) -> str | float:
    value = entry.get("curve", "linear")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not FLATTEST <= value <= STEEPEST:
            raise BadEntry("curve", f"an exponent from {FLATTEST:g} to {STEEPEST:g}", value)
        return float(value)
    if value not in CURVES:
        raise BadEntry("curve", f"one of {', '.join(CURVES)} or an exponent", value)
    if value == "log" and min(span or (parameter.low, parameter.high)) <= 0.0:
        raise BadEntry("curve", "another one, or a range above 0: log takes equal ratios", value)
    return value


def _value(entry: dict[str, Any], parameter: Parameter) -> Any:
    value = entry.get("value")
    if value is None:
        return None
    try:
        if isinstance(value, (list, dict)) or (isinstance(value, str) and parameter.kind != "choice"):
            raise InputError("")
        within = parameter.kind == "choice" or parameter.low <= float(value) <= parameter.high
        if not within:
            raise InputError("")
        return parameter.check(value)
    except (InputError, TypeError, ValueError, OverflowError):
        raise BadEntry("value", parameter.expected, value) from None


def read_mpe(table: Any) -> MpeZone:
    """The MPE zone of a map."""
    if not isinstance(table, dict):
        raise BadEntry("mpe", "a table with zone and members", table)
    try:
        only(table, ("zone", "members"))
        upper = _one_of(table, "zone", ("lower", "upper"), "lower") == "upper"
        return MpeZone(upper, _whole({"members": 15} | table, "members", 0, 15))
    except BadEntry as error:
        raise BadEntry(f"mpe.{error.key}", error.expected, error.found) from None


def _feedback(entry: dict[str, Any], kind: str, number: int | None, channel: Channel) -> Feedback | None:
    value = entry.get("feedback")
    if value is None or value is False:
        return None
    table = {} if value is True else value
    if not isinstance(table, dict):
        raise BadEntry("feedback", "true or a table", value)
    only(table, ("kind", "number", "channel", "low", "high"))
    same = {"relative": "cc"}.get(kind, kind)
    kind = _one_of(table, "kind", FEEDBACK_KINDS, same if same in FEEDBACK_KINDS else None)
    own_channel = channel if isinstance(channel, int) else 1
    has_number = kind in ("cc", "cc14", "note")
    most = 127 if kind in ("cc", "note", "pressure") else 16383
    table = {"number": number, "channel": own_channel, "low": 0, "high": most} | table
    return Feedback(
        kind=kind,
        number=_whole(table, "number", 0, 31 if kind == "cc14" else 127) if has_number else None,
        channel=_whole(table, "channel", 1, 16),
        low=_whole(table, "low", 0, most),
        high=_whole(table, "high", 0, most),
    )
