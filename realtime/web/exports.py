"""What is taken home: the loop, a line or grid of steps, the performance, as MIDI, in bytes, or as sound, in a file."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentmix.errors import InputError
from midi_vae import labels
from midi_vae.audio.drum_sound import one_shot
from midi_vae.audio.sound import MAX_SECONDS, PEAK, as_stored
from midi_vae.drums.kit import INSTRUMENTS, Kit
from midi_vae.midi.drum_writer import drum_track
from midi_vae.midi.score import DRUM_CHANNEL
from midi_vae.midi.writer import melody_track, save_tracks
from midi_vae.music.melody import Melody

from ..engine.engine import Engine
from ..engine.recorder import PlayedNote, TempoChange, write_recording
from ..music import blend
from ..music.drum_layer import HELD, DrumPattern
from ..music.sequencer import swung
from ..offline.sounding import SAMPLE_RATE, write_sound
from .recordings import Mix
from .sounds import SUNG
from .sung import sung_instrument

if TYPE_CHECKING:
    from torch import Tensor

    from midi_vae.audio.synthesizer import Synthesizer
    from midi_vae.vae import MelodyVAE


@dataclass(frozen=True)
class Instrument:
    """What plays: a program of General MIDI by a soundfont, a preset, recordings as they are mixed, or built in."""

    program: int
    soundfont: Path | None = None
    own: Mix | None = None

    def synth(self, with_drums: bool = False) -> tuple[Synthesizer | None, int]:
        """What plays in the place of the built-in synthesizer, None for nothing, and its sample rate."""
        own = self.own if self.own is not None and self.own.sounds else None
        if self.soundfont is not None or (own is None and self.program not in SUNG):
            return None, SAMPLE_RATE
        from midi_vae.audio.drum_kit import WithKit

        instrument = sung_instrument(self.program, own)
        rate = instrument.model.config.sample_rate
        return (WithKit(instrument, rate) if with_drums else instrument), rate


Hit = tuple[float, int, int]  # where it is struck in sixteenths, MIDI note, velocity
MAX_LINE, MAX_SIDE, MAX_TIMES = 65, 17, 64  # steps of a line, of a side of a grid, repeats of a loop
MAX_BARS = 4096  # decoded for one file


def loop_midi(engine: Engine, times: int) -> bytes:
    """The melody that is heard, so many times, and the drums on a track of their own."""
    melody, drums = _now(engine), engine.drum_pattern
    hits = _hits([drums] * times, len(melody.tokens), goes_on=True)
    return _written("loop.mid", lambda path: _write(path, [melody] * times, hits))


def loop_wav(path: Path, engine: Engine, times: int, sound: Instrument, is_over: Callable[[], bool] = bool) -> None:
    """The same as sound, exactly as long as its bars, into a file; `is_over` as of `write_sound`."""
    melody, velocity, swing = _now(engine), int(engine.value("velocity")), float(engine.value("swing"))
    step, size = 15.0 / melody.tempo, len(melody.tokens)

    def at(sixteenth: int) -> float:
        return swung(sixteenth, swing) * step

    notes = [
        PlayedNote(at(start + turn * size), at(end + turn * size), 0.0, 0.0, pitch, velocity)
        for turn in range(times)
        for start, end, pitch in melody.notes()
    ]
    for place, note, hard in _hits([engine.drum_pattern] * times, size, goes_on=True):
        grid = math.floor(place + 0.5)  # the step that the hit is early or late by
        time = max(at(grid) + (place - grid) * step, 0.0)
        notes.append(PlayedNote(time, time + HELD * step, 0.0, 0.0, note, hard, DRUM_CHANNEL))
    seconds = times * size * step
    _check_seconds(seconds)
    _write_wav(path, notes, sound, engine.kit, is_over, seconds)


def performance_wav(
    path: Path,
    notes: Sequence[PlayedNote],
    sound: Instrument,
    kit: Kit | None = None,
    is_over: Callable[[], bool] = bool,
) -> None:
    """What was played while it was recorded, as sound, from its first note on, into a file; drums by a kit.

    `is_over` as of `write_sound`.

    Raises:
        InputError: nothing was.
    """
    _check_recording(notes)
    time = notes[0].start
    moved = [replace(n, start=n.start - time, end=n.end - time) for n in notes]
    _write_wav(path, moved, sound, kit, is_over)


def kit_wav() -> bytes:
    """The drums of `kit.INSTRUMENTS` one after another, 1.2 seconds each: what the page strikes."""
    import soundfile

    shots = np.concatenate([one_shot(name, SAMPLE_RATE) for name in INSTRUMENTS])
    file = io.BytesIO()
    samples = as_stored(shots * (PEAK / np.abs(shots).max()), "PCM_16")
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def line_midi(engine: Engine, model: MelodyVAE, steps: int) -> bytes:
    """From the first melody to the last in so many steps from each to the next, one after another, with markers."""
    melodies = engine.mixer.melodies
    _check_size(melodies, (len(melodies) - 1) * steps)
    from midi_vae import interpolation  # torch takes seconds to import

    made = interpolation.journey(model, melodies, steps, shift=_shift(engine, model))
    names = labels.on_journey(len(made), steps)
    shares = [blend.path(at / (len(made) - 1), len(melodies)) for at in range(len(made))]
    hits = _hits(engine.drums_at(shares), len(made[0].tokens))
    return _written("line.mid", lambda path: _write(path, _finished(engine, made), hits, names))


def grid_midi(engine: Engine, model: MelodyVAE, side: int) -> bytes:
    """The square between the first four melodies, row by row, with markers.

    Raises:
        InputError: fewer than four melodies.
    """
    corners = engine.mixer.melodies[:4]
    if len(corners) < 4:
        raise InputError(f"expected 4 melodies at the corners of a grid, found {len(corners)}; take a line instead")
    _check_size(corners, side * side)
    from midi_vae import interpolation  # torch takes seconds to import

    rows = interpolation.grid(model, corners, side, side, shift=_shift(engine, model))
    made = [melody for row in rows for melody in row]
    places = [f"row {i // side + 1}, column {i % side + 1}" for i in range(len(made))]
    others = np.zeros(len(engine.mixer.melodies) - 4)
    at = np.linspace(0.0, 1.0, side)
    shares = [np.concatenate([blend.corners(x, y), others]) for y in at for x in at]
    hits = _hits(engine.drums_at(shares), len(made[0].tokens))
    return _written("grid.mid", lambda path: _write(path, _finished(engine, made), hits, places))


def performance_midi(notes: Sequence[PlayedNote], tempi: Sequence[TempoChange], first: Melody) -> bytes:
    """What was played while it was recorded, from its first note on.

    Raises:
        InputError: nothing was.
    """
    _check_recording(notes)
    beat, time = notes[0].start_beat, notes[0].start
    moved = [
        replace(n, start=n.start - time, end=n.end - time, start_beat=n.start_beat - beat, end_beat=n.end_beat - beat)
        for n in notes
    ]
    before = [change for change in tempi if change.beat <= beat][-1:]
    later = [change for change in tempi if change.beat > beat]
    changes = [replace(change, beat=max(change.beat - beat, 0.0)) for change in (*before, *later)]
    return _written("performance.mid", lambda path: write_recording(path, moved, changes, first.metre, first.program))


def _hits(patterns: Sequence[DrumPattern], size: int, goes_on: bool = False) -> list[Hit]:
    """What patterns strike, each for so many steps, from its start or where the one before came to."""
    return [
        (at * size + step + offset, note, velocity)
        for at, pattern in enumerate(patterns)
        for step in range(size)
        for note, velocity, offset in pattern.at(step + at * size * goes_on)
    ]


def _write(path: Path, melodies: Sequence[Melody], hits: Sequence[Hit], names: Sequence[str] | None = None) -> None:
    tracks = [melody_track(melodies, labels=names)]
    if hits:
        tracks.append(drum_track(hits, sum(len(melody.tokens) for melody in melodies)))
    save_tracks(path, tracks)


def _write_wav(
    path: Path,
    notes: Sequence[PlayedNote],
    sound: Instrument,
    kit: Kit | None,
    is_over: Callable[[], bool],
    seconds: float | None = None,
) -> None:
    synth, rate = sound.synth(with_drums=any(note.channel == DRUM_CHANNEL for note in notes))
    length = None if seconds is None else round(seconds * rate)
    drum_notes = kit.general_notes() if kit is not None else {}
    write_sound(path, notes, sound.program, sound.soundfont, rate, length, synth, drum_notes, is_over)


def _check_recording(notes: Sequence[PlayedNote]) -> None:
    if not notes:
        raise InputError("expected a recording, found none; press record, then play")


def _check_seconds(seconds: float) -> None:
    if seconds > MAX_SECONDS:
        raise InputError(
            f"expected at most {MAX_SECONDS // 60} minutes of sound, found {seconds / 60:.0f}; choose fewer times"
        )


def _now(engine: Engine) -> Melody:
    return replace(engine.snapshot().melody, tempo=_tempo(engine), name="latentmix")


def _tempo(engine: Engine) -> float:
    """Of the clock that is followed; our own one counts even before it runs."""
    snapshot = engine.snapshot()
    return float(snapshot.values["tempo"]) if snapshot.source == "internal" else snapshot.tempo


def _finished(engine: Engine, melodies: Sequence[Melody]) -> list[Melody]:
    """With tempo, key, octave and density as they are set."""
    tempo = _tempo(engine)
    return [replace(engine.mixer.shaped(melody), tempo=tempo, name="latentmix") for melody in melodies]


def _shift(engine: Engine, model: MelodyVAE) -> Tensor | None:
    from midi_vae import interpolation  # torch takes seconds to import

    names = engine.mixer.coder.attributes
    return interpolation.attribute_shift(model, {name: float(engine.value(f"attribute.{name}")) for name in names})


def _check_size(melodies: Sequence[Melody], count: int) -> None:
    windows = count * max(len(melody.tokens) for melody in melodies) // 16
    if windows > MAX_BARS:
        raise InputError(f"expected at most {MAX_BARS} bars in a file, found {windows}; take fewer steps")


def _written(name: str, write: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="latentmix-") as folder:
        path = Path(folder) / name
        try:
            write(path)
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None
        return path.read_bytes()
