"""Engine on a clock turned by hand: what is moved is heard, what fails is a warning, threads and subscribers."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from virtual_players import A, B, small_model, wait_for

from latentmix.errors import InputError
from midi_vae.vae import MelodyVAE
from realtime.cli.live import watch
from realtime.engine.engine import Engine
from realtime.midi.ports import MemoryOut
from realtime.music.clock import VirtualClock
from realtime.music.mixer import PadPoint
from realtime.player.messages import MidiReceived, PlayPattern, Progress, SetShares


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    return small_model()


def test_it_plays_the_first_melody_at_its_tempo_until_something_moves(stage, model):
    engine = stage.open(model, [replace(A, tempo=60), B])
    stage.go_on(1.0)
    assert not stage.notes() and not engine.snapshot().running
    engine.start()
    start = stage.clock()
    stage.go_on(1.9)
    assert [n for n in stage.notes() if n[0] == "note_on"] == [
        ("note_on", 60 + k, pytest.approx(start + 0.5 * k)) for k in range(4)
    ]
    snapshot = engine.snapshot()
    assert (snapshot.tempo, snapshot.step, snapshot.sounding, snapshot.notes) == (60, 7, 63, 4)
    assert snapshot.names == ("a", "b") and snapshot.melody.notes() == A.notes()


def test_a_knob_changes_the_melody(stage, model):
    engine = stage.open(model)
    engine.start()
    stage.go_on(0.3)
    engine.set("position", 1.0)
    stage.settled()
    stage.go_on(8.0)
    assert engine.snapshot().melody.notes() == B.notes() and engine.snapshot().heard == engine.snapshot().version
    assert {note for _, note, _ in stage.notes()[6:]} == set(range(73, 81))
    assert engine.snapshot().decode_ms > 0


@pytest.mark.parametrize("audio", [None, {}, {"sources": ["a.wav", "b.wav"]}])
def test_shares_are_told_where_the_timbre_is_mixed_by_them(model, audio):
    """And nowhere else: each melody would cost two lines to the player, and its process two to read."""
    told = []
    player = SimpleNamespace(ports=(), command=told.append, close=lambda: None)
    with Engine(model, [A, B], audio=audio, player=lambda setup, report: player) as engine:
        engine.set("position", 1.0)
        wait_for(lambda: sum(isinstance(each, PlayPattern) for each in told) > 1)
    wanted = (0.0, 1.0) if audio else None
    assert next((each.shares for each in reversed(told) if isinstance(each, SetShares)), None) == wanted


def test_the_timbre_moves_by_itself_and_no_melody_is_made_for_it(model):
    told = []
    player = SimpleNamespace(ports=(), command=told.append, close=lambda: None)
    audio = {"sources": ["a.wav", "b.wav", "c.wav"]}
    with Engine(model, [A, B], audio=audio, player=lambda setup, report: player) as engine:
        wait_for(lambda: any(isinstance(each, SetShares) for each in told))
        melodies = sum(isinstance(each, PlayPattern) for each in told)
        for values in ({"sound.follow": False, "sound.position": 0.75}, {"sound.x": 1.0, "hold": True}):
            engine.move(values)
            before = len(told)
            wait_for(lambda before=before: len(told) > before)
        shares = [each.shares for each in told if isinstance(each, SetShares)]
        assert shares == [(1.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.0, 0.0, 1.0)]
        assert sum(isinstance(each, PlayPattern) for each in told) == melodies


@pytest.mark.parametrize("whose", ["sound", "drums"])
def test_a_puck_that_counts_for_nothing_says_so_once(stage, model, whose):
    engine = stage.open(model)
    engine.move({f"{whose}.follow": False, f"{whose}.position": 0.2})
    engine.set(f"{whose}.x", 0.3)
    engine.move({f"{whose}.follow": True, f"{whose}.y": 0.3})  # both at once, as a session comes back
    stage.settled()
    assert not engine.snapshot().warnings
    for value in (0.4, 0.5):
        engine.set(f"{whose}.position", value)
    stage.settled()
    (line,) = engine.snapshot().warnings
    assert line.startswith(f"{whose}.position, ") and f"{whose}.follow=0" in line


def test_the_newest_of_many_moves_counts(stage, model):
    engine = stage.open(model)
    before = engine.snapshot().version
    for k in range(1001):
        engine.set("position", k / 1000)
    stage.settled()
    assert engine.snapshot().values["position"] == 1.0 and engine.snapshot().melody.notes() == B.notes()
    assert engine.snapshot().version - before < 900  # they were coalesced


def test_what_was_moved_is_never_read_back_as_it_was_before(stage, model, monkeypatch):
    """Else a motor fader that shows it jumps back and forth."""
    engine, stale = stage.open(model), []
    move = engine.mixer.move

    def looks_first(values):
        stale.extend(name for name, value in values.items() if engine.value(name) != value)
        return move(values)

    monkeypatch.setattr(engine.mixer, "move", looks_first)
    for k in range(1, 50):
        engine.move({"x": k / 50, "y": 1 - k / 50})
        stage.settled()
        assert (engine.value("x"), engine.value("y")) == (k / 50, 1 - k / 50)
    assert not stale


def test_moves_of_which_one_cannot_be_move_nothing(stage, model):
    engine = stage.open(model)
    with pytest.raises(InputError, match="y: expected"):
        engine.move({"x": 0.25, "y": float("nan")})
    assert engine.value("x") == 0.5


def test_patterns_are_told_as_they_are_made(stage, model):
    engine, told = stage.open(model), []
    stop = engine.on_pattern(told.append)
    engine.set("position", 1.0)
    stage.settled()
    stop()
    engine.set("position", 0.0)
    stage.settled()
    assert told[0].version == 2 and told[0].tokens == tuple(B.tokens.tolist())
    assert told[-1].version < engine.pattern.version


def test_hold_keeps_the_melody_and_letting_go_catches_up(stage, model):
    engine = stage.open(model)
    engine.set("hold", True)
    engine.set("position", 1.0)
    wait_for(lambda: engine.snapshot().values["position"] == 1.0)
    assert engine.snapshot().melody.notes() == A.notes()
    engine.set("hold", False)
    wait_for(lambda: engine.snapshot().melody.notes() == B.notes())


@pytest.mark.parametrize(
    "name, value", [("position", float("nan")), ("loudness", 3), ("follow", "tune"), ("tempo", None)]
)
def test_nonsense_is_refused_and_the_music_goes_on(stage, model, name, value):
    engine = stage.open(model)
    engine.start()
    with pytest.raises(InputError, match="expected"):
        engine.set(name, value)
    stage.go_on(1.0)
    assert len(stage.notes()) > 4


def test_what_need_not_wait_for_a_decode_does_not(stage, model):
    engine = stage.open(model)
    engine.start()
    stage.go_on(0.1)
    engine.set("tempo", 240)
    engine.set("velocity", 11)
    engine.set("panic", 1)
    assert stage.notes()[-1][:2] == ("note_off", 60)
    stage.go_on(1.0)
    assert engine.snapshot().tempo == 240 and stage.sent[-1][1].velocity in (0, 11)
    engine.stop()
    sent = len(stage.sent)
    stage.go_on(1.0)
    assert len(stage.sent) == sent and engine.snapshot().sounding is None


def test_taps_move_the_tempo_that_is_shown(stage, model, monkeypatch):
    engine = stage.open(model)
    engine.start()
    taps = VirtualClock(10.0)
    monkeypatch.setattr("realtime.engine.engine.now", taps)
    for _ in range(3):
        engine.set("tap", 1)
        taps.advance(0.4)
    stage.go_on(1.0)
    assert engine.snapshot().tempo == pytest.approx(150) == pytest.approx(engine.value("tempo"))


def test_melodies_come_and_go_while_it_plays(stage, model):
    engine = stage.open(model)
    engine.start()
    stage.go_on(0.5)
    engine.add(replace(B, name="c"), place=PadPoint(0.3, 0.4))
    engine.load(0, B, "other")
    engine.place(1, 0.9, 2.0)
    snapshot = engine.snapshot()
    assert snapshot.names == ("other", "b", "c") and snapshot.places[1:] == (PadPoint(0.9, 1.0), PadPoint(0.3, 0.4))
    engine.remove(0)
    assert engine.snapshot().names == ("b", "c")
    engine.remove(0)
    with pytest.raises(InputError, match="1 to 8 melodies, found 0"):
        engine.remove(0)
    stage.go_on(3.0)


def test_presets(stage, model):
    engine = stage.open(model)
    engine.set("preset", 1)  # without any, the second melody
    wait_for(lambda: engine.snapshot().melody.notes() == B.notes())
    engine.presets = {5: {"position": 0.0, "tempo": 77.0}}
    engine.set("preset", 4)
    engine.set("preset", 5)
    wait_for(lambda: engine.snapshot().melody.notes() == A.notes())
    assert engine.value("tempo") == 77 and engine.value("preset") == 5


def test_subscribers_hear_of_news_and_one_that_fails_stops_nothing(stage, model):
    engine = stage.open(model)
    heard = []

    def fails(snapshot):
        raise RuntimeError("no screen")

    engine.subscribe(fails)
    unsubscribe = engine.subscribe(heard.append)
    engine.set("position", 1.0)
    wait_for(lambda: heard and heard[-1].melody.notes() == B.notes())
    engine.warn("look out")
    wait_for(lambda: heard[-1].warnings == ("look out",))
    unsubscribe()
    unsubscribe()


def test_a_warning_that_comes_again_is_told_again(stage, model, capsys):
    engine, told = stage.open(model), []
    with contextlib.ExitStack() as held:
        watch(engine, held)
        for count in range(1, 12):
            engine.warn("the port went away")
            assert engine.snapshot().warned == count
            time.sleep(0.03)  # subscribers are told 60 times a second
        wait_for(lambda: told.append(capsys.readouterr().err) or "".join(told).count("\n") == 11)
    assert set("".join(told).splitlines()) == {"livemix: the port went away"}


def test_the_parameter_is_the_tempo_that_plays_whoever_sets_it(stage, model):
    engine = stage.open(model)
    for source, tempo, value in (("midi", 150.0, 150.0), ("internal", 99.0, 99.0), ("link", 999.0, 400.0)):
        engine._hear(Progress(3, 0.0, None, (), 1, None, tempo, source, True))
        assert engine.value("tempo") == value


def test_a_model_that_fails_is_a_warning(stage, model, monkeypatch):
    engine = stage.open(model)
    engine.start()
    monkeypatch.setattr(engine.decoder, "decode", lambda *_: 1 / 0)
    engine.set("position", 0.5)
    wait_for(lambda: any("division by zero" in line for line in engine.snapshot().warnings))
    stage.go_on(1.0)
    assert len(stage.notes()) > 4
    monkeypatch.undo()
    engine.set("position", 1.0)
    wait_for(lambda: engine.snapshot().melody.notes() == B.notes())


def test_the_recording_is_what_was_played(stage, model):
    engine = stage.open(model)
    engine.start()
    stage.go_on(1.0)
    engine.set("record", True)
    wait_for(lambda: engine.snapshot().values["record"])
    stage.go_on(1.0 + 1e-6)
    engine.stop()
    notes = engine.recording()
    assert [note.pitch for note in notes] == [64, 65, 66, 67, 68][-len(notes) :] and len(notes) >= 4
    assert notes[1].start_beat - notes[0].start_beat == pytest.approx(0.5)
    assert engine.recorded_tempi()[0].tempo == 120


def test_what_arrives_at_the_inputs_is_heard_by_listeners(stage, model):
    engine = stage.open(model)
    heard = []
    stop = engine.listen(lambda time, message: heard.append((time, message)))
    engine._hear(MidiReceived(((1.5, b"\xb0\x01\x40"),)))
    stop()
    engine._hear(MidiReceived(((2.5, b"\xb0\x01\x41"),)))
    assert heard == [(1.5, b"\xb0\x01\x40")]


@pytest.mark.parametrize(
    "options, line",
    [
        ({"tempo": 0}, "tempo from 20 to 400 quarter notes a minute, found 0"),
        ({"tempo": 10_000}, "found 10000"),
        ({"clock": "sundial"}, "a clock out of internal, midi, link, found 'sundial'"),
        ({"follow": "tune"}, "follow: expected one of step, beat, bar"),
    ],
)
def test_what_cannot_be_played_is_said_before(model, options, line):
    with pytest.raises(InputError, match=line):
        Engine(model, [A, B], out=MemoryOut(), **options)


def test_an_object_with_send_is_played_in_a_thread(model):
    out = MemoryOut()
    with Engine(model, [A, B], out=out, tempo=400) as engine:
        engine.start()
        wait_for(lambda: len(out.sent) > 6)
    kinds = [message.type for message in out.sent]
    assert kinds.count("note_on") == kinds.count("note_off") > 2
    engine.close()
    with pytest.raises(InputError, match="found it is closed"):
        engine.add(A)


def test_ten_minutes_of_random_hands(stage, model):
    """Anything from anywhere: pairs of on and off, in order and in range, and no melody is missed in the end."""
    engine, random = stage.open(model), np.random.default_rng(1)
    engine.start()
    for _ in range(1200):
        stage.go_on(0.5)
        name = str(
            random.choice(["position", "x", "y", "weight.1", "octave", "key", "density", "tempo", "temperature"])
        )
        name = str(random.choice([name, name, "follow", "hold", "play", "velocity", "panic", "attribute.range"]))
        engine.set(name, engine.mixer.parameters[name].at(float(random.random())))
        if random.random() < 0.2:
            stage.settled()
    engine.set("hold", False)
    stage.settled()
    engine.close()
    assert stage.clock() == pytest.approx(600, abs=0.1) and engine.snapshot().notes > 300
    stage.check_pairs()
