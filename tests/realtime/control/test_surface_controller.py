"""The control surface: a controller's bytes reach the engine, its lights follow, also after it was away."""

from __future__ import annotations

import threading
import time

import mido

from realtime.control import surface as surface_module
from realtime.control.maps import read_map
from realtime.control.surface import ControlSurface
from realtime.midi.ports import MemoryOut
from realtime.music.clock import now
from realtime.music.parameters import PARAMETERS


class FakeEngine:
    """What a control surface asks of an engine."""

    def __init__(self) -> None:
        self.values = {name: parameter.default for name, parameter in PARAMETERS.items()}
        self.parameters, self.warnings, self.hear = PARAMETERS, [], None

    def set(self, name, value) -> None:
        self.values[name] = value

    def value(self, name):
        return self.values[name]

    def warn(self, line: str) -> None:
        self.warnings.append(line)

    def listen(self, callback):
        self.hear = callback
        return lambda: None


class Lights(MemoryOut):
    """An output that goes away and comes back."""

    def __init__(self) -> None:
        super().__init__()
        self.is_lost, self.comes_back = False, threading.Event()

    def send(self, message: mido.Message) -> None:
        if self.is_lost:
            raise OSError("gone")
        super().send(message)

    def check(self) -> None:
        if self.comes_back.is_set():
            self.is_lost = False


def wait_for(condition) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_hands_and_lights(monkeypatch):
    monkeypatch.setattr(surface_module, "LOOK_SECONDS", 0.02)
    engine, lights = FakeEngine(), Lights()
    hands = ControlSurface(engine, read_map("bcf2000"), lights)
    try:
        shown = len([b for b in read_map("bcf2000").bindings if b.feedback])
        wait_for(lambda: len(lights.sent) == shown)
        for value in range(128):
            engine.hear(now(), bytes([0xB0, 81, value]))
        engine.hear(now(), b"\xff\x00")
        engine.hear(now(), b"\xb0")
        wait_for(lambda: engine.values["weight.1"] == 1.0)
        engine.values["x"] = 1.0
        wait_for(lambda: lights.sent[-1] == mido.Message("control_change", control=2, value=127))
        lights.is_lost = True
        engine.values["x"] = 0.0
        wait_for(lambda: engine.warnings == ["feedback: gone"])
        count = len(lights.sent)
        lights.comes_back.set()
        wait_for(lambda: len(lights.sent) >= count + shown - 1)  # all is sent again
        assert engine.warnings == ["feedback: gone"]
    finally:
        hands.close()
