"""Which notes between two accents may have a fermata, held longer than written, and how dear it is to say so."""

from __future__ import annotations

import numpy as np

Held = tuple[int, int, int]  # start, end, ticks too long
Explanation = tuple[int, float, tuple[Held, ...]]  # ticks too long in all, price, which notes

HELD = 1.0  # price of a held note
SHORT, INSIDE, PAIR = 1.0, 0.3, -0.2  # more for one below an eighth, one inside a bar; less for two
MAX_GRACE, MAX_GRACES = 0.125, 4  # beats of a grace note, which is taken from the note that follows; of them in a row
_MAX_CANDIDATES = 12  # notes of a step that are looked at


class Fermatas:
    """The notes of a voice, each as one that may have been played twice as long as it is written.

    Args:
        onsets, ends: (n,) ticks, ascending.
        near: ticks that are none.
        resolution: ticks a quarter note.
    """

    def __init__(self, onsets: np.ndarray, ends: np.ndarray, near: int, resolution: float) -> None:
        self.onsets, self.near, self.resolution = onsets, near, resolution
        self.lengths = np.maximum(np.diff(onsets, append=ends[-1]), 1)
        self.sounding = np.maximum(ends - onsets, 1)

    def explanations(self, start: int, end: int) -> list[Explanation]:
        """By how much the notes from a tick to another may be too long, what that costs, and which one or two it is."""
        notes = self._candidates(start, end)
        longest = max([note[2] for note in notes], default=0)

        def price(note: Held) -> float:
            is_short = bool(2 * note[2] < self.resolution - self.near)
            is_inside = note[2] < longest - self.near and note[1] < end - self.near
            return HELD + SHORT * is_short + INSIDE * is_inside

        prices = {note: price(note) for note in notes}
        pairs = [(a, b) for a in notes for b in notes if b[1] <= a[0] + self.near]
        return [
            *((note[2], prices[note], (note,)) for note in notes),
            *((a[2] + b[2], prices[a] + prices[b] + PAIR, (b, a)) for a, b in pairs),
        ]

    def _candidates(self, start: int, end: int) -> list[Held]:
        """The last one first: of those that would explain as much, the last one of a bar was held."""
        first, last = self.onsets.searchsorted((start - self.near, end - self.near)).tolist()
        chosen = slice(max(first, last - _MAX_CANDIDATES), last)
        begins, lengths, sounding = (each[chosen].tolist() for each in (self.onsets, self.lengths, self.sounding))
        notes, graces, count = set(), 0, 0
        for at, length, sounds in zip(begins, lengths, sounding, strict=True):
            notes |= {(at, at + sounds, round(sounds / 2)), (at, at + length, round(length / 2))}
            if count and 3 * graces <= length + self.near:
                notes.add((at, at + length, round((graces + length) / 2)))
            is_grace = count < MAX_GRACES and length <= self.resolution * MAX_GRACE + self.near
            graces, count = (graces + length, count + 1) if is_grace else (0, 0)
        return sorted((note for note in notes if note[1] <= end + self.near), reverse=True)
