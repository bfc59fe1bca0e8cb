"""Which track of a tune is the melody."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from latentmix.errors import InputError

from .names import are_parts, melody_claim, part_number
from .score import DRUM_PART, DRUM_PART_SHARE, Track, Tune

SINGING_RANGE = (48, 84)  # C3 to C6
MIN_SYLLABLES = 8  # fewer are a title or a count
SUNG = 0.5  # share of syllables and onsets that meet, from which on a track is what is sung
WELL_SUNG = 0.75  # and from which on lyrics are neither early nor late
MAX_SHIFT = 2.0  # beats by which all lyrics may be early or late
SUNG_ALONE, ALONE = 0.4, 0.1  # the same of a track of one voice, and up to which polyphony it is one; such a track has
SAME_COUNT = 1.4  # at most so many times as many onsets as there are syllables, or syllables as onsets
SUNG_SHIFTED, SHIFTED = 0.65, 0.9  # least share of a match at such a distance, and what it counts
AS_WELL_SUNG = 0.95  # a share of the best one's, from which on a track is what is sung as well as that one
AS_WELL_SUNG_NAMED = 0.85  # the same where its name claims the melody: with the alto on its staff a soprano meets less
SYLLABLE_TOLERANCE = 0.13  # beats between a syllable and its note: karaoke is timed by hand
FIRST_GOES_BEFORE = 1.5  # times its score, where parts bear the same name and numbers
RUNNERS_UP = 3
WEAK = 0.75  # a share of the score below it is worth a word


@dataclass(frozen=True)
class Candidate:
    """A track, how likely it is the melody, and what speaks for it.

    Attributes:
        sung: share in which its onsets and the syllables meet, 0 to 1; None without lyrics.
        claim: of its name (`names.melody_claim`).
        traits: `melodic_traits`, the shares that make its score.
        is_sung: this share is enough for it to be what is sung.
    """

    track: Track
    sung: float | None
    claim: float
    traits: dict[str, float]
    is_sung: bool = False

    @property
    def score(self) -> float:
        """How much it is like a melody, from 0 to 1."""
        return math.prod(self.traits.values())

    @property
    def reason(self) -> str:
        """What speaks for it and, where its score is low, what speaks most against it."""
        said = [f"its onsets meet {'' if self.is_sung else 'only '}{self.sung:.0%} of the lyrics"] if self.sung else []
        said += [f"it is named {self.track.name!r}{', another part' * (self.claim < 0)}"] if self.claim else []
        weakest = min(self.traits, key=lambda trait: self.traits[trait])
        held_back = f" ({weakest})" if self.traits[weakest] < WEAK else ""
        return ", ".join([*said, f"score {self.score:.2f}{held_back}"])


@dataclass(frozen=True)
class TrackChoice:
    """The track a melody is taken from, and why in a few words.

    Attributes:
        ranked: all tracks with pitched notes, the likeliest melody first, where there was a choice.
    """

    track: Track
    reason: str
    ranked: tuple[Candidate, ...] = field(default=())

    @property
    def runners_up(self) -> tuple[Candidate, ...]:
        """The next best ones, at most `RUNNERS_UP`."""
        return self.ranked[1 : 1 + RUNNERS_UP]


def choose_track(tune: Tune, wanted: int | str | None = None) -> TrackChoice:
    """The melody's track.

    The one asked for; else the one that is sung, where its onsets meet the syllables of lyrics; else the one whose name
    claims the melody; else the most melodic one by its score. Each of these decides among those that are equal by
    the ones before. Drums are skipped.

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
        raise InputError(
            f"{tune.path}: expected a melody, found only drums (MIDI channel 10), which midi-vae mix --drums mixes"
        )
    if len(pitched) == 1:
        return TrackChoice(pitched[0], "the only track with pitched notes")
    candidates = rank_tracks(tune)
    best = candidates[0]
    equal = [each for each in candidates if each.claim == best.claim]
    if best.sung is not None and best.is_sung:
        reason = f"its onsets meet {best.sung:.0%} of the lyrics"
    elif best.claim > 0:
        reason = f"it is named {best.track.name!r}"
        if len(equal) > 1:
            reason = f"the most melodic of {len(equal)} named so (score {best.score:.2f})"
    else:
        reason = f"the most melodic (score {best.score:.2f})"
    return TrackChoice(best.track, reason, tuple(candidates))


def rank_tracks(tune: Tune) -> list[Candidate]:
    """The tracks with pitched notes, the likeliest melody first."""
    pitched = [track for track in tune.tracks if not track.is_drum]
    shares = [_sung(track, tune.syllables) for track in pitched]
    most = max((share for share in shares if share is not None), default=0.0)
    candidates = [
        Candidate(
            track,
            share,
            _claim(track, tune),
            melodic_traits(track, tune.length),
            share is not None and (share >= SUNG or (most < SUNG and _is_sung_alone(track, share, tune.syllables))),
        )
        for track, share in zip(pitched, shares, strict=True)
    ]
    most = max((each.sung for each in candidates if each.is_sung and each.sung is not None), default=0.0)

    are_numbered = are_parts([each.track.name for each in candidates if not each.claim])

    def rank(each: Candidate) -> tuple[float, float, float, int]:
        enough = (AS_WELL_SUNG_NAMED if each.claim > 0 else AS_WELL_SUNG) * most
        is_sung = each.is_sung and each.sung is not None and each.sung >= enough
        is_first = (each.claim > 0 or (are_numbered and not each.claim)) and part_number(each.track.name) == 1
        return float(is_sung), each.claim, each.score * (FIRST_GOES_BEFORE if is_first else 1.0), -each.track.index

    return sorted(candidates, key=rank, reverse=True)


