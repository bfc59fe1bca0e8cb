"""Sound without a DAW: notes in, a sound device out.

    send(), note_on() … --pipe--> process of the synthesizer --ring--> process of the sound device

The synthesizer runs ahead of the device by a fixed time, and each note is placed in the stream by the time at which it
was sent, so that notes are as far apart in the sound as they were when sent, whatever the processes do in between.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from .child import EVENT, Child, Inbox
from .clock import now
from .errors import InputError
from .ring import Ring
from .synth import BuiltInSynth, Synthesizer

BLOCK = 64  # frames that are synthesized at a time
GRID = 16  # frames: events are placed on multiples of it, a third of a millisecond
CAPACITY = 1 << 15  # frames of the ring
FIRST_FILL = 1 << 12  # frames of silence before the device starts: nobody knows yet how much it takes at a time
LATENCY = 0.02  # seconds by which the synthesizer runs ahead
POLL_SECONDS = 0.001
CHECK_SECONDS = 0.5
MOST_PENDING = 4096  # events that wait for their frame
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
SILENCERS = (120, 123)  # controllers: all sound off, all notes off
BUILT_IN = "built-in"  # in the place of a soundfont


class Sound:
    """An instrument that is heard. Use it as a MIDI output (`send`) or by its methods, from any thread.

    Args:
        device: a part of the name of a sound device or host API (JACK, ALSA …); None: JACK where its server runs, else
            the system's default.
        soundfont: a file for FluidSynth; None: one that the system has, where FluidSynth is installed, else the
            built-in synthesizer; "built-in": that in any case.
        program: General MIDI program.
        block: frames a callback of the device; 0 leaves it to the device.
        latency: seconds by which the synthesizer runs ahead; less is sooner heard, more is safer.
        warn: called with one line, from a thread, when a device goes away or comes back; None: they are dropped.

    Attributes:
        name: of device and synthesizer, for people.
        sample_rate: frames a second.

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
    ) -> None:
        if not 0.001 <= latency <= 0.5:
            raise InputError(f"expected a latency of 0.001 to 0.5 seconds, found {latency:g}")
        if not 0 <= block <= 8192:
            raise InputError(f"expected blocks of 0 (the device's own) to 8192 frames, found {block}")
        self._warn = warn or (lambda line: None)
        self._ring = Ring(CAPACITY)
        self._lock, self._is_open = threading.Lock(), True
        self._program = min(max(program, 0), 127)
        self._soundfont = None if soundfont is None else os.fspath(soundfont)
        self._latency = latency
        self._device_options = {"wanted": device, "block": block}
        self._synth: Child | None = None
        self._closing, self._keeper = threading.Event(), None
        self._device = Child("device", self._ring, self._device_options | {"sample_rate": None})
        try:
            told = self._device.first_words()
            self.sample_rate = told["sample_rate"]
            self.name = f"{told['name']}, {self._start_synth()}"
        except BaseException:
            self.close()
            raise
        self._keeper = threading.Thread(target=self._keep, name="latentmix sound", daemon=True)
        self._keeper.start()

    def __enter__(self) -> Sound:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def underruns(self) -> int:
        """How often the sound broke off: for want of frames, or because the device was not given them in time."""
        return self._ring.underruns + self._ring.reported

    @property
    def is_heard(self) -> bool:
        """Whether the device is there."""
        return self._ring.is_heard

    def send(self, message: Any) -> None:
        """A mido message, as to a port: notes, program, all notes off; others say nothing to it."""
        data = message.bytes()
        if message.type in ("note_on", "note_off", "program_change", "control_change"):
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
        self._write(CONTROL, SILENCERS[0], 0)

    def close(self) -> None:
        """Fade, and let go of device and processes; a second time does nothing."""
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
        self._closing.set()
        if self._keeper is not None:
            self._keeper.join()
        if self._synth is not None:
            self._synth.end()  # it fades before it ends
        self._device.end()
        self._ring.close()

    def _write(self, kind: int, first: int, second: int) -> None:
        if not (0 <= first <= 127 and 0 <= second <= 127):
            raise ValueError(f"expected MIDI bytes 0..127, found {first} and {second}")
        if kind == PROGRAM:
            self._program = first
        with self._lock:
            if self._is_open and self._synth is not None:  # None: it died, `_keep` starts another
                self._synth.send(EVENT.pack(now(), kind, first, second))

    def _start_synth(self) -> str:
        options = {"sample_rate": self.sample_rate, "latency": self._latency}
        synth = Child("synth", self._ring, options | {"soundfont": self._soundfont, "program": self._program})
        try:
            name = synth.first_words()["name"]
        except BaseException:
            synth.end()
            raise
        with self._lock:
            self._synth = synth
        return name

    def _keep(self) -> None:
        """Pass on what the device says; start a process again that died."""
        told_away = False
        while not self._closing.wait(CHECK_SECONDS):
            for told in self._device.news():
                told_away = "went away" in told.get("warning", "")
                if told.get("is_there"):
                    self._warn(f"{told['name']}: the sound device is back")
                elif "warning" in told:
                    self._warn(told["warning"])
            if not self._device.is_alive:
                if not told_away:  # some libraries end the process when a device goes away
                    self._warn("the sound device went away; playing on, it is opened again when it comes back")
                told_away = True
                self._ring.is_heard = False
                self._device.end()
                options = self._device_options | {"sample_rate": self.sample_rate}
                self._device = Child("device", self._ring, options)
            synth = self._synth
            if synth is not None and not synth.is_alive:
                self._warn("the synthesizer stopped; the built-in one goes on")
                with self._lock:
                    self._soundfont, self._synth = BUILT_IN, None
                synth.end()
                with contextlib.suppress(InputError, OSError):
                    self._start_synth()


