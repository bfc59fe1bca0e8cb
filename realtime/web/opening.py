"""The melodies that the page opens with: the first two bars of the tunes in `examples/`, which are our own."""

from __future__ import annotations

from midi_vae.music.melody import Melody

TEMPO = 112.0  # between the four, for the page
# name, metre, General MIDI program, (length in sixteenths, pitch) of notes one after another
_TUNES = (
    ("lively", (4, 4), 40, "74 69 66 69 74 76 78 74 79 78 76 74 71 74 67 71", "2"),
    ("lyrical", (4, 4), 73, "72 74 72 69 77 76 74", "6 2 4 4 8 6 2"),
    ("waltz", (3, 4), 21, "67 70 74 79 78", "4 4 4 8 4"),
    ("jig", (6, 8), 72, "76 71 76 79 78 76 78 74 69 74 76 78", "2"),
)


def opening_melodies() -> list[Melody]:
    """Four melodies of two bars.

    >>> [melody.name for melody in opening_melodies()]
    ['lively', 'lyrical', 'waltz', 'jig']
    """
    return [_melody(*tune) for tune in _TUNES]


def _melody(name: str, metre: tuple[int, int], program: int, pitches: str, lengths: str) -> Melody:
    notes, at = [], 0
    all_pitches = [int(each) for each in pitches.split()]
    all_lengths = [int(each) for each in lengths.split()]
    if len(all_lengths) == 1:
        all_lengths *= len(all_pitches)
    for pitch, length in zip(all_pitches, all_lengths, strict=True):
        notes.append((at, at + length, pitch))
        at += length
    return Melody.from_notes(notes, 2, metre, TEMPO, program, name)
