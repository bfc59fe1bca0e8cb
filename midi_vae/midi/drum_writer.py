"""Grooves -> MIDI files, on channel 10; what a groove is, the writer knows by its shape only (`WritableGroove`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Protocol

import mido
import numpy as np

from .score import DRUM_CHANNEL
from .writer import RESOLUTION, STEPS_A_BEAT, Writable, encodable, save_tracks, tempo_us

TICKS_A_STEP = RESOLUTION // STEPS_A_BEAT
LENGTH = TICKS_A_STEP // 2  # ticks that a hit is held, if the same note does not come sooner


class WritableGroove(Writable, Protocol):
    """Hits, as `drums.groove.Groove` is."""

    @property
    def velocities(self) -> np.ndarray: ...
    def notes(self) -> list[tuple[float, int, int]]: ...


def write_drums(
    path: str | os.PathLike[str],
    grooves: Sequence[WritableGroove],
    note_of: Callable[[int], int],
    labels: Sequence[str] | None = None,
) -> None:
    """Write grooves one after another into one MIDI file of one track, 480 ticks a quarter note.

    A hit that is early on the very first step stands at tick 0, for nothing comes before it. Tempo and metre are those
    of the first groove, and change where a later one has others.

    Args:
        path: the file to write; it is replaced only once the new one is complete.
        grooves: at least one.
        note_of: the MIDI note of an instrument.
        labels: a marker at the start of each groove, as many as grooves.

    Raises:
        InputError: the file cannot be written.
        ValueError: no groove, or not a label for each.
    """
    if not grooves or (labels is not None and len(labels) != len(grooves)):
        raise ValueError(f"expected grooves and a label for each, found {len(grooves)} and {labels!r}")
    events: list[tuple[int, int, mido.Message]] = []  # (tick, rank among those of a tick, message)
    if grooves[0].name:
        events.append((0, 0, mido.MetaMessage("track_name", name=encodable(grooves[0].name))))
    hits: list[tuple[int, int, int]] = []
    start, last = 0, None
    for number, groove in enumerate(grooves):
        settings = (tempo_us(groove.tempo), groove.metre)
        if settings != last:
            events.append((start, 1, mido.MetaMessage("set_tempo", tempo=settings[0])))
            beats, unit = groove.metre
            events.append((start, 1, mido.MetaMessage("time_signature", numerator=beats, denominator=unit)))
            last = settings
        if labels is not None:
            events.append((start, 2, mido.MetaMessage("marker", text=encodable(labels[number]))))
        for step, instrument, velocity in groove.notes():
            hits.append((max(start + round(step * TICKS_A_STEP), 0), note_of(instrument), velocity))
        start += len(groove.velocities) * TICKS_A_STEP
    save_tracks(path, [_track(events + _messages(hits), start)])


def drum_track(hits: Sequence[tuple[float, int, int]], steps: int) -> mido.MidiTrack:
    """A track of so many steps beside that of a melody, of hits (step with its lateness, MIDI note, velocity)."""
    size = steps * TICKS_A_STEP
    return _track(_messages([(max(round(step * TICKS_A_STEP), 0), note, hard) for step, note, hard in hits]), size)


def _track(events: list[tuple[int, int, mido.Message]], end: int) -> mido.MidiTrack:
    """Events (tick, rank among those of a tick, message) in order, to their end or beyond."""
    last = max([end, *(tick for tick, _, _ in events)])
    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted([*events, (last, 9, mido.MetaMessage("end_of_track"))], key=lambda event: event[:2]):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def _messages(hits: list[tuple[int, int, int]]) -> list[tuple[int, int, mido.Message]]:
    """Note on and off of hits (tick, note, velocity); of two of a note on one tick the harder one."""
    loudest: dict[tuple[int, int], int] = {}
    for tick, note, velocity in hits:
        loudest[note, tick] = max(velocity, loudest.get((note, tick), 0))
    order, messages = sorted(loudest), []
    for (note, tick), following in zip(order, [*order, (-1, 0)][1:], strict=True):
        end = min(tick + LENGTH, following[1]) if following[0] == note else tick + LENGTH
        on = mido.Message("note_on", channel=DRUM_CHANNEL, note=note, velocity=loudest[note, tick])
        messages.append((tick, 4, on))
        messages.append((end, 3, mido.Message("note_off", channel=DRUM_CHANNEL, note=note, velocity=0)))
    return messages
