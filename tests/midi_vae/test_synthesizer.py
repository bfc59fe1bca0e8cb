"""The synthesizers: pitch, level, time, no clicks, and the same sound in blocks of any size."""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentmix.errors import InputError
from midi_vae.audio.fluidsynth import FluidSynth, find_soundfont, load_library
from midi_vae.audio.synthesizer import TIMBRES, VOICES, BuiltInSynth, render

RATE = 48000


@pytest.fixture
def soundfont():
    missing = " and ".join(
        ["the library FluidSynth"] * (load_library() is None) + ["a soundfont"] * (find_soundfont() is None)
    )
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"expected CI to have installed {missing}")
    if missing:
        pytest.skip(f"needs {missing}")
    return find_soundfont()


def strongest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(spectrum.argmax() * RATE / (1 << 18))


def jumps(sound: np.ndarray) -> float:
    """The largest second difference: a click stands out in it, a tone does not."""
    return float(np.abs(np.diff(sound, 2, axis=-1)).max())


@pytest.mark.parametrize("program", range(0, 128, 8))
def test_notes_sound_at_their_pitch(program):
    sound = render([(0.0, 1.0, 69, 100)], RATE, program)
    assert sound.dtype == np.float32 and sound.shape[0] == 2
    assert strongest_hz(sound[0, RATE // 4 : RATE]) == pytest.approx(440.0, rel=1e-3)
    assert 0.05 < np.abs(sound).max() < 0.5


def test_notes_sound_when_they_should():
    sound = render([(0.5, 1.0, 69, 100), (1.5, 2.0, 57, 100)], RATE)
    loud = np.abs(sound).max(0)
    assert not loud[: RATE // 2].any() and loud[RATE // 2 + 100 : RATE // 2 + 1000].max() > 0.02
    assert loud[int(1.45 * RATE) : int(1.49 * RATE)].max() < 0.01  # it has died away
    assert strongest_hz(sound[0, int(1.5 * RATE) : 2 * RATE]) == pytest.approx(220.0, rel=2e-3)
    assert loud[-1] < 1e-3 and sound.shape[1] < 4 * RATE


def test_velocity_is_loudness():
    peaks = [np.abs(render([(0.0, 0.2, 60, velocity)], RATE)).max() for velocity in (1, 40, 80, 127)]
    assert all(b > 1.5 * a for a, b in pairwise(peaks))


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.sampled_from(range(0, 128, 8)))
def test_blocks_of_any_size_give_the_same_sound(sizes, program):
    whole, parts = BuiltInSynth(RATE, program), BuiltInSynth(RATE, program)
    blocks = []
    for synth in (whole, parts):
        synth.note_on(60, 90)
        synth.note_on(67, 60)
    for size in sizes:
        blocks.append(parts.render(size))
    assert np.concatenate(blocks, 1) == pytest.approx(whole.render(sum(sizes)), abs=1e-6)


@pytest.mark.parametrize("program", range(0, 128, 8))
def test_no_clicks(program):
    """Notes that begin, end, are struck again and cut off: no step that a held note does not have."""
    synth = BuiltInSynth(RATE, program)
    held = BuiltInSynth(RATE, program)
    held.note_on(60, 100)
    tone = held.render(RATE)[:, RATE // 10 :]
    synth.note_on(60, 100)
    blocks = [synth.render(3001)]
    for act in (
        lambda: synth.note_off(60),
        lambda: synth.note_on(60, 100),
        lambda: synth.note_on(60, 100),
        synth.panic,
    ):
        act()
        blocks.append(synth.render(2003))
    assert jumps(np.concatenate(blocks, 1)) < 4 * max(jumps(tone), 1e-3)
    assert np.abs(blocks[-1][:, -1000:]).max() < 1e-3


def test_no_aliases():
    sound = render([(0.0, 0.5, 120, 127)], RATE)[0, : RATE // 2]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert strongest_hz(sound) == pytest.approx(8372, rel=1e-3)
    assert spectrum[: len(spectrum) // 4].max() < 1e-3 * spectrum.max()
    for pitch in (0, 127):
        assert np.isfinite(render([(0.0, 0.1, pitch, 127)], 8000)).all()


def test_a_flood_of_notes_is_bounded():
    synth, peak = BuiltInSynth(RATE, 16), 0.0
    for at in range(600):
        synth.note_on(at % 128, 127)
        sound = synth.render(16)
        peak = max(peak, float(np.abs(sound).max()))
        assert len(synth._voices) <= 2 * VOICES
    assert 0.7 < peak <= 1.0
    synth.panic()
    synth.render(RATE // 10)
    assert not synth._voices and not synth.render(64).any()


def test_one_more_than_there_is_room_for_fades_the_oldest():
    synth = BuiltInSynth(RATE, 16)
    for pitch in range(40, 40 + VOICES + 1):
        synth.note_on(pitch, 5)
        synth.render(64)
    synth.render(RATE // 5)
    assert [voice.pitch for voice in synth._voices] == list(range(41, 41 + VOICES))


def test_silence_and_velocity_0():
    assert render([], RATE).shape == (2, 0)
    synth = BuiltInSynth(RATE)
    synth.note_on(60, 0)
    assert not synth.render(64).any()
    assert len(TIMBRES) == 16


def test_the_same_notes_give_the_same_sound():
    notes = [(at / 4, at / 4 + 0.2, 60 + at, 80) for at in range(8)]
    assert np.array_equal(render(notes, RATE), render(notes, RATE))


def test_fluidsynth(soundfont):
    synth = FluidSynth(RATE, soundfont, program=73)
    synth.note_on(69, 100)
    sound = np.concatenate([synth.render(64) for _ in range(RATE // 64)], 1)
    assert strongest_hz(sound[0, RATE // 4 :]) == pytest.approx(440.0, rel=1e-2)
    synth.panic()
    synth.render(RATE)
    assert np.abs(synth.render(RATE)).max() < 1e-3
    synth.close()
    synth.close()


def test_fluidsynth_renders_notes(soundfont):
    synth = FluidSynth(RATE, soundfont)
    sound = render([(0.5, 1.0, 57, 100)], RATE, 0, synth)
    synth.close()
    assert np.abs(sound[:, : RATE // 2]).max() < 1e-3 and np.abs(sound).max() > 0.02


def test_soundfonts_that_cannot_be_used(tmp_path, soundfont):
    with pytest.raises(InputError, match=r"no\.sf2: cannot read the soundfont: No such file"):
        FluidSynth(RATE, tmp_path / "no.sf2")
    (tmp_path / "text.sf2").write_text("hello")
    with pytest.raises(InputError, match=r"text\.sf2: expected a soundfont"):
        FluidSynth(RATE, tmp_path / "text.sf2")
    (tmp_path / "half.sf2").write_bytes(soundfont.read_bytes()[:4000])
    with pytest.raises(InputError, match=r"half\.sf2: FluidSynth cannot play it"):
        FluidSynth(RATE, tmp_path / "half.sf2")
