"""What is done to a melody after it is decoded: fewer notes, a key, an octave; pure numpy."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np

from midi_vae.music.key import lock, parse_key
from midi_vae.music.melody import OFF, ONSET, Melody, steps_per_bar

from .sequencer import Pattern


@functools.lru_cache(maxsize=16)
def strength(metre: tuple[int, int]) -> np.ndarray:
    """How strong each sixteenth of a bar is, (steps,) int64: 4 the first, then half bar, beat, eighth, and 0 the rest.

    >>> strength((4, 4)).tolist()
    [4, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0]
    >>> strength((6, 8)).tolist()
    [4, 0, 1, 0, 1, 0, 3, 0, 1, 0, 1, 0]
    """
    size, beat = steps_per_bar(metre), steps_a_beat(metre)
    at = np.arange(size)
    out = np.where(at % 2 == 0, 1, 0)
    out[at % beat == 0] = 2
    if size % (2 * beat) == 0:
        out[at % (size // 2) == 0] = 3
    out[0] = 4
    return out


def steps_a_beat(metre: tuple[int, int]) -> int:
    """Sixteenths of what is felt as a beat: a dotted quarter in 6/8, 9/8 and 12/8, else what the metre says."""
    numerator, denominator = metre
    if denominator == 8 and numerator > 3 and numerator % 3 == 0:
        return 6
    return max(16 // denominator, 1)


def thin(melody: Melody, share: float) -> Melody:
    """Keep a share 0..1 of the notes, those on strong beats first and of equally strong ones the earlier; at 0 none.

    A note that is left out leaves a rest.

    >>> m = Melody.from_notes([(0, 2, 60), (2, 4, 62), (4, 8, 64), (8, 16, 65)])
    >>> thin(m, 0.5).notes()
    [(0, 2, 60), (8, 16, 65)]
    """
    if share >= 1.0:
        return melody
    onsets = np.flatnonzero(melody.tokens >= ONSET)
    keep = math.ceil(share * len(onsets) - 1e-9)
    strong = strength(melody.metre)[onsets % melody.steps_per_bar]
    left_out = onsets[np.lexsort((onsets, -strong))][keep:]
    tokens = melody.tokens.copy()
    tokens[left_out] = OFF
    return replace(melody, tokens=tokens)


def in_key(melody: Melody, key: str) -> Melody:
    """Every note moved into a key such as C:maj (`midi_vae.music.key.lock`)."""
    return replace(melody, tokens=_locked(key)[melody.tokens])


def to_octave(melody: Melody, octaves: int) -> Melody:
    """Up or down by octaves; notes that would leave 0..127 stay in the octave that still fits.

    >>> to_octave(Melody.from_notes([(0, 8, 60), (8, 16, 120)]), 1).notes()
    [(0, 8, 72), (8, 16, 120)]
    """
    if not octaves:
        return melody
    tokens = melody.tokens.astype(np.int64)
    pitch = tokens - ONSET
    moved = pitch + 12 * octaves
    moved -= 12 * np.maximum(0, -(-(moved - 127) // 12))
    moved += 12 * np.maximum(0, -(moved // 12))
    return replace(melody, tokens=np.where(pitch >= 0, moved + ONSET, tokens))


def as_pattern(melody: Melody, version: int, turn: int = 0) -> Pattern:
    """A melody as the player takes it."""
    return Pattern(version, tuple(melody.tokens.tolist()), melody.steps_per_bar, steps_a_beat(melody.metre), turn)


@functools.lru_cache(maxsize=32)
def _locked(key: str) -> np.ndarray:
    """The token that each token becomes in a key; (130,) int16."""
    scale = Melody(np.arange(128) + ONSET)
    return np.concatenate([np.arange(ONSET), lock(scale, parse_key(key)).tokens]).astype(np.int16)
