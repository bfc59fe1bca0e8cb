"""Where the bars of a tune lie that starts with a pickup of which its file says nothing.

LilyPond writes a tune with a pickup from its first note on under the time signature of the whole bars, so that all bar
lines are early. In written music few notes sound on over a bar line, long ones start on it, and the last bar is whole
or makes one of the pickup: a conditional logit over all places that the first bar line may have weighs this
(`scripts/bench/bench_pickup.py` has measured the weights and the margin).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tokens import steps_per_bar

METRES = {(2, 4): 0, (3, 4): 0, (3, 8): 0, (4, 4): 2, (2, 2): 2, (4, 8): 2, (6, 8): 2}  # and how many halves a bar has
WEIGHTS = {
    "time of notes on bar lines": 6.93,
    "long notes on bar lines": 1.70,
    "long notes in the middle of bars": 2.11,
    "bar lines with a note": 5.40,
    "bar lines under a note": -6.73,
    "leaps up to bar lines": 0.54,
    "longest notes on bar lines": 1.02,
    "longest notes in the middle of bars": 1.18,
    "no pickup": 1.59,
    "up to a quarter of a bar": 2.15,
    "more than half of a bar": -2.31,
    "whole eighths": 1.70,
    "a whole last bar": 2.78,
}
MARGIN = 0.98  # probability from which on a pickup is taken to be one
MIN_NOTES, MAX_BARS = 12, 64
_SURE_BARS, _TYPICAL_BARS = 32, 8  # of more bars no more is concluded; of so many weights are as they stand
_LEAP = 4  # semitones


@dataclass(frozen=True)
class Pickup:
    """An incomplete first bar that no event of the file tells.

    Attributes:
        beats: its length in quarters.
        source: what tells it: "accents", "metre change" or "estimate".
        probability: of an estimate; 1.0 of what is told.
    """

    beats: float
    source: str
    probability: float = 1.0


def estimate_pickup(
    start: np.ndarray, end: np.ndarray, pitch: np.ndarray, metre: tuple[int, int], length: int
) -> Pickup | None:
    """The pickup of a tune in one voice; None where there is none, or where it is not clear.

    Args:
        start, end: (n,) int64 steps from the first note of the file.
        pitch: (n,) MIDI pitches.
        metre: of the whole tune.
        length: steps of the file, silence at its end included.
    """
    if metre not in METRES or len(start) < MIN_NOTES or start[0] >= steps_per_bar(metre):
        return None
    scores = features(start, end, pitch, metre, length) @ np.array(list(WEIGHTS.values()))
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    best = int(shares.argmax())
    return Pickup(best / 4, "estimate", float(shares[best])) if best and shares[best] >= MARGIN else None


def features(start: np.ndarray, end: np.ndarray, pitch: np.ndarray, metre: tuple[int, int], length: int) -> np.ndarray:
    """What speaks for each pickup, (steps of a bar, weights): row p is of one of p steps. Arguments as above."""
    size = steps_per_bar(metre)
    count = int(np.searchsorted(start, MAX_BARS * size))
    is_whole = count == len(start)
    start, end, pitch = start[:count], end[:count], pitch[:count].astype(np.int64)
    length = length if is_whole else int(end[-1])
    following = np.append(start[1:], end[-1])
    lengths = np.maximum(np.minimum(np.minimum(end, following) - start, size), 1)
    gaps = np.clip(following - start, 1, 2 * size)
    weights = [
        lengths / lengths.sum(),
        _shares(lengths >= 1.5 * np.median(lengths)),
        _shares(gaps >= np.quantile(gaps, 0.9)),
        _shares(np.append(False, np.diff(pitch) >= _LEAP)),
    ]
    rows = []
    for pickup in range(size):
        places = (start - pickup) % size
        first, middle = places == 0, (places * 2 == size) & (METRES[metre] > 0)
        lines = np.arange(pickup or size, length, size)
        at = np.maximum(np.searchsorted(start, lines, side="right") - 1, 0)
        begins = start[at] == lines
        sounds = ~begins & (end[at] > lines)
        of_notes = [weights[0] @ first, weights[1] @ first, weights[1] @ middle]
        of_lines = [begins.mean(), sounds.mean()] if len(lines) else [0.0, 0.0]
        of_notes += [*of_lines, weights[3] @ first, weights[2] @ first, weights[2] @ middle]
        of_bars = [pickup == 0, 0 < pickup <= size / 4, pickup > size / 2, pickup % 2 == 0]
        of_bars.append(is_whole and pickup > 0 and (length - pickup) % size == 0)
        scale = np.sqrt(min(length / size, _SURE_BARS) / _TYPICAL_BARS)
        rows.append([*(scale * np.array(of_notes)), *of_bars])
    return np.array(rows, float)


def _shares(mask: np.ndarray) -> np.ndarray:
    """Of those in a mask each has an equal share, all others none."""
    return mask / max(int(mask.sum()), 1)
