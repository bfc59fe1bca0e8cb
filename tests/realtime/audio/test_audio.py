"""Sound through a real JACK server of our own: what is played is heard at the other end."""

from __future__ import annotations

import os

import mido
import numpy as np
import pytest
from jack_ear import Ear, wait_for_pitch
from jack_server import RATE, found_by_all
from virtual_players import wait_for

from latentmix.errors import InputError
from midi_vae.audio.drum_kit import WithKit
from midi_vae.audio.fluidsynth import FluidSynth, find_soundfont, load_library
from midi_vae.audio.synthesizer import BuiltInSynth, DrumSynthesizer
from realtime.audio.sound import BUILT_IN, SynthesizerOutput
from realtime.audio.synthesis import make_synth

PERIOD = 128


@pytest.fixture
def server(tmp_path, monkeypatch):
    yield from found_by_all(tmp_path, PERIOD, monkeypatch)


def test_a_note_is_heard_at_its_pitch_and_ends(server):
    with SynthesizerOutput(soundfont=BUILT_IN, program=16) as sound:
        assert sound.sample_rate == RATE and sound.name == "system, built-in synthesizer"
        with Ear() as ear:
            assert not ear.listen(0.1).any()
            sound.note_on(69, 100)
            wait_for(lambda: ear.level() > 0.02)
            wait_for_pitch(ear, 440)
            sound.send(mido.Message("note_off", note=69))
            sound.send(mido.Message("note_on", note=57, velocity=90))
            sound.send(mido.Message("clock"))
            ear.listen(0.3)
            wait_for_pitch(ear, 220)
            sound.panic()
            wait_for(lambda: len(ear.sound) > 20000 and not ear.sound[-5000:].any())
            for _ in range(3):
                sound.send(mido.Message("program_change", program=40))
                sound.note_on(60)
            sound.send(mido.Message("control_change", control=123))
            wait_for(lambda: not ear.sound[-5000:].any())
            assert sound.is_heard
    sound.close()
    sound.note_on(60)  # too late, and no harm


def test_drums_are_heard_beside_notes(server):
    kit = [(60, 36)]  # a kick on another note than that of General MIDI
    with SynthesizerOutput(soundfont=BUILT_IN, program=16, drums=kit) as sound, Ear() as ear:
        sound.send(mido.Message("note_on", channel=9, note=60, velocity=127))
        wait_for(lambda: ear.level() > 0.1)
        sound.send(mido.Message("note_off", channel=9, note=60))
        sound.send(mido.Message("note_on", note=69, velocity=100))
        wait_for_pitch(ear, 440)  # the kick has died away
        sound.send(mido.Message("note_off", note=69))
        wait_for(lambda: ear.level() == 0.0)


def test_drums_alone_are_heard_where_something_else_sings(server):
    with SynthesizerOutput(soundfont=BUILT_IN, program=16, drums=[], drums_only=True) as sound, Ear() as ear:
        sound.send(mido.Message("note_on", note=69, velocity=100))
        assert not ear.listen(0.3).any()
        sound.send(mido.Message("note_on", channel=9, note=38, velocity=100))
        wait_for(lambda: ear.level() > 0.05)


def test_sound_of_fluidsynth_without_being_asked_for(server):
    if load_library() is None or find_soundfont() is None:
        pytest.skip("needs FluidSynth and a soundfont")
    with SynthesizerOutput(program=73, block=64, latency=0.01) as sound, Ear() as ear:
        assert "FluidSynth" in sound.name
        sound.note_on(69, 100)
        wait_for(lambda: ear.level() > 0.01)
        wait_for_pitch(ear, 440)


def test_the_server_goes_away_and_comes_back(server):
    warnings = []
    with SynthesizerOutput(soundfont=BUILT_IN, program=16, warn=warnings.append) as sound:
        sound.note_on(69)
        server.stop(kill=True)
        wait_for(lambda: not sound.is_heard)
        sound.note_on(60)
        server.start()
        wait_for(lambda: sound.is_heard)
        with Ear() as ear:
            sound.panic()
            sound.note_on(57)
            wait_for(lambda: ear.level() > 0.02)
        wait_for(lambda: any("is back" in line for line in warnings))
        assert "went away" in warnings[0]


def test_a_synthesizer_that_dies_is_started_again(server):
    warnings = []
    with SynthesizerOutput(soundfont=BUILT_IN, program=16, warn=warnings.append) as sound, Ear() as ear:
        first = sound._synth.pid
        sound._synth.kill()
        wait_for(lambda: sound._synth is not None and sound._synth.pid != first)
        sound.note_on(69)
        wait_for(lambda: ear.level() > 0.02)
    assert len(warnings) == 1 and "the synthesizer stopped" in warnings[0]


def test_no_process_is_left(server):
    sound = SynthesizerOutput(soundfont=BUILT_IN)
    pids = [sound._synth.pid, sound._device.pid]
    sound.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_cannot_be_opened_is_one_clear_line(server, tmp_path):
    with pytest.raises(InputError, match=r"expected a sound device 'trumpet', found system \(JACK.*; start JACK"):
        SynthesizerOutput(device="trumpet")
    with pytest.raises(InputError, match=r"no\.sf2: cannot read the soundfont"):
        SynthesizerOutput(soundfont=tmp_path / "no.sf2")
    with pytest.raises(InputError, match=r"latency of 0\.001 to 0.5 seconds, found 9"):
        SynthesizerOutput(latency=9)
    with pytest.raises(InputError, match="expected blocks of 0"):
        SynthesizerOutput(block=-1)


def test_the_synthesizer_that_is_meant(monkeypatch, tmp_path):
    assert make_synth(RATE, BUILT_IN, 0)[1] == "built-in synthesizer"
    monkeypatch.setattr("midi_vae.audio.fluidsynth.FOLDERS", ())
    assert make_synth(RATE, None, 0)[1] == "built-in synthesizer"
    (tmp_path / "bad.sf2").write_bytes(b"RIFF")
    monkeypatch.setattr("midi_vae.audio.fluidsynth.FOLDERS", (str(tmp_path),))
    assert make_synth(RATE, None, 0)[1] == "built-in synthesizer"  # nobody asked for the bad one
    with pytest.raises(InputError, match="expected a soundfont"):
        make_synth(RATE, str(tmp_path / "bad.sf2"), 0)
    assert isinstance(make_synth(RATE, BUILT_IN, 0, drums=True)[0], DrumSynthesizer)


def test_a_soundfont_plays_drums_with_its_own_kit_or_with_ours():
    if load_library() is None or find_soundfont() is None:
        pytest.skip("needs FluidSynth and a soundfont")
    synth, _ = make_synth(RATE, None, 0, drums=True)
    assert isinstance(synth, FluidSynth) and synth.has_kit
    for struck in (synth, WithKit(BuiltInSynth(RATE), RATE)):
        struck.strike(36, 120)
        assert np.abs(struck.render(4096)).max() > 0.01
        struck.panic()
        struck.render(RATE)
        assert np.abs(struck.render(4096)).max() < 1e-3
    synth.close()
