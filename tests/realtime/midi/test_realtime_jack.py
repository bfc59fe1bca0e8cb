"""Real MIDI ports, through a JACK server of the test's own that needs no sound card."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mido
import numpy as np
import pytest
from fork_server import ForkedProgram
from jack_server import found_by_all
from virtual_players import A, B, small_model, wait_for

from midi_vae.drums.kit import GENERAL_MIDI
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.vae import GrooveVAE
from realtime.control.maps import read_map
from realtime.control.surface import ControlSurface
from realtime.engine.drummer import Drums
from realtime.engine.engine import Engine
from realtime.midi.ports import IN_NAME, OUT_NAME, MidiIn, MidiOut

API = "UNIX_JACK"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A JACK server that all clients of this test find."""
    yield from found_by_all(tmp_path, 512, monkeypatch)


@pytest.fixture
def jack(server):
    """mido's backend for that server."""
    return mido.Backend(f"mido.backends.rtmidi/{API}")


class Ear:
    """A port that keeps what it hears: connected to a port of ours, or one for ours to connect to.

    It is rtmidi's own queue that is filled by JACK's thread: a Python callback there would wait for the interpreter,
    which this process keeps busy, and JACK would lose messages.
    """

    def __init__(self, name: str, virtual: bool = False) -> None:
        import rtmidi

        self._heard: list[mido.Message] = []
        self._port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name, queue_size_limit=1 << 14)
        self._port.open_virtual_port(name) if virtual else self._port.open_port(self._find(name))

    def _find(self, name: str) -> int:
        return next(index for index, port in enumerate(self._port.get_ports()) if name in port)

    @property
    def heard(self) -> list[mido.Message]:
        while (found := self._port.get_message()) is not None:
            self._heard.append(mido.Message.from_bytes(found[0]))
        return self._heard

    def close(self) -> None:
        self._port.close_port()
        self._port.delete()

    def notes(self) -> list[int]:
        return [message.note for message in self.heard if message.type == "note_on"]

    def check_pairs(self) -> None:
        """No note is left sounding; a note off may be of a note from before it listened."""
        sounding: set[tuple[int, int]] = set()
        for message in self.heard:
            if message.type == "note_on":
                assert message.channel == 9 or all(channel == 9 for channel, _ in sounding)  # a melody is one voice
                sounding.add((message.channel, message.note))
            elif message.type == "note_off":
                sounding.discard((message.channel, message.note))
        assert not sounding


def find(names: list[str], part: str) -> str:
    return next(name for name in names if part in name)


def is_there(names: list[str], part: str) -> bool:
    return any(part in name for name in names)


def test_melody_and_drums_move_together_under_one_knob_and_under_two(jack, model):
    grooves = [read_drums(ROOT / "examples" / "drums" / f"{name}.mid").excerpt() for name in ("backbeat", "toms")]
    notes = [{GENERAL_MIDI.note_of(int(at)) for at in each.hits.any(0).nonzero()[0]} for each in grooves]
    drums = Drums(grooves, GrooveVAE.from_pretrained)
    out, ins = MidiOut(virtual=True), [MidiIn(virtual=True)]
    with Engine(model, [A, B], drums=drums, out=out, ins=ins, tempo=400) as engine:
        surface = ControlSurface(engine, read_map("default"))
        ear = Ear(OUT_NAME)
        knob = jack.open_output(find(jack.get_output_names(), IN_NAME))

        def struck() -> list[mido.Message]:
            return [message for message in ear.heard if message.type == "note_on" and message.channel == 9]

        engine.start()
        wait_for(lambda: {each.note for each in struck()} == notes[0])
        level = {int(velocity) for velocity in grooves[0].velocities[grooves[0].hits]}
        assert {each.velocity for each in struck()} <= level
        knob.send(mido.Message("control_change", control=1, value=127))
        knob.send(mido.Message("control_change", control=33, value=127))
        wait_for(lambda: engine.value("position") == 1.0)
        wait_for(lambda: {each.note for each in struck()[-len(notes[1]) * 8 :]} == notes[1])
        engine.move({"drums.follow": False, "drums.position": 0.0})  # B is heard with the drums of A
        wait_for(lambda: {each.note for each in struck()[-len(notes[0]) * 8 :]} == notes[0])
        assert engine.snapshot().melody.notes() == B.notes()
        engine.set("drums.level", 0.0)
        wait_for(lambda: len(before := struck()) and time.sleep(0.5) is None and len(struck()) == len(before))
        surface.close()
        knob.close()
    wait_for(lambda: {m.channel for m in ear.heard if m.type == "control_change" and m.control == 123} >= {0, 9})
    ear.check_pairs()
    ear.close()


