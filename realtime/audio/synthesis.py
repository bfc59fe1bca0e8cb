"""The process of the synthesizer: events with their times come in, frames go into the ring, each in its place."""

from __future__ import annotations

import contextlib
import os
import queue
import time
from collections.abc import Callable

from latentmix.errors import InputError
from midi_vae.audio.fluidsynth import FluidSynth, find_soundfont, load_library
from midi_vae.audio.synthesizer import BuiltInSynth, DrumSynthesizer, Synthesizer

from ..music.clock import now
from .child_process import RUNG, Event, Inbox, serve
from .ring_buffer import Ring

BLOCK = 64  # frames that are synthesized at a time
GRID = 16  # frames: events are placed on multiples of it, a third of a millisecond
FIRST_FILL = 1 << 12  # frames of silence before the device starts: nobody knows yet how much it takes at a time
POLL_SECONDS = 0.001
MAX_PENDING = 4096  # events that wait for their frame
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0  # MIDI
STRIKE = 0x99  # a note on of channel 10
SILENCERS = (120, 123)  # controllers: all sound off, all notes off
BUILT_IN = "built-in"  # in the place of a soundfont


def make_synth(sample_rate: int, soundfont: str | None, program: int, drums: bool = False) -> tuple[Synthesizer, str]:
    """A synthesizer and its name: FluidSynth with this soundfont or one that the system has, or the built-in one.

    Args:
        drums: it is to be a `DrumSynthesizer`; a soundfont without a kit plays with the built-in one.

    Raises:
        InputError: a soundfont that was asked for cannot be used.
    """
    if soundfont is None and load_library() is not None:
        found = find_soundfont()
        with contextlib.suppress(InputError):  # one that nobody asked for
            if found is not None:
                return _with_kit(FluidSynth(sample_rate, found, program), sample_rate, drums), _name_of(found)
    if soundfont in (None, BUILT_IN):
        return _with_kit(BuiltInSynth(sample_rate, program), sample_rate, drums), "built-in synthesizer"
    return _with_kit(FluidSynth(sample_rate, soundfont, program), sample_rate, drums), _name_of(soundfont)


def _name_of(soundfont: str | os.PathLike[str]) -> str:
    return f"FluidSynth with {os.path.basename(soundfont)}"


def _with_kit(synth: Synthesizer, sample_rate: int, drums: bool) -> Synthesizer:
    """With drums, if they are wanted and it has none."""
    if not drums or (isinstance(synth, FluidSynth) and synth.has_kit):
        return synth
    from midi_vae.audio.drum_kit import WithKit

    return WithKit(synth, sample_rate)


class Scheduler:
    """Places events in the stream by their times and has it synthesized, block by block.

    Args:
        synth: makes the sound.
        ring: takes it; its reader says when frame 0 was played.
        ahead: frames to keep in the ring.
    """

    def __init__(self, synth: Synthesizer, ring: Ring, sample_rate: int, ahead: int) -> None:
        self._synth, self._ring, self._rate, self._ahead = synth, ring, sample_rate, ahead
        self._pending: list[tuple[int, int, int, int, int, float]] = []  # frame, order, bytes, value
        self._order = 0

    def add(self, time: float, kind: int, first: int, second: int, value: float = 0.0) -> None:
        """An event sent at a time, in seconds of `clock.now`."""
        if len(self._pending) >= MAX_PENDING:
            self._apply(kind, first, second, value)  # nobody hears the order any more, but no note off may be lost
            return
        self._pending.append((self._frame(time), self._order, kind, first, second, value))
        self._order += 1
        self._pending.sort()

    def fill(self) -> None:
        """Write frames until the reader has enough."""
        enough = self._ahead + self._ring.chunk if self._ring.chunk else FIRST_FILL
        while self._ring.filled < enough:
            written = self._ring.written
            while self._pending and self._pending[0][0] <= written:
                self._apply(*self._pending.pop(0)[2:])
            frames = BLOCK if not self._pending else min(BLOCK, self._pending[0][0] - written)
            self._ring.write(self._synth.render(frames))

    def _frame(self, time: float) -> int:
        """Where in the stream an event belongs: behind the device's time by what is in the ring, and two blocks."""
        origin = self._ring.origin
        written = self._ring.written
        if origin != origin:  # nothing was read yet
            return written
        behind = self._ahead + 2 * self._ring.chunk + 2 * BLOCK
        frame = min(max(int((time - origin) * self._rate) + behind, written), written + 2 * behind)  # if a clock jumps
        return -(-frame // GRID) * GRID

    def _apply(self, kind: int, first: int, second: int, value: float) -> None:
        if kind == STRIKE:
            if isinstance(self._synth, DrumSynthesizer):
                self._synth.strike(first, second)
        elif kind == NOTE_ON and second:
            self._synth.note_on(first, second)
        elif kind in (NOTE_ON, NOTE_OFF):
            self._synth.note_off(first)
        elif kind == PROGRAM:
            self._synth.program(first)
        elif kind == CONTROL and first in SILENCERS:
            self._synth.panic()


def run_synth(
    ring: Ring,
    inbox: Inbox,
    tell: Callable[..., None],
    sample_rate: int,
    latency: float,
    soundfont: str | None,
    program: int,
    drums: bool = False,
) -> None:
    """What the synthesizer's process does, until the parent wants no more; then it fades.

    Raises:
        InputError: a soundfont that cannot be used.
    """
    synth, name = make_synth(sample_rate, soundfont, program, drums)
    scheduler = Scheduler(synth, ring, sample_rate, max(BLOCK, round(latency * sample_rate)))
    scheduler.fill()
    tell(name=name)
    keep_playing(scheduler, inbox, synth, 2 * latency + 0.05)


def keep_playing(
    scheduler: Scheduler, inbox: Inbox, synth: Synthesizer, ending: float, poll: float = POLL_SECONDS
) -> None:
    """Fill the ring until the parent wants no more; then let the sound die away for so many seconds.

    Args:
        poll: seconds between two looks at the ring, at most.
    """
    while True:
        event: Event | None = RUNG
        with contextlib.suppress(queue.Empty):
            event = inbox.get(poll)
        if event is None:
            break
        if event is not RUNG:
            scheduler.add(*event)
        scheduler.fill()
    synth.panic()
    end = now() + ending  # until what fades has been heard
    while now() < end:
        scheduler.fill()
        time.sleep(POLL_SECONDS)
    synth.close()


def main() -> None:
    """What `child_process.ChildProcess("synthesis", …)` starts."""
    serve(run_synth, priority=2)  # below the callback of the device