def _claim(track: Track, tune: Tune) -> float:
    """What its name claims; one that all tracks bear, or that stands for a file of one chunk, is the tune's."""
    chunks = {each.chunk for each in tune.tracks if not each.is_drum}
    alike = sum(each.name == track.name for each in tune.tracks if not each.is_drum)
    is_title = len(chunks) == 1 or (alike > 2 and alike == len([each for each in tune.tracks if not each.is_drum]))
    may_be_title = len(tune.names) > 1 and track.name == tune.names[0]
    return 0.0 if is_title else melody_claim(track.name, may_be_title)


def _sung(track: Track, syllables: np.ndarray) -> float | None:
    """How well onsets and syllables meet: the harmonic mean of the shares of both.

    Lyrics may be early or late throughout, as they are where words are shown before they are sung; a match at such a
    distance counts a little less.
    """
    if len(syllables) < MIN_SYLLABLES:
        return None
    onsets = np.unique(track.notes["start"])
    best = _meeting(onsets, syllables)
    if best < WELL_SUNG:
        shifted = max(_meeting(onsets, syllables + shift) for shift in np.arange(-MAX_SHIFT, MAX_SHIFT + 0.01, 0.1))
        best = max(best, SHIFTED * shifted) if shifted >= SUNG_SHIFTED else best
    return best


def _is_sung_alone(track: Track, share: float, syllables: np.ndarray) -> bool:
    """Whether a track is what is sung though its lyrics drift: it is one voice, and has about as many onsets."""
    if share < SUNG_ALONE or polyphony(track) > ALONE:
        return False
    start = track.notes["start"]
    count = np.count_nonzero((start >= syllables[0] - 1) & (start <= syllables[-1] + 1))
    return bool(1 / SAME_COUNT <= count / len(syllables) <= SAME_COUNT)


def _meeting(onsets: np.ndarray, syllables: np.ndarray) -> float:
    inside = onsets[(onsets >= syllables[0] - 1) & (onsets <= syllables[-1] + 1)]
    if not len(inside):
        return 0.0
    recall = np.mean(_distance(syllables, inside) < SYLLABLE_TOLERANCE)
    precision = np.mean(_distance(inside, syllables) < SYLLABLE_TOLERANCE)
    return float(2 * recall * precision / max(recall + precision, 1e-9))


def _distance(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """From each place to the nearest of the others, which ascend."""
    after = np.minimum(np.searchsorted(others, places), len(others) - 1)
    return np.minimum(np.abs(others[after] - places), np.abs(others[np.maximum(after - 1, 0)] - places))


def melodic_traits(track: Track, length: float) -> dict[str, float]:
    """How much a track is like a melody: shares from 0 to 1, each by what it means where it is low.

    The share of its notes that start alone and are over before the next (a twentieth of a beat is let pass);
    the share in the singing range, C3 to C6; distinct pitches out of 6, at most 1; how many of the tune's
    2-beat spans it starts notes in, where half of them are enough; and the variety of its rhythm and the smallness of
    its steps, which tell a tune from a running arpeggio. Their product is the score.

    Args:
        track: any track.
        length: of the tune, in beats.
    """
    notes = track.notes
    pitch, spans = notes["pitch"], max(length / 2, 1.0)
    return {
        "notes sound together": 1.0 - polyphony(track),
        "it lies outside of C3 to C6": float(np.mean((pitch >= SINGING_RANGE[0]) & (pitch <= SINGING_RANGE[1]))),
        "it has few pitches": min(len(np.unique(pitch)) / 6, 1.0),
        "it rests most of the time": min(2 * len(np.unique(notes["start"] // 2)) / spans, 1.0),
        "it runs on evenly": 1.0 - 0.75 * _monotony(notes),
    }


def _monotony(notes: np.ndarray) -> float:
    """From 0 to 1: how much notes run on in equal lengths and by leaps, as arpeggios and ostinatos do."""
    if len(notes) < 8:
        return 0.0
    gaps = np.round(np.diff(notes["start"]) * 12)
    _, counts = np.unique(gaps, return_counts=True)
    same = counts.max() / len(gaps)
    leaps = np.mean(np.abs(np.diff(notes["pitch"])) > 2)
    return float(max(same - 0.5, 0.0) * 2 * (0.4 + 0.6 * leaps))


def polyphony(track: Track) -> float:
    """Share of a track's notes that start while another sounds, or with it; 0 is one voice, near 1 chords.

    A twentieth of a beat of overlap is let pass, as played legato is; and so is the same pitch.
    """
    notes = track.notes
    sounding_until = np.maximum.accumulate(notes["end"])[:-1]
    chord = np.diff(notes["start"]) < 0.05
    return float(np.sum(chord | (sounding_until - notes["start"][1:] > 0.05)) / len(notes))


def is_kit(track: Track) -> bool:
    """Whether its notes are what most drum parts consist of."""
    return bool(np.mean(np.isin(track.notes["pitch"], DRUM_PART)) > DRUM_PART_SHARE)


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
    if found[0].is_drum and is_kit(found[0]):
        raise InputError(f"{tune.path}: track {found[0].index} holds drums (MIDI channel 10); choose among: {there}")
    return found[0]
