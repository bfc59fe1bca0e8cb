"""MIDI files <-> notes; what a file looks like is known here and in `events` only.

Times are quarter-note beats from the start of the file, so tempo changes are already accounted for: a note on
the second beat starts at 1.0 however long the first one took.
"""

from __future__ import annotations

import io
import os
import stat
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import mido
import numpy as np

from latentmix.errors import InputError
from latentmix.files import replace_file

from .parser import read_events, split_chunks

if TYPE_CHECKING:
    from ..music.melody import Melody

MAX_BYTES = 16 * 2**20  # a three-hour piano recital takes about 4 MB
MAX_NOTES = 500_000  # in one file
MAX_BEATS = 100_000.0  # 14 hours at 120 a minute
MAX_TRACKS = 1_000  # that hold notes
MAX_CHANGES = 10_000  # of tempo and metre in one file
MAX_TEMPO_US = 2**24 - 1  # microseconds a quarter note: a tempo event holds three bytes
DRUM_CHANNEL = 9  # "channel 10" of General MIDI, which counts from 1
RESOLUTION = 480  # ticks a quarter note in the files written here
VELOCITY = 80  # of the notes written here

NOTE = np.dtype([("start", "f8"), ("end", "f8"), ("pitch", "i2"), ("velocity", "i2")])
_TRACK_NAME, _INSTRUMENT_NAME, _END_OF_TRACK, _TEMPO, _METRE = (
    0x03,
    0x04,
    0x2F,
    0x51,
    0x58,
)  # meta event types


@dataclass(frozen=True, eq=False)
class Track:
    """The notes of one channel in one track chunk of a file.

    Attributes:
        index: its number, from 1; chunks without notes are not counted.
        name: as written in the file, "" where there is none.
        channel: 0..15.
        program: General MIDI program 0..127 at the first note.
        notes: (n,) array of dtype `NOTE`, n >= 1, by start and then from high to low. `start` and `end` in
            quarter-note beats, `pitch` 0..127, `velocity` 1..127.
    """

    index: int
    name: str
    channel: int
    program: int
    notes: np.ndarray

    @property
    def is_drum(self) -> bool:
        return self.channel == DRUM_CHANNEL


@dataclass(frozen=True, eq=False)
class Tune:
    """A MIDI file as notes.

    Attributes:
        path: the file.
        resolution: ticks a quarter note.
        tempi: (beat, quarter notes a minute), ascending, the first at beat 0.
        metres: (beat, numerator, denominator), ascending, as in the file: possibly none.
        tracks: those that hold notes, at least one.
        length: of the whole file in beats, trailing silence included.
    """

    path: str
    resolution: float
    tempi: tuple[tuple[float, float], ...]
    metres: tuple[tuple[float, int, int], ...]
    tracks: tuple[Track, ...]
    length: float

    def tempo_at(self, beat: float) -> float:
        """Quarter notes a minute at a beat."""
        return self.tempi[max(bisect_right(self.tempi, beat, key=lambda change: change[0]) - 1, 0)][1]


def read_tune(path: str | os.PathLike[str]) -> Tune:
    """Read any MIDI file: types 0, 1 and 2, any resolution, running status.

    A track chunk is split by channel. A second note-on of a sounding pitch ends the first note; a note that
    is never ended lasts to the end of its chunk. Without a tempo the file plays at 120. Where it counts time
    code (SMPTE), which knows no beats, a beat is half a second. The tracks of a type 2 file are read side by
    side.

    Raises:
        InputError: no such file, not a MIDI file, damaged, without any note, or beyond a bound: `MAX_BYTES`,
            `MAX_NOTES`, `MAX_TRACKS`, `MAX_BEATS`, `MAX_CHANGES`.
    """
    path = os.fspath(path)
    data = _read_bytes(path)
    try:
        return _to_tune(path, data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(0, "not a regular file")
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"{path}: cannot read the MIDI file: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: expected a MIDI file of at most {MAX_BYTES >> 20} MB, found a larger one")
    return data


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a named pipe must not hang us


