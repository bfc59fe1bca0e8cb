"""The process that holds the sound device: its callback moves samples from the ring, and that is all it does.

Nothing else runs in this interpreter, so that nothing holds it when the device asks. A device that goes away is looked
for every second; meanwhile the ring is emptied at the pace of the clock, so that the music goes on unheard.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from latentmix.errors import InputError

from ..music.clock import now
from .child_process import Inbox, serve
from .finding import Listening, Open, Opened, Stream, load_sounddevice, sounddevice_opener
from .ring_buffer import CHANNELS, Ring

LOOK_SECONDS = 1.0  # between two looks for a device that went away
SILENT_SECONDS = 2.0  # without a callback: it went away and did not say so
CHECK_SECONDS = 0.25  # between two looks whether it is still there
SKIP_SECONDS = 0.005  # between two steps through the ring while there is no device
FILL_SECONDS = 10.0  # that the synthesizer may take until the first frames are there


class Device:
    """A device that plays a ring, as long as it is there.

    Args:
        ring: to be played.
        open_stream: opens the device.
        warn: called with a line when it goes away and comes back.
        sample_rate: that the ring has already; None: the device's.
        inputs: takes what comes in, of a device that `open_stream` opens for both ways; None for none.
        channels: of the device that go there.

    Raises:
        InputError: there is no device, and no sample rate is given with which to wait for one.
    """

    def __init__(
        self,
        ring: Ring,
        open_stream: Open,
        warn: Callable[[str], object],
        sample_rate: int | None = None,
        inputs: Ring | None = None,
        channels: Sequence[int] = (),
    ) -> None:
        self._ring, self._open, self._warn = ring, open_stream, warn
        self._inputs, self._channels = inputs, list(channels)
        self._calls = self._callback if inputs is None else self._both_ways
        self._called = self._looked = self._skipped = now()
        self._wide = np.zeros((0, CHANNELS), np.float32)
        self._opened: Opened | None = None
        self.sample_rate, self.name = sample_rate or 0, "sound"
        try:
            self._opened = open_stream(sample_rate, self._calls)
            self.sample_rate, self.name = self._opened.sample_rate, self._opened.name
        except InputError:
            if sample_rate is None:
                raise

    @property
    def is_there(self) -> bool:
        """Whether it is open."""
        return self._opened is not None

    def start(self) -> None:
        """Be heard."""
        if self._opened is None:
            return
        self._called = now()
        self._opened.stream.start()
        self._ring.is_heard = True

    def check(self, time: float) -> bool:
        """Look whether the device is there, and for it if it is not; otherwise read in its place. Whether it is."""
        if self._opened is not None:
            if _is_active(self._opened.stream) and time - self._called < SILENT_SECONDS:
                return True
            self._lose(time)
        frames = int((time - self._skipped) * self.sample_rate)
        self._ring.skip(frames, time, self.sample_rate)
        if self._inputs is not None:  # silence comes in
            self._inputs.offer(np.zeros((self._inputs.channels, frames), np.float32))
            self._inputs.ring()
        self._skipped += frames / self.sample_rate
        if time - self._looked >= LOOK_SECONDS:
            self._looked = time
            self._find()
        return self._opened is not None

    def close(self) -> None:
        """Let go of the device."""
        if self._opened is not None:
            _close(self._opened.stream)
        self._opened = None

    def _lose(self, time: float) -> None:
        self._ring.is_heard = False
        self.close()
        self._looked = self._skipped = time
        self._warn(f"{self.name}: the sound device went away; playing on, it is opened again when it comes back")

    def _find(self) -> None:
        try:
            self._opened = self._open(self.sample_rate, self._calls)
            self.start()
        except Exception:  # whatever it is, it is not there yet
            self.close()
        else:
            self._warn(f"{self._opened.name}: the sound device is back")

    def _both_ways(self, heard: np.ndarray, out: np.ndarray, frames: int, time: Any, status: Any) -> None:
        assert self._inputs is not None
        self._inputs.offer(heard[:, self._channels].T)
        self._callback(out, frames, time, status)
        self._inputs.ring()  # at last: who is woken may take the processor

    def _callback(self, out: np.ndarray, frames: int, _: Any, status: Any) -> None:
        time = now()
        self._called = time
        if status and getattr(status, "output_underflow", False):
            self._ring.count_reported()
        if out.shape[1] == CHANNELS:
            self._ring.read_into(out, time, self.sample_rate)
            return
        if len(self._wide) != frames:
            self._wide = np.zeros((frames, CHANNELS), np.float32)
        self._ring.read_into(self._wide, time, self.sample_rate)
        out[:] = self._wide.mean(axis=1, keepdims=True)


def run_device(
    ring: Ring,
    inbox: Inbox,
    tell: Callable[..., None],
    wanted: str | None,
    block: int,
    sample_rate: int | None,
    listening: Mapping[str, Any] | None = None,
    inputs: Ring | None = None,
) -> None:
    """What the process does: open the device, say so, play until the parent wants no more.

    With a sample rate it takes the place of one that died: it waits for the device if that is not there.

    Raises:
        InputError: no PortAudio, no device.
    """
    load_sounddevice()
    gc.freeze()
    heard = None if listening is None else Listening(listening["wanted"], tuple(listening["channels"]))
    opener = sounddevice_opener(wanted, block, "low", heard)
    channels = heard.channels if heard else ()
    device = Device(ring, opener, lambda line: tell(warning=line), sample_rate, inputs, channels)
    tell(sample_rate=device.sample_rate, name=device.name, is_there=device.is_there)
    end = now() + FILL_SECONDS
    while not ring.filled and now() < end and not inbox.is_closed(0.002):
        pass
    try:
        with contextlib.suppress(Exception):  # `check` will see that it does not play
            device.start()
        while not inbox.is_closed(CHECK_SECONDS if device.check(now()) else SKIP_SECONDS):
            pass
    finally:
        device.close()


def main() -> None:
    """What `child_process.ChildProcess("device", …)` starts."""
    serve(run_device, priority=3)  # below the callback, to which JACK gives 5 by default


def _is_active(stream: Stream) -> bool:
    try:
        return bool(stream.active)
    except Exception:  # PortAudio's own, when the device is gone
        return False


def _close(stream: Stream) -> None:
    """Close a stream, though its device may hang: then it is left to the end of the process."""
    closing = threading.Thread(target=_close_quietly, args=(stream,), daemon=True)
    closing.start()
    closing.join(2.0)


def _close_quietly(stream: Stream) -> None:
    with contextlib.suppress(Exception):
        stream.close()
