"""Passages of melodies out of MIDI files, with what there is to say about how they were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from latentmix.errors import InputError

from .midi.melody_track import TrackChoice, choose_track
from .midi.score import read_tune
from .music.grid import GridReport, place
from .music.melody import Melody, steps_per_bar

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
        track: which track it is from, and why.
        first_bar, last_bar: from 1, both included.
        bars: of the whole melody, from the start of the file to its last note.
        grid: how well the notes of the whole track fitted the grid.
    """

    path: str
    melody: Melody
    track: TrackChoice
    first_bar: int
    last_bar: int
    bars: int
    grid: GridReport


def read_passage(
    path: str, bars: BarRange | None = None, track: int | str | None = None, like: Melody | None = None
) -> Passage:
    """A passage of the melody in a MIDI file.

    Args:
        path: of the file.
        bars: None is as many as fill the passage `like`, or the first two, from where the melody starts.
        track: number from 1 or name (`tracks.choose_track`).
        like: the passage that this one is to be a partner of.

    Raises:
        InputError: as `Melody.from_midi`.
    """
    tune = read_tune(path)
    choice = choose_track(tune, track)
    line = place(choice.track.notes, tune.metres)
    start = line.bar_at(int(line.start[0]))
    if bars is None:
        count = _bars_to_fill(like, line.bar_start(start)[1], path) if like else DEFAULT_BARS
        melody = Melody.from_midi(path, count, track=track)
    elif bars.first is None:
        melody = Melody.from_midi(path, None, track=track)
    else:
        start = bars.first - 1
        wanted = None if bars.last is None else bars.last - start
        melody = Melody.from_midi(path, wanted, start, track)
    return Passage(path, melody, choice, start + 1, start + melody.bars, line.bars, line.report)


def read_passages(
    paths: Sequence[str], bars: Sequence[BarRange] = (), tracks: Sequence[int | str] = ()
) -> list[Passage]:
    """Passages to be mixed, the default ones of the same length as far as their bars allow.

    Args:
        paths: of the files.
        bars, tracks: none, one for all files, or one for each.

    Raises:
        InputError: as `Melody.from_midi`, or another number of `bars` or `tracks`.
    """
    each_bars, each_track = _one_each(bars, len(paths), "passage"), _one_each(tracks, len(paths), "track")
    found: list[Passage] = []
    for path, wanted, track in zip(paths, each_bars, each_track, strict=True):
        found.append(read_passage(path, wanted, track, found[0].melody if found else None))
    return found


def _bars_to_fill(like: Melody, metre: tuple[int, int], path: str) -> int:
    """Bars of a metre that last as long as a melody; as many as it has if the bars are no multiples."""
    try:
        size = steps_per_bar(metre)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    if size % like.steps_per_bar and like.steps_per_bar % size:
        return like.bars
    return -(-len(like.tokens) // size)


def _one_each(given: Sequence[T], count: int, what: str) -> list[T | None]:
    if len(given) not in (0, 1, count):
        raise InputError(f"expected one {what} for all files or one for each of {count}, found {len(given)}")
    return [*given] * count if len(given) == 1 else [*given] or [None] * count
