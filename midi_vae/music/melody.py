"""Melody: one voice on a grid of sixteenth notes, as tokens."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..midi.writer import tempo_us, write_midi
from .tokens import HOLD, OFF, ONSET, VOCABULARY, OnGrid, steps_per_bar, tidy
from .transcription import Excerpt, transcribe

__all__ = ["HOLD", "OFF", "ONSET", "VOCABULARY", "Melody", "steps_per_bar", "tidy"]


@dataclass(frozen=True, eq=False)
class Melody(OnGrid):
    """A melody on a grid of 4 steps a quarter note.

    Token 0 holds whatever sounds, or nothing; 1 ends the note; p + 2 starts MIDI pitch p and ends the note
    before. A note that sounds at the end of the grid ends there. Note offs where nothing sounds are removed.

    Two melodies are equal if tokens, metre, program and tempo are, the tempo to what a MIDI file can store.

    Attributes:
        tokens: (S,) int16, read-only; S is a whole number of bars.
        metre: numerator and denominator; a bar is 16 * numerator / denominator steps.
        tempo: quarter notes a minute.
        program: General MIDI program, 0..127.
        name: for people.

    Raises:
        InputError: a bar of this metre is not a whole number of steps.
        ValueError: tokens, tempo or program of another shape or range.

    >>> m = Melody.from_notes([(4, 8, 60), (8, 10, 62)], bars=1)
    >>> m.tokens.tolist()
    [0, 0, 0, 0, 62, 0, 0, 0, 64, 0, 1, 0, 0, 0, 0, 0]
    >>> m.transpose(-12).notes()
    [(4, 8, 48), (8, 10, 50)]
    """

    tokens: np.ndarray
    metre: tuple[int, int] = (4, 4)
    tempo: float = 120.0
    program: int = 0
    name: str = ""

    def __post_init__(self) -> None:
        tokens = np.asarray(self.tokens)
        if tokens.ndim != 1 or not len(tokens) or tokens.dtype.kind not in "iu":
            raise ValueError(f"expected tokens as whole numbers of shape (S,), found {tokens.dtype} {tokens.shape}")
        tokens = _checked(tokens, self.metre)
        if not 0 < self.tempo < float("inf"):
            raise ValueError(f"expected a tempo above 0, found {self.tempo}")
        if not 0 <= self.program <= 127:
            raise ValueError(f"expected a program 0..127, found {self.program}")
        for name, value in (
            ("tokens", tokens),
            ("metre", (int(self.metre[0]), int(self.metre[1]))),
            ("tempo", float(self.tempo)),
            ("program", int(self.program)),
        ):
            object.__setattr__(self, name, value)

    def _steps(self) -> int:
        return len(self.tokens)

    def _key(self) -> tuple[object, ...]:
        return self.tokens.tobytes(), self.metre, tempo_us(self.tempo), self.program

    def notes(self) -> list[tuple[int, int, int]]:
        """(start step, end step, MIDI pitch) of each note, by start."""
        events = np.flatnonzero(self.tokens).tolist()
        ends = [*events[1:], len(self.tokens)][: len(events)]
        tokens = self.tokens.tolist()
        return [(i, end, tokens[i] - ONSET) for i, end in zip(events, ends, strict=True) if tokens[i] >= ONSET]

    @classmethod
    def from_notes(
        cls,
        notes: Iterable[tuple[int, int, int]],
        bars: int | None = None,
        metre: tuple[int, int] = (4, 4),
        tempo: float = 120.0,
        program: int = 0,
        name: str = "",
    ) -> Melody:
        """A melody of notes given by start step, end step and MIDI pitch.

        A note ends where the next one starts; of several on a step the last given keeps it; what lies after
        the last bar is cut off.

        Args:
            notes: in any order; 0 <= start < end, pitch 0..127.
            bars: as many as hold all notes (at least 1) if None.
            metre: beats in a bar and what a beat is, of bars of a whole number of sixteenths.
            tempo: quarter notes a minute.
            program: of General MIDI, 0..127.

        Raises:
            InputError: as `Melody`.
            ValueError: as `Melody`, or a note that cannot be.
        """
        notes = sorted(notes, key=lambda note: note[0])
        if any(not (0 <= start < end and 0 <= pitch <= 127) for start, end, pitch in notes):
            raise ValueError("expected notes with 0 <= start < end and a pitch 0..127")
        size = steps_per_bar(metre)
        if bars is None:
            bars = max(-(-max((end for _, end, _ in notes), default=1) // size), 1)
        tokens = np.zeros(bars * size, np.int16)
        for start, end, pitch in notes:
            if start < len(tokens):
                tokens[start] = ONSET + pitch
                tokens[start + 1 : end] = HOLD
                if end < len(tokens):
                    tokens[end] = OFF
        return cls(tokens, metre, tempo, program, name)

    @classmethod
    def rows(cls, tokens: np.ndarray, like: Melody) -> list[Melody]:
        """A melody of each row of tokens (M, S), with all else of another: checked and tidied together, not one by one.

        Raises:
            ValueError: tokens of another shape or range.
        """
        tokens = np.asarray(tokens)
        if tokens.ndim != 2 or not tokens.shape[1] or tokens.dtype.kind not in "iu":
            raise ValueError(f"expected tokens as whole numbers of shape (M, S), found {tokens.dtype} {tokens.shape}")
        melodies = []
        for row in _checked(tokens, like.metre) if len(tokens) else ():
            melody = object.__new__(cls)
            melody.__dict__.update(like.__dict__, tokens=row)  # what the other has was checked when it was made
            melodies.append(melody)
        return melodies

    def transpose(self, semitones: int) -> Melody:
        """The melody so many semitones higher.

        Raises:
            ValueError: a pitch would leave 0..127.
        """
        tokens = self.tokens.astype(np.int64)
        onset = tokens >= ONSET
        tokens[onset] += semitones
        if np.any(tokens[onset] < ONSET):
            raise ValueError(f"expected to stay within pitches 0..127, found a transposition by {semitones}")
        return replace(self, tokens=tokens)

    @classmethod
    def from_midi(
        cls,
        path: str | os.PathLike[str],
        bars: int | None = 2,
        start_bar: int | None = None,
        track: int | str | None = None,
        bpm: float | None = None,
    ) -> Melody:
        """A passage of the melody in a MIDI file; more than one passage of a file: `transcription.transcribe`.

        Bars follow the file's changes of metre (`bars.bar_sections`). A passage has the metre of its first bar and the
        tempo at which most of it sounds; where the metre changes inside, its notes go on in bars of the first metre. A
        note that sounds into the passage from before is left out.

        Args:
            path: any MIDI file.
            bars: how many; None is all to the end of the melody.
            start_bar: from 0; None is the bar in which the melody's first note starts, and such a passage may
                go on after the end of the file, in silence.
            track: number from 1 or name of the track (`melody_track.choose_track`).
            bpm: quarter notes a minute at which it was played, for a file that was never told its tempo.

        Raises:
            InputError: the file cannot be read, has no such track or passage, or the metre does not fit the
                grid.
        """
        return cls.of(transcribe(path, track, bpm).excerpt(bars, start_bar))

    @classmethod
    def of(cls, excerpt: Excerpt) -> Melody:
        """A passage that was cut out of a file."""
        return cls(excerpt.tokens, excerpt.metre, excerpt.tempo, excerpt.program, excerpt.name)

    def to_midi(self, path: str | os.PathLike[str]) -> None:
        """Write a MIDI file of one track (`writer.write_midi`).

        Raises:
            InputError: the file cannot be written.
        """
        write_midi(path, [self])


def _checked(tokens: np.ndarray, metre: tuple[int, int]) -> np.ndarray:
    """Tokens (..., S) as melodies keep them: tidy, int16, read-only.

    Raises:
        InputError: a bar of this metre is not a whole number of steps.
        ValueError: symbols that there are not, or no whole bars.
    """
    if tokens.min() < 0 or tokens.max() >= VOCABULARY:
        raise ValueError(f"expected tokens 0..{VOCABULARY - 1}, found {tokens.min()}..{tokens.max()}")
    if tokens.shape[-1] % steps_per_bar(metre):
        raise ValueError(f"expected whole bars of {steps_per_bar(metre)} steps, found {tokens.shape[-1]} steps")
    tokens = tidy(tokens.astype(np.int16))
    tokens.setflags(write=False)
    return tokens
