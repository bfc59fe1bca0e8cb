"""Many notes at a time -> one voice: the skyline, without what belongs to another voice; pure numpy."""

from __future__ import annotations

import numpy as np

from ..midi.masks import all_of, any_of

ROLLED_GAP, ROLLED_PAIR_GAP = 0.17, 0.05  # beats between two notes of a rolled chord; where it has two notes
_ON_BEAT = 0.01  # beats
ROLLED_SPREAD = 0.5  # beats from its first note to its last
_LEGATO, _LINE_LEAP = 0.25, 12  # share of notes that sound on into the next, semitones between them, of a single line
BELOW = 7  # semitones that a note must lie below the upper voice to be of a lower one
KEYSWITCHES = 36  # pitches below, far from all others, choose articulations of a sampler
CLICK = 0.12  # beats
BESIDE = 0.45  # share of a note for which another lies under it, or above, that tells its voice
MIN_SEEDS = 3  # notes that are known to be of the upper voice; of fewer nothing is concluded
_NEAR, _WIDE = 3, 8  # notes of a voice, before and after, that say where it is; and how high it reaches
_WIDER = 64  # how high the accompaniment and how large its chords are
_ROUNDS = 8  # what was found of a lower voice says more of where it is
_MAX_ACTIVE = 32  # notes that sound at a time and are looked at


def skyline(notes: np.ndarray) -> np.ndarray:
    """The tune of a track, one note at a time.

    Keyswitches and the notes of a lower voice are left out, so that the tune has rests where it rests; a rolled chord
    begins as one; of what is left the top line is taken (`top_line`).

    Args:
        notes: (n,) of dtype `score.NOTE`, by start and then from high to low.

    Returns:
        the same dtype, (m,) with 1 <= m <= n, by start.
    """
    switches = is_keyswitch(notes)
    notes = notes[~switches] if any_of(switches) else notes
    if is_one_voice(notes):
        return notes
    if is_line(notes):
        line = notes.copy()
        line["end"][:-1] = np.minimum(line["end"][:-1], line["start"][1:])
        return line
    notes = gather_rolled_chords(notes)
    return top_line(notes[~is_lower_voice(notes)])


def is_one_voice(notes: np.ndarray) -> bool:
    """Whether never two notes sound at a time."""
    start, end = notes["start"], notes["end"]
    return all_of(start[1:] >= end[:-1]) and all_of(start[1:] > start[:-1])


def is_line(notes: np.ndarray) -> bool:
    """Whether two notes sound at a time now and then, but never begin together or near it, and never three.

    So legato is played; and so MuseScore writes it, where a note held a little into the next one becomes twice as long.
    """
    start, end, pitch = notes["start"], notes["end"], notes["pitch"].astype(int)
    if np.any(np.diff(start) < ROLLED_GAP) or np.any(end[:-2] > start[2:] + _ON_BEAT):
        return False
    overlaps = end[:-1] > start[1:] + _ON_BEAT
    return bool(overlaps.mean() <= _LEGATO and not np.any(np.abs(np.diff(pitch))[overlaps] > _LINE_LEAP))


def is_keyswitch(notes: np.ndarray) -> np.ndarray:
    """Which notes are none of the music but choose an articulation, (n,) bool.

    They are very low, far below all others, and either as short as a click or held under other notes.
    """
    low = notes["pitch"] < KEYSWITCHES
    if not any_of(low) or low.mean() > 0.4:
        return np.zeros(len(notes), bool)
    music = notes["pitch"][~low]
    far = low & (notes["pitch"] < music.min() - 12) & (notes["pitch"] < np.median(music) - 24)
    if not far.any():
        return far
    start, end = notes["start"], notes["end"]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(end)[:-1]])
    after = np.concatenate([start[1:], [np.inf]])
    return far & ((end - start < CLICK) | (before > start) | (after < end - 0.02))


def top_line(notes: np.ndarray) -> np.ndarray:
    """One voice out of many: never two notes at a time.

    A higher note ends a lower one. A lower note that starts while a higher one sounds is left out if the
    higher one covers more than half of it; else (a legato overlap, or a note that goes on alone) it ends the
    higher one.

    Args:
        notes: (n,) of dtype `score.NOTE`, by start and then from high to low.

    Returns:
        the same dtype, (m,) with m <= n, by start.
    """
    start, end, pitch = notes["start"], notes["end"], notes["pitch"]
    overlapping = _overlapping(start, end)
    if not overlapping:
        return notes
    starts, ends, pitches = start.tolist(), end.tolist(), pitch.tolist()
    keep = np.ones(len(notes), bool)
    last = before = -1
    for i in overlapping:
        if i - 1 != before:
            last = i - 1
        before, begin = i, starts[i]
        if ends[last] > begin:
            covered = min(ends[last], ends[i]) - begin
            if starts[last] == begin or (pitches[i] <= pitches[last] and covered > (ends[i] - begin) / 2):
                keep[i] = False
                continue
            ends[last] = begin
        last = i
    line = notes.copy()
    line["end"] = ends
    return line[keep]