def _to_tune(path: str, data: bytes) -> Tune:
    chunks = split_chunks(data)
    found = _Found()
    for index, chunk in enumerate(chunks.tracks):
        _collect(chunk, index, found, MAX_BEATS * chunks.resolution)
    if not found.notes:
        raise InputError("expected a melody, found no notes in the file")
    tracks = tuple(
        _to_track(number, key, found, chunks.resolution) for number, key in enumerate(sorted(found.notes), start=1)
    )
    tempi = {0.0: 120.0}
    if not chunks.is_time_code:
        changes = sorted(found.tempi, key=lambda change: change[0])
        tempi |= {tick / chunks.resolution: 6e7 / microseconds for tick, microseconds in changes}
    metres = sorted(found.metres, key=lambda change: change[0])
    end = max(track.notes["end"].max() for track in tracks)
    return Tune(
        path=path,
        resolution=chunks.resolution,
        tempi=tuple(sorted(tempi.items())),
        metres=tuple((tick / chunks.resolution, n, d) for tick, n, d in metres),
        tracks=tracks,
        length=float(max(end, found.end / chunks.resolution)),
    )


@dataclass
class _Found:
    """What the chunks of a file add up to; times in ticks, a key is (chunk, channel)."""

    notes: dict[tuple[int, int], array[int]] = field(
        default_factory=dict
    )  # flat: start, end, pitch, velocity, start, ...
    programs: dict[tuple[int, int], int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)  # by chunk
    tempi: list[tuple[int, int]] = field(default_factory=list)  # (tick, microseconds a quarter note)
    metres: list[tuple[int, int, int]] = field(default_factory=list)
    count: int = 0  # of notes
    end: int = 0


def _collect(chunk: bytes, index: int, found: _Found, last_tick: float) -> None:
    """Add the notes, names, programs, tempi and metres of one chunk to what was found."""
    sounding: dict[tuple[int, int], tuple[int, int]] = {}  # (channel, pitch) -> (tick, velocity)
    started: set[int] = set()  # channels
    tick = 0

    def end_note(channel: int, pitch: int) -> None:
        start, velocity = sounding.pop((channel, pitch))
        found.notes.setdefault((index, channel), array("q")).extend((start, tick, pitch, velocity))
        found.count += 1
        if found.count > MAX_NOTES or len(found.notes) > MAX_TRACKS:
            raise InputError(f"expected at most {MAX_NOTES} notes in {MAX_TRACKS} tracks, found more")

    for tick, status, first, second in read_events(chunk):
        kind, channel = status & 0xF0, status & 0x0F
        if isinstance(second, bytes):  # a meta event
            if first == _END_OF_TRACK:
                break
            _collect_meta(tick, first, second, index, found)
        elif kind in (0x80, 0x90):
            if tick > last_tick:
                raise InputError(f"expected at most {MAX_BEATS:.0f} beats, found a note after them")
            if (channel, first) in sounding:
                end_note(channel, first)
            if kind == 0x90 and second:
                sounding[channel, first] = tick, second
                started.add(channel)
        elif kind == 0xC0:
            if channel not in started or (index, channel) not in found.programs:
                found.programs[index, channel] = first
    tick = min(tick, int(last_tick))
    for channel, pitch in list(sounding):
        end_note(channel, pitch)
    found.end = max(found.end, tick)


def _collect_meta(tick: int, kind: int, content: bytes, index: int, found: _Found) -> None:
    if kind in (_TRACK_NAME, _INSTRUMENT_NAME):
        if not found.names.get(index):
            found.names[index] = _to_text(content)
    elif kind == _TEMPO and len(content) == 3 and any(content):
        found.tempi.append((tick, int.from_bytes(content, "big")))
    elif kind == _METRE and len(content) >= 2 and content[0] and content[1] <= 6:
        found.metres.append((tick, content[0], 2 ** content[1]))
    if len(found.tempi) + len(found.metres) > MAX_CHANGES:
        raise InputError(f"expected at most {MAX_CHANGES} changes of tempo and metre, found more")


