"""Hands on the engine: a controller through its map and back to its motors, a plan that runs to its end."""

from __future__ import annotations

import threading

import pytest
from virtual_players import PATIENCE, EngineBench, small_model, wait_for

from realtime.control.desk import MOST_WAITING, ControllerDesk, PlanDesk
from realtime.control.maps import DEFAULT, parse_map, read_map
from realtime.midi.ports import MemoryOut
from realtime.music.automation import parse_plan

MOTOR = """
[[bind]]
target = "position"
kind = "cc"
number = 7
feedback = true
"""


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture
def engine(model):
    stage = EngineBench()
    yield stage.open(model)
    stage.engine.close()


def turn(engine, control: int, value: int) -> None:
    engine._hear({"midi": [[0.0, [0xB0, control, value]]]})


def test_the_default_map_moves_the_targets(engine):
    desk = ControllerDesk(engine, read_map("default"))
    turn(engine, 1, 127)
    turn(engine, 33, 127)
    wait_for(lambda: engine.value("position") == 1.0)
    turn(engine, 16, 0)
    turn(engine, 17, 127)
    wait_for(lambda: (engine.value("x"), engine.value("y")) == (0.0, 1.0))
    turn(engine, 64, 127)
    wait_for(lambda: engine.value("hold") is True)
    desk.close()
    turn(engine, 64, 0)
    assert engine.value("hold") is True


def test_of_a_flood_the_newest_counts(engine, monkeypatch):
    gate, taken = threading.Event(), []
    monkeypatch.setattr(engine, "set", lambda name, value: (gate.wait(), taken.append(value)))
    desk = ControllerDesk(engine, read_map(DEFAULT))
    for value in (*range(100), 127):
        engine._hear({"midi": [[0.0, [0xB0, 1, value]]] * 100})
    assert desk._inbox.qsize() <= MOST_WAITING
    gate.set()
    wait_for(lambda: taken and taken[-1] == 1.0)
    desk.close()


def test_a_motor_follows_what_others_move(engine):
    lights = MemoryOut()
    desk = ControllerDesk(engine, parse_map(MOTOR, "motor"), lights)
    engine.set("position", 1.0)
    wait_for(lambda: lights.sent and (lights.sent[-1].control, lights.sent[-1].value) == (7, 127))
    desk.close()


def test_lights_that_went_dark_stop_nothing(engine):
    class Broken:
        def send(self, message):
            raise OSError("no cable")

    desk = ControllerDesk(engine, parse_map(MOTOR, "motor"), Broken())
    wait_for(lambda: any("no cable" in line for line in engine.snapshot().warnings))
    turn(engine, 7, 127)
    wait_for(lambda: engine.value("position") == 1.0)
    desk.close()


def test_a_plan_runs_to_its_end(engine):
    finished = threading.Event()
    desk = PlanDesk(engine, parse_plan("seconds,position,follow\n0,0,beat\n0.1,1,\n0.2,1,bar"), finished.set)
    assert finished.wait(PATIENCE)
    desk.close()
    wait_for(lambda: engine.value("position") == 1.0)
