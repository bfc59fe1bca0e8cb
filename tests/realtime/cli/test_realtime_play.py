"""Plans, presets, rendering, recordings, and what `livemix play` says to what it cannot do."""

from __future__ import annotations

import math
import re
import threading
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from latentmix.errors import InputError
from midi_vae.drums.kit import read_kit
from midi_vae.drums.transcription import read_drums
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.vae import MelodyVAE
from realtime.cli import live
from realtime.cli.app import app
from realtime.cli.options import ControlOptions, Ports
from realtime.cli.play import outs_of
from realtime.engine.decoder import Decoder
from realtime.engine.monitor import Monitor
from realtime.engine.recorder import PlayedNote, Recorder, TempoChange, write_recording
from realtime.midi.sockets import SocketIn
from realtime.music.automation import check_presets, parse_automation, parse_presets, read_automation
from realtime.music.mixer import Mixer
from realtime.offline.render import perform
from realtime.player.messages import NoteEvent, PlayerSetup, Progress

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
FILES = [str(EXAMPLES / name) for name in ("lively.mid", "lyrical.mid")]
A = Melody.from_notes([(2 * k, 2 * k + 2, 60 + k) for k in range(16)], name="a")
B = Melody.from_notes([(4 * k, 4 * k + 4, 80 - k) for k in range(8)], name="b")


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    return Decoder(MelodyVAE(MelodyVAEConfig(width=16, latent_size=16)).eval(), seed=1)


def test_a_plan_goes_over_in_straight_lines_and_switches_at_its_rows():
    plan = parse_automation("bar,position,follow,hold\n1,0,step,\n# half way\n\n3,1,,1\n5,0,bar,0\n")
    assert (plan.unit, plan.end) == ("bar", 4.0)
    assert plan.values_at(0.0) == {"position": 0.0, "follow": "step"}
    assert plan.values_at(1.0) == {"position": 0.5, "follow": "step"}
    assert plan.values_at(3.0) == {"position": 0.5, "follow": "step", "hold": True}
    assert plan.values_at(9.0) == {"position": 0.0, "follow": "bar", "hold": False}
    assert plan.time(seconds=7.0, beat=6.0, beats_a_bar=3.0) == 2.0


def test_bare_numbers_are_beats_and_positions():
    assert parse_automation("0,0\n8,1").values_at(2.0) == {"position": 0.25}
    assert parse_automation("0,0,1\n8,1,0").values_at(2.0) == {"x": 0.25, "y": 0.75}


@pytest.mark.parametrize(
    "text, line",
    [
        ("", "rows of times and values, found none"),
        ("bar,loudness\n1,1", "name of a parameter"),
        ("minute,position\n1,1", "row 1: expected bar, beat or seconds as the first column, found 'minute'"),
        ("bar,position", "rows below the names"),
        ("bar,position\n1,0\n1,1", "row 3: expected a time after that of the row before, found 1"),
        ("bar,position\n0,0", "row 2: expected a bar from 1"),
        ("bar,position\n1,nan", "row 2: position: expected a number from 0 to 1"),
        ("bar,position\n1,left", "row 2: position: expected a number from 0 to 1, found 'left'"),
        ("bar,position\ninf,0", "row 2: expected a bar"),
        ("bar,key\n1,H:maj", "row 2: key: expected one of none"),
        ("bar,position\n1,0,3", "row 2: expected at most 2 fields, found 3"),
        ("1,2,3,4", "row 1: expected the names of the columns"),
        ("bar,x,loudness\n1,1", "row 1: expected the name of a parameter"),
        ("bar,x,y,X\n1,1", "row 1: expected each column once, found x again"),
        ("beat,play\n0,1\n4,0", "row 1: expected no column play, for a beat does not come while nothing plays"),
    ],
)
def test_plans_that_cannot_be_played(text, line):
    with pytest.raises(InputError, match=re.escape(line)):
        parse_automation(text)


