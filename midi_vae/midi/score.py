"""What a MIDI file holds, as notes: tracks, and a timeline of tempo, metre and key.

Times are quarter-note beats from the start of the file, so tempo changes are already accounted for: a note on the
second beat starts at 1.0 however long the first one took.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np

DRUM_CHANNEL = 9  # "channel 10" of General MIDI, which counts from 1
# notes that most parts of drums consist of; which drum a note is, `drums.kit` says
DRUM_PART = (35, 36, 37, 38, 39, 40, 42, 44, 46, 49, 51)
DRUM_PART_SHARE = 0.5  # of the notes of a part, above which it is one of drums
NOTE = np.dtype([("start", "f8"), ("end", "f8"), ("pitch", "i2"), ("velocity", "i2")], align=True)


@dataclass(frozen=True, eq=False)
class Timeline:
    """What holds for all notes from some beat on.

    Attributes:
        tempi: (beat, quarter notes a minute), ascending, the first at beat 0.
        metres: (beat, numerator, denominator), ascending, as in the file: possibly none.
        keys: (beat, sharps or -flats, whether minor) of the key signatures, ascending.
    """

    tempi: tuple[tuple[float, float], ...] = ((0.0, 120.0),)
    metres: tuple[tuple[float, int, int], ...] = ()
    keys: tuple[tuple[float, int, bool], ...] = ()

    def tempo_at(self, beat: float) -> float:
        """Quarter notes a minute at a beat."""
        return self.tempi[max(bisect_right(self.tempi, beat, key=lambda change: change[0]) - 1, 0)][1]

    def seconds(self, beats: np.ndarray) -> np.ndarray:
        """Seconds from beat 0 to each beat, of any shape."""
        at = np.array([beat for beat, _ in self.tempi])
        pace = 60.0 / np.array([tempo for _, tempo in self.tempi])
        passed = np.concatenate([[0.0], np.cumsum(np.diff(at) * pace[:-1])])
        index = np.maximum(np.searchsorted(at, beats, side="right") - 1, 0)
        return passed[index] + (beats - at[index]) * pace[index]


@dataclass(frozen=True, eq=False)
class Track:
    """The notes of one part in one track chunk of a file.

    A part is one channel; several of them where a chunk spreads one line over channels (MPE, a channel a string).

    Attributes:
        index: its number, from 1; chunks without notes are not counted.
        name: as written in the file, "" where there is none.
        channel: 0..15, the first of its channels.
        program: General MIDI program 0..127 at the first note, whatever track has set it.
        notes: (n,) array of dtype `NOTE`, n >= 1, by start and then from high to low. `start` and `end` in
            quarter-note beats, `pitch` 0..127 as it sounds after pitch bend, `velocity` 1..127.
        is_drum: percussion, on channel 10 or where GS, XG or GM2 settings put it.
        chunk: number of its track chunk, from 0.
        timeline: that of the file; in a file of type 2 that of its own sequence.
    """

    index: int
    name: str
    channel: int
    program: int
    notes: np.ndarray
    is_drum: bool = False
    chunk: int = 0
    timeline: Timeline = field(default_factory=Timeline)


@dataclass(frozen=True, eq=False)
class Tune:
    """A MIDI file as notes.

    Attributes:
        path: the file.
        resolution: ticks a quarter note.
        timeline: of the file; of a file of type 2 that of its first track.
        tracks: those that hold notes, at least one.
        length: of the whole file in beats, trailing silence included.
        syllables: beats at which syllables of lyrics are sung, ascending; empty without lyrics.
        remarks: what is wrong with the file and was read all the same, a line each.
        names: of all track chunks, with and without notes, in their order.
        writer: the program that has made it, "abc2midi", "LilyPond" or "MMA", where that says how it is to be read.
        pickup: beats of an incomplete first bar that accents tell.
    """

    path: str
    resolution: float
    timeline: Timeline
    tracks: tuple[Track, ...]
    length: float
    syllables: np.ndarray = field(default_factory=lambda: np.zeros(0))
    remarks: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    writer: str = ""
    pickup: float = 0.0

    @property
    def tempi(self) -> tuple[tuple[float, float], ...]:
        return self.timeline.tempi

    @property
    def metres(self) -> tuple[tuple[float, int, int], ...]:
        return self.timeline.metres

    def tempo_at(self, beat: float) -> float:
        """Quarter notes a minute at a beat."""
        return self.timeline.tempo_at(beat)
