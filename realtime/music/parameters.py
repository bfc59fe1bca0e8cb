"""What can be moved while playing, as a table that controllers, OSC, keyboard, automation and web pages go by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from latentmix.errors import InputError

MAX_MELODIES = 8
MAX_PHRASES = 128  # of each melody, itself among them
Value = float | int | bool | str
Kind = Literal["continuous", "switch", "trigger", "choice"]

AXES = ("melodies", "rhythm-pitch")
FOLLOWS = ("step", "beat", "bar")
_TONICS = {
    "maj": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "min": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
KEYS = ("none", "auto", *(f"{tonic}:{mode}" for mode, tonics in _TONICS.items() for tonic in tonics))
ATTRIBUTES = ("density", "height", "range", "syncopation", "legato")  # of the shipped model; others: `table`


@dataclass(frozen=True)
class Parameter:
    """Something that can be moved.

    Attributes:
        name: what maps, OSC and pages call it.
        kind: continuous is a number from low to high; a switch is on or off; a trigger happens whenever it is set to
            anything but 0; a choice is one of `choices`.
        low, high: of numbers, both included; 0 and 1 for switches and triggers, the first and the last index for
            choices.
        default: its value before anything moved it.
        whole: only whole numbers.
        is_strict: numbers outside the range are refused: no hand moves a knob there, it is a mistake.
        choices: names, of a choice.
        help: for people, a few words.
    """

    name: str
    kind: Kind
    low: float
    high: float
    default: Value
    help: str
    whole: bool = False
    choices: tuple[str, ...] = ()
    is_strict: bool = False

    def check(self, value: object) -> Value:
        """The value as the engine wants it: numbers are clamped into the range, choices may be given by index.

        Raises:
            InputError: NaN, not a number, no such choice, outside the range of a strict parameter.

        >>> PARAMETERS["position"].check(1.5), PARAMETERS["follow"].check(2), PARAMETERS["hold"].check(0.7)
        (1.0, 'bar', True)
        """
        if self.kind == "choice" and isinstance(value, str):
            for choice in self.choices:
                if choice.lower() == value.strip().lower():
                    return choice
            raise InputError(f"{self.name}: expected one of {', '.join(self.choices)}, found {value!r:.60}")
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isnan(number) or (self.is_strict and number != self.clamp(number)):
            raise InputError(f"{self.name}: expected {self.expected}, found {value!r:.60}")
        number = self.clamp(number)
        if self.kind == "choice":
            return self.choices[round(number)]
        if self.kind in ("switch", "trigger"):
            return number >= 0.5
        return round(number) if self.whole else number

    def clamp(self, number: float) -> float:
        """The number within the range that is nearest: where a knob goes that is turned too far."""
        return float(min(max(number, self.low), self.high))

    def is_beyond(self, value: object) -> bool:
        """Whether `check` takes a number, but another one, for it is outside the range.

        >>> PARAMETERS["position"].is_beyond(1.5), PARAMETERS["follow"].is_beyond("bar")
        (True, False)
        """
        if self.kind == "trigger" or not isinstance(value, int | float) or math.isnan(value):
            return False
        return self.clamp(value) != value

    @property
    def expected(self) -> str:
        """What `check` accepts, in words."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        if self.kind in ("switch", "trigger"):
            return "0 or 1"
        return f"a {'whole ' * self.whole}number from {self.low:g} to {self.high:g}"

    def at(self, share: float) -> Value:
        """The value at a share 0..1 of the range: what a controller without a range of its own does."""
        return self.check(self.low + min(max(share, 0.0), 1.0) * (self.high - self.low))

    def share(self, value: Value) -> float:
        """The inverse of `at`, 0..1: what a motor fader or a ring of LEDs shows.

        >>> PARAMETERS["tempo"].share(210), PARAMETERS["follow"].share("bar")
        (0.5, 1.0)
        """
        number = self.choices.index(str(value)) if self.kind == "choice" else float(value)
        return (number - self.low) / (self.high - self.low)


def _continuous(name: str, low: float, high: float, default: float, help: str, whole: bool = False) -> Parameter:
    return Parameter(name, "continuous", low, high, default, help, whole)


def _switch(name: str, default: bool, help: str) -> Parameter:
    return Parameter(name, "switch", 0, 1, default, help)