def test_files_that_are_no_plans(tmp_path):
    for content in (b"\xff\xfe\x00", b"bar,x\n1,\x00\n" + bytes(100)):
        (tmp_path / "plan.csv").write_bytes(content)
        with pytest.raises(InputError, match=r"plan\.csv: (expected a table in UTF-8|row 2: x: expected)"):
            read_automation(tmp_path / "plan.csv")
    with pytest.raises(InputError, match="cannot read the table"):
        read_automation(tmp_path / "none.csv")


@pytest.mark.parametrize(
    "text",
    [
        "position,x\n1,2",
        "preset,x\n128,1",
        "preset,x\n1,2,3",
        "preset,x\na,1",
        "preset,q\n1,",
        "preset,x,x\n1,2,3",
        "preset,preset\n1,2",
    ],
)
def test_presets_that_are_none(text):
    with pytest.raises(InputError, match="expected"):
        parse_presets(text)


def test_a_performance_is_what_the_plan_says(decoder):
    plan = parse_automation("bar,position,tempo\n1,0,120\n2,0,\n2.01,1,\n5,1,120")
    performance = perform(Mixer(decoder, [A, B]), plan, PlayerSetup(tempo=120))
    first = [note for note in performance.notes if note.start_beat < 4]
    assert [note.pitch for note in first] == [60 + k for k in range(8)]
    assert [note.start for note in first] == pytest.approx([0.25 * k for k in range(8)])
    later = [note.pitch for note in performance.notes if note.start_beat >= 8]
    assert later == [80 - k for k in (0, 1, 2, 3, 4, 5, 6, 7)]
    assert max(note.end_beat for note in performance.notes) == pytest.approx(16, abs=1e-3)


def pitches(performance, start: float = 0.0, end: float = math.inf) -> list[int]:
    return [note.pitch for note in performance.notes if start <= note.start_beat < end]


def test_silence_in_a_plan_and_music_from_the_start_after_it(decoder):
    plan = parse_automation("seconds,play\n0,1\n1,0\n60,1\n61,1")
    notes = perform(Mixer(decoder, [A]), plan, PlayerSetup(tempo=120)).notes
    assert [note.pitch for note in notes] == [60, 61, 62, 63, 60, 61, 62, 63]
    assert notes[3].end == pytest.approx(1.0, abs=1e-3) and notes[4].start == pytest.approx(60.0, abs=1e-3)
    assert perform(Mixer(decoder, [A]), parse_automation("seconds,play\n0,0\n9,0"), PlayerSetup()).notes == []


def test_settings_are_where_a_performance_begins(decoder):
    plan = parse_automation("beat,position\n0,0\n4,0")
    settings = {"tempo": 60.0, "velocity": 30, "octave": 1}
    performance = perform(Mixer(decoder, [A, B]), plan, PlayerSetup(tempo=120), settings=settings)
    assert performance.tempi[0].tempo == 60 and {note.velocity for note in performance.notes} == {30}
    assert pitches(performance) == [72 + k for k in range(8)]


def test_a_plan_may_say_what_is_the_default_elsewhere(decoder):
    plan = parse_automation("bar,tempo,velocity,x,y\n1,120,80,0.5,0.5\n3,120,80,0.5,0.5")
    mixer = Mixer(decoder, [A, B])
    performance = perform(mixer, plan, PlayerSetup(tempo=60, velocity=100))
    assert performance.tempi[0].tempo == 120 and {note.velocity for note in performance.notes} == {80}
    assert mixer.mode == "pad" and pitches(performance) != pitches(perform(Mixer(decoder, [A, B]), plan_of_a(), SETUP))


SETUP = PlayerSetup(tempo=120)


def plan_of_a():
    return parse_automation("bar,position\n1,0\n3,0")


def test_what_is_held_goes_on_and_then_catches_up(decoder):
    plan = parse_automation("beat,hold,position\n0,1,0\n4,1,1\n8,0,1\n16,0,1")
    performance = perform(Mixer(decoder, [A, B]), plan, SETUP)
    assert pitches(performance, 0, 8) == [60 + k for k in range(16)]
    assert pitches(performance, 8) == [80 - k for k in range(8)]


