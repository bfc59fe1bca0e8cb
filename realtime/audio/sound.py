"""Sound without a DAW: notes in, a sound device out.

    send(), note_on() … --pipe--> process of the synthesizer --ring--> process of the sound device

The synthesizer runs ahead of the device by a fixed time, and each note is placed in the stream by the time at which it
was sent, so that notes are as far apart in the sound as they were when sent, whatever the processes do in between.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from latentmix.errors import InputError

from ..midi.panic import ALL_SOUND_OFF
from ..music.clock import now
from .child_process import EVENT, ChildProcess
from .ring_buffer import Ring

CAPACITY = 1 << 15  # frames of the ring
LATENCY = 0.02  # seconds by which the synthesizer runs ahead
CHECK_SECONDS = 0.5
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
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
        self._synth: ChildProcess | None = None
        self._closing, self._keeper = threading.Event(), None
        self._device = ChildProcess("device", self._ring)
        synth = ChildProcess("synthesis", self._ring)  # it imports what it needs while the device is opened
        try:
            told = self._device.begin(self._device_options | {"sample_rate": None})
            self.sample_rate = told["sample_rate"]
            self.name = f"{told['name']}, {self._begin_synth(synth)}"
        except BaseException:
            synth.end()
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
        self._write(CONTROL, ALL_SOUND_OFF, 0)

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

    def _begin_synth(self, synth: ChildProcess) -> str:
        """Let a synthesizer play; its name."""
        options = {"sample_rate": self.sample_rate, "latency": self._latency}
        told = synth.begin(options | {"soundfont": self._soundfont, "program": self._program})
        with self._lock:
            self._synth = synth
        return told["name"]

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
                self._device = ChildProcess("device", self._ring)
                self._device.prepare(options)
            synth = self._synth
            if synth is not None and not synth.is_alive:
                self._warn("the synthesizer stopped; the built-in one goes on")
                with self._lock:
                    self._soundfont, self._synth = BUILT_IN, None
                synth.end()
                another = ChildProcess("synthesis", self._ring)
                try:
                    self._begin_synth(another)
                except InputError as error:
                    another.end()
                    self._warn(str(error))