def open_sound(**options: Any) -> Sound:
    """A `Sound` with these options of its."""
    return Sound(**options)


def make_synth(sample_rate: int, soundfont: str | None, program: int) -> tuple[Synthesizer, str]:
    """A synthesizer and its name: FluidSynth with this soundfont or one that the system has, or the built-in one.

    Raises:
        InputError: a soundfont that was asked for cannot be used.
    """
    from .fluidsynth import FluidSynth, find_soundfont, load_library

    if soundfont is None and load_library() is not None:
        found = find_soundfont()
        with contextlib.suppress(InputError):  # one that nobody asked for
            if found is not None:
                return FluidSynth(sample_rate, found, program), f"FluidSynth with {found.name}"
    if soundfont in (None, BUILT_IN):
        return BuiltInSynth(sample_rate, program), "built-in synthesizer"
    return FluidSynth(sample_rate, soundfont, program), f"FluidSynth with {os.path.basename(soundfont)}"


class Scheduler:
    """Places events in the stream by their times and has it synthesized, block by block.

    Args:
        synth: makes the sound.
        ring: takes it; its reader says when frame 0 was played.
        ahead: frames to keep in the ring.
    """

    def __init__(self, synth: Synthesizer, ring: Ring, sample_rate: int, ahead: int) -> None:
        self._synth, self._ring, self._rate, self._ahead = synth, ring, sample_rate, ahead
        self._pending: list[tuple[int, int, int, int, int]] = []  # frame, order, bytes
        self._order = 0

    def add(self, time: float, kind: int, first: int, second: int) -> None:
        """An event sent at a time, in seconds of `clock.now`."""
        if len(self._pending) >= MOST_PENDING:
            self._apply(kind, first, second)  # nobody hears the order any more, but no note off may be lost
            return
        self._pending.append((self._frame(time), self._order, kind, first, second))
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

    def _apply(self, kind: int, first: int, second: int) -> None:
        if kind == NOTE_ON and second:
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
) -> None:
    """What the synthesizer's process does, until the parent wants no more; then it fades.

    Raises:
        InputError: a soundfont that cannot be used.
    """
    synth, name = make_synth(sample_rate, soundfont, program)
    scheduler = Scheduler(synth, ring, sample_rate, max(BLOCK, round(latency * sample_rate)))
    scheduler.fill()
    tell(name=name)
    while True:
        try:
            event = inbox.get(POLL_SECONDS)
        except queue.Empty:
            scheduler.fill()
            continue
        if event is None:
            break
        scheduler.add(*event)
        scheduler.fill()
    synth.panic()
    end = now() + 2 * latency + 0.05  # until what fades has been heard
    while now() < end:
        scheduler.fill()
        time.sleep(POLL_SECONDS)
    synth.close()
