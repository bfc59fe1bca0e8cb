"""Sound without a DAW: notes in, a sound device out.

The synthesizer runs ahead of the device by a fixed time, and each note is placed in the stream by the time at which it
was sent, so that notes are as far apart in the sound as they were when sent, whatever the processes do in between.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from midi_vae.midi.score import DRUM_CHANNEL

from ..midi.panic import ALL_SOUND_OFF
from .output import SoundOutput

LATENCY = 0.02  # seconds by which the synthesizer runs ahead
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
STRIKE = NOTE_ON | DRUM_CHANNEL
NOTES = ("note_on", "note_off", "program_change")
BUILT_IN = "built-in"  # in the place of a soundfont


class SynthesizerOutput(SoundOutput):
    """An instrument that is heard. Use it as a MIDI output (`send`) or by its methods, from any thread.

    Args:
        device, block, latency, warn: as of `SoundOutput`.
        soundfont: a file for FluidSynth; None: one that the system has, where FluidSynth is installed, else the
            built-in synthesizer; "built-in": that in any case.
        program: General MIDI program.
        drums: (note, note of General MIDI) of what channel 10 strikes; None: that is a channel as all others.
        drums_only: nothing else is heard.

    Raises:
        InputError: no PortAudio, no device, a soundfont that cannot be used.
    """

    def __init__(
        self,
        device: str | None = None,
        soundfont: str | os.PathLike[str] | None = None,
        program: int = 0,
        block: int = 0,
        latency: float = LATENCY,
        warn: Callable[[str], object] | None = None,
        drums: Sequence[Sequence[int]] | None = None,
        drums_only: bool = False,
    ) -> None:
        self._drums_only = drums_only
        self._drums = None if drums is None else {note: general for note, general in drums}
        self._program = min(max(program, 0), 127)
        self._soundfont = None if soundfont is None else os.fspath(soundfont)
        super().__init__("synthesis", device, block, latency, warn)

    def send(self, message: Any) -> None:
        """A mido message, as to a port: notes, program, all notes off; others say nothing to it."""
        data = message.bytes()
        if self._drums is not None and getattr(message, "channel", 0) == DRUM_CHANNEL:
            if message.type == "note_on" and message.velocity:  # a drum rings as long as it rings
                self._write(STRIKE, self._drums.get(message.note, message.note), message.velocity)
        elif message.type == "control_change" or (message.type in NOTES and not self._drums_only):
            self._write(data[0] & 0xF0, data[1], data[2] if len(data) > 2 else 0)

    def note_on(self, pitch: int, velocity: int = 80) -> None:
        """Begin a note; pitch 0..127, velocity 1..127."""
        self._write(NOTE_ON, pitch, velocity)

    def note_off(self, pitch: int) -> None:
        """End a note."""
        self._write(NOTE_OFF, pitch, 0)

    def program(self, number: int) -> None:
        """Another General MIDI program 0..127, from the next note on."""
        self._write(PROGRAM, number, 0)

    def panic(self) -> None:
        """Everything dies away, at once."""
        self._write(CONTROL, ALL_SOUND_OFF, 0)

    def _write(self, kind: int, first: int, second: int, value: float = 0.0) -> None:
        if not (0 <= first <= 127 and 0 <= second <= 127):
            raise ValueError(f"expected MIDI bytes 0..127, found {first} and {second}")
        if kind == PROGRAM:
            self._program = first
        super()._write(kind, first, second, value)

    def _maker_options(self) -> dict[str, Any]:
        return {"soundfont": self._soundfont, "program": self._program, "drums": self._drums is not None}

    def _after_death(self) -> str:
        self._soundfont = BUILT_IN
        return "the synthesizer stopped; the built-in one goes on"
