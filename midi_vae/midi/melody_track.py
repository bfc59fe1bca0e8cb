"""Which track of a tune is the melody."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from latentmix.errors import InputError

from .score import Track, Tune

# A track whose name holds a word of the first set and none of the second is meant as the melody.
MELODY_WORDS = frozenset(
    "melody melodie melodia mélodie lead vocal vocals voc vox voice sing singer singing song theme tune solo"
    " soprano cantus canto chant gesang stimme".split()
)
OTHER_WORDS = frozenset("backing background back bass drum drums harmony chord chords pad accompaniment choir".split())
SINGING_RANGE = (48, 84)  # C3 to C6


@dataclass(frozen=True)
class TrackChoice:
    """The track a melody is taken from, and why in a few words."""

    track: Track
    reason: str


def choose_track(tune: Tune, wanted: int | str | None = None) -> TrackChoice:
    """The melody's track: the one asked for, else one named so, else the most melodic one by `melodic_score`.

    Where several are named so the most melodic of them is taken. Drums (channel 10) are skipped.

    Args:
        tune: the file.
        wanted: a track's number, from 1, or its name or a part of it, in whatever case.

    Raises:
        InputError: no such track, several of that name, or nothing but drums.
    """
    if wanted is not None:
        return TrackChoice(_find(tune, wanted), "asked for")
    pitched = [track for track in tune.tracks if not track.is_drum]
    if not pitched:
        raise InputError(f"{tune.path}: expected a melody, found only drums (MIDI channel 10)")
    if len(pitched) == 1:
        return TrackChoice(pitched[0], "the only track with pitched notes")
    named = [track for track in pitched if _is_named_melody(track.name)]
    best = max(named or pitched, key=lambda track: (melodic_score(track, tune.length), -track.index))
    if len(named) == 1:
        return TrackChoice(best, f"it is named {best.name!r}")
    score = f"(score {melodic_score(best, tune.length):.2f})"
    return TrackChoice(
        best, f"the most melodic of {len(named)} named so {score}" if named else f"the most melodic {score}"
    )


def melodic_score(track: Track, length: float) -> float:
    """How much a track is like a melody, from 0 to 1: the product of four shares.

    The share of its notes that start alone and are over before the next (a twentieth of a beat is let pass);
    the share in the singing range, C3 to C6; distinct pitches out of 8, at most 1; and how many of the tune's
    2-beat spans it starts notes in.

    Args:
        track: any track.
        length: of the tune, in beats.
    """
    notes = track.notes
    pitch, spans = notes["pitch"], max(length / 2, 1.0)
    in_range = np.mean((pitch >= SINGING_RANGE[0]) & (pitch <= SINGING_RANGE[1]))
    variety = min(len(np.unique(pitch)) / 8, 1.0)
    cover = min(len(np.unique(notes["start"] // 2)) / spans, 1.0)
    return float((1.0 - polyphony(track)) * in_range * variety * cover)


def polyphony(track: Track) -> float:
    """Share of a track's notes that start while another sounds, or with it; 0 is one voice, near 1 chords.

    A twentieth of a beat of overlap is let pass, as played legato is.
    """
    notes = track.notes
    sounding_until = np.maximum.accumulate(notes["end"])[:-1]
    chord = np.diff(notes["start"]) < 0.05
    return float(np.sum(chord | (sounding_until - notes["start"][1:] > 0.05)) / len(notes))


def _is_named_melody(name: str) -> bool:
    words = set(re.findall(r"[^\W\d_]+", name.lower()))
    return bool(words & MELODY_WORDS) and not words & OTHER_WORDS


def _find(tune: Tune, wanted: int | str) -> Track:
    text = str(wanted).strip().lower()
    named = [track for track in tune.tracks if isinstance(wanted, str) and text and text in track.name.lower()]
    exact = [track for track in named if text == track.name.lower()]
    numbered = [track for track in tune.tracks if text == str(track.index)]
    found = exact or numbered or named
    found = [track for track in found if not track.is_drum] or found[:1]
    there = ", ".join(f"{track.index} {track.name!r}" for track in tune.tracks[:20])
    if len(found) != 1:
        problem = f"{len(found)} tracks match" if found else "there is no track"
        raise InputError(f"{tune.path}: {problem} {wanted!r}; choose by number among: {there}")
    if found[0].is_drum:
        raise InputError(f"{tune.path}: track {found[0].index} holds drums (MIDI channel 10); choose among: {there}")
    return found[0]