def _trigger(name: str, help: str) -> Parameter:
    return Parameter(name, "trigger", 0, 1, False, help)


def _choice(name: str, choices: tuple[str, ...], help: str) -> Parameter:
    return Parameter(name, "choice", 0, len(choices) - 1, choices[0], help, choices=choices)


def table(attributes: tuple[str, ...] = ATTRIBUTES) -> dict[str, Parameter]:
    """All parameters by name, of a model with these attributes."""
    parameters = [
        _continuous("position", 0, 1, 0.0, "along the melodies, from the first to the last"),
        _continuous("x", 0, 1, 0.5, "on the pad, from left to right"),
        _continuous("y", 0, 1, 0.5, "on the pad, from bottom to top"),
        _choice("axes", AXES, "what the pad is: the melodies where they stand, or rhythm across and pitch upwards"),
        *(
            _continuous(f"weight.{number}", 0, 1, 0.0, f"share of melody {number}")
            for number in range(1, MAX_MELODIES + 1)
        ),
        _continuous("temperature", 0, 2, 0.0, "0 the likeliest notes, above 0 drawn ones"),
        *(_continuous(f"attribute.{name}", -3, 3, 0.0, f"{name}, up or down") for name in attributes),
        _choice("key", KEYS, "moves notes into a key"),
        _continuous("octave", -3, 3, 0, "up or down", whole=True),
        _continuous("density", 0, 1, 1.0, "share of the notes kept, those on strong beats first"),
        _continuous("velocity", 1, 127, 80, "of the notes", whole=True),
        replace(_continuous("tempo", 20, 400, 120.0, "quarter notes a minute"), is_strict=True),
        _continuous("swing", 0.5, 0.75, 0.5, "share of two sixteenths that the first takes: 0.5 even, 0.67 triplets"),
        _switch("drums.follow", True, "the drums are mixed as the melodies are"),
        _continuous("drums.position", 0, 1, 0.0, "along the drums where they do not, from the first to the last"),
        _continuous("drums.x", 0, 1, 0.5, "of the drums' own puck on the pad where they do not, from left to right"),
        _continuous("drums.y", 0, 1, 0.5, "of the drums' own puck, from bottom to top"),
        _switch("drums.pad", False, "the drums go by their puck rather than drums.position: by what was moved last"),
        _continuous("drums.level", 0, 1, 1.0, "how hard the drums are struck: 1 as they are, 0 not at all"),
        _switch("sound.follow", True, "the timbre is mixed as the melodies are, of sounds that sing them"),
        _continuous("sound.position", 0, 1, 0.0, "along these sounds where it is not, from the first to the last"),
        _continuous("sound.x", 0, 1, 0.5, "of the timbre's own puck on the pad where it is not, from left to right"),
        _continuous("sound.y", 0, 1, 0.5, "of the timbre's own puck, from bottom to top"),
        _switch("sound.pad", False, "the timbre goes by its puck rather than sound.position: by what was moved last"),
        _continuous("phrase", 0, MAX_PHRASES - 1, 0, "0 the melodies, 1 what comes after them, and so on", whole=True),
        _trigger("next", "the next phrase, at the end of the loop"),
        _choice("follow", FOLLOWS, "when a change is heard: at the next step, beat or bar"),
        _switch("hold", False, "the melody stays as it is"),
        _switch("play", True, "plays, or is silent"),
        _switch("record", False, "keeps what is played"),
        _trigger("panic", "all notes off, at once"),
        _trigger("tap", "tap the tempo, on the beat"),
        _continuous("preset", 0, 127, 0, "number of a preset", whole=True),
    ]
    return {parameter.name: parameter for parameter in parameters}


PARAMETERS: Mapping[str, Parameter] = table()


def check(name: str, value: object, parameters: Mapping[str, Parameter] = PARAMETERS) -> Value:
    """The value of a parameter as the engine wants it (`Parameter.check`).

    Raises:
        InputError: no parameter of that name; as `Parameter.check`.

    >>> check("position", 10_000)
    1.0
    """
    return find(name, parameters).check(value)


def find(name: str, parameters: Mapping[str, Parameter] = PARAMETERS) -> Parameter:
    """A parameter by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in parameters:
        raise InputError(f"expected the name of a parameter ({', '.join(parameters)}), found {name!r:.60}")
    return parameters[name]
