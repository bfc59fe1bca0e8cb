"""Passages of melodies out of MIDI files, with what there is to say about how they were found."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from latentmix.errors import InputError

from .midi.melody_track import TrackChoice
from .midi.score import Timeline
from .music.grid import GridReport
from .music.key import Key, estimate_key, fitting_key
from .music.melody import Melody, steps_per_bar
from .music.transcription import Transcription, transcribe

DEFAULT_BARS = 2
T = TypeVar("T")


@dataclass(frozen=True)
class BarRange:
    """Bars as musicians count them: from 1, both ends included.

    Attributes:
        first: None is the bar in which the melody starts.
        last: None is the bar in which it ends.
    """

    first: int | None
    last: int | None

    def __post_init__(self) -> None:
        first = 1 if self.first is None else self.first
        if first < 1 or (self.last is not None and self.last < first):
            raise ValueError(f"expected bars from 1 on, the first before the last, found {self}")


@dataclass(frozen=True)
class Passage:
    """A passage and where it comes from.

    Attributes:
        path: the file.
        melody: the passage.
        source: the melody of the whole file, and how it was found.
        first_bar, last_bar: of the file, from 1, both included; it has as many as `melody` where these have one metre.
        dropped: notes of the passage that the grid has no place for.
    """

    path: str
    melody: Melody
    source: Transcription
    first_bar: int
    last_bar: int
    dropped: int

    @property
    def track(self) -> TrackChoice:
        """Which track it is from, and why."""
        return self.source.choice

    @property
    def bars(self) -> int:
        """Of the whole melody, from the start of the file to its last note."""
        return self.source.line.bars

    @property
    def grid(self) -> GridReport:
        """How well the notes of the whole track fitted the grid."""
        return self.source.line.report

    def key(self) -> Key:
        """Of the whole melody: the key signature where it fits the notes better than the estimate, else the estimate.

        Raises:
            InputError: no notes.
        """
        return key_of([Melody.of(piece) for piece in self.source.sections()] or [self.melody], self.source.timeline)


def key_of(melodies: Sequence[Melody], timeline: Timeline) -> Key:
    """The key of melodies, as their notes and the first key signature of their file say.

    Raises:
        InputError: no notes.
    """
    estimate = estimate_key(melodies)
    for _, sharps, is_minor in timeline.keys[:1]:
        return fitting_key(melodies, estimate, sharps, is_minor)
    return estimate


def read_passage(
    path: str,
    bars: BarRange | None = None,
    track: int | str | None = None,
    like: Melody | None = None,
    bpm: float | None = None,
) -> Passage:
    """A passage of the melody in a MIDI file.

    Args:
        path: of the file.
        bars: None is as many as fill the passage `like`, or the first two, from where the melody starts.
        track: number from 1 or name (`melody_track.choose_track`).
        like: the passage that this one is to be a partner of.
        bpm: quarter notes a minute at which it was played, for a file that was never told its tempo.

    Raises:
        InputError: as `Melody.from_midi`.
    """
    source = transcribe(path, track, bpm)
    if bars is None:
        metre = source.line.bar_start(source.first_bar)[1]
        count = _bars_to_fill(like, metre, path) if like else DEFAULT_BARS
        excerpt = source.excerpt(count)
    elif bars.first is None:
        excerpt = source.excerpt(None)
    else:
        excerpt = source.excerpt(None if bars.last is None else bars.last - bars.first + 1, bars.first - 1)
    melody = Melody.of(excerpt)
    to_the_end = bars is not None and (bars.first is None or bars.last is None)
    # bars of other metres, and incomplete ones, are laid in bars of the first metre, so these do not tell how many
    end = source.line.bar_start(excerpt.bar)[0] + len(melody.tokens)
    last = source.line.bars if to_the_end else source.line.bar_at(end - 1) + 1
    return Passage(path, melody, source, excerpt.bar + 1, last, excerpt.dropped)


def read_passages(
    paths: Sequence[str],
    bars: Sequence[BarRange] = (),
    tracks: Sequence[int | str] = (),
    bpm: Sequence[float] = (),
) -> list[Passage]:
    """Passages to be mixed, the default ones of the same length as far as their bars allow.

    Args:
        paths: of the files.
        bars, tracks, bpm: none, one for all files, or one for each.

    Raises:
        InputError: as `Melody.from_midi`, or another number of `bars`, `tracks` or `bpm`.
    """
    each_bars, each_track = one_each(bars, len(paths), "passage"), one_each(tracks, len(paths), "track")
    each_bpm = one_each(bpm, len(paths), "tempo")
    found: list[Passage] = []
    for path, wanted, track, tempo in zip(paths, each_bars, each_track, each_bpm, strict=True):
        found.append(read_passage(path, wanted, track, found[0].melody if found else None, tempo))
    return found


def read_melody(path: str | os.PathLike[str], track: int | str | None = None) -> tuple[Melody, GridReport]:
    """The whole melody of a MIDI file from bar 0 on, and how well its notes fitted the grid.

    All of it in bars of the first metre; for bars that follow the changes of metre see `read_sections`.

    Raises:
        InputError: as `Melody.from_midi`.
    """
    source = transcribe(path, track)
    return Melody.of(source.whole()), source.line.report


def read_sections(path: str | os.PathLike[str], track: int | str | None = None) -> list[Melody]:
    """The melody of a MIDI file in pieces of one metre each (`Transcription.sections`).

    Raises:
        InputError: as `Melody.from_midi`.
    """
    return [Melody.of(piece) for piece in transcribe(path, track).sections()]


def _bars_to_fill(like: Melody, metre: tuple[int, int], path: str) -> int:
    """Bars of a metre that last as long as a melody; as many as it has if the bars are no multiples."""
    try:
        size = steps_per_bar(metre)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if size % like.steps_per_bar and like.steps_per_bar % size:
        return like.bars
    return -(-len(like.tokens) // size)


def one_each(given: Sequence[T], count: int, what: str) -> list[T | None]:
    if len(given) not in (0, 1, count):
        raise InputError(f"expected one {what} for all files or one for each of {count}, found {len(given)}")
    return [*given] * count if len(given) == 1 else [*given] or [None] * count
