"""Control surfaces on the engine: a controller through its map and back to its motors, a plan that runs to its end."""

from __future__ import annotations

import threading

import pytest
from virtual_players import PATIENCE, EngineBench, small_model, wait_for

from realtime.control.maps import DEFAULT, parse_map, read_map
from realtime.control.surface import MAX_WAITING, AutomationPlayer, ControlSurface
from realtime.midi.ports import MemoryOut
from realtime.music.automation import parse_automation
from realtime.player.messages import MidiReceived

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
    engine._hear(MidiReceived(((0.0, bytes([0xB0, control, value])),)))


def test_the_default_map_moves_the_parameters(engine):
    surface = ControlSurface(engine, read_map("default"))
    turn(engine, 1, 127)
    turn(engine, 33, 127)
    wait_for(lambda: engine.value("position") == 1.0)
    turn(engine, 16, 0)
    turn(engine, 17, 127)
    wait_for(lambda: (engine.value("x"), engine.value("y")) == (0.0, 1.0))
    turn(engine, 64, 127)
    wait_for(lambda: engine.value("hold") is True)
    surface.close()
    turn(engine, 64, 0)
    assert engine.value("hold") is True


def test_of_a_flood_the_newest_counts(engine, monkeypatch):
    gate, taken = threading.Event(), []
    monkeypatch.setattr(engine, "set", lambda name, value: (gate.wait(), taken.append(value)))
    surface = ControlSurface(engine, read_map(DEFAULT))
    for value in (*range(100), 127):
        engine._hear(MidiReceived(((0.0, bytes([0xB0, 1, value])),) * 100))
    assert surface._inbox.qsize() <= MAX_WAITING
    gate.set()
    wait_for(lambda: taken and taken[-1] == 1.0)
    surface.close()


def test_a_motor_follows_what_others_move(engine):
    lights = MemoryOut()
    surface = ControlSurface(engine, parse_map(MOTOR, "motor"), lights)
    engine.set("position", 1.0)
    wait_for(lambda: lights.sent and (lights.sent[-1].control, lights.sent[-1].value) == (7, 127))
    surface.close()


def test_lights_that_went_dark_stop_nothing(engine):
    class Broken:
        def send(self, message):
            raise OSError("no cable")

    surface = ControlSurface(engine, parse_map(MOTOR, "motor"), Broken())
    wait_for(lambda: any("no cable" in line for line in engine.snapshot().warnings))
    turn(engine, 7, 127)
    wait_for(lambda: engine.value("position") == 1.0)
    surface.close()


def test_a_plan_runs_to_its_end(engine):
    finished = threading.Event()
    surface = AutomationPlayer(
        engine, parse_automation("seconds,position,follow\n0,0,beat\n0.1,1,\n0.2,1,bar"), finished.set
    )
    assert finished.wait(PATIENCE)
    surface.close()
    wait_for(lambda: engine.value("position") == 1.0)


@pytest.mark.parametrize("follow", [0, 1])
def test_a_plan_that_gives_the_timbre_a_puck_moves_it_and_one_that_does_not_says_so(engine, follow):
    finished = threading.Event()
    plan = parse_automation(f"seconds,sound.position,sound.follow\n0,0.5,{follow}\n0.2,1,")
    surface = AutomationPlayer(engine, plan, finished.set)
    assert finished.wait(PATIENCE)
    surface.close()
    wait_for(lambda: engine.value("sound.position") == 1.0)
    told = [line for line in engine.snapshot().warnings if "move nothing" in line]
    assert len(told) == follow
