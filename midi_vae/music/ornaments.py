"""Trills and mordents that a program has written out -> the note that stood in the score."""

from __future__ import annotations

import numpy as np

from ..midi.masks import any_of

MAX_GAP = 0.21  # beats from one note of an ornament to the next: faster than a sixteenth
HELD = 0.3  # beats
MIN_TRILL = 4  # notes; three are a mordent if the last one is held


def merge_trills(line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One note for the notes of each trill and mordent.

    A trill alternates between two neighbours faster than sixteenths, and may close with a turn: the note below and the
    main note once more. Its written note is the one that it ends on where that is held, else the lower one.

    Args:
        line: (n,) of dtype `score.NOTE`, one voice by start.

    Returns:
        the line without the notes that were merged away, and the onsets of these in beats.
    """
    starts, pitches = line["start"], line["pitch"].astype(int)
    if len(line) < 3:
        return line, np.zeros(0)
    is_fast = starts[1:] - starts[:-1] <= MAX_GAP
    step = np.abs(pitches[2:] - pitches[1:-1])
    turns = (pitches[2:] == pitches[:-2]) & (step <= 2) & (step > 0)
    goes_on = turns & is_fast[:-1] & is_fast[1:]  # notes i, i + 1 and i + 2 are of one trill
    if not any_of(goes_on):
        return line, np.zeros(0)
    keep = np.ones(len(line), bool)
    merged = line.copy()
    done = 0
    for index in goes_on.nonzero()[0].tolist():
        if index < done:
            continue
        stop = index + 1
        while stop < len(goes_on) and goes_on[stop]:
            stop += 1
        last = stop + 1  # index of the last note of the trill
        is_next = last < len(goes_on) - 1 and goes_on[last + 1]  # another trill begins after this one
        if last - index + 1 >= MIN_TRILL and is_fast[last : last + 2].sum() == 2 and not is_next:
            main, low = int(pitches[last - 1 : last + 1].min()), int(pitches[last + 1])
            last += 2 * (0 < main - low <= 2 and pitches[last + 2] == main)
        if (
            line["end"][last] - starts[last] > HELD
            and abs(starts[last] - round(starts[last])) < 0.02
            and last - index > 2
        ):
            last -= 1  # a long note on a beat comes after the trill
        held = float(line["end"][last] - starts[last])
        if last - index + 1 >= MIN_TRILL or held >= 2 * (starts[index + 1] - starts[index]):
            is_held = held > HELD
            merged["pitch"][index] = pitches[last] if is_held else min(pitches[index], pitches[index + 1])
            merged["end"][index] = line["end"][last]
            keep[index + 1 : last + 1] = False
        done = last
    return merged[keep], starts[~keep]