def test_presets_in_a_plan(decoder):
    plan = parse_automation("beat,preset\n0,0\n8,1\n16,5\n24,5")
    performance = perform(Mixer(decoder, [A, B]), plan, SETUP)
    assert pitches(performance, 8, 16) == [80 - k for k in range(8)]
    presets = {1: {"octave": 1, "position": 0.0}, 5: {"position": 1.0, "velocity": 20}}
    performance = perform(Mixer(decoder, [A, B]), plan, SETUP, presets)
    assert pitches(performance, 0, 8) == [60 + k for k in range(16)]  # there is no preset 0
    assert pitches(performance, 8, 16) == [72 + k for k in range(16)]
    assert {note.velocity for note in performance.notes if note.start_beat >= 16} == {20}


def test_what_is_moved_last_decides_in_a_plan_too(decoder):
    mixer = Mixer(decoder, [A, B])
    presets = {5: {"position": 1.0}}
    performance = perform(mixer, parse_automation("beat,position,preset\n0,0.2,5\n4,0.2,5"), SETUP, presets)
    assert pitches(performance) == [80, 79, 78, 77] and mixer.values["position"] == 1.0
    performance = perform(
        mixer, parse_automation("beat,position\n0,0\n4,0"), SETUP, settings={"position": 1.0, "x": 0.3}
    )
    assert pitches(performance) == [60 + k for k in range(8)] and mixer.mode == "position"


def test_a_plan_in_seconds_ends_when_it_says(decoder):
    notes = perform(Mixer(decoder, [A]), parse_automation("seconds,play\n0,1\n1,0\n2,1\n2.1,"), SETUP).notes
    assert [note.pitch for note in notes] == [60, 61, 62, 63, 60]
    notes = perform(Mixer(decoder, [A]), parse_automation("seconds,tempo\n0,20\n1,400\n3,20\n4,20"), SETUP).notes
    assert max(note.end for note in notes) <= 4.0 + 1e-6


def test_presets_that_would_stop_the_plan_that_recalls_them():
    presets = {5: {"play": False}}
    with pytest.raises(InputError, match="expected presets without play for an automation in bars"):
        check_presets(parse_automation("bar,preset\n1,5\n3,5"), presets)
    check_presets(parse_automation("seconds,preset\n1,5\n3,5"), presets)
    check_presets(parse_automation("bar,position\n1,0\n3,1"), presets)


def test_hands_alone_are_no_error_where_no_port_can_be_made(monkeypatch, capsys):
    monkeypatch.setattr("sys.platform", "win32")
    assert outs_of(Ports(ins=["nano"]), ControlOptions()) == ()
    assert "nothing is going to be heard: expected a system with virtual MIDI ports" in capsys.readouterr().err
    assert outs_of(Ports(audio=True), ControlOptions()) == ()


def test_the_same_plan_gives_the_same_notes(decoder):
    plan = parse_automation("seconds,x,y,temperature,follow\n0,0,0,1,beat\n4,1,1,0.2,bar\n8,0,1,1,step")
    made = [perform(Mixer(decoder, [A, B, A, B]), plan, PlayerSetup(tempo=90)).notes for _ in range(2)]
    assert made[0] == made[1] and len(made[0]) > 4


def test_a_performance_changes_its_tempo(decoder):
    plan = parse_automation("beat,tempo\n0,60\n4,60\n4.01,240\n12,240")
    performance = perform(Mixer(decoder, [A]), plan, PlayerSetup(tempo=60))
    assert performance.tempi[0].tempo == 60 and performance.tempi[-1].tempo == 240
    assert performance.notes[7].start == pytest.approx(3.5) and performance.notes[-1].end < 4 + 8 / 4 + 0.3


