from __future__ import annotations

import re

import numpy as np
import pytest
import soundfile
import torch
from toy_sounds import RATE, played

from audiovq.sound.morph import Recording, encode, part
from latentmix.errors import InputError
from realtime.audio.model_synthesis import load_source
from realtime.audio.sound_instrument import SoundInstrument
from realtime.audio.sound_mix import SoundMix, loop_of
from realtime.offline.sounds import load_instrument


def test_blocks_of_any_size_give_the_same_sound(model, recordings):
    whole = SoundMix(model, recordings).render(9600)
    mix = SoundMix(model, recordings)
    pieces = np.concatenate([mix.render(n) for n in (1, 64, 479, 481, 4000, 4575)])
    np.testing.assert_allclose(pieces, whole, atol=1e-5)
    assert np.abs(whole).max() <= 1.0


def test_the_puck_moves_the_pitch_and_parameters_do_what_they_say(model, recordings):
    mix = SoundMix(model, recordings)
    asked = []

    def note(frame, state, colour):
        asked.append((float(frame.controls.pitch), float(frame.controls.loudness), colour))
        return torch.zeros(1, 480), state

    mix.model = type("Toy", (), {"decode_step": staticmethod(note), "config": model.config})()  # what it is asked for
    mix._at = 20
    for values in ({"position": 0}, {"position": 1}, {"x": 0.5}, {"pitch": 12, "loudness": -6, "brightness": 3}):
        mix.move(values)
        mix.render(480 * 12)
    pitches = [asked[k][0] for k in (11, 23, 35, 47)]
    assert pitches == pytest.approx([200.0, 400.0, 283.0, 566.0], rel=0.02)
    assert asked[47][1] == pytest.approx(asked[35][1] - 6.0, abs=0.5) and asked[47][2].brightness == pytest.approx(
        3.0, abs=0.05
    )
    with pytest.raises(InputError, match="expected the name of a parameter"):
        mix.move({"tempo": 100})


def test_a_loop_goes_over_into_its_beginning(recordings):
    sound = recordings[0].sound
    loop = loop_of(sound)
    assert loop.timbre.shape[1] == sound.timbre.shape[1] - 12
    seam = (loop.timbre[0, -1] - loop.timbre[0, 0]).abs().max()
    cut = (sound.timbre[0, -1] - sound.timbre[0, 0]).abs().max()
    assert float(seam) < float(cut)
    single = part(sound, 0, 1)
    assert loop_of(single).timbre.shape[1] == 1


def test_an_instrument_plays_the_note_in_tune_and_ends_it(model, recordings):
    instrument = SoundInstrument(model, recordings, lambda seconds: np.array([0.5, 0.5]))
    assert np.abs(instrument.render(4800)).max() < 1e-3
    instrument.note_on(69, 100)
    sounding = instrument.render(RATE)
    instrument.note_on(76, 100)
    instrument.note_off(76)  # the one that is held comes back
    assert (instrument.voices[0].pitch, instrument.voices[0].velocity) == (69, 100)
    instrument.note_off(69)
    instrument.render(RATE // 2)
    assert sounding.shape == (2, RATE) and 0.01 < np.abs(sounding).max() <= 1.0
    assert np.abs(instrument.render(4800)).max() < 1e-3


def test_velocity_is_heard(model, recordings):
    powers = []
    for velocity in (120, 40):
        instrument = SoundInstrument(model, recordings, lambda seconds: np.array([1.0, 0.0]))
        instrument.note_on(60, velocity)
        powers.append(np.square(instrument.render(RATE // 2)).mean())
    assert 10.0 * np.log10(powers[0] / powers[1]) == pytest.approx(80 / 127 / 0.9 * 30.0, abs=3.0)


def test_the_loudness_does_not_jump_when_something_is_moved(model, recordings):
    """From frame to frame by 6 dB at most, whatever is moved at once from end to end."""
    steady = [Recording(part(each.sound, 15, 45), 0) for each in recordings]
    mix, heard = SoundMix(model, steady), []

    def note(frame, state, colour):
        heard.append(float(frame.controls.loudness))
        return torch.zeros(1, 480), state

    mix.model = type("Toy", (), {"decode_step": staticmethod(note), "config": model.config})()
    for values in ({"loudness": 0}, {"loudness": 24}, {"loudness": -24}, {"position": 1}, {"hold": 1}, {"position": 0}):
        mix.move(values)
        mix.render(480 * 20)
    assert len(heard) == 120 and max(heard) - min(heard) > 20.0
    assert np.abs(np.diff(heard)).max() <= 6.0


def test_silence_is_no_instrument(model):
    silent = encode(model, np.zeros(RATE, np.float32))
    with pytest.raises(InputError, match="found nothing that is heard"):
        SoundInstrument(model, [silent], lambda seconds: np.ones(1))
    SoundMix(model, [silent, silent]).render(4800)  # a mix of silence is silent


def test_a_silent_recording_that_is_to_be_an_instrument_is_named_once(model, tmp_path):
    path, told = tmp_path / "a.wav", []
    soundfile.write(path, np.zeros(RATE), RATE)
    model.save_pretrained(tmp_path / "model")
    line = re.escape(f"{path}: expected a sound, found nothing that is heard")
    with pytest.raises(InputError, match=line):
        load_instrument(str(tmp_path / "model"), [path], lambda seconds: np.ones(1), told.append)
    with pytest.raises(InputError, match=line):
        load_source(model, [str(path)], 8, told.append)
    assert not any(told)
    load_source(model, [str(path)], 0, told.append)  # a mix of it plays on
    assert len([each for each in told if each]) == 1


def test_what_stands_still_before_a_hit_does_not_flutter(model):
    hit = np.concatenate([np.zeros(5000, np.float32), played(231.0, 0.2)])
    mix = SoundMix(model, [encode(model, hit)] * 2)
    frames = mix._sources[0].sound.controls.onsets[0]
    mix._at = int(
        torch.nonzero((frames.amin(-1) < -20.0) & (frames.amax(-1) > -3.0))[0]
    )  # a frame that is cut in two by the onset
    mix.render(480)
    mix.move({"hold": 1})
    mix.render(4800)
    quarters = np.square(mix.render(48_000)).reshape(100, 4, 120).mean((0, 2))
    assert quarters.max() < 2.0 * quarters.min()
