"""Where a player's messages go, and the MIDI clock among them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import mido

from ..midi.panic import ALL_NOTES_OFF, panic_messages
from ..music.clock import TICKS_A_BEAT
from .external_clock import TICKS_A_POSITION

HIGHEST_POSITION = 16383  # of a song position pointer


class Sink(Protocol):
    """Where messages go: a MIDI port, the built-in sound, a list in a test."""

    def send(self, message: mido.Message) -> None: ...


class MidiOutputs:
    """Several sinks that are sent the same; one that went away does not keep the others from playing.

    Args:
        sinks: any number of them.
        warn: called with a line for people where one fails.
    """

    def __init__(self, sinks: Sequence[Sink], warn: Callable[[str], object]) -> None:
        self.sinks, self._warn = list(sinks), warn

    def send(self, message: mido.Message) -> None:
        """Send a message to all."""
        for sink in self.sinks:
            self._send_to(sink, message)

    def panic(self) -> None:
        """End all notes, ours and others, on every channel."""
        for sink in self.sinks:
            for message in panic_messages():
                self._send_to(sink, message)

    def say_silence(self, channel: int) -> None:
        """All notes off on a channel, even if a note off got lost."""
        self.send(mido.Message("control_change", channel=channel, control=ALL_NOTES_OFF))

    def _send_to(self, sink: Sink, message: mido.Message) -> None:
        try:
            sink.send(message)
        except (OSError, ValueError) as error:
            self._warn(f"{getattr(sink, 'name', 'output')}: cannot send: {error}")


class ClockOut:
    """MIDI clock for those that follow ours; one that is off sends nothing."""

    def __init__(self, outs: MidiOutputs, is_on: bool) -> None:
        self._outs, self._is_on = outs, is_on
        self._tick = 0  # the next one

    @property
    def next_beat(self) -> float:
        """Where the next tick is, in quarter notes; infinity if there is none."""
        return self._tick / TICKS_A_BEAT if self._is_on else math.inf

    def tick(self) -> None:
        """Send a tick."""
        self._outs.send(mido.Message("clock"))
        self._tick += 1

    def skip_to(self, beat: float) -> None:
        """Leave out the ticks before a beat."""
        self._tick = max(math.ceil(beat * TICKS_A_BEAT), self._tick)

    def jump_to(self, beat: float) -> None:
        """Go on at a beat."""
        self._tick = math.ceil(beat * TICKS_A_BEAT - 1e-6)

    def start(self, is_beginning: bool) -> None:
        """Say that the music starts, at its beginning or where the next tick is."""
        if not self._is_on:
            return
        if is_beginning:
            self._outs.send(mido.Message("start"))
        else:
            self._outs.send(mido.Message("songpos", pos=min(self._tick // TICKS_A_POSITION, HIGHEST_POSITION)))
            self._outs.send(mido.Message("continue"))

    def stop(self) -> None:
        """Say that it stops."""
        if self._is_on:
            self._outs.send(mido.Message("stop"))