def test_a_recording_comes_back_from_its_file(tmp_path):
    notes = [PlayedNote(0.0, 0.5, 0.0, 1.0, 60, 80), PlayedNote(0.5, 1.0, 1.0, 2.0, 60, 99)]
    write_recording(tmp_path / "a.mid", notes, [TempoChange(0.0, 120.0), TempoChange(1.0, 60.0)], (3, 4), 11)
    file = mido.MidiFile(tmp_path / "a.mid")
    found, tick = [], 0
    for message in file.tracks[0]:
        tick += message.time
        if message.type.startswith("note"):
            found.append((tick, message.type, message.velocity))
    assert found == [(0, "note_on", 80), (480, "note_off", 0), (480, "note_on", 99), (960, "note_off", 0)]
    assert [mido.tempo2bpm(m.tempo) for m in file.tracks[0] if m.type == "set_tempo"] == [120, 60]


def test_a_recording_has_the_channel_that_was_played(decoder, tmp_path):
    setup = PlayerSetup(tempo=120, channel=4)
    performance = perform(Mixer(decoder, [A]), parse_automation("beat,position\n0,0\n8,0"), setup)
    monitor = Monitor(120.0, "internal", 0.0, channel=4)
    monitor.hear(Progress(0, 0.0, None, (NoteEvent(0.0, 0.0, True, 60, 80),), 0, None, 120.0, "internal", True), True)
    for notes in (performance.notes, monitor.recorder.finished()):
        write_recording(tmp_path / "a.mid", notes, [])
        assert {m.channel for m in mido.MidiFile(tmp_path / "a.mid").tracks[0] if not m.is_meta} == {4}


def test_drums_are_played_live_by_the_notes_of_a_map_and_recorded(tmp_path):
    kit, out = tmp_path / "kit.toml", tmp_path / "out.mid"
    kit.write_text("kick = [60, 36, 35]\n")
    heard: list[mido.Message] = []
    synth = SocketIn(("127.0.0.1", 0), lambda _, message: heard.append(message), heard.append)
    drums = [str(EXAMPLES / "drums" / f"{name}.mid") for name in ("backbeat", "toms")]
    arguments = ["play", *FILES, "--drums", drums[0], "--drums", drums[1], "--kit", str(kit), "--tempo", "300"]
    arguments += ["--out", f"tcp:127.0.0.1:{synth.port}", "--record", str(out), "--seconds", "2", "--no-keyboard"]
    result = CliRunner().invoke(app, [*arguments, "--set", "drums.follow=0", "--set", "drums.position=1"])
    synth.close()
    assert result.exit_code == 0, result.output
    toms = read_drums(drums[1], None, read_kit(kit)).excerpt()
    struck = {message.note for message in heard if message.type == "note_on" and message.channel == 9}
    assert struck and struck <= {read_kit(kit).note_of(int(at)) for at in toms.hits.any(0).nonzero()[0]}
    assert 36 not in struck
    recorded = [message for message in mido.MidiFile(out) if message.type == "note_on"]
    assert {message.channel for message in recorded} == {0, 9}
    assert {m.velocity for m in recorded if m.channel == 9} <= {int(v) for v in toms.velocities[toms.hits]}


def test_a_recording_goes_on_where_the_clock_jumps():
    recorder = Recorder()
    recorder.add([NoteEvent(10.0, 7.0, True, 60, 80), NoteEvent(10.5, 8.0, False, 60, 0)], 120)
    recorder.add([NoteEvent(11.0, 0.0, True, 62, 80)], 120)  # it was started anew
    recorder.add([NoteEvent(11.5, 1.0, False, 62, 0), NoteEvent(12.0, 2.0, True, 64, 80)], 120)
    assert [(n.start, n.start_beat, n.end_beat) for n in recorder.finished()] == [
        (0.0, 0.0, 1.0),
        (1.0, 2.0, 3.0),
        (2.0, 4.0, 4.0),
    ]


def test_a_recording_from_the_start_of_the_song_keeps_its_first_rest():
    recorder = Recorder(from_song_start=True)
    recorder.add([NoteEvent(0.2 + 1.5, 3.0, True, 60, 80), NoteEvent(0.2 + 2.0, 4.0, False, 60, 0)], 120)
    (note,) = recorder.finished()
    assert (note.start, note.start_beat, note.end_beat) == pytest.approx((1.5, 3.0, 4.0))
    assert [(change.beat, change.tempo) for change in recorder.tempi] == [(0.0, 120)]


