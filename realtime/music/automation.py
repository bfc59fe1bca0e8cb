"""A performance written down: a CSV file of what stands where when; pure but for the reading.

    bar, position, temperature, follow
    1,   0,        0,           bar
    9,   1,        0.5,

The first column is the time, in `bar` (from 1), `beat` (quarter notes from 0) or `seconds`; each other column is a
parameter. Numbers go over in a straight line from one row that has them to the next; what is chosen or switched,
presets among it, changes at its row; an empty field says nothing. Where the first row is numbers already, the
columns are beat and position, or beat, x and y. The performance ends with the last row.
"""

from __future__ import annotations

import csv
import math
import os
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from latentmix.errors import InputError

from .parameters import PARAMETERS, Parameter, Value, find

MAX_BYTES = 16 << 20
MAX_ROWS = 100_000
MAX_BEATS = 100_000.0
UNITS = ("bar", "beat", "seconds")
BARE_COLUMNS = {2: ["beat", "position"], 3: ["beat", "x", "y"]}
Unit = Literal["bar", "beat", "seconds"]


@dataclass(frozen=True)
class Automation:
    """What stands where when.

    Attributes:
        unit: of all times; bars are counted from 0 here.
        tracks: of each parameter times, ascending, and its values there.
        end: the last time.
    """

    unit: Unit
    tracks: Mapping[str, tuple[tuple[float, ...], tuple[Value, ...]]]
    end: float

    def values_at(self, at: float) -> dict[str, Value]:
        """The values at a time; none of a parameter that has none yet.

        >>> Automation("beat", {"position": ((0.0, 8.0), (0.0, 1.0))}, 8.0).values_at(2.0)
        {'position': 0.25}
        """
        out: dict[str, Value] = {}
        for name, (times, values) in self.tracks.items():
            index = bisect_right(times, at) - 1
            if index < 0:
                continue
            value = values[index]
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and name != "preset"
            if is_number and index + 1 < len(times):
                share = (at - times[index]) / (times[index + 1] - times[index])
                value = float(value) + share * (float(values[index + 1]) - float(value))
            out[name] = value
        return out

    def next_time(self, at: float) -> float:
        """When a row comes next that says something, or the end."""
        later = [times[index] for times, _ in self.tracks.values() if (index := bisect_right(times, at)) < len(times)]
        return min([*later, self.end])

    def time(self, seconds: float, beat: float, beats_a_bar: float) -> float:
        """The time in the automation's unit, out of seconds and beats since the start."""
        if self.unit == "seconds":
            return seconds
        return beat if self.unit == "beat" else beat / beats_a_bar


def read_automation(path: str | os.PathLike[str], parameters: Mapping[str, Parameter] = PARAMETERS) -> Automation:
    """Read an automation.

    Raises:
        InputError: no such file, not such a table, a value that cannot be; the line says which row and column.
    """
    return _read(path, lambda text: parse_automation(text, parameters))


def parse_automation(text: str, parameters: Mapping[str, Parameter] = PARAMETERS) -> Automation:
    """An automation out of the text of its file.

    Raises:
        InputError: as `read_automation`.
    """
    numbered = _rows(text)
    first = numbered[0][1]
    columns = BARE_COLUMNS.get(len(first)) if _is_number(first[0]) else [name.lower() for name in first]
    if columns is None:
        raise InputError(f"row 1: expected the names of the columns, such as bar,position, found {','.join(first)}")
    if columns[0] not in UNITS:
        raise InputError(f"row 1: expected bar, beat or seconds as the first column, found {columns[0]!r:.60}")
    _check_columns(columns[1:], parameters)
    if "play" in columns and columns[0] != "seconds":
        raise InputError(
            f"row 1: expected no column play, for a {columns[0]} does not come while nothing plays; "
            "take density 0 for silence, or seconds as the first column"
        )
    body = numbered if _is_number(first[0]) else numbered[1:]
    if not body:
        raise InputError("expected rows below the names of the columns, found none")
    return _collect(columns, body, parameters)


def read_presets(
    path: str | os.PathLike[str], parameters: Mapping[str, Parameter] = PARAMETERS
) -> dict[int, dict[str, Value]]:
    """Presets out of a table like that of an automation, whose first column is `preset`, a number 0 to 127.

    Raises:
        InputError: as `read_automation`.
    """
    return _read(path, lambda text: parse_presets(text, parameters))


