"""Where the grid lies under some onsets: on the file's beats, late by a constant, or where the notes have it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..midi.masks import any_of
from .bars import STEPS_A_BEAT

EXACT = 0.006  # beats; so near to a place that notation and sequencers know, an onset was put there
EXACT_SHARE = 0.7  # of the onsets, from which on a file has been written rather than played; by chance it is 0.38
MANY_WRITTEN = 0.45  # of the onsets; a swung line has that many on its beats
THROUGHOUT = 0.25  # of the onsets of each quarter; of two takes one has none
FAR_SWUNG_SHARE = 0.9  # of the onsets that are on eighths or at the one place between them, where all is swung far
FREE_DEVIATION = 0.05  # steps; up to here a file's own grid is not questioned
FOLLOWED_NOTES = 4  # on either side of a note
MIN_FOLLOWED = 16  # notes; fewer would fit some grid by chance
NEAR_DEVIATION = 0.15  # steps; so far off play notation programs that mean to sound human, and the file's own grid fits
SAME_STEPS = 0.9  # if following leaves so many notes on their steps, and most of them are not on odd steps
MIN_CLEAR = 0.3  # length of the mean of unit vectors, below which it has no direction worth following
MAX_GRACE_GAP, MAX_GRACES = 0.21, 6  # beats from one grace note to the next; of them in a row
MAX_GRACE = 0.26  # beats from a grace note to the next note
MAX_LATENESS = 1.0  # beats that the grace notes before the first bar may take
MAX_UNTOLD = 0.22  # beats that all may be late by without any grace notes; near a sixteenth, one may be meant
_PLACES = np.unique(np.concatenate([np.arange(17) / 16, np.arange(25) / 24]))  # in a beat
_FAR_SWUNG, _LEAST_FAR_SWUNG = 10, 0.25  # of the 12 places of triplets of 32nds in an eighth; share of the onsets there
_NOTHING = np.zeros(0)


@dataclass(frozen=True, eq=False)
class FoundGrid:
    """Where the grid lies.

    Attributes:
        lateness: beats by which all onsets are late.
        offsets: (n,) steps by which the grid lies after the file's at each onset; None where it is the file's own.
        file_deviation: mean distance of an onset from the nearest step of the file's own beats, in steps.
        is_plain: every onset is on a step.
        onsets: (n,) in beats.
        steps: (n,) the nearest steps of the file's own beats, whole numbers as floats.
        is_swung: they are at a few places of each beat, some of which no notation knows.
    """

    lateness: float
    offsets: np.ndarray | None
    file_deviation: float
    is_plain: bool
    onsets: np.ndarray
    steps: np.ndarray
    is_swung: bool = False

    def without(self, gone: np.ndarray) -> FoundGrid:
        """The same for fewer notes, by the onsets of those that are gone."""
        keep = ~np.isin(self.onsets, gone)
        offsets = None if self.offsets is None else self.offsets[keep]
        return replace(self, offsets=offsets, onsets=self.onsets[keep], steps=self.steps[keep])


def find_grid(onsets: np.ndarray, others: np.ndarray = _NOTHING) -> FoundGrid:
    """Where the grid lies under the onsets of one voice, (n,) in beats, ascending.

    `others` are onsets of the other parts, (k,), at least those of the first bars: grace notes may be theirs.

    Onsets at places that notation and sequencers know (sixteenths and their halves and quarters, triplets of all of
    these), or at few places that come back in every beat, as swing has them, were written and stay there. They may
    all be late by the same, where a notation program lets grace notes push what follows. Only what fits no grid of
    the file is followed (`follow`)."""
    steps = onsets * STEPS_A_BEAT
    nearest = np.rint(steps)
    off = np.abs(steps - nearest)
    deviation, is_plain = float(off.sum()) / len(off), not any_of(off >= 1e-6)
    grid = FoundGrid(0.0, None, deviation, is_plain, onsets, nearest)
    before = _before(onsets, others)
    late = pushed_by_graces(onsets, before) or held_back(onsets)
    if not late and (is_plain or is_written(onsets)):
        return grid if is_plain or not is_swung_far(onsets) else replace(grid, is_swung=True)
    late = late or lateness(onsets, before)
    if late:
        return replace(grid, lateness=late, is_plain=False)
    if deviation <= FREE_DEVIATION or len(onsets) < MIN_FOLLOWED:
        return grid
    if has_few_places(onsets):
        return replace(grid, is_swung=True)
    offsets = follow(steps)
    is_better = _deviation(steps - offsets).mean() <= deviation / 2
    if not is_better:
        return grid
    moved = on_beats(steps, offsets)
    fits = deviation <= NEAR_DEVIATION and np.mean(np.rint(steps - offsets) == nearest) >= SAME_STEPS
    return grid if fits and round(moved[0] - offsets[0]) % 2 == 0 else replace(grid, offsets=moved)


def is_written(onsets: np.ndarray) -> bool:
    """Whether most onsets, in beats, stand at places that notation knows."""
    return _written_share(onsets) >= EXACT_SHARE


def _written_share(onsets: np.ndarray) -> float:
    return float(np.count_nonzero(_from_places(onsets) < EXACT) / len(onsets))


def _from_places(onsets: np.ndarray) -> np.ndarray:
    phase = onsets - np.floor(onsets)
    after = _PLACES.searchsorted(phase)  # never behind the last one, which is 1
    return np.minimum(np.abs(_PLACES[after] - phase), np.abs(phase - _PLACES[np.maximum(after - 1, 0)]))


def has_few_places(onsets: np.ndarray) -> bool:
    """Whether most onsets stand at a few places of their beat, many of them on steps: swing of any ratio, say."""
    if np.mean(_deviation(onsets * STEPS_A_BEAT) < STEPS_A_BEAT * EXACT) < MANY_WRITTEN:
        return False
    counts = np.sort(np.bincount(np.floor((onsets % 1.0) * 96 + 0.5).astype(int) % 96, minlength=96))[::-1]
    needed = int(np.searchsorted(np.cumsum(counts), 0.8 * len(onsets))) + 1
    return needed <= min(12, max(3, len(onsets) // 8))


def is_swung_far(onsets: np.ndarray) -> bool:
    """Whether sixteenths are swung so far (83 %) that the second of two is nearer to the next eighth than to its own
    place. That is a place of triplets of 32nds too, but of these others would be there.
    """
    places = onsets * 24
    nearest = np.rint(places)
    is_at = np.abs(places - nearest) < 24 * EXACT
    on_eighths, before = (np.count_nonzero(is_at & (nearest % 12 == each)) / len(onsets) for each in (0, _FAR_SWUNG))
    return bool(before >= _LEAST_FAR_SWUNG and on_eighths + before >= FAR_SWUNG_SHARE)


def _before(onsets: np.ndarray, others: np.ndarray) -> np.ndarray:
    """What other parts play before the first of some onsets, if it may push all that follows: without it theirs are
    not less on beats.
    """
    first = onsets[0]
    if not len(others) or not EXACT < first <= MAX_LATENESS:
        return _NOTHING
    rest = others[others > first - EXACT]
    if len(rest) and _on_beats(rest - first) < _on_beats(rest):
        return _NOTHING
    return np.unique(others[others <= first - EXACT])


def held_back(onsets: np.ndarray) -> float:
    """Beats by which all is late without a note before, where it is on steps or swung once they are taken; else 0.0.

    Between half a step and nearly a whole one: less is no question, and more may be meant. What was early by the rest
    of the step instead would be more on beats without that.
    """
    late = float(onsets[0] % (1 / STEPS_A_BEAT))
    if not 0.5 / STEPS_A_BEAT + 1e-6 < late < MAX_UNTOLD or len(onsets) < 6:
        return 0.0
    rest = onsets - late
    is_on_step = _deviation(rest * STEPS_A_BEAT) < STEPS_A_BEAT * EXACT
    is_of_triplet = abs(late * 24 - round(late * 24)) < 24 * EXACT
    is_swung = not is_of_triplet and _is_throughout(is_on_step) and has_few_places(rest)
    if not (is_swung or np.count_nonzero(is_on_step) >= 0.9 * len(rest)):
        return 0.0
    return late if _on_beats(rest) >= _on_beats(rest + 1 / STEPS_A_BEAT) else 0.0


def pushed_by_graces(onsets: np.ndarray, before: np.ndarray = _NOTHING) -> float:
    """Beats that short notes at the very start take, if all that follows them is on beats, or all on steps and nothing
    was before, once they are taken away.

    Where they take a whole number of steps nothing else tells. `before` are those of other parts, (k,).
    """
    onsets = np.concatenate([before, onsets]) if len(before) else onsets
    if len(onsets) < 6 or onsets[0] > EXACT or onsets[1] - onsets[0] > MAX_GRACE_GAP:
        return 0.0
    is_short = np.diff(onsets[: MAX_GRACES + 2]) <= MAX_GRACE_GAP
    first = int(np.argmin(is_short)) if not is_short.all() else 0
    late = float(onsets[first])
    if not first or late > MAX_LATENESS or abs(late - round(late)) < EXACT:
        return 0.0
    rest = onsets[first:]
    if _on_beats(rest - late) >= 0.9 and _on_beats(rest) < 0.6:
        return late
    off = [_deviation(each * STEPS_A_BEAT) >= STEPS_A_BEAT * EXACT for each in (rest - late, rest)]
    return late if off[0].mean() <= 0.05 and off[1].mean() >= 0.95 else 0.0


def lateness(onsets: np.ndarray, before: np.ndarray = _NOTHING) -> float:
    """Beats by which all onsets are late, 0.0 where they are not; the notes before it are grace notes.

    The phase within a step that most onsets share, if written or swung music comes out once it is taken away; with so
    many whole steps more as bring most notes to a beat, as long as no note but short ones stands before, here or in
    other parts.
    """
    if len(onsets) < 4:
        return 0.0
    phase = (onsets * STEPS_A_BEAT) % 1.0
    common = int(np.bincount(np.rint(phase * 1000).astype(np.int64)).argmax()) / 1000 / STEPS_A_BEAT
    is_near = np.abs(phase / STEPS_A_BEAT - common) < EXACT
    near = phase[is_near] / STEPS_A_BEAT
    common = float(np.median(near))
    if common < EXACT or len(near) < 0.5 * len(onsets):
        return 0.0
    is_swung = _is_throughout(is_near) and has_few_places(onsets - common)
    if not (is_swung or is_written(onsets - common)):
        return 0.0
    candidates = common + (np.arange(int(MAX_LATENESS * STEPS_A_BEAT) + 1) - 1) / STEPS_A_BEAT
    shares = [_on_beats(onsets - late) - 1e-6 * abs(late) for late in candidates.tolist()]
    best = float(candidates[int(np.argmax(shares))])
    return best if _may_be_late(onsets, best, before) else 0.0


def _is_throughout(is_so: np.ndarray) -> bool:
    """Whether what is so of some onsets (n,) in order is so all along, and not of one of two takes alone."""
    parts = np.array_split(is_so, max(1, min(4, len(is_so) // 4)))
    return bool(min(part.mean() for part in parts) >= THROUGHOUT)


def _on_beats(onsets: np.ndarray) -> float:
    """Share of onsets on beats, half a beat counting half."""
    on_beats, on_halves = (np.count_nonzero(_deviation(onsets * each) < EXACT) / len(onsets) for each in (1, 2))
    return (on_beats + on_halves) / 2


def _may_be_late(onsets: np.ndarray, late: float, others: np.ndarray) -> bool:
    """Whether a lateness is small, or what stands before it are grace notes."""
    if abs(late) <= 0.5 / STEPS_A_BEAT:
        return onsets[0] >= late - EXACT or late > 0
    before = np.concatenate([others, onsets[onsets < late - EXACT]])
    return late > 0 and len(before) > 0 and np.diff(np.append(before, late)).max() <= MAX_GRACE


def follow(onsets: np.ndarray) -> np.ndarray:
    """How far after the file's grid the grid lies that freely played notes keep, in steps, (n,).

    Music played to a click that is not the file's has a grid of its own: at another phase, which may drift, and jump
    where takes were put together. The phase at a note is the circular mean of the places, within a step, of the notes
    up to `FOLLOWED_NOTES` before and after it; where these have no common phase, the one before goes on, and a phase
    just half a step away is no reason to move either.

    Args:
        onsets: (n,) in steps, ascending.
    """
    index = np.arange(len(onsets))
    total = np.append(0, np.cumsum(np.exp(2j * np.pi * onsets)))
    last, first = np.minimum(index + FOLLOWED_NOTES + 1, len(onsets)), np.maximum(index - FOLLOWED_NOTES, 0)
    mean = (total[last] - total[first]) / (last - first)
    phases, clear = np.round(np.angle(mean) / (2 * np.pi), 6), np.abs(mean) >= MIN_CLEAR
    offsets = np.zeros(len(onsets))
    now = float(phases[np.argmax(clear)]) if clear.any() else 0.0
    for at, (phase, is_clear) in enumerate(zip(phases.tolist(), clear.tolist(), strict=True)):
        move = (phase - now + 0.5) % 1.0 - 0.5
        if is_clear and abs(abs(move) - 0.5) > 0.02:
            now += move
        offsets[at] = now
    return offsets


def on_beats(onsets: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Offsets of a grid that was followed, moved by whole steps to where most notes start on a beat, if clearly more
    do: such a file's beats are unknown. No note comes before the first beat.

    Args:
        onsets, offsets: (n,) in steps.
    """
    counts = np.bincount(np.rint(onsets - offsets).astype(np.int64) % STEPS_A_BEAT, minlength=STEPS_A_BEAT)
    weight = counts + np.roll(counts, 2) / 2  # half a beat counts half
    if weight.max() > 1.2 * weight[0]:
        offsets = offsets + (int(np.argmax(weight)) + 1) % STEPS_A_BEAT - 1  # by -1, 1 or 2 steps
    while onsets[0] - offsets[0] < -0.5:
        offsets = offsets - STEPS_A_BEAT
    return offsets


def _deviation(position: np.ndarray) -> np.ndarray:
    return np.abs(position - np.rint(position))