def _overlapping(start: np.ndarray, end: np.ndarray) -> list[int]:
    """The notes that begin while one before them sounds, or together with it."""
    last = np.maximum.accumulate(end)[:-1]
    found: list[int] = (((start[1:] < last) | (start[1:] == start[:-1])).nonzero()[0] + 1).tolist()
    return found


def gather_rolled_chords(notes: np.ndarray) -> np.ndarray:
    """The same notes, those of a rolled chord moved to one onset: of its first note, or of its last where only that is
    on a step, or it is on a beat and the first one not even on half a beat.

    A rolled chord goes up or down without a turn, in gaps of less than a sixth of a beat, and all of it sounds on
    until its last note has sounded for longer than the roll took.
    """
    start = notes["start"]
    gaps = np.diff(start)
    if not np.any((gaps > 1e-6) & (gaps <= ROLLED_GAP)):
        return notes
    order = np.lexsort((notes["pitch"], start))
    rows = notes[order]
    starts, ends, pitches = rows["start"].tolist(), rows["end"].tolist(), rows["pitch"].tolist()
    moved = rows["start"].copy()
    stop = 0
    for index in (np.diff(rows["start"]) <= ROLLED_GAP).nonzero()[0].tolist():
        if index < stop:
            continue
        stop = _end_of_roll(starts, ends, pitches, index)
        if stop - index > 1 and starts[stop - 1] > starts[index]:
            first, last = starts[index], starts[stop - 1]
            off = [abs(4 * each - round(4 * each)) for each in (first, last)]
            ends_on_beat = abs(last - round(last)) < _ON_BEAT and abs(2 * first - round(2 * first)) > 2 * _ON_BEAT
            moved[index:stop] = last if off[1] + 0.05 < off[0] or ends_on_beat else first
    rows["start"] = moved
    rows["end"] = np.maximum(rows["end"], moved + 1e-3)
    return rows[np.lexsort((-rows["pitch"], rows["start"]))]


def _end_of_roll(starts: list[float], ends: list[float], pitches: list[int], first: int) -> int:
    """Index after the last note of a rolled chord that begins here; just after this note where none does."""
    stop, direction = first + 1, 0
    while stop < len(starts) and starts[stop] - starts[stop - 1] <= ROLLED_GAP:
        turn = (pitches[stop] > pitches[stop - 1]) - (pitches[stop] < pitches[stop - 1])
        spread = starts[stop] - starts[first]
        if not turn or (direction and turn != direction) or spread > ROLLED_SPREAD:
            break
        if min(ends[first : stop + 1]) - starts[stop] < max(spread, ROLLED_PAIR_GAP):
            break
        direction, stop = turn, stop + 1
    is_roll = stop - first > 2 or (stop - first == 2 and starts[first + 1] - starts[first] <= ROLLED_PAIR_GAP)
    return stop if is_roll else first + 1


def is_lower_voice(notes: np.ndarray) -> np.ndarray:
    """Which notes belong to a lower voice than the tune's, though they sound alone or go on alone; (n,) bool.

    Notes with another one under them for about half of their length are of the upper voice, but for chords of the
    accompaniment (`_is_accompaniment`); those with one above are of a lower one. A note with neither belongs to the
    voice whose nearest notes it is closer to. Where hardly a note is known to be of the upper voice there is one voice,
    with its notes played legato; and so where all that lies under another is of close chords, but for what is below.
    """
    over, under = _over_and_under(notes)
    is_lower = under
    is_upper, below = over & ~is_lower, np.zeros(len(notes), bool)
    if np.count_nonzero(is_upper) < max(MIN_SEEDS, 0.05 * len(notes)) or not is_lower.any():
        return below
    start, pitch = notes["start"], notes["pitch"].astype(float)
    is_upper = is_upper & ~_is_accompaniment(start, pitch, is_upper, is_lower)
    for _ in range(_ROUNDS):
        found = (pitch < _level(start, pitch, is_upper) - BELOW) & ~is_upper
        found &= _is_closer(start, pitch, is_lower, is_upper)
        if np.array_equal(found, below):
            break
        is_lower, below = is_lower | found, found
    if below.any() and _are_chords(notes, under):
        below &= pitch < -_highest(start, -pitch, under, _WIDE)  # others stand where the chords do
    return below


