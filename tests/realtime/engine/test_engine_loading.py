"""A model that is still being loaded: the music starts without it, and what needs it follows."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from virtual_players import A, B, EngineBench, small_model, wait_for

from latentmix.errors import InputError
from realtime.engine.loading import ModelLoader
from realtime.music.mixer import PadPoint

ROOT = Path(__file__).resolve().parents[3]


class SlowLoader(ModelLoader):
    """A model that comes once the gate is open."""

    def __init__(self) -> None:
        self.gate, self.model, self.error = threading.Event(), small_model(), None
        super().__init__(self._come)

    def _come(self):
        self.gate.wait()
        if self.error:
            raise self.error
        return self.model


@pytest.fixture
def bench():
    bench = EngineBench()
    bench.loader = SlowLoader()
    yield bench
    bench.loader.gate.set()
    bench.engine.close()
    bench.check_pairs()


def test_the_first_melody_is_played_before_there_is_a_model(bench):
    engine = bench.open(bench.loader)
    engine.start()
    bench.go_on(0.99)
    assert [note for kind, note, _ in bench.notes() if kind == "note_on"] == [note for _, _, note in A.notes()][:4]
    assert engine.count() == 2 and engine.snapshot().melody.notes() == A.notes()


def test_what_is_moved_meanwhile_is_heard_once_it_is_there(bench):
    engine = bench.open(bench.loader)
    engine.start()
    engine.set("position", 1.0)  # one melody alone needs no model
    wait_for(lambda: engine.snapshot().melody.notes() == B.notes())
    engine.set("position", 0.4)
    engine.set("temperature", 1.0)
    wait_for(lambda: engine.snapshot().values["temperature"] == 1.0)
    wait_for(lambda: engine.snapshot().melody.notes() == A.notes())  # the nearest
    bench.loader.gate.set()
    wait_for(lambda: engine.snapshot().melody.notes() != A.notes())
    assert engine.value("position") == 0.4


def test_melodies_that_are_added_meanwhile_wait(bench):
    engine, added = bench.open(bench.loader), threading.Event()

    def add() -> None:
        engine.add(B, "c", PadPoint(0.5, 0.5))
        added.set()

    thread = threading.Thread(target=add)
    thread.start()
    assert not added.wait(0.05) and engine.count() == 2
    bench.loader.gate.set()
    assert added.wait(30) and engine.count() == 3
    thread.join()


def test_who_waits_when_it_is_closed_is_told(bench):
    engine, errors = bench.open(bench.loader), []

    def add() -> None:
        try:
            engine.add(B)
        except InputError as error:
            errors.append(str(error))

    thread = threading.Thread(target=add)
    thread.start()
    wait_for(lambda: engine._worker._jobs)
    bench.loader.gate.set()
    bench.loader.error = InputError("weights: expected safetensors, found a damaged file")
    wait_for(lambda: engine.failure or engine.count() == 3)
    engine.close()
    thread.join()
    assert errors == ["expected an engine that is open, found it is closed"] or engine.count() == 3


def test_a_model_that_cannot_be_loaded_is_said_and_the_melody_goes_on(bench):
    engine = bench.open(bench.loader)
    engine.start()
    bench.loader.error = InputError("weights: expected safetensors, found a damaged file")
    bench.loader.gate.set()
    with pytest.raises(InputError, match="damaged file"):
        engine.wait_until_loaded(threading.Event())
    assert engine.failure in engine.snapshot().warnings
    bench.go_on(1.0)
    assert len(bench.notes()) > 4


def test_melodies_that_cannot_be_mixed_are_refused_at_once(bench):
    long = A.from_notes([(0, 4, 60)], bars=200)
    with pytest.raises(InputError, match="at most 128 bars to play live, found 200 bars"):
        EngineBench().open(bench.loader, [A, long])
    bench.open(bench.loader)


def test_no_torch_is_imported_before_the_first_note():
    code = "import sys; from realtime.cli import app, play, live, web; from realtime.player import server\n"
    code += "from realtime.web import hub, server; assert 'torch' not in sys.modules, 'torch'"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
