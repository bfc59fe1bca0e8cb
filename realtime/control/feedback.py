"""Parameters -> motors and lights of a controller: messages that make it show what is; pure, time is passed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mido

from latentmix.errors import InputError

from ..music.parameters import PARAMETERS, Parameter, Value, find
from .bindings import Binding, ControllerMap, Feedback
from .messages import CENTRE

UPDATE_SECONDS = 0.03  # between two values of one motor or light; a MIDI cable carries a thousand messages a second
TOUCH_SECONDS = 0.4  # that a motor keeps still after its fader was moved by hand
LOW_BYTE = 32


class ControllerFeedback:
    """What a controller shows, and what it is to be sent so that it shows the parameters as they are.

    Only changes are sent, at most 33 a second for each light or motor, and none to a fader that a hand moves.
    """

    def __init__(self, controller: ControllerMap, parameters: Mapping[str, Parameter] = PARAMETERS) -> None:
        self._bindings = [(b, find(b.parameter, parameters)) for b in controller.bindings if b.feedback is not None]
        self._shown: dict[Feedback, int] = {}
        self._sent: dict[Feedback, float] = {}
        self._touched: dict[tuple[str, int | None], float] = {}

    def touched(self, message: Any, now: float) -> None:
        """A message came from the controller: a hand is on it."""
        number = getattr(message, "control", getattr(message, "note", None))
        self._touched[message.type, number] = now

    def forget(self) -> None:
        """The controller was away and shows nothing that was sent before: all is sent again."""
        self._shown.clear()

    def messages(self, values: Mapping[str, Value], now: float) -> list[mido.Message]:
        """What to send, now that the parameters have these values; call it again within 30 ms or so."""
        sent = []
        for binding, parameter in self._bindings:
            feedback = binding.feedback
            if feedback is None or parameter.name not in values or self._is_held(binding, now):
                continue
            try:
                share = binding.share(parameter.check(values[parameter.name]), parameter)
            except (InputError, ValueError):
                continue
            level = round(feedback.low + share * (feedback.high - feedback.low))
            waits = now - self._sent.get(feedback, -1e9) < UPDATE_SECONDS
            if level == self._shown.get(feedback) or waits:
                continue
            self._shown[feedback], self._sent[feedback] = level, now
            sent += show(feedback, level)
        return sent

    def _is_held(self, binding: Binding, now: float) -> bool:
        kinds = {"note": "note_on", "pitchbend": "pitchwheel", "pressure": "aftertouch"}
        if binding.kind == "note":  # its light follows at once
            return False
        address = (kinds.get(binding.kind, "control_change"), binding.number)
        return now - self._touched.get(address, -1e9) < TOUCH_SECONDS


def show(feedback: Feedback, level: int) -> list[mido.Message]:
    """The messages that put a motor or light to a level.

    >>> [message.bytes() for message in show(Feedback("cc14", 1, 1, 0, 16383), 8193)]
    [[176, 1, 64], [176, 33, 1]]
    """
    channel, number = feedback.channel - 1, feedback.number
    if feedback.kind == "cc14":
        halves = ((number, level >> 7), ((number or 0) + LOW_BYTE, level & 127))
        return [mido.Message("control_change", channel=channel, control=c, value=v) for c, v in halves]
    if feedback.kind == "note":
        return [mido.Message("note_on", channel=channel, note=number, velocity=level)]
    if feedback.kind == "pitchbend":
        return [mido.Message("pitchwheel", channel=channel, pitch=level - CENTRE)]
    if feedback.kind == "pressure":
        return [mido.Message("aftertouch", channel=channel, value=level)]
    return [mido.Message("control_change", channel=channel, control=number, value=level)]
