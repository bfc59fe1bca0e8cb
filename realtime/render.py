"""A performance faster than real time: the mixer and the player on a clock that is turned by hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from midi_vae.outputs import MIDI_SUFFIXES
from midi_vae.sound import SOUND_FORMATS

from .clock import TestClock
from .errors import InputError
from .loop import PlayerByHand
from .mixer import Mixer
from .plan import Plan
from .player import STEPS_A_BEAT
from .ports import MemoryOut
from .process import PlayerSetup, make_player
from .recorder import PlayedNote, Recorder, TempoChange, write_recording
from .shaping import as_pattern
from .sounding import write_sound

AT_ONCE = ("tempo", "follow", "velocity", "play", "panic")
MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Performance:
    """What was played; see `recorder`."""

    notes: list[PlayedNote]
    tempi: list[TempoChange]


def perform(mixer: Mixer, plan: Plan, setup: PlayerSetup) -> Performance:
    """Play a plan to its end; what it sets is heard at the next step, beat or bar, as on stage.

    The same mixer, plan and setup give the same notes.
    """
    clock, recorder = TestClock(), Recorder()

    def hear(report: dict) -> None:
        if report.get("events"):
            recorder.add(report["events"], report["tempo"])

    handle = PlayerByHand(lambda tell: make_player([MemoryOut()], vars(setup), tell, clock), hear, clock)
    player = handle.player
    version, melody = 1, mixer.melody()
    handle.command({"pattern": as_pattern(melody, version)} | {"play": True})
    beats_a_bar = melody.steps_per_bar / STEPS_A_BEAT
    for step in range(MOST_STEPS):
        beat = step / STEPS_A_BEAT
        at = plan.time(clock(), beat, beats_a_bar)
        if at >= plan.end:
            break
        if _move(mixer, plan, at, handle):
            version += 1
            handle.command({"pattern": as_pattern(mixer.melody(), version)})
        handle.run_until(player.timeline.time_of(beat))
        handle.run_until(player.timeline.time_of((step + 0.999) / STEPS_A_BEAT))
    handle.run_until(player.timeline.time_of(step / STEPS_A_BEAT) - 1e-6)
    handle.close()
    return Performance(recorder.finished(), recorder.tempi)


def check_place(path: str | os.PathLike[str], inputs: Sequence[str | os.PathLike[str]]) -> None:
    """See to it, before a performance, that it can be written.

    Raises:
        InputError: another kind of file, a file that is read, a folder that is not there.
    """
    path = Path(path)
    if path.suffix.lower() not in (*MIDI_SUFFIXES, *SOUND_FORMATS):
        raise InputError(f"{path}: expected a name that ends in .mid, {', '.join(SOUND_FORMATS)}")
    if path.resolve() in {Path(each).resolve() for each in inputs}:
        raise InputError(f"{path}: expected another name than that of a file that is read")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: expected the name of a file in a folder that can be written to")


def write_performance(
    path: str | os.PathLike[str],
    performance: Performance,
    metre: tuple[int, int],
    program: int,
    soundfont: str | os.PathLike[str] | None = None,
) -> None:
    """Write a MIDI file, or sound where the name ends in .wav, .flac or .ogg.

    Raises:
        InputError: the file cannot be written, too long for a sound file.
    """
    if os.fspath(path).lower().endswith(MIDI_SUFFIXES):
        write_recording(path, performance.notes, performance.tempi, metre, program)
        return
    write_sound(path, performance.notes, program, soundfont)


def _move(mixer: Mixer, plan: Plan, at: float, handle: PlayerByHand) -> bool:
    """Set what the plan says for a time; whether the melody may be another."""
    changed = False
    for name, value in plan.values_at(at).items():
        if mixer.values[name] == value:
            continue
        changed |= mixer.set(name, value)
        if name in AT_ONCE:
            handle.command({name: value})
    return changed and not mixer.values["hold"]