def _are_chords(notes: np.ndarray, is_lower: np.ndarray) -> bool:
    """Whether all notes that lie under others are of close chords of one voice, which begin and end as one."""
    gap = {name: np.abs(np.diff(notes[name].astype(float))) for name in ("start", "end", "pitch")}
    is_of_chord = (gap["start"] < _ON_BEAT) & (gap["end"] < CLICK) & (gap["pitch"] <= BELOW)
    return not is_lower[0] and bool(np.all(is_of_chord[is_lower[1:]]))


def _is_accompaniment(start: np.ndarray, pitch: np.ndarray, is_upper: np.ndarray, is_lower: np.ndarray) -> np.ndarray:
    """Which of the notes that lie on top are the top of a chord of the accompaniment, in a rest of the tune; (n,) bool.

    Far below the tune around it, no higher than the lower voice around it, and of no more notes than its chords have:
    where all voices move together, as in a hymn, a chord has one more than lie under the tune elsewhere.
    """
    _, chord, together = np.unique(start, return_inverse=True, return_counts=True)
    under = np.bincount(chord, is_lower)[chord]
    is_low = pitch <= _highest(start, pitch, is_lower, _WIDER)
    may_be = is_upper & is_low & (together[chord] <= _highest(start, under, is_lower, _WIDER))
    found = np.zeros(len(pitch), bool)
    for _ in range(_ROUNDS):  # each brings those nearer together that are of the tune
        more = may_be & (pitch < _highest(start, pitch, is_upper & ~found, _WIDE) - BELOW) & ~found
        if not more.any():
            break
        found |= more
    return found & _is_closer(start, pitch, is_lower | found, is_upper & ~found)


def _is_closer(start: np.ndarray, pitch: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which notes are closer to the nearest notes of one voice than to those of another; (n,) bool."""
    return np.abs(pitch - _level(start, pitch, one)) < np.abs(pitch - _level(start, pitch, other))


def _highest(starts: np.ndarray, values: np.ndarray, chosen: np.ndarray, count: int) -> np.ndarray:
    """The highest value of the chosen notes that are nearest to each note, so many before it and after it (a power of
    two); (n,).
    """
    highest, size = np.pad(values[chosen], count, constant_values=-np.inf), 1
    while size < 2 * count:
        highest, size = np.maximum(highest[:-size], highest[size:]), 2 * size
    found: np.ndarray = highest[np.searchsorted(starts[chosen], starts)]
    return found


def _level(starts: np.ndarray, pitch: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean pitch of the chosen notes that are nearest to each note; (n,)."""
    total = np.concatenate([[0.0], np.cumsum(pitch[chosen])])
    at = np.searchsorted(starts[chosen], starts)
    first, last = np.maximum(at - _NEAR, 0), np.minimum(at + _NEAR, len(total) - 1)
    return (total[last] - total[first]) / np.maximum(last - first, 1)


def _over_and_under(notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which notes have others under them, and above them, for `BESIDE` of their length; (n,) bool each."""
    starts, ends, pitches = notes["start"].tolist(), notes["end"].tolist(), notes["pitch"].tolist()
    over, under = _Cover(starts), _Cover(starts)
    active: list[int] = []
    before = -1
    for index in _overlapping(notes["start"], notes["end"]):
        if index - 1 != before:
            active = [index - 1]
        before, start = index, starts[index]
        active = [each for each in active if ends[each] > start][-_MAX_ACTIVE:]
        for each in active:
            if pitches[each] == pitches[index]:
                continue
            high, low = (each, index) if pitches[each] > pitches[index] else (index, each)
            end = min(ends[each], ends[index])
            over.add(high, start, end)
            under.add(low, start, end)
        active.append(index)
    least = BESIDE * (notes["end"] - notes["start"])
    return over.is_for(least), under.is_for(least)


class _Cover:
    """For how long notes have others beside them, which come by their starts."""

    def __init__(self, starts: list[float]) -> None:
        self.until = starts.copy()
        self.time = [0.0] * len(starts)

    def add(self, note: int, start: float, end: float) -> None:
        if end > self.until[note]:
            self.time[note] += end - max(start, self.until[note])
            self.until[note] = end

    def is_for(self, least: np.ndarray) -> np.ndarray:
        """Which notes have others beside them for so long, and for any time; (n,) bool."""
        time = np.array(self.time)
        return (time > 0) & (time >= least - 1e-9)