@pytest.mark.parametrize("name", ["out.mid", "out.wav"])
def test_rendering_keeps_the_rest_before_a_pickup(tmp_path: Path, name: str):
    tune = [(12, 16, 60), *[(16 + 4 * i, 20 + 4 * i, 62 + i) for i in range(4)]]
    for path in ("a.mid", "b.mid"):
        Melody.from_notes(tune, tempo=120.0).to_midi(tmp_path / path)
    (tmp_path / "plan.csv").write_text("bar, position\n1, 0\n3, 0\n")
    places = [str(tmp_path / each) for each in ("a.mid", "b.mid", "plan.csv", name)]
    result = run("play", *places[:2], "--plan", places[2], "--render", places[3])
    assert result.exit_code == 0, result.output
    if name.endswith(".mid"):
        assert Melody.from_midi(places[3], None, 0).notes()[0] == (12, 16, 60)
    else:
        samples, rate = soundfile.read(places[3])
        assert np.argmax(np.abs(samples).max(1) > 0.01) / rate == pytest.approx(1.5, abs=0.02)


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_render_to_midi_and_to_sound(tmp_path):
    plan = tmp_path / "plan.csv"
    plan.write_text("bar,position\n1,0\n3,1\n", encoding="utf-8")
    for suffix in ("mid", "wav"):
        out = tmp_path / f"out.{suffix}"
        result = run("play", *FILES, "--plan", str(plan), "--render", str(out), "--tempo", "120")
        assert result.exit_code == 0 and "notes" in result.output, result.output
    assert 3 < mido.MidiFile(tmp_path / "out.mid").length <= 4.01
    sound, rate = soundfile.read(tmp_path / "out.wav")
    assert 3 < len(sound) / rate < 9 and 0.1 < np.abs(sound).max() <= 1.0


