"""A recording as a sound file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from latentmix.errors import InputError
from midi_vae.audio.drum_sound import drums_to_wav
from midi_vae.audio.sound import to_wav
from midi_vae.drums.transcription import read_drums
from midi_vae.music.melody import Melody
from realtime.engine.recorder import PlayedNote
from realtime.offline.sounding import write_sound

RATE = 48000
DRUMS = Path(__file__).parents[3] / "examples" / "drums" / "backbeat.mid"


def strongest_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(spectrum.argmax() * RATE / (1 << 18))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_a_recording_as_a_sound_file(tmp_path, suffix):
    notes = [PlayedNote(0.5 * at, 0.5 * at + 0.4, at, at + 0.8, 57 + 12 * at, 90) for at in range(2)]
    write_sound(tmp_path / f"a.{suffix}", notes, program=16)
    sound, rate = soundfile.read(tmp_path / f"a.{suffix}")
    assert rate == 44100 and sound.shape[1] == 2 and rate < len(sound) < 2 * rate
    assert 0.7 < np.abs(sound).max() < 0.9
    for at, pitch in enumerate((220.0, 440.0)):
        part = sound[int((0.5 * at + 0.05) * rate) : int((0.5 * at + 0.4) * rate), 0]
        assert strongest_hz(part) * 44100 / RATE == pytest.approx(pitch, rel=0.02)


def write_melody(path: Path) -> None:
    to_wav(path, [Melody.from_notes([(0, 4, 60), (4, 16, 64)], bars=1)])


def write_drums(path: Path) -> None:
    drums_to_wav(path, [read_drums(DRUMS).excerpt(bars=1)])


def write_notes(path: Path) -> None:
    write_sound(path, [PlayedNote(0.0, 0.4, 0, 0.8, 57, 90)])


@pytest.mark.parametrize("write", [write_melody, write_drums, write_notes])
def test_wav_has_the_samples_of_flac(write: Callable[[Path], None], tmp_path: Path) -> None:
    """Given floats, soundfile takes the nearest whole number in FLAC alone, and the next lower one in WAV."""
    write(tmp_path / "a.wav")
    write(tmp_path / "a.flac")
    samples, _ = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert samples.any()
    np.testing.assert_array_equal(samples, soundfile.read(tmp_path / "a.flac", dtype="int16")[0])


def test_recordings_that_cannot_be_written(tmp_path):
    write_sound(tmp_path / "none.wav", [])
    long = [PlayedNote(0.0, 1300.0, 0.0, 1.0, 60, 90)]
    for name, notes, said in (
        ("a.mp3", [], "ends in .wav"),
        ("a.wav", long, "at most 20 minutes"),
        ("no/a.wav", [], "cannot write"),
    ):
        with pytest.raises(InputError, match=said):
            write_sound(tmp_path / name, notes)
    with pytest.raises(InputError, match=r"no\.sf2"):
        write_sound(tmp_path / "a.wav", [], soundfont=tmp_path / "no.sf2")
    with pytest.raises(InputError, match="nobody waits"):
        write_sound(tmp_path / "a.wav", [PlayedNote(0.0, 1.0, 0.0, 1.0, 60, 90)], is_over=lambda: True)
    assert [path.name for path in tmp_path.iterdir()] == ["none.wav"]