def _to_text(content: bytes) -> str:
    """A name as one line of at most 200 characters: UTF-8 where it is, else Latin-1."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return " ".join("".join(c if c.isprintable() else " " for c in text[:200]).split())


def _to_track(number: int, key: tuple[int, int], found: _Found, resolution: float) -> Track:
    start, end, pitch, velocity = np.frombuffer(found.notes[key], dtype=np.int64).reshape(-1, 4).T
    order = np.lexsort((-pitch, start))
    notes = np.empty(len(order), NOTE)
    notes["start"], notes["end"] = start[order] / resolution, end[order] / resolution
    notes["pitch"], notes["velocity"] = pitch[order], velocity[order]
    notes.setflags(write=False)
    return Track(number, found.names.get(key[0], ""), key[1], found.programs.get(key, 0), notes)


def write_midi(
    path: str | os.PathLike[str],
    melodies: Sequence[Melody],
    gap_bars: int = 0,
    labels: Sequence[str] | None = None,
) -> None:
    """Write melodies one after another into one MIDI file of one track, 480 ticks a quarter note.

    Tempo, metre and program are those of the first melody, and change where a later one has others; the file
    is named after the first.

    Args:
        path: the file to write; it is replaced only once the new one is complete.
        melodies: at least one.
        gap_bars: empty bars between two melodies, in the metre of the earlier one.
        labels: a marker at the start of each melody, as many as melodies.

    Raises:
        InputError: the file cannot be written.
        ValueError: no melody, or not a label for each.
    """
    if not melodies or (labels is not None and len(labels) != len(melodies)):
        raise ValueError(f"expected melodies and a label for each, found {len(melodies)} and {labels!r}")
    events: list[tuple[int, mido.Message]] = []
    if melodies[0].name:
        events.append((0, mido.MetaMessage("track_name", name=_encodable(melodies[0].name))))
    step = 0
    last: dict[str, tuple[int, ...]] = {}
    for number, melody in enumerate(melodies):
        for message in _settings(melody):
            if last.get(message.type) != message.bytes():
                last[message.type] = message.bytes()
                events.append((step, message))
        if labels is not None:
            events.append((step, mido.MetaMessage("marker", text=_encodable(labels[number]))))
        for start, end, pitch in melody.notes():
            events.append((step + start, mido.Message("note_on", note=pitch, velocity=VELOCITY)))
            events.append((step + end, mido.Message("note_off", note=pitch, velocity=0)))
        gap = gap_bars if number + 1 < len(melodies) else 0
        step += len(melody.tokens) + gap * melody.steps_per_bar
    events.append((step, mido.MetaMessage("end_of_track")))

    ticks_a_step, now = RESOLUTION // 4, 0
    track = mido.MidiTrack()
    for at, message in events:  # already in order of time, for a melody has one note at a time
        track.append(message.copy(time=(at - now) * ticks_a_step))
        now = at
    file = io.BytesIO()
    mido.MidiFile(tracks=[track], ticks_per_beat=RESOLUTION, charset="utf-8").save(file=file)
    replace_file(path, file.getvalue())


def _settings(melody: Melody) -> list[mido.Message]:
    numerator, denominator = melody.metre
    return [
        mido.MetaMessage("set_tempo", tempo=tempo_us(melody.tempo)),
        mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator),
        mido.Message("program_change", program=melody.program),
    ]


def tempo_us(tempo: float) -> int:
    """Microseconds a quarter note, as a MIDI file can store them, of a tempo in quarter notes a minute.

    >>> tempo_us(120.0), tempo_us(1e-3)
    (500000, 16777215)
    """
    return round(min(max(6e7 / tempo, 1.0), MAX_TEMPO_US))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
