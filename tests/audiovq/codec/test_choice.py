"""Which bundled weights a recording is coded with, that files of all of them are read, and how loud high voices are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic_speech import RATE, hiss, vowel

from audiovq import Codec
from audiovq.audio_io.reader import open_source, waveform_source
from audiovq.codec.choice import HIGH, USUAL, choose_weights
from audiovq.codec.codec import bundled_codec

SPEECH = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"


def chosen(path: Path) -> str:
    """By the rule; what is read ahead is there again afterwards."""
    with open_source(path) as source:
        name, again = choose_weights(source)
        found = np.concatenate(list(again.blocks), 1)
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    assert np.array_equal(found, expected)
    return name


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        (vowel(120.0), USUAL),
        (vowel(220.0, kind="i"), USUAL),
        (vowel(280.0, kind="u"), USUAL),  # as children of six to ten speak
        (vowel(330.0, kind="u"), HIGH),
        (vowel(600.0), HIGH),
        (np.concatenate([vowel(500.0, 0.4), np.zeros(2 * RATE, np.float32)]), HIGH),
        (np.concatenate([vowel(500.0, 0.4), vowel(110.0, 1.0)]), USUAL),
        (vowel(500.0, 0.7, level=0.01) + hiss(0.7), USUAL),
        (hiss(), USUAL),
        (np.zeros(RATE, np.float32), USUAL),
        (np.zeros(1, np.float32), USUAL),
    ],
)
def test_the_pitch_decides(tmp_path: Path, sound: np.ndarray, expected: str) -> None:
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    assert chosen(tmp_path / "a.wav") == expected


def test_other_rates_and_channels(tmp_path: Path) -> None:
    stereo = np.stack([np.repeat(vowel(450.0), 3)] * 2, 1)
    soundfile.write(tmp_path / "a.wav", stereo, 3 * RATE)
    assert chosen(tmp_path / "a.wav") == HIGH
    assert chosen(SPEECH) == USUAL


@pytest.mark.parametrize("name", [USUAL, HIGH])
def test_files_of_all_bundled_weights_are_read_by_any_codec(name: str) -> None:
    stream = io.BytesIO()
    bundled_codec(name).compress(waveform_source(vowel(300.0, 0.5)[None], RATE), stream)
    decoded = []
    for codec in (bundled_codec(name), bundled_codec(USUAL), bundled_codec(HIGH)):
        stream.seek(0)
        decoded.append(np.concatenate(list(codec.open(stream, "data")), 1))
    assert all(np.array_equal(each, decoded[0]) for each in decoded)


def lost(codec: Codec, sound: np.ndarray, kbps: float) -> float:
    """dB by which a sound comes back quieter."""
    stream = io.BytesIO()
    codec.compress(waveform_source(sound[None], RATE), stream, kbps)
    stream.seek(0)
    back = np.concatenate(list(codec.open(stream, "data")), 1)[0]
    return float(10.0 * np.log10(np.square(sound).mean() / np.square(back).mean()))


def harmonics(hz: float, tilt: float) -> np.ndarray:
    """A second of sines at all multiples of a pitch with vibrato, so many dB an octave apart, as loud as speech."""
    time = np.arange(RATE) / RATE
    phase = 2.0 * np.pi * np.cumsum(hz * 2.0 ** (np.sin(11.0 * np.pi * time) / 24.0)) / RATE
    sound = sum(10.0 ** (tilt * np.log2(n) / 20.0) * np.sin(n * phase + n * n) for n in range(1, int(7500 / hz)))
    return (0.05 * sound / np.std(sound)).astype(np.float32)


@pytest.mark.parametrize("kbps", [1.5, 3.0])
@pytest.mark.parametrize("hz", [250.0, 400.0, 500.0, 600.0])
def test_high_voices_are_as_loud_as_they_were(kbps: float, hz: float) -> None:
    """Vowels without a breath of noise are the hardest, and voices as bright as no singer's."""
    sounds = [vowel(hz, 1.0, kind) for kind in "aiu"] + [harmonics(hz, tilt) for tilt in (-3.0, -12.0)]
    found = [lost(bundled_codec(HIGH), sound - sound.mean(), kbps) for sound in sounds]
    assert np.abs(found).max() < 2.0, found


def test_the_usual_weights_lose_high_voices() -> None:
    assert lost(bundled_codec(USUAL), vowel(500.0, 1.0), 1.5) > 6.0
