"""The process that holds the sound device: its callback moves samples from the ring, and that is all it does.

Nothing else runs in this interpreter, so that nothing holds it when the device asks. A device that goes away is looked
for every second; meanwhile the ring is emptied at the pace of the clock, so that the music goes on unheard.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from latentmix.errors import InputError

from ..music.clock import now
from .child_process import Inbox, serve
from .ring_buffer import CHANNELS, Ring

LOOK_SECONDS = 1.0  # between two looks for a device that went away
SILENT_SECONDS = 2.0  # without a callback: it went away and did not say so
CHECK_SECONDS = 0.25  # between two looks whether it is still there
SKIP_SECONDS = 0.005  # between two steps through the ring while there is no device
RATES = (8000, 192000)
FILL_SECONDS = 10.0  # that the synthesizer may take until the first frames are there


class Stream(Protocol):
    """What is asked of a stream of sounddevice."""

    active: bool

    def start(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Opened:
    """A stream that is open, not started yet.

    Attributes:
        stream: of sounddevice.
        sample_rate: frames a second.
        name: of the device, for people.
    """

    stream: Stream
    sample_rate: int
    name: str


# Opens a stream: (sample rate wanted or None, callback(out (n, channels), frames, time, status)) -> Opened
Open = Callable[[int | None, Callable[..., None]], Opened]


class Device:
    """A device that plays a ring, as long as it is there.

    Args:
        ring: to be played.
        open_stream: opens the device.
        warn: called with a line when it goes away and comes back.
        sample_rate: that the ring has already; None: the device's.

    Raises:
        InputError: there is no device, and no sample rate is given with which to wait for one.
    """

    def __init__(
        self, ring: Ring, open_stream: Open, warn: Callable[[str], object], sample_rate: int | None = None
    ) -> None:
        self._ring, self._open, self._warn = ring, open_stream, warn
        self._called = self._looked = self._skipped = now()
        self._wide = np.zeros((0, CHANNELS), np.float32)
        self._opened: Opened | None = None
        self.sample_rate, self.name = sample_rate or 0, "sound"
        try:
            self._opened = open_stream(sample_rate, self._callback)
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
            self._opened = self._open(self.sample_rate, self._callback)
            self.start()
        except Exception:  # whatever it is, it is not there yet
            self.close()
        else:
            self._warn(f"{self._opened.name}: the sound device is back")

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


def sounddevice_opener(wanted: str | None, block: int, latency: float | str) -> Open:
    """Opens a device by sounddevice.

    Args:
        wanted: a part of the name of a device or of a host API (JACK, ALSA …); None: JACK where its server runs, else
            what the system has as default.
        block: frames a callback; 0 leaves it to the device.
        latency: of the device, in seconds, or "low" or "high".
    """
    state = {"is_first": True}

    def open_stream(sample_rate: int | None, callback: Callable[..., None]) -> Opened:
        sd = load_sounddevice()
        if not state["is_first"]:  # PortAudio knows only the devices that were there when it was initialized
            sd._terminate()
            sd._initialize()
        state["is_first"] = False
        index = choose_device(list(sd.query_devices()), list(sd.query_hostapis()), sd.default.device[1], wanted)
        info = sd.query_devices(index)
        rate = sample_rate or int(info["default_samplerate"])
        rate = rate if RATES[0] <= rate <= RATES[1] else 48000
        channels = min(CHANNELS, info["max_output_channels"])
        try:
            stream = sd.OutputStream(
                samplerate=rate,
                blocksize=block,
                device=index,
                channels=channels,
                dtype="float32",
                latency=latency,
                callback=callback,
            )
        except (sd.PortAudioError, ValueError) as error:
            raise InputError(f"{info['name']}: cannot open the sound device: {' '.join(str(error).split())}") from None
        return Opened(stream, rate, info["name"])

    return open_stream


def load_sounddevice() -> Any:
    """The module sounddevice.

    Raises:
        InputError: it or PortAudio is not installed.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise InputError(
            f"expected PortAudio for sound, found none ({error}); install it (Debian: apt install libportaudio2), or "
            "send the notes to a MIDI port"
        ) from None
    return sounddevice


def choose_device(devices: list[dict[str, Any]], apis: list[dict[str, Any]], default: int, wanted: str | None) -> int:
    """The index of the output that somebody means.

    Args:
        devices, apis: as sounddevice lists them.
        default: index of the system's default, -1 for none.
        wanted: see `sounddevice_opener`.

    Raises:
        InputError: there is none, or none of that name.
    """
    outputs = [at for at, device in enumerate(devices) if device["max_output_channels"] > 0]
    there = "; ".join(f"{devices[at]['name']} ({apis[devices[at]['hostapi']]['name']})" for at in outputs) or "none"
    if wanted is None:
        defaults = [api["default_output_device"] for api in apis if "JACK" in api["name"]] + [default, *outputs[:1]]
        found = [at for at in defaults if at in outputs]
    else:
        found = [at for at in outputs if devices[at]["name"].lower() == wanted.lower()]
        found += [at for at in outputs if wanted.lower() in devices[at]["name"].lower()]
        for api in apis:
            if api["name"].lower().startswith(wanted.lower()):
                inside = [at for at in outputs if apis[devices[at]["hostapi"]] is api]
                found += [at for at in (api["default_output_device"], *inside) if at in outputs]
    if not found:
        what = f"a sound device {wanted!r}" if wanted else "a sound device"
        raise InputError(f"expected {what}, found {there}; start JACK, or leave --audio out and use a MIDI port")
    return found[0]


def run_device(
    ring: Ring, inbox: Inbox, tell: Callable[..., None], wanted: str | None, block: int, sample_rate: int | None
) -> None:
    """What the process does: open the device, say so, play until the parent wants no more.

    With a sample rate it takes the place of one that died: it waits for the device if that is not there.

    Raises:
        InputError: no PortAudio, no device.
    """
    load_sounddevice()
    gc.freeze()
    opener = sounddevice_opener(wanted, block, "low")
    device = Device(ring, opener, lambda line: tell(warning=line), sample_rate)
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
