"""Melodies and whole sessions as JSON: what the page sends is checked here, bound by bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

import numpy as np
from pydantic import Field, PlainValidator, TypeAdapter, model_validator

from latentmix.errors import InputError
from midi_vae.drums.windows import MAX_GROOVES
from midi_vae.music.melody import VOCABULARY, Melody, steps_per_bar

from ..engine.playable import MAX_WINDOWS
from ..music.parameters import MAX_MELODIES, Parameter, Value
from ..music.shaping import steps_a_beat
from ..music.shares import PadPoint
from .checking import Checked, Name, Share, checked, clean_name, kind_of, metre_of, number, one_of
from .groove_wire import GrooveData
from .sound_wire import SoundData

FORMAT: Final = "latentmix.session"
VERSION: Final = 1
MAX_STEPS = 32 * MAX_WINDOWS  # of a melody
MAX_POINTS = 512  # of a path
MAX_PATH_BARS = 64
MAX_SNAPSHOTS = 8
NOT_KEPT = ("panic", "tap", "next", "record", "play", "preset")  # what a session does not restore

Hue = Annotated[
    int, one_of(lambda raw: type(raw) is int and 0 <= raw < MAX_MELODIES, f"0 to {MAX_MELODIES - 1}")
]  # colour of a melody, by which pages know it
Program = Annotated[int, number(0, 127, whole=True)]  # General MIDI
Tokens = Annotated[tuple[int, ...], PlainValidator(lambda raw: _tokens(raw))]


class MelodyData(Checked):
    """A melody as the page takes and sends it.

    Attributes:
        name: one short line.
        tokens: (S,), as of `Melody`; whole bars.
        metre, tempo, program: as of `Melody`.
        bar, beat: sixteenths of each, for the page; they follow from the metre.
    """

    name: Name = ""
    tokens: Tokens
    metre: Annotated[tuple[int, int], PlainValidator(metre_of)] = (4, 4)
    tempo: Annotated[float, number(1, 1000)] = 120.0
    program: Program = 0
    bar: int = 16
    beat: int = 4

    @model_validator(mode="before")
    @classmethod
    def _without_what_follows(cls, raw: object) -> object:
        if not isinstance(raw, Mapping):
            raise ValueError(f"expected a melody, found {kind_of(raw)}")
        return {name: value for name, value in raw.items() if name not in ("bar", "beat")}

    @model_validator(mode="after")
    def _of_whole_bars(self) -> MelodyData:
        size = steps_per_bar(self.metre)
        if len(self.tokens) % size:
            raise ValueError(f"expected whole bars of {size} sixteenths, found {len(self.tokens)} sixteenths")
        object.__setattr__(self, "bar", size)
        object.__setattr__(self, "beat", steps_a_beat(self.metre))
        return self

    @property
    def melody(self) -> Melody:
        """The melody itself."""
        return Melody(np.array(self.tokens), self.metre, self.tempo, self.program, self.name)


class PlacedMelody(MelodyData):
    """A melody on the pad: its place, both 0..1, and its colour."""

    x: Share
    y: Share
    hue: int

    @classmethod
    def of(cls, melody: Melody, name: str, point: PadPoint, hue: int) -> PlacedMelody:
        """A melody that is in the mix; it is trusted."""
        return cls.model_construct(**(_fields(melody) | {"name": name, "x": point.x, "y": point.y, "hue": hue}))


class PathSetting(Checked):
    """A path over the pad that the puck runs along.

    Attributes:
        points: (x, y), both 0..1; none is from the first melody to the last.
        bars: that one way takes.
        back: there and back again, else round and round.
        runs: whether it does.
    """

    points: Annotated[tuple[tuple[float, float], ...], PlainValidator(lambda raw: _points(raw))] = ()
    bars: Annotated[int, number(1, MAX_PATH_BARS, whole=True)] = 4
    back: bool = True
    runs: bool = False


class PageSound(Checked):
    """How a page sounds: a General MIDI program of the built-in synthesizer, and its volume."""

    program: Program = 12
    level: Share = 0.8


class MixSnapshot(Checked):
    """A mix to come back to: where the puck was and how it was shaped."""

    name: Name = ""
    values: dict[str, Any]
    moved: Literal["position", "pad", "weights"] = "pad"


class Shaped(Checked):
    """What every session has: the values of parameters, and mixes to come back to.

    Attributes:
        values: of parameters.
        moved: position, pad or weights, what was moved last.
        snapshots: of mixes.
    """

    values: dict[str, Any] = Field(default_factory=dict)
    moved: Literal["position", "pad", "weights"] = "pad"
    snapshots: Annotated[tuple[MixSnapshot, ...], Field(max_length=MAX_SNAPSHOTS)] = ()

    def to_json(self) -> dict[str, Any]:
        """As a file holds it."""
        return self.model_dump(exclude=set() if self.snapshots else {"snapshots"})


S = TypeVar("S", bound=Shaped)


class Session(Shaped):
    """All that a link or file restores.

    Attributes:
        melodies: 2 to 8, with their places.
        loop: whether the melody starts again at its end.
        path: that the puck may run along.
        sound: of the page that was heard last, if one has told.
        drums: grooves, at most 8; None, as of sessions from before there were any: those there are stay.
        sounds: what its own sound is mixed of, at most 8; None, as in links, which would be too long: they stay.
        values, moved, snapshots: as of `Shaped`.
    """

    format: Literal["latentmix.session"] = FORMAT
    version: Literal[1] = VERSION
    melodies: Annotated[tuple[PlacedMelody, ...], Field(min_length=2, max_length=MAX_MELODIES)]
    loop: bool = True
    path: PathSetting = PathSetting()
    sound: PageSound | None = None
    drums: Annotated[tuple[GrooveData, ...], Field(max_length=MAX_GROOVES)] | None = None
    sounds: Annotated[tuple[SoundData, ...], Field(max_length=MAX_MELODIES)] | None = None

    @classmethod
    def of(cls, melodies: Iterable[PlacedMelody], values: Mapping[str, Value], **more: Any) -> Session:
        """What is going on in a mix; it is trusted."""
        return cls.model_construct(melodies=tuple(melodies), values=kept_of(values), **more)

    def to_json(self) -> dict[str, Any]:
        """As a file holds it; `session_from_json` reads it."""
        empty = {name for name in ("sound", "drums", "sounds") if getattr(self, name) is None}
        made = super().to_json()
        first = ("format", "version", "melodies", "values", "moved", "loop", "path", "sound")  # as files always had it
        return {name: made[name] for name in (*first, *made) if name not in empty}


_SESSION = TypeAdapter(Session)


def session_from_json(raw: object, parameters: Mapping[str, Parameter]) -> Session:
    """A session, for a model with these parameters.

    Raises:
        InputError: no session, one of a later version, or values out of bounds.
    """
    given = fields_of(raw, FORMAT, "a session of latentmix")
    rows = given.get("melodies")
    if not isinstance(rows, list) or not 2 <= len(rows) <= MAX_MELODIES:
        raise InputError(f"expected 2 to {MAX_MELODIES} melodies in a session")
    hues = _hues([row.get("hue") if isinstance(row, dict) else None for row in rows])
    given["melodies"] = [
        row | {"hue": hue} if isinstance(row, dict) else row for row, hue in zip(rows, hues, strict=True)
    ]
    session = as_known(checked(_SESSION, given), parameters)
    return session.model_copy(update={"path": session.path.model_copy(update={"runs": False})})


def fields_of(raw: object, form: str, expected: str) -> dict[str, Any]:
    """The fields of a session that was sent, still to be checked.

    Args:
        form: that it is to have.
        expected: what it is to be, for people.

    Raises:
        InputError: no session, one of another kind or of a later version.
    """
    if not isinstance(raw, Mapping):
        raise InputError(f"expected a session, found {kind_of(raw)}")
    if raw.get("format") != form:
        found = f"format {str(raw['format'])[:40]!r}" if "format" in raw else "an object of another kind"
        raise InputError(f"expected {expected}, found {found}")
    if raw.get("version") != VERSION:
        raise InputError(f"expected a session of version {VERSION}, found {str(raw.get('version'))[:20]}")
    given = dict(raw)
    if given.get("moved") not in ("position", "pad", "weights"):
        given.pop("moved", None)
    return given


def as_known(session: S, parameters: Mapping[str, Parameter]) -> S:
    """It with `known_values` alone, of its mixes too; raises as that does."""
    mixes = [each.model_copy(update={"values": known_values(each.values, parameters)}) for each in session.snapshots]
    return session.model_copy(update={"values": known_values(session.values, parameters), "snapshots": tuple(mixes)})


def kept_of(values: Mapping[str, Value]) -> dict[str, Value]:
    """Those of values that a session keeps."""
    return {name: value for name, value in values.items() if name not in NOT_KEPT}


def known_values(values: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> dict[str, Value]:
    """Those of parameters that are kept; a session of another model may know other attributes.

    Raises:
        InputError: a value out of bounds.
    """
    return {
        name: parameters[name].check(value)
        for name, value in values.items()
        if name in parameters and name not in NOT_KEPT
    }


def melody_to_json(melody: Melody) -> dict[str, Any]:
    """As the page takes it."""
    return MelodyData.model_construct(**_fields(melody)).model_dump()


def melody_from_json(raw: object) -> Melody:
    """The inverse.

    Raises:
        InputError: tokens, metre, tempo or program out of bounds.
    """
    return checked(TypeAdapter(MelodyData), raw).melody


def free_hue(hues: Sequence[int]) -> int:
    """The first colour that no melody has."""
    return next(hue for hue in range(MAX_MELODIES) if hue not in hues)


def _fields(melody: Melody) -> dict[str, Any]:
    return {
        "name": clean_name(melody.name),
        "tokens": tuple(melody.tokens.tolist()),
        "metre": melody.metre,
        "tempo": round(melody.tempo, 4),
        "program": melody.program,
        "bar": melody.steps_per_bar,
        "beat": steps_a_beat(melody.metre),
    }


def _hues(given: Sequence[object]) -> tuple[int, ...]:
    """Colours, each once; what is no colour gets a free one.

    >>> _hues([3, 3, None])
    (3, 0, 1)
    """
    hues: list[int] = []
    for hue in given:
        colour = hue if isinstance(hue, int) and not isinstance(hue, bool) else -1
        hues.append(colour if 0 <= colour < MAX_MELODIES and colour not in hues else free_hue(hues))
    return tuple(hues)


def _tokens(raw: object) -> tuple[int, ...]:
    if not isinstance(raw, list | tuple) or not 0 < len(raw) <= MAX_STEPS:
        raise ValueError(f"expected a melody of 1 to {MAX_STEPS} sixteenths")
    if not all(type(token) is int and 0 <= token < VOCABULARY for token in raw):
        raise ValueError(f"expected tokens 0 to {VOCABULARY - 1} in a melody")
    return tuple(raw)


def _points(raw: object) -> tuple[tuple[float, float], ...]:
    if not isinstance(raw, list | tuple) or len(raw) > MAX_POINTS:
        raise ValueError(f"expected a path of at most {MAX_POINTS} points")
    points = []
    for point in raw:
        if not isinstance(point, list | tuple) or len(point) != 2:
            raise ValueError("expected points (x, y) of a path")
        for name, each in zip("xy", point, strict=True):
            if isinstance(each, bool) or not isinstance(each, int | float) or not 0 <= each <= 1:
                raise ValueError(f"{name}: expected a number from 0 to 1, found {str(each)[:40]}")
        points.append((float(point[0]), float(point[1])))
    return tuple(points)
