"""What a page sends, against the models of what it may send: one line about what is wrong, for a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, PlainValidator, TypeAdapter, ValidationError

from latentmix.errors import InputError
from midi_vae.music.tokens import steps_per_bar

MAX_NAME = 60  # characters
SHOWN = 40  # characters of what was found

T = TypeVar("T")
_EXPECTED = {  # pydantic's kinds of error, in words
    "model_type": "an object", "model_attributes_type": "an object", "dict_type": "an object", "tuple_type": "a list",
    "list_type": "a list", "string_type": "text", "bool_type": "true or false", "bool_parsing": "true or false",
    "too_long": "fewer of them",
}  # fmt: skip


class Checked(BaseModel):
    """What may be sent: immutable, and what it does not know is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


def checked(kind: TypeAdapter[T], raw: object) -> T:
    """What was sent, as a model.

    Raises:
        InputError: one line about the first thing that is wrong.
    """
    try:
        return kind.validate_python(raw)
    except ValidationError as error:
        raise InputError(_line(error)) from None


def number(low: float, high: float, whole: bool = False) -> PlainValidator:
    """Of a field: a number within bounds, both included; no text, no switch, no NaN."""

    def check(raw: object) -> float:
        if not isinstance(raw, int | float) or isinstance(raw, bool) or not low <= raw <= high:
            raise ValueError(f"expected a number from {low:g} to {high:g}, found {str(raw)[:SHOWN]}")
        return round(raw) if whole else float(raw)

    return PlainValidator(check)


def one_of(check: Callable[[Any], bool], expected: str) -> PlainValidator:
    """Of a field: something that passes the check, as it is."""

    def validate(raw: object) -> Any:
        if not check(raw):
            raise ValueError(f"expected {expected}, found {str(raw)[:SHOWN]!r}")
        return raw

    return PlainValidator(validate)


def clean_name(raw: object) -> str:
    """A name as one short line; anything else is none.

    >>> clean_name(" a\\nb "), clean_name(7)
    ('a b', '')
    """
    if not isinstance(raw, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in raw[:200]).split())[:MAX_NAME]


def kind_of(raw: object) -> str:
    """What something in JSON is, in words.

    >>> kind_of(None), kind_of([1]), kind_of({}), kind_of("x")
    ('nothing', 'a list', 'an object', 'text')
    """
    kinds = {type(None): "nothing", bool: "yes or no", list: "a list", dict: "an object", str: "text"}
    return kinds.get(type(raw), "a number")


Share = Annotated[float, number(0, 1)]
Name = Annotated[str, PlainValidator(clean_name)]


def _line(error: ValidationError) -> str:
    """Of the first error; our own words where there are some, else where and what was expected."""
    first = error.errors(include_url=False)[0]
    names = [f"{part + 1}" if isinstance(part, int) else str(part) for part in first["loc"]]
    where = f"{' '.join(names[-3:])}: " if names else ""
    own = first.get("ctx", {}).get("error")
    if first["type"] == "value_error" and own is not None:
        return where + str(own)
    if first["type"] == "missing":
        return f"{where}expected a value, found none"
    raw = first.get("input")
    found = kind_of(raw) if raw is None or isinstance(raw, list | dict) else repr(str(raw)[:SHOWN])
    expected = _EXPECTED.get(first["type"]) or first["msg"].replace("Input should be ", "").split(";")[0]
    return f"{where}expected {expected}, found {found}"


def metre_of(raw: object) -> tuple[int, int]:
    """Beats in a bar and what a beat is, of whole sixteenths; raises ValueError."""
    if not isinstance(raw, list | tuple) or [type(each) for each in raw] != [int, int]:
        raise ValueError("expected a metre such as [4, 4]")
    try:
        steps_per_bar((raw[0], raw[1]))
    except InputError as error:
        raise ValueError(str(error)) from None
    return raw[0], raw[1]
