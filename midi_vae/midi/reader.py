"""MIDI files -> notes in beats (`Tune`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from latentmix.errors import InputError

from .accents import may_be_accented, read_accents
from .bar_walk import Reading
from .bends import bend_pitches
from .channels import ChannelStates, lines_of
from .chunks import Chunks, TrackChunk, split_chunks
from .lyrics import MAX_SYLLABLES, syllables
from .mma import meant_metre
from .names import is_part_name
from .notes import TickNotes, count_notes, joined, pair_notes
from .parser import META, read_events
from .score import NOTE, Timeline, Track, Tune
from .text import to_text

MAX_BYTES = 16 * 2**20  # a three-hour piano recital takes about 4 MB
MAX_NOTES = 500_000  # in one file
MAX_BEATS = 100_000.0  # 14 hours at 120 a minute
MAX_TRACKS = 1_000  # that hold notes
MAX_CHANGES = 100_000  # of tempo, metre and key in one file; drawn tempo curves have tens of thousands
MAX_PROGRAMS = 100_000  # changes of them in one file

_TEXT, _TRACK_NAME, _INSTRUMENT_NAME, _LYRIC, _PORT = 0x01, 0x03, 0x04, 0x05, 0x21  # meta event types
_TEMPO, _METRE, _KEY = 0x51, 0x58, 0x59
_WRITERS = {b"Created by MMA": "MMA", b"note track": "abc2midi", b"LilyPond ": "LilyPond"}  # texts in their files
Row = TypeVar("Row", bound="tuple[Any, ...]")


def read_tune(path: str | os.PathLike[str], sought: str = "a melody") -> Tune:
    """Read any MIDI file: types 0, 1 and 2, any resolution, running status.

    A track chunk is split by channel, but for channels that play one line (`channels.lines_of`). How notes begin and
    end: `notes.pair_notes`; at which pitch they sound: `channels.bend_pitches`. Without a tempo the file plays at 120.
    Where it counts time code (SMPTE), which knows no beats, a beat is half a second. The tracks of a type 2 file are
    read side by side, each with its own tempo and metre. What other programs read though it is wrong (data bytes above
    127, lengths and track counts that do not fit) is read and remarked in `Tune.remarks`.

    Args:
        path: of the file.
        sought: what is looked for in it, for the message where there is no note at all.

    Memory: at most 64 times the size of the file, and 16 MB.

    Raises:
        InputError: no such file, not a MIDI file, damaged, without any note, or beyond a bound: `MAX_BYTES`,
            `MAX_NOTES`, `MAX_TRACKS`, `MAX_BEATS`, `MAX_CHANGES`, `MAX_PROGRAMS`.
    """
    path = os.fspath(path)
    data = _read_bytes(path)
    try:
        return _to_tune(path, data, sought)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _read_bytes(path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))  # pipes hang
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(0, "not a regular file")
            data = _read_up_to(file, min(status.st_size, MAX_BYTES + 1))
        finally:
            os.close(file)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"{path}: cannot read the MIDI file: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: expected a MIDI file of at most {MAX_BYTES >> 20} MB, found a larger one")
    return data


def _read_up_to(file: int, size: int) -> bytes:
    """The first bytes of an open file: os.read may give fewer than are there."""
    parts, left = [], size
    while left and (part := os.read(file, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


@dataclass
class _Found:
    """What the chunks of a file add up to; times in ticks."""

    resolution: float
    states: ChannelStates = field(default_factory=ChannelStates)
    notes: list[tuple[int, int, TickNotes]] = field(default_factory=list)  # (chunk, port, notes)
    names: list[str] = field(default_factory=list)  # by chunk
    tempi: list[tuple[int, int, int]] = field(default_factory=list)  # (tick, chunk, microseconds a quarter note)
    metres: list[tuple[int, int, int, int]] = field(default_factory=list)
    keys: list[tuple[int, int, int, bool]] = field(default_factory=list)
    lyrics: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)  # by meta event type
    remarks: list[str] = field(default_factory=list)
    writer: str = ""
    pickup: int = 0  # ticks of it that accents tell
    count: int = 0  # of notes
    programs: int = 0  # changes of them
    end: int = 0

    def add(self, index: int, chunk: TrackChunk) -> None:
        """Add what is in one chunk."""
        events = read_events(chunk.content, chunk.missing)
        self.remarks += events.remarks
        self.names.append("")
        port = 0
        for tick, status, kind, content in events.messages:
            if status == META:
                port = content[0] if kind == _PORT and content else port
                self._add_meta(tick, kind, content, index)
        self.programs += len(events.programs)
        if self.programs > MAX_PROGRAMS:
            raise InputError(f"expected at most {MAX_PROGRAMS} program changes, found more")
        self.states.add(events, index, port)
        last_tick = int(MAX_BEATS * self.resolution)
        self.end = max(self.end, min(events.end, last_tick))
        if len(events.status) > MAX_NOTES and count_notes(events) > MAX_NOTES:  # before they take more memory
            raise _too_many()
        notes = pair_notes(events)
        if len(notes.start):
            if notes.start[-1] > last_tick:
                raise InputError(f"expected at most {MAX_BEATS:.0f} beats, found a note after them")
            self.count += len(notes.start)
            if self.count > MAX_NOTES or len(self.notes) >= MAX_TRACKS:
                raise _too_many()
            np.minimum(notes.end, last_tick, out=notes.end)
            ranges = {channel: each for (its, channel), each in self.states.ranges.items() if its == port}
            is_drum = partial(self.states.is_drum, port)
            self.notes.append((index, port, bend_pitches(notes, events, ranges, self.resolution, is_drum)))

    def _add_meta(self, tick: int, kind: int, content: bytes, index: int) -> None:
        if kind in (_TRACK_NAME, _INSTRUMENT_NAME):
            if not self.names[index]:
                self.names[index] = to_text(content, is_part_name)
        elif kind in (_LYRIC, _TEXT):
            self.writer = self.writer or next((name for sign, name in _WRITERS.items() if sign in content[:40]), "")
            words = self.lyrics.setdefault(kind, [])
            if content[:1] not in (b"@", b"(") and tick and len(words) < MAX_SYLLABLES:
                words.append((tick, content.rstrip(b"\0")))  # C's end of a text, which some programs write
        elif kind == _TEMPO and len(content) == 3 and any(content):
            self.tempi.append((tick, index, int.from_bytes(content, "big")))
        elif kind == _METRE and len(content) >= 2 and content[0] and content[1] <= 6:
            self.metres.append((tick, index, content[0], 2 ** content[1]))
        elif kind == _KEY and len(content) >= 2 and -7 <= (sharps := (content[0] + 128) % 256 - 128) <= 7:
            self.keys.append((tick, index, sharps, content[1] == 1))
        if len(self.tempi) + len(self.metres) + len(self.keys) > MAX_CHANGES:
            raise InputError(f"expected at most {MAX_CHANGES} changes of tempo, metre and key, found more")

    def mend_metres(self) -> None:
        """Take the bars of a file of MMA for as long as they are."""
        onsets = [notes.start / self.resolution for _, _, notes in self.notes]
        for index, (tick, chunk, *metre) in enumerate(self.metres):
            found = meant_metre((metre[0], metre[1]), onsets)
            if found != (metre[0], metre[1]):
                self.metres[index] = tick, chunk, *found
                self.remarks.append(
                    f"bars of {found[0]} quarters under a signature of {metre[0]}/{metre[1]}, as MMA writes"
                )

    def mend_accented(self) -> None:
        """Take the bars of a file from its accents: held notes for as long as they are written, a pickup for one."""
        if not self.metres or not any(may_be_accented(notes) for _, _, notes in self.notes):
            return
        split = [
            (chunk, port, notes if len(channels) == 1 else notes.take(notes.channel == channel))
            for chunk, port, notes in self.notes
            for channels in [notes.channels()]
            for channel in channels
        ]
        metres = sorted((tick, n, d) for tick, _, n, d in self.metres)
        readings = read_accents([notes for _, _, notes in split], metres, self.resolution, self.writer == "abc2midi")
        if readings is None:
            return
        first = next(reading for reading in readings if reading.is_first)
        if any(reading.held for reading in readings):
            self._move(split, readings, first)
        for start in first.starts:
            _, chunk, n, d = max((row for row in self.metres if row[0] <= start), default=min(self.metres))
            self.metres.append((start, chunk, n, d))
        self.pickup = first.pickup
        if count := max(len(reading.held) for reading in readings):
            self.remarks.append(
                f"{count} note{'s' * (count > 1)} played longer than written, as abc2midi plays fermatas,"
                " by the accents of the bars"
            )

    def _move(self, split: list[tuple[int, int, TickNotes]], readings: Sequence[Reading], first: Reading) -> None:
        """Put notes and events where they are written."""
        written: dict[tuple[int, int], list[TickNotes]] = {}
        for (chunk, port, notes), reading in zip(split, readings, strict=True):
            moved = replace(notes, start=reading.written(notes.start), end=reading.written(notes.end))
            written.setdefault((chunk, port), []).append(moved)
        self.notes = [(chunk, port, joined(parts)) for (chunk, port), parts in written.items()]

        def move(rows: list[Row]) -> list[Row]:
            at = first.written(np.array([row[0] for row in rows], np.int64)).tolist()
            return [(tick, *row[1:]) for tick, row in zip(at, rows, strict=True)]  # type: ignore[misc]

        self.tempi, self.metres, self.keys = move(self.tempi), move(self.metres), move(self.keys)
        self.lyrics = {kind: move(rows) for kind, rows in self.lyrics.items()}
        self.states.programs = {key: move(rows) for key, rows in self.states.programs.items()}
        self.end = int(first.written(np.array([self.end]))[0])

    def timeline(self, has_tempo: bool, chunk: int | None = None) -> Timeline:
        """What holds for all chunks, or for one of them."""
        changes = {0.0: 120.0}
        if has_tempo:
            changes |= {tick / self.resolution: 6e7 / microseconds for tick, _, microseconds in _of(self.tempi, chunk)}
        metres, keys = _of(self.metres, chunk), _of(self.keys, chunk)
        return Timeline(
            tuple(sorted(changes.items())),
            tuple((tick / self.resolution, n, d) for tick, _, n, d in metres),
            tuple((tick / self.resolution, sharps, is_minor) for tick, _, sharps, is_minor in keys),
        )


def _too_many() -> InputError:
    return InputError(f"expected at most {MAX_NOTES} notes in {MAX_TRACKS} tracks, found more")


def _of(rows: list[Row], chunk: int | None) -> list[Row]:
    """Those of a chunk, or all of them, by tick."""
    mine = rows if chunk is None else [row for row in rows if row[1] == chunk]
    return sorted(mine, key=_first) if len(mine) > 1 else mine


def _first(row: tuple[int, ...]) -> int:
    return row[0]


def _to_tune(path: str, data: bytes, sought: str) -> Tune:
    chunks = split_chunks(data)
    found = _Found(chunks.resolution)
    for index, chunk in enumerate(chunks.tracks):
        found.add(index, chunk)
    if not found.notes:
        raise InputError(f"expected {sought}, found no notes in the file")
    if chunks.kind < 2:
        found.notes = [(index, port, found.states.stopped(notes, port, index)) for index, port, notes in found.notes]
    if found.writer == "MMA":
        found.mend_metres()
    if chunks.kind < 2 and not chunks.is_time_code:
        found.mend_accented()
    timeline = found.timeline(not chunks.is_time_code)
    tracks = _to_tracks(found, chunks, timeline)
    end = max(track.notes["end"].max() for track in tracks)
    lyrics, texts = (syllables(found.lyrics[kind]) if kind in found.lyrics else [] for kind in (_LYRIC, _TEXT))
    return Tune(
        path=path,
        resolution=chunks.resolution,
        timeline=tracks[0].timeline,
        tracks=tracks,
        length=float(max(end, found.end / chunks.resolution)),
        syllables=np.array(sorted({*(lyrics if len(lyrics) > 8 else texts)}), float) / chunks.resolution,
        remarks=tuple(dict.fromkeys([*chunks.remarks, *found.remarks])),
        names=tuple(found.names),
        writer=found.writer,
        pickup=found.pickup / chunks.resolution,
    )


def _to_tracks(found: _Found, chunks: Chunks, timeline: Timeline) -> tuple[Track, ...]:
    tracks: list[Track] = []
    is_alone = chunks.kind == 2
    for chunk, port, notes in found.notes:
        channels = notes.channels()
        first = {c: int(notes.start[0 if len(channels) == 1 else (notes.channel == c).argmax()]) for c in channels}
        programs = {
            channel: found.states.program_at(port, channel, tick, chunk, is_alone) for channel, tick in first.items()
        }
        is_drum = {channel: found.states.is_drum(port, channel) for channel in first}
        own = found.timeline(not chunks.is_time_code, chunk) if is_alone else timeline
        for line in lines_of(notes, programs, is_drum, len(found.notes) > 1, found.states.zones_of(port)):
            mine = notes if len(line) == len(channels) else notes.take(np.isin(notes.channel, line))
            in_beats = _in_beats(mine, found.resolution)
            number, name = len(tracks) + 1, found.names[chunk]
            tracks.append(
                Track(number, name, line[0], programs[line[0]], in_beats, all(is_drum[c] for c in line), chunk, own)
            )
            if len(tracks) > MAX_TRACKS:
                raise _too_many()
    return tuple(tracks)


def _in_beats(found: TickNotes, resolution: float) -> np.ndarray:
    notes = np.empty(len(found.start), NOTE)
    notes["start"], notes["end"] = found.start / resolution, found.end / resolution
    notes["pitch"], notes["velocity"] = found.pitch, found.velocity
    notes.setflags(write=False)
    return notes