def test_from_the_knob_to_the_notes(jack, model):
    with Engine(model, [A, B], out=MidiOut(virtual=True), ins=[MidiIn(virtual=True)], tempo=400) as engine:
        surface = ControlSurface(engine, read_map("default"))
        ear = Ear(OUT_NAME)
        knob = jack.open_output(find(jack.get_output_names(), IN_NAME))
        engine.start()
        wait_for(lambda: len(ear.notes()) > 8)
        assert set(ear.notes()) <= {note for _, _, note in A.notes()}
        knob.send(mido.Message("control_change", control=1, value=127))
        knob.send(mido.Message("control_change", control=33, value=127))
        wait_for(lambda: ear.notes()[-1] in {note for _, _, note in B.notes()} - {note for _, _, note in A.notes()})
        wait_for(lambda: engine.value("position") == 1.0)
        for value in range(0, 1 << 14, 16):  # a 14-bit knob turned: far more than can be decoded
            knob.send(mido.Message("control_change", control=1, value=value >> 7))
            knob.send(mido.Message("control_change", control=33, value=value & 127))

        def rests_at_the_left() -> bool:  # JACK loses some of such a flood
            knob.send(mido.Message("control_change", control=1, value=0))
            knob.send(mido.Message("control_change", control=33, value=0))
            return engine.value("position") == 0.0 and engine.snapshot().melody.notes() == A.notes()

        wait_for(rests_at_the_left, pause=0.1)
        heard = len(ear.heard)
        knob.send(mido.Message("control_change", control=123, value=0))
        wait_for(lambda: any(m.type == "control_change" and m.control == 120 for m in ear.heard[heard:]))
        surface.close()
        knob.close()
    wait_for(lambda: ear.heard[-1].type == "control_change")
    ear.check_pairs()
    ear.close()


def test_a_clock_with_jitter_is_followed(jack, model):
    sender = jack.open_output("tape", virtual=True, client_name="tape")
    random = np.random.default_rng(0)
    with Engine(model, [A, B], out=MidiOut(virtual=True), ins=[MidiIn("tape")], clock="midi", tempo=60) as engine:
        ear = Ear(OUT_NAME)
        engine.start()
        sender.send(mido.Message("start"))
        start, beats = time.perf_counter(), 8
        for tick in range(beats * 24 + 1):
            due = start + tick * 60 / 150 / 24 + float(random.uniform(-0.001, 0.001))
            time.sleep(max(0.0, due - time.perf_counter()))
            sender.send(mido.Message("clock"))
        sender.send(mido.Message("stop"))
        wait_for(lambda: not engine.snapshot().running and engine.snapshot().step >= beats * 4 - 1)
        snapshot = engine.snapshot()
    assert snapshot.source == "midi" and snapshot.step <= beats * 4 + 2
    assert snapshot.tempo == pytest.approx(
        150, rel=0.1
    )  # the machine may be busy; how exact it is: test_realtime_clock
    wait_for(lambda: ear.heard[-1].type == "control_change")
    ear.check_pairs()
    assert len(ear.notes()) in range(beats * 2, beats * 2 + 3)
    ear.close()
    sender.close()