@pytest.mark.parametrize(
    "arguments, status, said",
    [
        (FILES[:1], 2, "expected 2 to 8 MIDI files, found 1"),
        ([*FILES, "--tempo", "0"], 2, "expected a tempo from 20 to 400 quarter notes a minute, found 0"),
        ([*FILES, "--tempo", "10000"], 2, "expected a tempo from 20 to 400 quarter notes a minute, found 10000"),
        ([*FILES, "--tempo", "nan"], 2, "quarter notes a minute, found nan"),
        ([*FILES, "--seconds", "nan"], 2, "expected seconds from 0.1 on, found nan"),
        ([*FILES, "--follow", "tune"], 2, "--follow"),
        ([*FILES, "--clock", "sun"], 2, "--clock"),
        ([*FILES, "--channel", "17"], 2, "--channel"),
        ([*FILES, "--set", "key=H:maj"], 2, "key: expected one of"),
        ([*FILES, "--set", "position"], 2, "expected PARAMETER=VALUE"),
        (
            [*FILES, "--set", "attribute.density=abc"],
            2,
            "attribute.density: expected a number from -3 to 3, found 'abc'",
        ),
        ([*FILES, "--set", "attribute.foo=1"], 2, "expected the name of a parameter (position, x, y"),
        ([*FILES, "--soundfont", "my.sf2"], 2, "expected --audio, which plays it"),
        ([*FILES, "--osc-host", "0.0.0.0"], 2, "expected --osc-port N"),
        ([*FILES, "--plan", "{plan}", "--render", "out.mid", "--record", "r.mid"], 2, "expected one of the two"),
        ([*FILES, "--plan", "{plan}", "--render", "out.mid", "--clock", "midi"], 2, "expected internal"),
        ([*FILES, "--plan", "{plan}", "--render", "out.mid", "--soundfont", "my.sf2"], 2, "expected --audio"),
        ([*FILES, "--osc-out", "nowhere"], 2, "expected HOST:PORT"),
        ([*FILES, "--render", "out.mid"], 2, "expected --plan POSITIONS.csv"),
        ([*FILES, "--drums", FILES[0], "--channel", "10"], 2, "expected another than that of the drums, 10"),
        ([*FILES, "--drums", FILES[0], "--drums-model", "no/such"], 1, "no/such"),
        ([*FILES, "--plan", "{plan}", "--render", "out.mid", *["--drums", FILES[0]] * 9], 2, "at most 8 files"),
        ([*FILES, "--plan", "{plan}", "--render", "out.mid", "--kit", FILES[0]], 2, "expected --drums with --kit"),
        ([*FILES, "--plan", "{plan}", "--render", "out.mid", "--drums", FILES[0]], 1, "expected drums"),
        (["none.mid", FILES[0]], 1, "none.mid: cannot read the MIDI file"),
        ([*FILES, "--record", "out.wav"], 1, "which ends in .mid"),
        ([*FILES, "--record", "no/such/folder/out.mid"], 1, "a folder that can be written to"),
        ([*FILES, "--map", "no.toml"], 1, "no.toml: cannot read the map"),
        ([*FILES, "--plan", "no.csv"], 1, "no.csv: cannot read the table"),
        ([*FILES, "--presets", "no.csv"], 1, "no.csv: cannot read the table"),
        ([*FILES, "--out", "tcp:nowhere"], 1, "expected tcp:HOST:PORT"),
        ([*FILES, "--midi-api", "BEOS", "--virtual"], 1, "expected"),
        ([*FILES, "--plan", "{plan}", "--render", "out.txt"], 1, "expected a name that ends in .mid"),
        ([*FILES, "--plan", "{plan}", "--render", FILES[0]], 1, "another name than that of a file that is read"),
        ([*FILES, "--device", "cuda"], 1, "expected a GPU"),
    ],
)
def test_what_cannot_be_is_said_in_one_line_before_playing(tmp_path, monkeypatch, arguments, status, said):
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("needs a machine without a GPU")
    plan = tmp_path / "plan.csv"
    plan.write_text("0,0\n4,1", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = run("play", *[each.format(plan=plan) for each in arguments])
    told = re.sub(r"[\s│╭╮╰╯─]+", " ", result.output)
    assert result.exit_code == status and said in told, result.output
    if status == 1:
        assert re.fullmatch("loading …\nlivemix: .*\n", result.output)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.csv"]


@pytest.mark.parametrize("option", ["--record", "--render"])
def test_a_file_that_is_there_is_replaced_only_where_that_is_said(tmp_path, option):
    (tmp_path / "plan.csv").write_text("0,0\n4,1", encoding="utf-8")
    out = tmp_path / "take.mid"
    out.write_bytes(b"the take of my life")
    arguments = ["play", *FILES, option, str(out), "--plan", str(tmp_path / "plan.csv")]
    result = run(*arguments)
    assert result.exit_code == 1 and out.read_bytes() == b"the take of my life"
    assert "expected the name of a new file, found it is there; --force replaces it" in result.output
    if option == "--render":
        assert run(*arguments, "--force").exit_code == 0 and mido.MidiFile(out).length > 1


class Ended:
    """What waiting asks of an engine."""

    def __init__(self, failure=None, problem=None, is_given_up=False):
        self.failure, self.problem, self.is_given_up = failure, problem, is_given_up


@pytest.mark.parametrize(
    ("engine", "seconds", "said"),
    [
        (Ended(failure="weights: damaged"), None, "weights: damaged"),
        (Ended(problem="the player stopped 5 times", is_given_up=True), None, "5 times; nothing is played any more"),
        (Ended(problem="the player stopped (x)"), 0.05, "not playing again at the end"),
    ],
)
def test_an_end_that_was_not_meant_is_loud(engine, seconds, said, monkeypatch):
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.01)
    with pytest.raises(InputError, match=said):
        live.wait(engine, threading.Event(), seconds)
    live.wait(Ended(), threading.Event(), 0.05)


def test_help_names_every_command():
    told = run("--help").output
    assert all(command in told for command in ("play", "ports", "panic", "learn"))
