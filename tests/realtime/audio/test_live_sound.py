"""Sounds played live through a real JACK server: a puck that moves, an impulse that comes in, a note that is sung."""

from __future__ import annotations

import mido
import numpy as np
import pytest
import soundfile
from jack_ear import Ear, Mouth, wait_for_pitch
from jack_server import RATE, found_by_all
from toy_sounds import played
from typer.testing import CliRunner
from virtual_players import wait_for

from latentmix.errors import InputError
from midi_vae.music.melody import Melody
from realtime.audio.live_sound import LiveSound
from realtime.cli.app import app
from realtime.music.shaping import as_pattern
from realtime.player.client import PlayerClient
from realtime.player.messages import PlayerSetup, PlayPattern, SetPlaying, SetShares

MODEL = "sound_48k"


@pytest.fixture
def server(tmp_path, monkeypatch):
    yield from found_by_all(tmp_path, 128, monkeypatch)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("sounds")
    for name, hertz in (("low", 220.0), ("high", 440.0)):
        soundfile.write(folder / f"{name}.wav", played(hertz, 1.0, overtones=2), RATE)
    return [str(folder / "low.wav"), str(folder / "high.wav")]


def test_the_puck_moves_what_is_heard(server, files):
    warnings = []
    with LiveSound(files, MODEL, warn=warnings.append) as sound, Ear() as ear:
        assert sound.sample_rate == RATE and sound.name == "system, sound_48k"
        wait_for(lambda: ear.level() > 0.02)
        wait_for_pitch(ear, 220)
        sound.move({"position": 1.0})
        wait_for_pitch(ear, 440)
        sound.move({"position": 0.0, "pitch": 7.0})
        wait_for_pitch(ear, 220 * 2 ** (7 / 12))
        first = sound._synth.pid
        sound._synth.kill()
        wait_for(lambda: sound._synth is not None and sound._synth.pid != first, patience=180.0)
        wait_for_pitch(ear, 220 * 2 ** (7 / 12))  # the next one knows what was moved
    assert warnings == ["the process of the model stopped; it is started again"]


def test_an_impulse_goes_through_and_an_input_that_goes_away_is_silent(server, files):
    with LiveSound(["in:system", files[0]], MODEL) as sound, Ear() as ear, Mouth() as mouth:
        wait_for(lambda: len(ear.sound) > RATE and ear.level() < 1e-3)

        def knock() -> float:
            """Once more each time: a sample that comes in while a busy machine is late is nowhere."""
            mouth.play(np.r_[np.zeros(10), 0.9, np.zeros(100)])
            return float(np.abs(ear.listen(0.5)).max())

        wait_for(lambda: knock() > 0.02)
        mouth.play(np.tile(played(330.0, 1.0), 60))
        wait_for_pitch(ear, 330)
        mouth.close()
        wait_for(lambda: ear.level() < 1e-3)
        sound.move({"position": 1.0})
        wait_for_pitch(ear, 220)


def test_a_live_input_that_the_model_is_far_from_is_told_once_and_the_sound_goes_on(server, files):
    told = []
    with LiveSound(["in:system:1", files[0]], MODEL, latency=0.1, warn=told.append) as sound, Mouth() as mouth:
        time = np.arange(8 * RATE) / RATE
        tones = np.random.default_rng(0).uniform(300.0, 9000.0, 20)  # many at once, finer than any band
        mouth.play(sum(0.02 * np.sin(2.0 * np.pi * hertz * time) for hertz in tones).astype(np.float32))
        wait_for(lambda: any("in:system:1: what the model makes of it" in line for line in told))
        read = sound._ring.read
        wait_for(lambda: sound._ring.read > read + 4 * RATE)
    assert sum("what the model makes of it" in line for line in told) == 1


def test_an_instrument_sings_what_is_played(server, files):
    with LiveSound(files, MODEL, voices=8) as sound, Ear() as ear:
        sound.send(mido.Message("note_on", note=69, velocity=100))
        wait_for(lambda: ear.level() > 0.02)
        wait_for_pitch(ear, 440)
        sound.send(mido.Message("pitchwheel", pitch=8191))
        wait_for_pitch(ear, 440 * 2 ** (2 / 12))
        sound.send(mido.Message("note_off", note=69))
        wait_for(lambda: ear.level() < 1e-3)


def test_the_mixed_melody_is_sung_with_the_mixed_timbre(server, files):
    """A player of melodies whose sound is an instrument of recordings, and one puck for both."""
    melody = as_pattern(Melody.from_notes([(0, 16, 69), (16, 32, 69)]), 1)
    setup = PlayerSetup(audio={"sources": files, "model": MODEL, "voices": 1})
    player = PlayerClient(setup, lambda report: None)
    try:
        assert player.ports == ("system, sound_48k, 1 voice",)
        with Ear() as ear:
            player.command(SetShares((0.25, 0.75)))
            player.command(PlayPattern(melody))
            player.command(SetPlaying(True))
            wait_for(lambda: ear.level() > 0.02)
            wait_for_pitch(ear, 440)
    finally:
        player.close()


def test_drums_beside_an_instrument_have_an_output_of_their_own(server, files):
    audio = {"sources": files, "model": MODEL, "voices": 1, "drums": [(36, 36)]}
    player = PlayerClient(PlayerSetup(audio=audio), lambda report: None)
    try:
        assert player.ports == ("system, sound_48k, 1 voice", "system, built-in synthesizer")
    finally:
        player.close()


def test_the_command_plays_and_says_what_cannot_be(server, files, tmp_path, monkeypatch):
    monkeypatch.setenv("LATENTMIX_DATA", str(tmp_path / "data"))
    plan = tmp_path / "way.csv"
    plan.write_text("seconds,position\n0,0\n0.5,1\n")
    page = ["--page", "--port", "0", "--no-browser"]
    virtual = ["--virtual", "--midi-api", "UNIX_JACK"]
    written = ["--record", str(tmp_path / "heard.wav")]
    done = CliRunner().invoke(app, ["sound", *files, "--plan", str(plan), *virtual, *page, *written])
    assert done.exit_code == 0, done.output
    heard, rate = soundfile.read(tmp_path / "heard.wav")
    assert rate == 48_000 and heard.ndim == 1 and np.abs(heard).max() > 0.01
    assert "playing low, high: system, sound_48k, latentmix in, 48000 Hz" in done.output
    assert "latentmix at http://127.0.0.1:" in done.output
    done = CliRunner().invoke(app, ["sound", *files, *written])
    assert done.exit_code == 1 and "heard.wav" in done.output and "--force" in done.output
    done = CliRunner().invoke(app, ["sound", *files, "--record", str(tmp_path / "heard.mp3")])
    assert done.exit_code == 1 and "expected the name of a WAV file" in done.output
    done = CliRunner().invoke(app, ["sound", *files, "--port", "8000"])
    assert done.exit_code == 2 and "expected --page" in done.output
    done = CliRunner().invoke(app, ["sound", *files, "--set", "mode=transfer"])
    assert done.exit_code == 1 and "expected a live input and recordings for transfer" in done.output
    done = CliRunner().invoke(app, ["sound", "in:trumpet", files[0]])
    assert done.exit_code == 1 and "in:trumpet: expected a sound input with 1 channel, found system" in done.output
    with pytest.raises(InputError, match="expected live inputs of one device"):
        LiveSound(["in:a", "in:b"], MODEL)
    with pytest.raises(InputError, match=r"none\.wav"):
        LiveSound([files[0], str(tmp_path / "none.wav")], MODEL)