def parse_presets(text: str, parameters: Mapping[str, Parameter] = PARAMETERS) -> dict[int, dict[str, Value]]:
    """Presets out of the text of their file.

    Raises:
        InputError: as `read_automation`.

    >>> parse_presets("preset,position,key\\n0,0.5,C:maj\\n7,1,")
    {0: {'position': 0.5, 'key': 'C:maj'}, 7: {'position': 1.0}}
    """
    (_, columns), *body = _rows(text)
    columns = [name.lower() for name in columns]
    if columns[0] != "preset":
        raise InputError(f"row 1: expected preset as the first column, found {columns[0]!r:.60}")
    _check_columns(columns[1:], parameters, "preset")
    out: dict[int, dict[str, Value]] = {}
    for number, row in body:
        if not (row[0].isdecimal() and int(row[0]) <= 127) or len(row) > len(columns):
            raise InputError(f"row {number}: expected a preset 0 to 127 and its values, found {','.join(row)}")
        given = [(name, field) for name, field in zip(columns[1:], row[1:], strict=False) if field]
        out[int(row[0])] = {name: _value(name, field, number, parameters) for name, field in given}
    return out


def check_presets(automation: Automation, presets: Mapping[int, Mapping[str, Value]]) -> None:
    """See to it that an automation whose time is that of the music does not stop it.

    Raises:
        InputError: it recalls presets, and one of them says `play`.
    """
    if (
        automation.unit != "seconds"
        and "preset" in automation.tracks
        and any("play" in each for each in presets.values())
    ):
        raise InputError(
            f"expected presets without play for an automation in {automation.unit}s, which do not come while none plays"
        )


def recalled(presets: Mapping[int, Mapping[str, Value]], number: int, melodies: int) -> Mapping[str, Value]:
    """What a preset sets; where there are none, the first is the first of so many melodies, and so on.

    >>> recalled({}, 1, melodies=3), recalled({}, 3, melodies=3)
    ({'position': 0.5}, {})
    """
    if presets or number >= melodies:
        return presets.get(number, {})
    return {"position": number / max(1, melodies - 1)}


def _read(path: str | os.PathLike[str], parse: Callable[[str], Any]) -> Any:
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read the table: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: expected a table of at most {MAX_BYTES >> 20} MB, found a larger one")
    try:
        return parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a table in UTF-8, found other bytes; save it as CSV, UTF-8") from None
    except (InputError, csv.Error) as error:
        raise InputError(f"{path}: {error}") from None


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Rows that say something, with their numbers."""
    rows = [[field.strip() for field in row] for row in csv.reader(text.splitlines())]
    numbered = [(number, row) for number, row in enumerate(rows, start=1) if any(row) and not row[0].startswith("#")]
    if not numbered:
        raise InputError("expected rows of times and values, found none")
    if len(numbered) > MAX_ROWS:
        raise InputError(f"expected at most {MAX_ROWS} rows, found {len(numbered)}")
    return numbered


def _check_columns(names: list[str], parameters: Mapping[str, Parameter], *others: str) -> None:
    """Refuse columns that are no parameters, that come twice, or that are taken by others."""
    for at, name in enumerate(names):
        if name in (*names[:at], *others):
            raise InputError(f"row 1: expected each column once, found {name} again")
        try:
            find(name, parameters)
        except InputError as error:
            raise InputError(f"row 1: {error}") from None


def _value(name: str, field: str, number: int, parameters: Mapping[str, Parameter]) -> Value:
    try:
        return find(name, parameters).check(field)
    except InputError as error:
        raise InputError(f"row {number}: {error}") from None


def _collect(columns: list[str], body: list[tuple[int, list[str]]], parameters: Mapping[str, Parameter]) -> Automation:
    times: dict[str, list[float]] = {name: [] for name in columns[1:]}
    values: dict[str, list[Value]] = {name: [] for name in columns[1:]}
    at = -math.inf
    for number, row in body:
        if len(row) > len(columns):
            raise InputError(f"row {number}: expected at most {len(columns)} fields, found {len(row)}")
        before, at = at, _time(row[0], columns[0], number)
        if at <= before:
            raise InputError(f"row {number}: expected a time after that of the row before, found {row[0]}")
        for name, field in zip(columns[1:], row[1:], strict=False):
            if field:
                values[name].append(_value(name, field, number, parameters))
                times[name].append(at)
    tracks = {name: (tuple(times[name]), tuple(values[name])) for name in times if times[name]}
    return Automation(cast(Unit, columns[0]), tracks, at)


def _time(field: str, unit: str, number: int) -> float:
    least = 1.0 if unit == "bar" else 0.0
    at = float(field) if _is_number(field) else math.nan
    if not least <= at <= MAX_BEATS:
        raise InputError(f"row {number}: expected a {unit} from {least:g} to {MAX_BEATS:g}, found {field!r:.60}")
    return at - least


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False
