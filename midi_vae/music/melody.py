"""Melody: one voice on a grid of sixteenth notes, as tokens; files are left to `midi`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from latentmix.errors import InputError

from ..midi.melody_track import choose_track
from ..midi.score import MAX_BEATS, Tune, read_tune, tempo_us, write_midi
from .grid import STEPS_A_BEAT, GridLine, GridReport, place

HOLD, OFF, ONSET = 0, 1, 2  # tokens; the onset of pitch p is ONSET + p
VOCABULARY = ONSET + 128


def steps_per_bar(metre: tuple[int, int]) -> int:
    """Sixteenth-note steps in a bar.

    Raises:
        InputError: the bar is not a whole number of sixteenths.

    >>> steps_per_bar((4, 4)), steps_per_bar((6, 8))
    (16, 12)
    """
    numerator, denominator = metre
    steps, rest = divmod(4 * STEPS_A_BEAT * numerator, denominator) if denominator > 0 else (0, 1)
    if steps < 1 or rest or denominator & (denominator - 1) or numerator > 255:
        raise InputError(f"expected a metre whose bar is a whole number of sixteenths, found {numerator}/{denominator}")
    return steps


@dataclass(frozen=True, eq=False)
class Melody:
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
        if tokens.min() < 0 or tokens.max() >= VOCABULARY:
            raise ValueError(f"expected tokens 0..{VOCABULARY - 1}, found {tokens.min()}..{tokens.max()}")
        if len(tokens) % steps_per_bar(self.metre):
            raise ValueError(f"expected whole bars of {steps_per_bar(self.metre)} steps, found {len(tokens)} steps")
        if not 0 < self.tempo < float("inf"):
            raise ValueError(f"expected a tempo above 0, found {self.tempo}")
        if not 0 <= self.program <= 127:
            raise ValueError(f"expected a program 0..127, found {self.program}")
        tokens = tidy(tokens.astype(np.int16))
        tokens.setflags(write=False)
        for name, value in (
            ("tokens", tokens),
            ("metre", (int(self.metre[0]), int(self.metre[1]))),
            ("tempo", float(self.tempo)),
            ("program", int(self.program)),
        ):
            object.__setattr__(self, name, value)

    @property
    def steps_per_bar(self) -> int:
        return steps_per_bar(self.metre)

    @property
    def bars(self) -> int:
        return len(self.tokens) // self.steps_per_bar

    def _key(self) -> tuple[object, ...]:
        return self.tokens.tobytes(), self.metre, tempo_us(self.tempo), self.program

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Melody) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

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
    ) -> Melody:
        """A passage of the melody in a MIDI file.

        Bars follow the file's changes of metre (`grid.bar_sections`). A passage has the metre and the tempo
        of its first bar; where the metre changes inside, its notes go on in bars of the first metre. A note
        that sounds into the passage from before is left out.

        Args:
            path: any MIDI file.
            bars: how many; None is all to the end of the melody.
            start_bar: from 0; None is the bar in which the melody's first note starts, and such a passage may
                go on after the end of the file, in silence.
            track: number from 1 or name of the track (`tracks.choose_track`).

        Raises:
            InputError: the file cannot be read, has no such track or passage, or the metre does not fit the
                grid.
        """
        source = _read_source(path, track)
        line, tune = source.line, source.tune
        first = line.bar_at(int(line.start[0])) if start_bar is None else start_bar
        stop = line.bars if bars is None else first + bars
        steps = round((tune.length - line.sections[0].beat) * STEPS_A_BEAT)
        there = max(line.bars, line.bar_at(max(steps - 1, 0)) + 1)  # the silence at the end of a file counts
        if first < 0 or first >= stop or stop > (MAX_BEATS if start_bar is None else there):
            wanted = f"bars {first + 1} to {'the end' if bars is None else stop}"
            raise InputError(f"{tune.path}: expected a passage within bars 1 to {there}, found {wanted}")
        start, metre = line.bar_start(first)
        try:
            size = steps_per_bar(metre)
        except InputError as error:
            raise InputError(f"{tune.path}: bar {first + 1}: {error}; choose other bars") from None
        return source.cut(start, int(line.end[-1]) if bars is None else start + bars * size, metre)

    def to_midi(self, path: str | os.PathLike[str]) -> None:
        """Write a MIDI file of one track (`midi.write_midi`).

        Raises:
            InputError: the file cannot be written.
        """
        write_midi(path, [self])


def tidy(tokens: np.ndarray) -> np.ndarray:
    """Without the note offs where nothing sounds; tokens (S,) -> (S,), a copy.

    >>> tidy(np.array([1, 62, 0, 1, 1])).tolist()
    [0, 62, 0, 1, 0]
    """
    tokens = tokens.copy()
    events = np.flatnonzero(tokens)
    idle = np.append(True, tokens[events[:-1]] == OFF)[: len(events)]
    tokens[events[idle & (tokens[events] == OFF)]] = HOLD
    return tokens


def read_melody(path: str | os.PathLike[str], track: int | str | None = None) -> tuple[Melody, GridReport]:
    """The whole melody of a MIDI file from bar 0 on, and how well its notes fitted the grid.

    All of it in bars of the first metre; for bars that follow the changes of metre see `read_sections`.

    Raises:
        InputError: as `Melody.from_midi`.
    """
    source = _read_source(path, track)
    section, end = source.line.sections[0], int(source.line.end[-1])
    try:
        return source.cut(section.step, end, section.metre), source.line.report
    except InputError as error:
        raise InputError(f"{source.tune.path}: bar 1: {error}; choose other bars") from None


def read_sections(path: str | os.PathLike[str], track: int | str | None = None) -> list[Melody]:
    """The melody of a MIDI file in pieces of one metre each: every bar of a piece is a bar of the file.

    Pieces without notes, and those of a metre that does not fit the grid, are left out.

    Raises:
        InputError: as `Melody.from_midi`.
    """
    source = _read_source(path, track)
    line, pieces = source.line, []
    starts = [section.step for section in line.sections]
    for section, start, end in zip(line.sections, starts, [*starts[1:], int(line.end[-1])], strict=True):
        if np.diff(np.searchsorted(line.start, [start, end]))[0] > 0:
            with contextlib.suppress(InputError):
                pieces.append(source.cut(start, end, section.metre))
    return pieces


@dataclass(frozen=True)
class _Source:
    """The melody of a file, before any of it is taken."""

    tune: Tune
    line: GridLine
    program: int

    def cut(self, start: int, end: int, metre: tuple[int, int]) -> Melody:
        """What starts in the steps from start to end, in whole bars of a metre from start on."""
        size = steps_per_bar(metre)
        tokens = np.zeros(-(-(end - start) // size) * size + 1, np.int16)  # the last one is for ends only
        first, last = np.searchsorted(self.line.start, [start, end])
        tokens[np.minimum(self.line.end[first:last] - start, len(tokens) - 1)] = OFF
        tokens[self.line.start[first:last] - start] = self.line.pitch[first:last] + ONSET
        beat = self.line.sections[0].beat + start / STEPS_A_BEAT
        name = os.path.splitext(os.path.basename(self.tune.path))[0]
        return Melody(tokens[:-1], metre, self.tune.tempo_at(beat), self.program, name)


def _read_source(path: str | os.PathLike[str], track: int | str | None) -> _Source:
    tune = read_tune(path)
    chosen = choose_track(tune, track).track
    return _Source(tune, place(chosen.notes, tune.metres), chosen.program)
