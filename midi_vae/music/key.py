"""Keys of melodies: estimate one, and hold melodies to it; pure numpy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from latentmix.errors import InputError

from .melody import ONSET, Melody

# How well each pitch class, counted from the tonic, fits a key: listeners' ratings (Krumhansl & Kessler 1982,
# Tracing the dynamic changes in perceived tonal organization, Psychological Review 89, 334-368).
PROFILES = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
# Minor is natural, harmonic and melodic minor together: sixth and seventh step both lowered and raised.
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 9, 10, 11)}
NAMES = {
    "major": ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"),
    "minor": ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B"),
}
_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}


@dataclass(frozen=True)
class Key:
    """A key, such as C major.

    Attributes:
        tonic: pitch class, 0 (C) to 11 (B).
        mode: major or minor.

    >>> str(Key(10, "major")), sorted(Key(0, "major").pitch_classes)
    ('Bb:maj', [0, 2, 4, 5, 7, 9, 11])
    """

    tonic: int
    mode: Literal["major", "minor"]

    def __post_init__(self) -> None:
        if not 0 <= self.tonic <= 11 or self.mode not in SCALES:
            raise ValueError(f"expected a tonic 0..11 and major or minor, found {self.tonic} {self.mode}")

    def __str__(self) -> str:
        return f"{NAMES[self.mode][self.tonic]}:{self.mode[:3]}"

    @property
    def pitch_classes(self) -> frozenset[int]:
        """Those of its scale; in minor nine, as sixth and seventh step are both lowered and raised."""
        return frozenset((self.tonic + step) % 12 for step in SCALES[self.mode])

    def fit(self, pitch: int) -> float:
        """The listeners' rating of a MIDI pitch in this key, 2.23 to 6.35."""
        return PROFILES[self.mode][(pitch - self.tonic) % 12]


def parse_key(text: str) -> Key:
    """A key from text such as C:maj, F#:min or Bb:major, in whatever case.

    Raises:
        InputError: anything else.

    >>> parse_key("F#:min")
    Key(tonic=6, mode='minor')
    """
    found = re.fullmatch(r"\s*([A-Ga-g])([#♯b♭]?):(maj|min)(?:or)?\s*", text, re.IGNORECASE)
    if not found:
        raise InputError(f"expected a key such as C:maj, F#:min or Bb:maj, found {text!r}")
    letter, accidental, mode = found.groups()
    tonic = _PITCH_CLASSES[letter.upper()] + _ACCIDENTALS[accidental.lower()]
    return Key(tonic % 12, "major" if mode.lower() == "maj" else "minor")


def estimate_key(melodies: Iterable[Melody]) -> Key:
    """The key in which these melodies, taken together, are likeliest.

    The time that each pitch class sounds is correlated with the profile of each key (Krumhansl 1990,
    Cognitive Foundations of Musical Pitch, chapter 4). Of equally likely keys a major one comes first, then
    the first from C.

    Raises:
        InputError: no notes.
    """
    sounding = _sounding(melodies)
    if not sounding.any():
        raise InputError("expected notes to estimate a key from, found none; name the key, such as C:maj")
    keys = [Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]
    profiles = np.array([np.roll(PROFILES[key.mode], key.tonic) for key in keys])
    profiles -= profiles.mean(1, keepdims=True)
    profiles /= np.linalg.norm(profiles, axis=1, keepdims=True)
    scores = np.round(profiles @ (sounding - sounding.mean()), 9)  # `sounding` has one norm for all keys
    return keys[int(np.argmax(scores))]


def fitting_key(melodies: Iterable[Melody], estimate: Key, sharps: int, is_minor: bool) -> Key:
    """The key of a signature where its scale holds more of what sounds than that of the estimate, else the estimate.

    Args:
        melodies: what sounds.
        estimate: of `estimate_key`.
        sharps: of the signature; below 0 flats.
        is_minor: whether it stands for the minor key.
    """
    tonic = (7 * sharps + 9 * is_minor) % 12
    signature = Key(tonic, "minor" if is_minor else "major")
    sounding = _sounding(melodies)

    def fit(key: Key) -> float:
        scale = (
            [(key.tonic + step) % 12 for step in (0, 2, 3, 5, 7, 8, 10)] if key.mode == "minor" else key.pitch_classes
        )
        return float(sounding[list(scale)].sum())

    return signature if fit(signature) > fit(estimate) + 1e-9 else estimate


def _sounding(melodies: Iterable[Melody]) -> np.ndarray:
    """Steps that each pitch class sounds, (12,)."""
    sounding = np.zeros(12)
    for melody in melodies:
        for start, end, pitch in melody.notes():
            sounding[pitch % 12] += end - start
    return sounding


def lock(melody: Melody, key: Key) -> Melody:
    """The melody with every note outside the scale moved to the nearest pitch of the scale.

    As a rule two are equally near, for such a note lies between two of the scale: then it is the one that
    fits the key better by the listeners' ratings (C rather than D, G rather than F in C major). So a pitch
    always moves to the same one, whatever stands around it, and locking twice changes nothing more. Notes of
    any form of the minor scale, natural, harmonic or melodic, stay as they are.

    >>> from midi_vae.music.melody import Melody
    >>> lock(Melody.from_notes([(0, 4, 61), (4, 8, 66), (8, 12, 69)]), Key(0, "major")).notes()
    [(0, 4, 60), (4, 8, 67), (8, 12, 69)]
    """
    target = np.array([_nearest_in(key, pitch) for pitch in range(128)])
    tokens = melody.tokens.astype(np.int64)
    onset = tokens >= ONSET
    tokens[onset] = target[tokens[onset] - ONSET] + ONSET
    return replace(melody, tokens=tokens)


def _nearest_in(key: Key, pitch: int) -> int:
    inside = [p for p in range(max(pitch - 1, 0), min(pitch + 1, 127) + 1) if p % 12 in key.pitch_classes]
    return min(inside, key=lambda p: (abs(p - pitch), -key.fit(p)))  # no two neighbours are both outside
