"""Melodies -> MIDI files; what a melody is, the writer knows by its shape only (`WritableMelody`)."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Protocol

import mido
import numpy as np

from latentmix.files import replace_file

MAX_TEMPO_US = 2**24 - 1  # microseconds a quarter note: a tempo event holds three bytes
RESOLUTION = 480  # ticks a quarter note in the files written here
STEPS_A_BEAT = 4  # of a melody's grid
VELOCITY = 80  # of the notes written here


class Writable(Protocol):
    """What stands on a grid of sixteenths."""

    @property
    def metre(self) -> tuple[int, int]: ...
    @property
    def tempo(self) -> float: ...
    @property
    def name(self) -> str: ...


class WritableMelody(Writable, Protocol):
    """One voice, as `music.melody.Melody` is."""

    @property
    def tokens(self) -> np.ndarray: ...
    @property
    def program(self) -> int: ...
    @property
    def steps_per_bar(self) -> int: ...
    def notes(self) -> list[tuple[int, int, int]]: ...


def write_midi(
    path: str | os.PathLike[str],
    melodies: Sequence[WritableMelody],
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
    save_tracks(path, [melody_track(melodies, gap_bars, labels)])


def melody_track(
    melodies: Sequence[WritableMelody], gap_bars: int = 0, labels: Sequence[str] | None = None
) -> mido.MidiTrack:
    """The track of `write_midi`."""
    if not melodies or (labels is not None and len(labels) != len(melodies)):
        raise ValueError(f"expected melodies and a label for each, found {len(melodies)} and {labels!r}")
    events: list[tuple[int, mido.Message]] = []
    if melodies[0].name:
        events.append((0, mido.MetaMessage("track_name", name=encodable(melodies[0].name))))
    step = 0
    last: dict[str, tuple[int, ...]] = {}
    for number, melody in enumerate(melodies):
        for message in _settings(melody):
            if last.get(message.type) != message.bytes():
                last[message.type] = message.bytes()
                events.append((step, message))
        if labels is not None:
            events.append((step, mido.MetaMessage("marker", text=encodable(labels[number]))))
        for start, end, pitch in melody.notes():
            events.append((step + start, mido.Message("note_on", note=pitch, velocity=VELOCITY)))
            events.append((step + end, mido.Message("note_off", note=pitch, velocity=0)))
        gap = gap_bars if number + 1 < len(melodies) else 0
        step += len(melody.tokens) + gap * melody.steps_per_bar
    events.append((step, mido.MetaMessage("end_of_track")))

    ticks_a_step, now = RESOLUTION // STEPS_A_BEAT, 0
    track = mido.MidiTrack()
    for at, message in events:  # already in order of time, for a melody has one note at a time
        track.append(message.copy(time=(at - now) * ticks_a_step))
        now = at
    return track


def save_tracks(path: str | os.PathLike[str], tracks: Sequence[mido.MidiTrack]) -> None:
    """Write tracks of `RESOLUTION` ticks a quarter note as a MIDI file, whole or not at all.

    Raises:
        InputError: the file cannot be written.
    """
    file = io.BytesIO()
    mido.MidiFile(tracks=list(tracks), ticks_per_beat=RESOLUTION, charset="utf-8").save(file=file)
    replace_file(path, file.getvalue())


def _settings(melody: WritableMelody) -> list[mido.Message]:
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


def encodable(text: str) -> str:
    """A text as a MIDI file can hold it, whatever the name of a file holds."""
    return text.encode("utf-8", "replace").decode("utf-8")