def test_a_synth_that_goes_away_and_comes_back(jack, model):
    synth = Ear("synth", virtual=True)
    with Engine(model, [A, B], out=MidiOut("synth"), tempo=300) as engine:
        engine.start()
        wait_for(lambda: len(synth.notes()) > 4)
        synth.close()
        wait_for(lambda: any("went away" in line for line in engine.snapshot().warnings))
        played = engine.snapshot().notes
        wait_for(lambda: engine.snapshot().notes > played + 4)  # the music goes on
        again = Ear("synth", virtual=True)
        wait_for(lambda: any("is back" in line for line in engine.snapshot().warnings))
        wait_for(lambda: len(again.notes()) > 4)
    wait_for(lambda: again.heard[-1].type == "control_change")
    again.check_pairs()
    again.close()


def test_a_server_that_dies_and_comes_back(server, model):
    with Engine(model, [A, B], out=MidiOut(virtual=True), ins=[MidiIn(virtual=True)], tempo=300) as engine:
        engine.start()
        wait_for(lambda: engine.snapshot().notes > 4)
        server.stop()
        wait_for(lambda: any("JACK server went away" in line for line in engine.snapshot().warnings))
        wait_for(lambda: any("cannot be started yet" in line for line in engine.snapshot().warnings))
        engine.set("position", 1.0)
        server.start()
        wait_for(lambda: any("was started again" in line for line in engine.snapshot().warnings))
        ear = Ear(OUT_NAME)
        wait_for(lambda: len(ear.notes()) > 4)
    assert set(ear.notes()) <= {note for _, _, note in B.notes()}
    ear.close()


def run_livemix(*arguments: str, **options) -> subprocess.Popen:
    code = "from realtime.cli.app import main; main()"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    return ForkedProgram([sys.executable, "-c", code, *arguments], env=environment, text=True, **options)


def test_kill_leaves_no_note_hanging(jack, tmp_path):
    examples, record = ROOT / "examples", tmp_path / "played.mid"
    files = [str(examples / "lively.mid"), str(examples / "lyrical.mid")]
    livemix = run_livemix(
        "play", *files, "--virtual", "--midi-api", API, "--record", str(record), stdout=subprocess.PIPE
    )
    try:
        wait_for(
            lambda: is_there(jack.get_input_names(), OUT_NAME) and is_there(jack.get_output_names(), IN_NAME),
            patience=120,
            pause=0.1,
        )
        ear = Ear(OUT_NAME)
        knob = jack.open_output(find(jack.get_output_names(), IN_NAME))
        wait_for(lambda: len(ear.notes()) > 3)
        for value in range(0, 128, 8):
            knob.send(mido.Message("control_change", control=1, value=value))
        wait_for(lambda: len(ear.notes()) > 8)
        livemix.send_signal(signal.SIGTERM)
        told, _ = livemix.communicate(timeout=300)
    finally:
        livemix.kill()
        livemix.communicate()
    assert livemix.returncode == 143 and "playing lively, lyrical: 138 quarter notes a minute" in told
    wait_for(lambda: ear.heard[-1].type == "control_change")
    ear.check_pairs()
    assert sum(message.type == "note_on" for message in mido.MidiFile(record).tracks[0]) >= len(ear.notes())
    ear.close()
    knob.close()


def test_ports_are_listed_and_panic_reaches_them(jack):
    synth = Ear("synth", virtual=True)
    asked = run_livemix("ports", stdout=subprocess.PIPE)
    listed, _ = asked.communicate(timeout=300)
    assert asked.returncode == 0 and "UNIX_JACK\n" in listed and "  out  synth:synth" in listed
    told = run_livemix("panic", "--midi-api", API, stdout=subprocess.PIPE)
    assert told.communicate(timeout=300)[0] == "all notes off: synth:synth\n" and told.returncode == 0
    wait_for(lambda: len(synth.heard) == 48)
    synth.close()


def test_a_part_of_a_name_that_nobody_has(jack):
    files = [str(ROOT / "examples" / name) for name in ("lively.mid", "lyrical.mid")]
    livemix = run_livemix("play", *files, "--out", "theremin", "--midi-api", API, stderr=subprocess.PIPE)
    _, told = livemix.communicate(timeout=300)
    assert livemix.returncode == 1 and told.startswith("loading …\n") and told.count("\n") == 2
    assert "expected a MIDI output port 'theremin', found none" in told
