"""Motors and lights show the parameters, and leave a hand alone."""

from __future__ import annotations

import mido

from realtime.control.bindings import Binding, ControllerMap, Feedback
from realtime.control.feedback import TOUCH_SECONDS, UPDATE_SECONDS, ControllerFeedback
from realtime.control.maps import read_map


def panel(*bindings: Binding) -> ControllerFeedback:
    return ControllerFeedback(ControllerMap("test", bindings=bindings))


def sent(messages: list[mido.Message]) -> list[list[int]]:
    return [message.bytes() for message in messages]


def test_motors_lights_and_rings():
    lights = panel(
        Binding("x", "cc", 81, feedback=Feedback("cc", 81, 2, 0, 127)),
        Binding("tempo", "cc14", 2, 34, range=(50, 200), curve="log", feedback=Feedback("cc14", 2, 1, 0, 16383)),
        Binding("hold", "note", 9, feedback=Feedback("note", 9, 1, 12, 60)),
        Binding("y", "relative", 5, feedback=Feedback("cc", 13, 11, 1, 13)),
        Binding("follow", "note", 3, feedback=Feedback("note", 3, 1, 0, 2)),
        Binding("density", "pitchbend", feedback=Feedback("pitchbend", None, 1, 0, 16383)),
        Binding("octave", "cc", 1),
    )
    values = {"x": 0.5, "tempo": 100.0, "hold": True, "y": 1.0, "follow": "bar", "density": 0.0, "octave": 2}
    assert sent(lights.messages(values, 0.0)) == [
        [0xB1, 81, 64],
        [0xB0, 2, 64],
        [0xB0, 34, 0],
        [0x90, 9, 60],
        [0xBA, 13, 13],
        [0x90, 3, 2],
        [0xE0, 0, 0],
    ]
    assert lights.messages(values, 1.0) == []
    assert sent(lights.messages(values | {"hold": False}, 1.0)) == [[0x90, 9, 12]]
    lights.forget()
    assert len(lights.messages(values, 2.0)) == 7
    assert lights.messages({"x": "much"}, 3.0) == []


def test_a_moving_parameter_does_not_flood_the_cable():
    lights = panel(Binding("x", "cc", 81, feedback=Feedback("cc", 81, 1, 0, 127)))
    count = sum(len(lights.messages({"x": at / 2000}, at / 1000)) for at in range(1000))
    assert 20 <= count <= 1 / UPDATE_SECONDS + 1
    assert sent(lights.messages({"x": 1.0}, 2.0)) == [[0xB0, 81, 127]]


def test_a_fader_that_a_hand_moves_is_left_alone():
    lights = ControllerFeedback(read_map("bcf2000"))
    lights.messages({"weight.1": 0.0}, 0.0)
    lights.touched(mido.Message("control_change", control=81, value=30), 1.0)
    assert lights.messages({"weight.1": 0.3}, 1.0 + TOUCH_SECONDS / 2) == []
    assert len(lights.messages({"weight.1": 0.3}, 1.0 + TOUCH_SECONDS * 1.1)) == 1
