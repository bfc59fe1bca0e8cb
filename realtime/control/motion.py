"""What is known of a control and of a parameter on its way, and which messages a binding listens to; pure."""

from __future__ import annotations

from typing import Any

from ..music.parameters import Parameter
from .bindings import Binding
from .messages import Pair


class Control:
    """A binding and what is known of its control."""

    def __init__(self, binding: Binding, parameter: Parameter) -> None:
        self.binding = binding
        self.parameter = parameter
        self.pairs: dict[int, Pair] = {}  # by channel
        self.last: float | None = None  # value that an absolute control stood at
        self.pressed = False

    def pair(self, channel: int) -> Pair:
        return self.pairs.setdefault(channel, Pair(self.binding.low_first))


class Motion:
    """Where a parameter is on its way."""

    def __init__(self) -> None:
        self.value = 0.0
        self.goal: float | None = None  # None: at rest
        self.time_constant = 0.0
        self.moved = 0.0  # when value was right
        self.set_to: float | None = None  # the last that was set from here
        self.set_at = -1e9
        self.owner: Control | None = None


def keys_of(binding: Binding) -> list[tuple[str, int | None]]:
    """Types and numbers of the messages that a binding listens to."""
    kinds = {"pitchbend": "pitchwheel", "pressure": "aftertouch", "poly": "polytouch", "program": "program_change"}
    if binding.kind in ("cc", "relative"):
        return [("control_change", binding.number)]
    if binding.kind == "cc14":
        return [("control_change", binding.number), ("control_change", binding.low_byte)]
    if binding.kind == "note":
        return [("note_on", binding.number), ("note_off", binding.number)]
    return [(kinds.get(binding.kind, binding.kind), binding.number)]


def number_of(message: Any) -> int | None:
    """Number of the controller, note or program."""
    for name in ("control", "note", "program"):
        if hasattr(message, name):
            return getattr(message, name)
    return None
