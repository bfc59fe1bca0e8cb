"""Keys: known tunes, every transposition, and what locking may and may not change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latentmix.errors import InputError
from midi_vae.music.key import NAMES, Key, estimate_key, lock, parse_key
from midi_vae.music.melody import ONSET, Melody

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
KEYS = [Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]
# "Frère Jacques" in C major and "Greensleeves" in A minor, traditional: (pitch, length in steps)
JACQUES = [(60, 4), (62, 4), (64, 4), (60, 4)] * 2 + [(64, 4), (65, 4), (67, 8)] * 2
JACQUES += [(67, 2), (69, 2), (67, 2), (65, 2), (64, 4), (60, 4)] * 2 + [(60, 4), (55, 4), (60, 8)] * 2
SLEEVES = [(69, 4), (72, 8), (74, 4), (76, 6), (77, 2), (76, 4), (74, 8), (71, 4), (67, 6), (69, 2), (71, 4)]
SLEEVES += [(72, 8), (69, 4), (69, 6), (68, 2), (69, 4), (71, 8), (68, 4), (64, 8)]


def tune(notes: list[tuple[int, int]]) -> Melody:
    ends = np.cumsum([length for _, length in notes]).tolist()
    return Melody.from_notes([(end - length, end, pitch) for (pitch, length), end in zip(notes, ends, strict=True)])


CHROMATIC = Melody(np.arange(128) + ONSET)  # every pitch once


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_key_is_written_as_it_is_read(key: Key):
    assert parse_key(str(key)) == key


def test_names_of_one_key():
    assert parse_key("Db:maj") == parse_key("c#:MAJOR") == parse_key(" D♭:maj ") == Key(1, "major")
    assert parse_key("Cb:maj") == Key(11, "major") and parse_key("b:min") == Key(11, "minor")
    assert [str(Key(10, mode)) for mode in NAMES] == ["Bb:maj", "Bb:min"]


@pytest.mark.parametrize("text", ["", "C", "H:maj", "C:dur", "C##:maj", "C:maj7", "auto", "C maj", "C:maj\nD:maj"])
def test_what_is_no_key_is_refused(text: str):
    with pytest.raises(InputError, match="such as C:maj"):
        parse_key(text)


def test_a_key_outside_the_twelve_is_refused():
    with pytest.raises(ValueError, match="tonic"):
        Key(12, "major")
    with pytest.raises(ValueError, match="major or minor"):
        Key(0, "dorian")


@pytest.mark.parametrize("semitones", range(-6, 6))
def test_known_tunes_in_every_key(semitones: int):
    assert estimate_key([tune(JACQUES).transpose(semitones)]) == Key(semitones % 12, "major")
    assert estimate_key([tune(SLEEVES).transpose(semitones)]) == Key((9 + semitones) % 12, "minor")


@pytest.mark.parametrize(("name", "key"), [("lively", "D:maj"), ("lyrical", "F:maj"), ("waltz", "G:min")])
def test_the_examples(name: str, key: str):
    assert str(estimate_key([Melody.from_midi(EXAMPLES / f"{name}.mid", bars=None)])) == key


def test_long_notes_count_more_and_melodies_add_up():
    long = Melody.from_notes([(0, 16, 62), (16, 32, 69), (32, 48, 66)])  # D A F#
    short = Melody.from_notes([(step, step + 1, 60 + step) for step in range(12)])
    assert estimate_key([short, long]) == estimate_key([long]) == Key(2, "major")
    assert estimate_key([short]) == Key(0, "major")  # nothing to choose by: the first


def test_no_notes_have_no_key():
    with pytest.raises(InputError, match="found none"):
        estimate_key([Melody(np.zeros(16, np.int16))])


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_locking_moves_what_is_outside_by_a_semitone_and_nothing_else(key: Key):
    locked = lock(CHROMATIC, key)
    for pitch, (start, end, moved) in enumerate(locked.notes()):
        assert (start, end) == (pitch, pitch + 1)
        assert moved % 12 in key.pitch_classes
        assert abs(moved - pitch) == (pitch % 12 not in key.pitch_classes)
    assert lock(locked, key) == locked


def test_locking_keeps_rests_metre_tempo_program_and_name():
    melody = Melody.from_notes([(2, 4, 61), (8, 12, 63)], bars=2, metre=(3, 4), tempo=77, program=3, name="x")
    locked = lock(melody, Key(0, "major"))
    assert locked == replace(melody, tokens=locked.tokens) and locked.name == "x"
    assert locked.notes() == [(2, 4, 60), (8, 12, 64)]


def test_of_two_near_pitches_the_one_that_fits_better():
    out = lock(Melody.from_notes([(i, i + 1, p) for i, p in enumerate([61, 63, 66, 68, 70])]), Key(0, "major"))
    assert [pitch for _, _, pitch in out.notes()] == [60, 64, 67, 67, 69]
    out = lock(Melody.from_notes([(i, i + 1, p) for i, p in enumerate([61, 64, 66])]), Key(0, "minor"))
    assert [pitch for _, _, pitch in out.notes()] == [60, 63, 67]


def test_any_form_of_minor_is_left_alone():
    notes = [57, 59, 60, 62, 64, 65, 66, 67, 68, 69]  # A minor with F, F#, G and G#
    melody = Melody.from_notes([(i, i + 1, p) for i, p in enumerate(notes)])
    assert lock(melody, Key(9, "minor")) == melody
