"""A MIDI file -> its melody's line on the grid, read once, and the passages that are cut out of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from latentmix.errors import InputError

from ..midi.melody_track import TrackChoice, choose_track
from ..midi.reader import MAX_BEATS, read_tune
from ..midi.score import Timeline, Track, Tune
from .bars import STEPS_A_BEAT, bar_beats
from .grid import GridLine, place
from .phase import MAX_LATENESS
from .pickup import Pickup, estimate_pickup
from .tokens import OFF, ONSET, steps_per_bar

_MAIN_SHARE = 1 / 3  # of the time that sounds, from which on one tempo is that of a passage


@dataclass(frozen=True, eq=False)
class Excerpt:
    """A passage as a melody holds it, see `melody.Melody`.

    Attributes:
        tokens: (S,) int16.
        onsets: how many notes start in it.
        dropped: notes in it that the grid has no place for.
        bar: number of its first bar, from 0.
    """

    tokens: np.ndarray
    metre: tuple[int, int]
    tempo: float
    program: int
    name: str
    dropped: int
    bar: int


@dataclass(frozen=True, eq=False)
class Transcription:
    """The melody of a file, before any of it is taken.

    Attributes:
        tune: the file.
        choice: the melody's track, and why.
        line: its tune on the grid.
        timeline: of the track.
        pickup: an incomplete first bar that no event of the file tells.
    """

    tune: Tune
    choice: TrackChoice
    line: GridLine
    timeline: Timeline
    pickup: Pickup | None = None

    @property
    def first_bar(self) -> int:
        """The bar in which the melody's first note starts, from 0."""
        return self.line.bar_at(int(self.line.start[0]))

    def excerpt(self, bars: int | None = 2, start_bar: int | None = None) -> Excerpt:
        """A passage, as of `Melody.from_midi`.

        Raises:
            InputError: there is no such passage, or its metre does not fit the grid.
        """
        line = self.line
        first = self.first_bar if start_bar is None else start_bar
        stop = line.bars if bars is None else first + bars
        steps = round((self.tune.length - line.sections[0].beat) * STEPS_A_BEAT)
        there = max(line.bars, line.bar_at(max(steps - 1, 0)) + 1)  # the silence at the end of a file counts
        if first < 0 or first >= stop or stop > (MAX_BEATS if start_bar is None else there):
            wanted = f"bars {first + 1} to {'the end' if bars is None else stop}"
            raise InputError(f"{self.tune.path}: expected a passage within bars 1 to {there}, found {wanted}")
        start, metre = line.bar_start(first)
        size = self._bar_size(metre, first)
        return self._cut(start, int(line.end[-1]) if bars is None else start + bars * size, metre, first)

    def whole(self) -> Excerpt:
        """All of it from bar 0 on, in bars of the first metre.

        Raises:
            InputError: this metre does not fit the grid.
        """
        section = self.line.sections[0]
        self._bar_size(section.metre, 0)
        return self._cut(section.step, int(self.line.end[-1]), section.metre, 0)

    def sections(self) -> Iterator[Excerpt]:
        """Pieces of one metre each: every bar of a piece is a bar of the file.

        Pieces without notes, and those of a metre that does not fit the grid, are left out.
        """
        edges = [*[section.step for section in self.line.sections], int(self.line.end[-1])]
        places = self.line.start.searchsorted(edges).tolist()
        for number, section in enumerate(self.line.sections):
            if places[number + 1] > places[number]:
                with contextlib.suppress(InputError):
                    yield self._cut(edges[number], edges[number + 1], section.metre, section.bar)

    def _bar_size(self, metre: tuple[int, int], bar: int) -> int:
        try:
            return steps_per_bar(metre)
        except InputError as error:
            raise InputError(f"{self.tune.path}: bar {bar + 1}: {error}; choose other bars") from None

    def _cut(self, start: int, end: int, metre: tuple[int, int], bar: int) -> Excerpt:
        """What starts in the steps from start to end, in whole bars of a metre from start on."""
        size = steps_per_bar(metre)
        tokens = np.zeros(-(-(end - start) // size) * size + 1, np.int16)  # the last one is for ends only
        first, last = self.line.start.searchsorted((start, end)).tolist()
        ends = self.line.end[first:last] - start  # ascending
        tokens[ends if last == first or ends[-1] < len(tokens) else np.minimum(ends, len(tokens) - 1)] = OFF
        tokens[self.line.start[first:last] - start] = self.line.pitch[first:last] + ONSET
        dropped = 0
        if len(self.line.dropped):
            lost = self.line.dropped.searchsorted((start, end)).tolist()
            dropped = int(lost[1] - lost[0])
        tempo = self._tempo(start, end, slice(first, last))
        return Excerpt(tokens[:-1], metre, tempo, self.choice.track.program, self._name, dropped, bar)

    @cached_property
    def _name(self) -> str:
        return os.path.splitext(os.path.basename(self.tune.path))[0]

    def _tempo(self, start: int, end: int, notes: slice) -> float:
        """The tempo at which most of what sounds in some steps does; the median where it changes all the time."""
        tempi = self.timeline.tempi
        if len(tempi) == 1:
            return tempi[0][1]
        origin = self.line.sections[0].beat + self.line.report.lateness_beats
        begin, stop = self.line.start[notes], np.minimum(self.line.end[notes], end)
        if not len(begin):
            begin, stop = np.array([start]), np.array([end])
        at = np.array([beat for beat, _ in tempi[1:]])
        edges = np.concatenate([[-np.inf], at, [np.inf]])
        begin, stop = origin + begin / STEPS_A_BEAT, origin + stop / STEPS_A_BEAT
        first, last = np.searchsorted(edges, [begin[0], stop.max()], side="right") - 1
        shares: dict[float, float] = {}
        for index in range(first, min(last, len(tempi) - 1) + 1):
            low, high = edges[index], edges[index + 1]
            beats = float(np.maximum(np.minimum(stop, high) - np.maximum(begin, low), 0).sum())
            if beats > 0:
                shares[tempi[index][1]] = shares.get(tempi[index][1], 0.0) + beats
        if not shares:
            return self.timeline.tempo_at(float(begin[0]))
        total = sum(shares.values())
        main = max(shares, key=lambda tempo: (shares[tempo], tempo))
        if shares[main] >= _MAIN_SHARE * total:
            return main
        values = np.array(sorted(shares))
        return float(values[np.searchsorted(np.cumsum([shares[value] for value in values.tolist()]), total / 2)])


def transcribe(path: str | os.PathLike[str], track: int | str | None = None, bpm: float | None = None) -> Transcription:
    """Read a file and put the melody in it on the grid.

    Args:
        path: any MIDI file.
        track: number from 1 or name of the track (`melody_track.choose_track`).
        bpm: quarter notes a minute at which it was played; the file's own tempi and metres are then taken for what a
            program wrote that was never told them. Its times in seconds stay.

    Raises:
        InputError: the file cannot be read or has no such track.
    """
    tune = read_tune(path)
    return transcribe_tune(tune if bpm is None else with_bpm(tune, bpm), track)


def transcribe_tune(tune: Tune, track: int | str | None = None) -> Transcription:
    """The same for a file that has been read."""
    return transcribe_track(tune, choose_track(tune, track))


def transcribe_track(tune: Tune, choice: TrackChoice) -> Transcription:
    """The same for a track that has been chosen, whatever it holds."""
    timeline = choice.track.timeline
    others = _others(tune, choice.track)
    line = place(choice.track.notes, timeline.metres, others)
    if not _never_tells(tune, choice):
        return Transcription(tune, choice, line, timeline, Pickup(tune.pickup, "accents") if tune.pickup else None)
    if (pickup := _untold_pickup(tune, line)) is not None:
        at, metre = line.report.lateness_beats + pickup.beats, line.sections[0].metre
        line = place(choice.track.notes, [(0.0, *metre), (at, *metre), *timeline.metres[1:]], others)
    return Transcription(tune, choice, line, timeline, pickup)


def _others(tune: Tune, chosen: Track) -> np.ndarray:
    """Onsets of the other tracks in beats, where grace notes of theirs may have pushed the chosen one."""
    if len(tune.tracks) < 2 or not 0 < chosen.notes["start"][0] <= MAX_LATENESS or chosen.timeline is not tune.timeline:
        return np.zeros(0)
    return np.concatenate([track.notes["start"] for track in tune.tracks if track is not chosen])


def _never_tells(tune: Tune, choice: TrackChoice) -> bool:
    """Whether the program that wrote a file tells of no pickup: LilyPond, or abc2midi where it does not accent."""
    velocity = choice.track.notes["velocity"]
    return tune.writer == "LilyPond" or (tune.writer == "abc2midi" and bool((velocity == velocity[0]).all()))


def _untold_pickup(tune: Tune, line: GridLine) -> Pickup | None:
    """Of a tune that starts with its first note under the metre of whole bars.

    There a new metre begins with a bar, and so tells it; without one the notes do.
    """
    sections, late = line.sections, line.report.lateness_beats
    if sections[0].beat or line.report.free:
        return None
    if len(sections) > 1:
        size = bar_beats(sections[0].metre)
        rest = round((sections[1].beat % size) * 2 * STEPS_A_BEAT) / (2 * STEPS_A_BEAT)
        return Pickup(rest, "metre change") if 0 < rest < size else None
    length = round((tune.length - late) * STEPS_A_BEAT)
    found = estimate_pickup(line.start, line.end, line.pitch, sections[0].metre, length)
    if found is None:
        return None
    size = bar_beats(sections[0].metre)
    tied, tied_without = (
        sum(_bars_under_notes(track.notes, late + beats, size) for track in tune.tracks) for beats in (found.beats, 0.0)
    )
    return found if tied <= tied_without else None


def _bars_under_notes(notes: np.ndarray, first: float, size: float) -> int:
    """How many notes sound on where bars of some beats begin, one of them at a beat."""
    start, end = ((notes[key] - first) / size for key in ("start", "end"))
    return int(np.count_nonzero(np.ceil(end - 0.01) - 1 > np.floor(start + 0.01)))


def with_bpm(tune: Tune, bpm: float) -> Tune:
    """The same seconds, counted in beats of another tempo, in the first metre of the file throughout."""

    def in_beats(beats: np.ndarray, timeline: Timeline) -> np.ndarray:
        return timeline.seconds(np.asarray(beats, float)) * bpm / 60.0

    tracks = []
    for track in tune.tracks:
        notes = track.notes.copy()
        for name in ("start", "end"):
            notes[name] = in_beats(notes[name], track.timeline)
        notes.setflags(write=False)
        timeline = Timeline(((0.0, bpm),), track.timeline.metres[:1], track.timeline.keys[:1])
        tracks.append(replace(track, notes=notes, timeline=timeline))
    length = float(in_beats(np.array(tune.length), tune.timeline))
    syllables = in_beats(tune.syllables, tune.timeline)
    return replace(tune, tracks=tuple(tracks), timeline=tracks[0].timeline, length=length, syllables=syllables)
