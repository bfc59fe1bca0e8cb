"""What a controller map is made of: which control moves which parameter, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..midi.expression import MpeZone
from ..music.parameters import Parameter, Value
from .curves import Curve, bend, unbend

# kind of a control -> whether it needs a number, and the highest
KINDS: dict[str, int | None] = {
    "cc": 127,  # channel mode messages too (120 to 127), for panic
    "cc14": 31,  # and number + 32 for the low byte (MIDI 1.0), or `low_byte`
    "nrpn": 16383,
    "relative": 127,
    "note": 127,
    "poly": 127,
    "pitchbend": None,
    "pressure": None,
    "program": None,  # a number is allowed: that program alone, as a button
}
BUTTONS = ("momentary", "toggle", "any", "next", "previous")
Encoding = Literal["twos-complement", "binary-offset", "sign-magnitude"]
ENCODINGS: tuple[Encoding, ...] = ("twos-complement", "binary-offset", "sign-magnitude")
Button = Literal["momentary", "toggle", "any", "next", "previous"]
Channel = int | Literal["members", "master"] | None


@dataclass(frozen=True)
class Feedback:
    """What a controller is sent so that its motor or light shows a parameter.

    Attributes:
        kind: cc, cc14, note, pitchbend or pressure.
        number: of the controller or the note.
        channel: 1 to 16.
        low, high: values sent at the two ends of the range; off and on of a light.
    """

    kind: str
    number: int | None
    channel: int
    low: int
    high: int


@dataclass(frozen=True)
class Binding:
    """One control bound to one parameter.

    Attributes:
        parameter: name of the parameter.
        kind: of control, one of `KINDS`.
        number: of the controller, NRPN, note or program; None where the kind has none.
        low_byte: controller of the low byte, of kind cc14.
        low_first: the controller sends the low byte before the high one.
        channel: 1 to 16, None any; "members" or "master" of the map's MPE zone.
        encoding: of kind relative.
        step: share of the range that a click of a relative encoder moves; None: 1/127, or a whole step.
        range: values at the two ends of the control, for continuous parameters; None: the parameter's own.
        curve: see `curves.bend`.
        smoothing: time constant in seconds.
        pickup: nothing moves until the control has passed the current value.
        button: what a press does: momentary is on while pressed, toggle changes over, any: each message counts, also
            one of value 0, next and previous step through choices and whole numbers.
        value: a press sets this value.
        feedback: None: none.
    """

    parameter: str
    kind: str
    number: int | None = None
    low_byte: int | None = None
    low_first: bool = False
    channel: Channel = None
    encoding: Encoding = "twos-complement"
    step: float | None = None
    range: tuple[float, float] | None = None
    curve: Curve = "linear"
    smoothing: float = 0.0
    pickup: bool = False
    button: Button = "momentary"
    value: Value | None = None
    feedback: Feedback | None = None

    def at(self, share: float, parameter: Parameter) -> float:
        """The number at a share 0..1 of the control; an index of a choice."""
        low, high = self.range or (parameter.low, parameter.high)
        if parameter.kind == "choice":  # each choice has an equal part of the way
            return float(min(int(share * len(parameter.choices)), len(parameter.choices) - 1))
        return bend(share, self.curve, low, high)

    def share(self, value: Value, parameter: Parameter) -> float:
        """The inverse of `at`; 0..1."""
        low, high = self.range or (parameter.low, parameter.high)
        number = parameter.choices.index(str(value)) if parameter.kind == "choice" else float(value)
        return unbend(number, self.curve if parameter.kind == "continuous" else "linear", low, high)


@dataclass(frozen=True)
class ControllerMap:
    """A controller map.

    Attributes:
        name: of the controller, for people.
        device: part of the names of its ports; empty: any.
        bindings: what moves what.
        mpe: zone that "members" and "master" mean, until the controller says otherwise.
    """

    name: str
    device: str = ""
    bindings: tuple[Binding, ...] = ()
    mpe: MpeZone = field(default_factory=MpeZone)

    def is_for(self, port: str) -> bool:
        """Whether a port of this name belongs to the controller."""
        return self.device.lower() in port.lower()
