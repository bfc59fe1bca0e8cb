"""Sound and pictures of melodies: length, pitch, loudness and what is seen where."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from latentmix.errors import InputError
from midi_vae import piano_roll
from midi_vae.audio import sound
from midi_vae.audio.fluidsynth import load_library
from midi_vae.audio.sound import to_wav
from midi_vae.music.melody import Melody
from midi_vae.piano_roll import to_png

SCALE = Melody.from_notes([(2 * i, 2 * i + 2, 60 + p) for i, p in enumerate((0, 2, 4, 5, 7, 9, 11, 12))])
REST = Melody(np.zeros(16, np.int16))
SOUNDFONTS = sorted(Path("/usr/share/sounds/sf2").glob("*.sf2"))


@pytest.fixture
def soundfont() -> Path:
    missing = " and ".join(
        ["the library of FluidSynth"] * (load_library() is None)
        + ["a soundfont in /usr/share/sounds/sf2"] * (not SOUNDFONTS)
    )
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"expected CI to have installed {missing}")
    if missing:
        pytest.skip(f"needs {missing}")
    return SOUNDFONTS[0]


def strongest_hz(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    return float(spectrum.argmax() * rate / (1 << 18))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".WAV"])
def test_sound_lasts_as_long_as_the_bars(tmp_path: Path, suffix: str):
    jig = Melody.from_notes([(0, 6, 64)], bars=3, metre=(6, 8), tempo=168)
    to_wav(tmp_path / f"a{suffix}", [SCALE, jig, REST], sample_rate=22050)
    samples, rate = soundfile.read(tmp_path / f"a{suffix}")
    assert rate == 22050 and len(samples) == round((4 * 0.5 + 9 * 60 / 168 + 4 * 0.5) * rate)
    assert 0.3 < np.abs(samples).max() < 0.95
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_notes_sound_at_their_pitch_and_time(tmp_path: Path):
    melody = Melody.from_notes([(0, 4, 69), (8, 16, 57)], bars=1, tempo=60)
    to_wav(tmp_path / "a.wav", [melody])
    samples, rate = soundfile.read(tmp_path / "a.wav")
    assert strongest_hz(samples[:rate], rate) == pytest.approx(440.0, rel=1e-3)
    assert strongest_hz(samples[2 * rate :], rate) == pytest.approx(220.0, rel=1e-3)
    assert not samples[rate : 2 * rate].any()


def test_no_clicks_and_no_aliases(tmp_path: Path):
    """No sample is further from the one before than the partials allow; nothing sounds below a high note."""
    to_wav(tmp_path / "a.wav", [SCALE])
    samples, rate = soundfile.read(tmp_path / "a.wav")
    steepest = 2 * np.pi * 523.3 / rate * sum(k * a for k, a, _ in sound.PARTIALS)
    assert np.abs(np.diff(samples, prepend=0.0, append=0.0)).max() < sound.PEAK * steepest
    to_wav(tmp_path / "high.wav", [Melody.from_notes([(0, 16, 120)], tempo=60)], sample_rate=22050)
    samples, rate = soundfile.read(tmp_path / "high.wav")
    spectrum = np.abs(np.fft.rfft(samples[: rate // 2] * np.hanning(rate // 2)))
    assert spectrum[: len(spectrum) // 2].max() < 1e-3 * spectrum.max()


def test_silence_is_silent(tmp_path: Path):
    to_wav(tmp_path / "a.wav", [REST])
    assert not soundfile.read(tmp_path / "a.wav")[0].any()


def test_sound_that_is_too_long_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="at most 20 minutes of sound, found 27"):
        to_wav(tmp_path / "a.wav", [Melody(np.zeros(16 * 100, np.int16), tempo=15)])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.mp3", "a", "nowhere/a.wav"])
def test_a_place_that_cannot_hold_sound_is_refused(tmp_path: Path, name: str):
    with pytest.raises(InputError, match=name.split("/")[0]):
        to_wav(tmp_path / name, [SCALE])
    assert not list(tmp_path.iterdir())


def test_fluidsynth_plays_the_soundfont(tmp_path: Path, soundfont: Path):
    melody = Melody.from_notes([(8, 16, 69)], bars=2, tempo=60, program=73)
    to_wav(tmp_path / "a.wav", [melody], soundfont)
    samples, rate = soundfile.read(tmp_path / "a.wav")
    assert samples.shape == (8 * rate, 2)
    assert np.abs(samples).max() == pytest.approx(sound.PEAK, abs=1e-3)
    assert strongest_hz(samples[5 * rate // 2 : 4 * rate, 0], rate) == pytest.approx(440.0, rel=1e-2)
    assert np.abs(samples[: 2 * rate]).max() < 1e-3
    to_wav(tmp_path / "rest.wav", [REST], soundfont)
    assert np.abs(soundfile.read(tmp_path / "rest.wav")[0]).max() < 0.01


def test_fluidsynth_with_a_broken_soundfont(tmp_path: Path, soundfont: Path):
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(soundfont.read_bytes()[:4000])
    with pytest.raises(InputError, match=r"broken.sf2: FluidSynth"):
        to_wav(tmp_path / "a.wav", [SCALE], broken)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.sf2"]


def test_soundfonts_that_cannot_be_used_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match=r"no\.sf2: cannot read the soundfont"):
        to_wav(tmp_path / "a.wav", [SCALE], tmp_path / "no.sf2")
    font = tmp_path / "font.sf2"
    font.write_bytes(b"MThd" + bytes(20))
    with pytest.raises(InputError, match="expected a soundfont"):
        to_wav(tmp_path / "a.wav", [SCALE], font)
    font.write_bytes(b"RIFF\0\0\0\0sfbk")
    monkeypatch.setattr("midi_vae.audio.fluidsynth.load_library", lambda: None)
    with pytest.raises(InputError, match="install FluidSynth"):
        to_wav(tmp_path / "a.wav", [SCALE], font)
    assert [path.name for path in tmp_path.iterdir()] == ["font.sf2"]


def pixels(path: Path, colour: str) -> np.ndarray:
    """Columns of an image in which a colour is."""
    image = np.rint(imread(path)[..., :3] * 255).astype(int)
    return np.flatnonzero((image == list(bytes.fromhex(colour[1:]))).all(-1).any(0)) / image.shape[1]


def test_a_strip_goes_from_colour_to_colour(tmp_path: Path):
    to_png(tmp_path / "a.png", [SCALE] * 9, ["A", *"2345678", "B"], title="A to B")
    height, width = imread(tmp_path / "a.png").shape[:2]
    assert width == pytest.approx(14.5 * piano_roll.DOTS_AN_INCH, rel=0.02) and height < width / 4
    first, last = (pixels(tmp_path / "a.png", piano_roll.LINE_COLOURS[i]) for i in (0, -1))
    assert first.size and first.max() < 0.14
    assert last.size and last.min() > 0.86


def test_a_grid_has_a_colour_in_each_corner(tmp_path: Path):
    to_png(tmp_path / "a.png", [SCALE] * 12, columns=4)
    columns = [pixels(tmp_path / "a.png", colour) for colour in piano_roll.CORNER_COLOURS]
    assert all(found.size for found in columns)
    assert columns[0].max() < 0.35 and columns[2].max() < 0.35
    assert columns[1].min() > 0.65 and columns[3].min() > 0.65


def test_notes_stand_at_their_pitch_and_time(tmp_path: Path):
    """A rising scale: of two notes the later one is further right and higher up, by as much."""
    to_png(tmp_path / "a.png", [SCALE])
    image = np.rint(imread(tmp_path / "a.png")[..., :3] * 255).astype(int)
    is_note = (image == list(bytes.fromhex(piano_roll.LINE_COLOURS[0][1:]))).all(-1)
    is_note[: int(0.42 * piano_roll.DOTS_AN_INCH)] = False  # the label
    rows, columns = np.nonzero(is_note)
    edges = np.linspace(columns.min(), columns.max() + 1, 9)
    heights = [-rows[(columns >= a) & (columns < b)].mean() for a, b in pairwise(edges)]
    semitone = (heights[-1] - heights[0]) / 12
    assert np.diff(heights) / semitone == pytest.approx([2, 2, 1, 2, 2, 2, 1], abs=0.15)


def test_many_and_long_melodies_stay_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(piano_roll, "MAX_ROWS", 3)  # for speed
    to_png(tmp_path / "many.png", [REST] * 1000)
    to_png(tmp_path / "grid.png", [REST] * 400, columns=200)
    to_png(tmp_path / "long.png", [Melody(np.tile(SCALE.tokens, 200))] * 20)
    for name in ("many", "grid", "long"):
        height, width = imread(tmp_path / f"{name}.png").shape[:2]
        assert width <= 15 * piano_roll.DOTS_AN_INCH and height <= 10 * piano_roll.DOTS_AN_INCH


def test_any_text_and_any_metre_can_be_drawn(tmp_path: Path):
    melodies = [
        REST,
        Melody(np.zeros(9, np.int16), metre=(9, 16)),
        Melody.from_notes([(0, 1, 0), (1, 2, 127)]),
    ]
    to_png(tmp_path / "a.png", melodies, ["$x^2$", "旋律\n\udcff", "a" * 500], title="$$ \\frac{ ♯")
    to_png(tmp_path / "b.png", melodies)
    to_png(tmp_path / "c.png", melodies)
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "c.png").read_bytes()


def test_what_cannot_be_drawn(tmp_path: Path):
    for melodies, labels, columns in (([], [], None), ([SCALE], ["a", "b"], None), ([SCALE] * 3, None, 2)):
        with pytest.raises(ValueError, match="a label for each"):
            to_png(tmp_path / "a.png", melodies, labels, columns)
    with pytest.raises(InputError, match="cannot write"):
        to_png(tmp_path / "nowhere" / "a.png", [SCALE])
    assert not list(tmp_path.iterdir())
