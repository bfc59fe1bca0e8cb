"""Melodies and whole sessions as JSON: what the page sends is checked here, bound by bound."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from latentmix.errors import InputError
from midi_vae.music.melody import VOCABULARY, Melody, steps_per_bar

from ..engine.decoder import MAX_WINDOWS
from ..music.mixer import PadPoint
from ..music.parameters import MAX_MELODIES, Parameter, Value
from ..music.shaping import steps_a_beat

FORMAT, VERSION = "latentmix.session", 1
MOST_STEPS = 32 * MAX_WINDOWS  # of a melody
MOST_NAME = 60  # characters
MOST_POINTS = 512  # of a path
PATH_BARS = (1, 64)
NOT_KEPT = ("panic", "tap", "record", "play", "preset")  # what a session does not restore


@dataclass(frozen=True)
class PathSetting:
    """A path over the pad that the puck runs along.

    Attributes:
        points: (x, y), both 0..1; none is from the first melody to the last.
        bars: that one way takes.
        back: there and back again, else round and round.
        runs: whether it does.
    """

    points: tuple[tuple[float, float], ...] = ()
    bars: int = 4
    back: bool = True
    runs: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"points": [list(p) for p in self.points], "bars": self.bars, "back": self.back, "runs": self.runs}

    @classmethod
    def from_json(cls, raw: object) -> PathSetting:
        """
        Raises:
            InputError: anything but what `to_json` makes.
        """
        given = _mapping(raw, "a path")
        points = given.get("points", [])
        if not isinstance(points, list) or len(points) > MOST_POINTS:
            raise InputError(f"expected a path of at most {MOST_POINTS} points")
        pairs = []
        for point in points:
            if not isinstance(point, list) or len(point) != 2:
                raise InputError("expected points (x, y) of a path")
            pairs.append((number(point[0], 0, 1, "x"), number(point[1], 0, 1, "y")))
        bars = round(number(given.get("bars", 4), *PATH_BARS, "bars of a path"))
        return cls(tuple(pairs), bars, bool(given.get("back", True)), bool(given.get("runs", False)))


@dataclass(frozen=True)
class Session:
    """All that a link or file restores.

    Attributes:
        melodies: 2 to 8.
        places, hues: of each of them.
        values: of parameters.
        moved: position, pad or weights, what was moved last.
        loop: whether the melody starts again at its end.
        path: that the puck may run along.
    """

    melodies: tuple[Melody, ...]
    places: tuple[PadPoint, ...]
    hues: tuple[int, ...]
    values: Mapping[str, Value] = field(default_factory=dict)
    moved: str = "pad"
    loop: bool = True
    path: PathSetting = PathSetting()

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "melodies": [
                melody_to_json(melody) | {"x": place.x, "y": place.y, "hue": hue}
                for melody, place, hue in zip(self.melodies, self.places, self.hues, strict=True)
            ],
            "values": {name: value for name, value in self.values.items() if name not in NOT_KEPT},
            "moved": self.moved,
            "loop": self.loop,
            "path": self.path.to_json(),
        }


def session_from_json(raw: object, parameters: Mapping[str, Parameter]) -> Session:
    """
    Raises:
        InputError: no session, one of a later version, or values out of bounds.
    """
    given = _mapping(raw, "a session")
    if given.get("format") != FORMAT:
        raise InputError(f"expected a session of latentmix, found format {str(given.get('format'))[:40]!r}")
    if given.get("version") != VERSION:
        raise InputError(f"expected a session of version {VERSION}, found {str(given.get('version'))[:20]}")
    rows = given.get("melodies")
    if not isinstance(rows, list) or not 2 <= len(rows) <= MAX_MELODIES:
        raise InputError(f"expected 2 to {MAX_MELODIES} melodies in a session")
    values = {}
    for name, value in _mapping(given.get("values", {}), "values of a session").items():
        if name in parameters and name not in NOT_KEPT:  # a session of another model may know other attributes
            values[name] = parameters[name].check(value)
    moved = given.get("moved")
    return Session(
        tuple(melody_from_json(row) for row in rows),
        tuple(PadPoint(number(row.get("x"), 0, 1, "x"), number(row.get("y"), 0, 1, "y")) for row in rows),
        _hues([row.get("hue") for row in rows]),
        values,
        moved if moved in ("position", "pad", "weights") else "pad",
        bool(given.get("loop", True)),
        PathSetting.from_json({**_mapping(given.get("path", {}), "a path"), "runs": False}),
    )


def melody_to_json(melody: Melody) -> dict[str, Any]:
    """As the page takes it."""
    return {
        "name": melody.name,
        "tokens": melody.tokens.tolist(),
        "metre": list(melody.metre),
        "tempo": round(melody.tempo, 4),
        "program": melody.program,
        "bar": melody.steps_per_bar,
        "beat": steps_a_beat(melody.metre),
    }


def melody_from_json(raw: object) -> Melody:
    """
    Raises:
        InputError: tokens, metre, tempo or program out of bounds.
    """
    given = _mapping(raw, "a melody")
    tokens = given.get("tokens")
    if not isinstance(tokens, list) or not 0 < len(tokens) <= MOST_STEPS:
        raise InputError(f"expected a melody of 1 to {MOST_STEPS} sixteenths")
    if not all(type(token) is int and 0 <= token < VOCABULARY for token in tokens):
        raise InputError(f"expected tokens 0 to {VOCABULARY - 1} in a melody")
    metre = given.get("metre", [4, 4])
    if not isinstance(metre, list) or [type(each) for each in metre] != [int, int]:
        raise InputError("expected a metre such as [4, 4]")
    size = steps_per_bar((metre[0], metre[1]))
    if len(tokens) % size:
        raise InputError(f"expected whole bars of {size} sixteenths, found {len(tokens)} sixteenths")
    tempo = number(given.get("tempo", 120), 1, 1000, "tempo")
    program = round(number(given.get("program", 0), 0, 127, "program"))
    return Melody(tokens, (metre[0], metre[1]), tempo, program, clean_name(given.get("name")))


def clean_name(raw: object) -> str:
    """A name as one short line; anything else is none.

    >>> clean_name(" a\\nb "), clean_name(7)
    ('a b', '')
    """
    if not isinstance(raw, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in raw[:200]).split())[:MOST_NAME]


def number(raw: object, low: float, high: float, what: str) -> float:
    """A number within bounds.

    Raises:
        InputError: anything else.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw) or not low <= raw <= high:
        raise InputError(f"{what}: expected a number from {low:g} to {high:g}, found {str(raw)[:40]}")
    return float(raw)


def free_hue(hues: Sequence[int]) -> int:
    """The first colour that no melody has."""
    return next(hue for hue in range(MAX_MELODIES) if hue not in hues)


def _hues(given: Sequence[object]) -> tuple[int, ...]:
    """Colours, each once; what is no colour gets a free one.

    >>> _hues([3, 3, None])
    (3, 0, 1)
    """
    hues: list[int] = []
    for hue in given:
        is_good = type(hue) is int and 0 <= hue < MAX_MELODIES and hue not in hues
        hues.append(hue if is_good else free_hue(hues))
    return tuple(hues)


def _mapping(raw: object, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise InputError(f"expected {what}, found {type(raw).__name__}")
    return raw
