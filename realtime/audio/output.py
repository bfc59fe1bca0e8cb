"""What is heard: a process that makes sound, a ring, a process that holds the device; each started again if it dies.

what is sent --pipe--> process that makes sound --ring--> process of the sound device
                              ^------------ring of inputs------------'
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from latentmix.errors import InputError

from ..music.clock import now
from .child_process import EVENT, ChildProcess
from .ring_buffer import Ring, make_bell
from .tap import Tap

CAPACITY = 1 << 15  # frames of a ring
CHECK_SECONDS = 0.5
MOVE = 0x00  # in the place of a MIDI status: a parameter is moved, by its number, to the value
Output = TypeVar("Output", bound="SoundOutput")


class SoundOutput:
    """Base of what is heard; its methods may be called from any thread.

    Args:
        maker: the module of this package whose process makes the sound.
        device: a part of the name of a sound device or host API (JACK, ALSA …); None: JACK where its server runs, else
            the system's default.
        block: frames a callback of the device; 0 leaves it to the device.
        latency: seconds by which the maker runs ahead; less is sooner heard, more is safer.
        warn: called with one line, from a thread, when a device goes away or comes back; None: they are dropped.
        listening: fields of `finding.Listening`, of what comes in; None where nothing does.

    Attributes:
        name: of device and maker, for people.
        sample_rate: frames a second.
        problem: why nothing is made any more, a line for people; None while something is.

    Raises:
        InputError: no PortAudio, no device, what the maker cannot use.
    """

    def __init__(
        self,
        maker: str,
        device: str | None,
        block: int,
        latency: float,
        warn: Callable[[str], object] | None,
        listening: Mapping[str, Any] | None = None,
    ) -> None:
        if not 0.001 <= latency <= 0.5:
            raise InputError(f"expected a latency of 0.001 to 0.5 seconds, found {latency:g}")
        if not 0 <= block <= 8192:
            raise InputError(f"expected blocks of 0 (the device's own) to 8192 frames, found {block}")
        self._warn, self._latency, self._kind = warn or (lambda line: None), latency, maker
        self._ring = Ring(CAPACITY)
        self._inputs = None
        if listening is not None:
            self._inputs = Ring(CAPACITY, channels=len(listening["channels"]), bell=make_bell())
        self._lock, self._is_open = threading.Lock(), True
        self.problem: str | None = None
        self._device_options: dict[str, Any] = {"wanted": device, "block": block}
        self._device_options |= {} if listening is None else {"listening": dict(listening)}
        self._synth: ChildProcess | None = None
        self._closing, self._keeper = threading.Event(), None
        self._device = ChildProcess("device", self._ring, self._inputs)
        synth = ChildProcess(maker, self._ring, self._inputs)  # it imports what it needs while the device is opened
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

    def __enter__(self: Output) -> Output:
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

    def tap(self) -> Tap:
        """What is heard from now on, for one who listens."""
        return Tap(self._ring)

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
        if self._inputs is not None:
            self._inputs.close()

    # What a subclass says.

    def _maker_options(self) -> dict[str, Any]:
        """What the maker is to be told, beside the sample rate and the latency."""
        raise NotImplementedError

    def _after_death(self) -> str:
        """The maker died: see to it that another can take its place, and say so in a line."""
        raise NotImplementedError

    def _begun(self) -> None:
        """There is a maker, to whom nothing was sent yet."""

    # Inside.

    def _write(self, kind: int, first: int, second: int, value: float = 0.0) -> None:
        with self._lock:
            if self._is_open and self._synth is not None:  # None: it died, `_keep` starts another
                self._synth.send(EVENT.pack(now(), kind, first, second, value))

    def _begin_synth(self, synth: ChildProcess) -> str:
        """Let a maker play; its name."""
        options = {"sample_rate": self.sample_rate, "latency": self._latency}
        told = synth.begin(options | self._maker_options(), self._warn)
        with self._lock:
            self._synth = synth
        self._begun()
        return told["name"]

    def _keep(self) -> None:
        """Pass on what the processes say; start one again that died."""
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
                self._device = ChildProcess("device", self._ring, self._inputs)
                self._device.prepare(options)
            self._keep_synth()

    def _keep_synth(self) -> None:
        synth = self._synth
        if synth is None:
            return
        for told in synth.news():
            self._warn(told.get("warning") or told.get("error", ""))
        if not synth.is_alive:
            self._warn(self._after_death())
            with self._lock:
                self._synth = None
            synth.end()
            another = ChildProcess(self._kind, self._ring, self._inputs)
            try:
                self._begin_synth(another)
            except InputError as error:
                another.end()
                self.problem = str(error)
                self._warn(self.problem)
