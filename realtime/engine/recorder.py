"""What was played, as notes and as a MIDI file; pure but for the writing."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass

import mido

from latentmix.files import replace_file
from midi_vae.midi.score import DRUM_CHANNEL
from midi_vae.midi.writer import RESOLUTION, tempo_us

from ..player.messages import NoteEvent

MAX_NOTES = 1_000_000  # kept: more than a day of sixteenths
TEMPO_STEP = 0.002  # share by which a tempo differs before it is written down: less is the jitter of a MIDI clock


@dataclass(frozen=True)
class PlayedNote:
    """A note as it was played.

    Attributes:
        start, end: seconds from the first report of the recording.
        start_beat, end_beat: quarter notes from there.
        pitch, velocity: 0..127 and 1..127.
        channel: of MIDI, from 0.
    """

    start: float
    end: float
    start_beat: float
    end_beat: float
    pitch: int
    velocity: int
    channel: int = 0


@dataclass(frozen=True)
class TempoChange:
    """Quarter notes a minute from a beat of the recording on."""

    beat: float
    tempo: float


class Recorder:
    """Collects the events of a player's reports; where its clock jumps, the recording goes on.

    Args:
        from_song_start: begin where the song does, with the rest before its first note; else with that note.
        channel: of the melody, from 0; drums have their own.
    """

    def __init__(self, from_song_start: bool = False, channel: int = 0) -> None:
        self._from_song_start, self._channel = from_song_start, channel
        self.notes: list[PlayedNote] = []
        self.tempi: list[TempoChange] = []
        self._open: dict[tuple[bool, int], NoteEvent] = {}  # of drums or not and the pitch, the start by the recording
        self._zero: float | None = None  # time of the first event
        self._beat = self._time = 0.0  # of the recording, as far as it came
        self._song_beat = 0.0  # of the clock there

    def add(self, events: Sequence[NoteEvent], tempo: float) -> None:
        """Events of a report, and the tempo at its end."""
        for event in events:
            self._go_on(event.time, event.beat, tempo)
            key = event.is_drum, event.pitch
            if event.starts:
                self._open[key] = event._replace(time=self._time, beat=self._beat)
            elif key in self._open and len(self.notes) < MAX_NOTES:
                self.notes.append(self._note(self._open.pop(key)))

    def finished(self) -> list[PlayedNote]:
        """All notes as they begin; one that still sounds ends now."""
        return sorted([*self.notes, *map(self._note, self._open.values())], key=lambda note: note.start)

    def _note(self, began: NoteEvent) -> PlayedNote:
        """A note that ends now."""
        start, beat, channel = began.time, began.beat, DRUM_CHANNEL if began.is_drum else self._channel
        ends = max(self._time, start), max(self._beat, beat)
        return PlayedNote(start, ends[0], beat, ends[1], began.pitch, began.velocity, channel)

    def _go_on(self, time: float, song_beat: float, tempo: float) -> None:
        if self._zero is None:
            rest = song_beat if self._from_song_start else 0.0
            self._zero, self._song_beat = time - rest * 60 / tempo, song_beat - rest
            if rest:
                self.tempi.append(TempoChange(0.0, tempo))
        passed = max(0.0, time - self._zero - self._time)
        step = song_beat - self._song_beat
        if not 0 <= step <= passed * tempo / 60 * 1.5 + 0.5:  # it jumped: count what passed at the tempo
            step = passed * tempo / 60
        self._time, self._beat, self._song_beat = self._time + passed, self._beat + step, song_beat
        if not self.tempi or abs(tempo / self.tempi[-1].tempo - 1) > TEMPO_STEP:
            self.tempi.append(TempoChange(self._beat, tempo))


def write_recording(
    path: str | os.PathLike[str],
    notes: Sequence[PlayedNote],
    tempi: Sequence[TempoChange],
    metre: tuple[int, int] = (4, 4),
    program: int = 0,
) -> None:
    """Write notes as a MIDI file of one track, 480 ticks a quarter note, with the tempo as it was.

    The program is that of the channel of the melody.

    Raises:
        InputError: the file cannot be written.
    """
    channel = next((note.channel for note in notes if note.channel != DRUM_CHANNEL), 0)
    events: list[tuple[int, int, mido.Message | mido.MetaMessage]] = [
        (0, 0, mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1])),
        (0, 0, mido.Message("program_change", channel=channel, program=program)),
    ]
    for change in tempi or [TempoChange(0.0, 120.0)]:
        events.append((_ticks(change.beat), 0, mido.MetaMessage("set_tempo", tempo=tempo_us(change.tempo))))
    for note in notes:
        start, end = _ticks(note.start_beat), _ticks(note.end_beat)
        on = mido.Message("note_on", channel=note.channel, note=note.pitch, velocity=note.velocity)
        off = mido.Message("note_off", channel=note.channel, note=note.pitch, velocity=0)
        events += [(start, 2, on), (max(end, start + 1), 1, off)]
    track, at = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - at))
        at = tick
    file = io.BytesIO()
    mido.MidiFile(tracks=[track], ticks_per_beat=RESOLUTION).save(file=file)
    replace_file(path, file.getvalue())


def _ticks(beat: float) -> int:
    return round(beat * RESOLUTION)
