"""A MIDI file -> its drums on the grid, and the passages that are cut out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from latentmix.errors import InputError

from ..midi.reader import read_tune
from ..midi.score import NOTE, Timeline, Track, Tune
from ..music.bars import STEPS_A_BEAT, Section, bar_beats, bar_sections
from ..music.tokens import steps_per_bar
from .groove import MAX_OFFSET, Groove
from .kit import GENERAL_MIDI, INSTRUMENTS, Kit

DEFAULT_BARS = 2


@dataclass(frozen=True, eq=False)
class DrumLine:
    """The drums of a file on the grid.

    Attributes:
        tune, timeline: the file, and what holds for its drums.
        tracks: that hold them.
        step, instrument, velocity: (n,) of each hit, by step; no two of an instrument on one step.
        offset: (n,) float64, by how much of a step each is late.
        sections: where the bars lie.
        unknown: (MIDI note, how many) of hits that the kit has no instrument for, and which are left out.
        merged: how many were left out because the same instrument is struck harder on the same step.
    """

    tune: Tune
    timeline: Timeline
    tracks: tuple[Track, ...]
    step: np.ndarray
    instrument: np.ndarray
    velocity: np.ndarray
    offset: np.ndarray
    sections: tuple[Section, ...]
    unknown: tuple[tuple[int, int], ...]
    merged: int

    @property
    def first_bar(self) -> int:
        """The bar of the first hit, from 0."""
        return self.bar_at(int(self.step[0]))

    @property
    def bars(self) -> int:
        """Bars up to the last hit."""
        return self.bar_at(int(self.step[-1])) + 1

    def excerpt(self, bars: int | None = DEFAULT_BARS, start_bar: int | None = None) -> Groove:
        """So many bars from one on, all in the metre of the first of them.

        Args:
            bars: None is all to the last hit.
            start_bar: from 0; None is the bar of the first hit, and such a passage may go on in silence.

        Raises:
            InputError: there is no such passage, or its metre does not fit the grid.
        """
        first = self.first_bar if start_bar is None else start_bar
        stop = self.bars if bars is None else first + bars
        if not 0 <= first < stop or (start_bar is not None and stop > max(self.bars, first + 1)) or first >= self.bars:
            wanted = f"bars {first + 1} to {'the end' if bars is None else stop}"
            raise InputError(f"{self.tune.path}: expected a passage within bars 1 to {self.bars}, found {wanted}")
        section = self._section_of(first)
        try:
            size = steps_per_bar(section.metre)
        except InputError as error:
            raise InputError(f"{self.tune.path}: bar {first + 1}: {error}; choose other bars") from None
        start = section.step + (first - section.bar) * size
        end = int(self.step[-1]) + 1 if bars is None else start + bars * size
        return self._cut(start, -(-(end - start) // size), section.metre)

    def pieces(self) -> Iterator[Groove]:
        """All of it in pieces of one metre each; those without hits or of a metre that does not fit are left out."""
        ends = [*[section.step for section in self.sections[1:]], int(self.step[-1]) + 1]
        for section, end in zip(self.sections, ends, strict=True):
            try:
                size = steps_per_bar(section.metre)
            except InputError:
                continue
            piece = self._cut(section.step, max(-(-(end - section.step) // size), 1), section.metre)
            if piece.hits.any():
                yield piece

    def bar_start(self, bar: int) -> float:
        """The step at which a bar begins, from 0."""
        section = self._section_of(bar)
        return section.step + (bar - section.bar) * bar_beats(section.metre) * STEPS_A_BEAT

    def _section_of(self, bar: int) -> Section:
        return [section for section in self.sections if section.bar <= bar][-1]

    def bar_at(self, step: int) -> int:
        """Number of the bar that holds a step."""
        section = [s for s in self.sections if s.step <= step][-1]
        return section.bar + int((step - section.step) / (bar_beats(section.metre) * STEPS_A_BEAT))

    def _cut(self, start: int, bars: int, metre: tuple[int, int]) -> Groove:
        count = bars * steps_per_bar(metre)
        velocities, offsets = np.zeros((count, len(INSTRUMENTS)), np.uint8), np.zeros((count, len(INSTRUMENTS)))
        here = slice(*np.searchsorted(self.step, [start, start + count]))
        place = (self.step[here] - start, self.instrument[here])
        velocities[place], offsets[place] = self.velocity[here], self.offset[here]
        tempo = self.timeline.tempo_at(self.sections[0].beat + start / STEPS_A_BEAT)
        name = os.path.splitext(os.path.basename(self.tune.path))[0]
        return Groove(velocities, offsets, metre, tempo, name)


def read_drums(path: str | os.PathLike[str], track: int | str | None = None, kit: Kit = GENERAL_MIDI) -> DrumLine:
    """Read a file and put its drums on the grid: each hit on the nearest step, and half way between two the later one.

    Args:
        path: any MIDI file.
        track: number from 1 or name of the track; None is all that play percussion.
        kit: which note is which instrument.

    Raises:
        InputError: the file cannot be read, has no drums, or no such track.
    """
    return drums_of(read_tune(path, "drums"), track, kit)


def drums_of(tune: Tune, track: int | str | None = None, kit: Kit = GENERAL_MIDI) -> DrumLine:
    """The same of a file that is read already."""
    tracks = _drum_tracks(tune) if track is None else (_find(tune, track),)
    notes = np.concatenate([each.notes for each in tracks])
    return place_hits(tune, tracks, notes, kit)


def _drum_tracks(tune: Tune) -> tuple[Track, ...]:
    found = tuple(track for track in tune.tracks if track.is_drum)
    if not found:
        raise InputError(
            f"{tune.path}: expected drums, which are on channel 10, found none; name the track that has them by --track"
        )
    return found


def _find(tune: Tune, wanted: int | str) -> Track:
    text = str(wanted).strip().lower()
    numbered = [track for track in tune.tracks if text == str(track.index)]
    named = [track for track in tune.tracks if text and text in track.name.lower()]
    found = numbered or [track for track in named if text == track.name.lower()] or named
    if len(found) != 1:
        there = ", ".join(f"{track.index} {track.name!r}" for track in tune.tracks[:20])
        problem = f"{len(found)} tracks match" if found else "there is no track"
        raise InputError(f"{tune.path}: {problem} {wanted!r}; choose by number among: {there}")
    return found[0]


def place_hits(tune: Tune, tracks: Sequence[Track], notes: np.ndarray, kit: Kit) -> DrumLine:
    """Notes (n,) of dtype `NOTE` on the grid of their file.

    Raises:
        InputError: the kit has an instrument for none of them.
    """
    assert notes.dtype == NOTE
    timeline = tracks[0].timeline
    sections = bar_sections(timeline.metres)
    instrument = np.array([-1 if (i := kit.instrument_of(n)) is None else i for n in notes["pitch"].tolist()])
    lost, counts = np.unique(notes["pitch"][instrument < 0], return_counts=True)
    unknown = tuple(zip(lost.tolist(), counts.tolist(), strict=True))
    notes, instrument = notes[instrument >= 0], instrument[instrument >= 0]
    if not len(notes):
        raise InputError(
            f"{tune.path}: expected drums of General MIDI or of a map by --kit, found none among the notes "
            f"{', '.join(str(note) for note, _ in unknown)}"
        )
    position = (notes["start"] - sections[0].beat) * STEPS_A_BEAT
    step = np.floor(position + 0.5).astype(np.int64)
    offset = np.clip(position - step, -MAX_OFFSET, MAX_OFFSET)
    order = np.lexsort((-notes["velocity"], instrument, step))
    step, instrument, offset, velocity = step[order], instrument[order], offset[order], notes["velocity"][order]
    first = np.append(True, (np.diff(step) != 0) | (np.diff(instrument) != 0))
    return DrumLine(
        tune,
        timeline,
        tuple(tracks),
        step[first],
        instrument[first],
        velocity[first],
        offset[first],
        sections,
        unknown,
        int((~first).sum()),
    )
