"""Which sound device is meant, and how it is opened: sounddevice, which is PortAudio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from latentmix.errors import InputError

from .ring_buffer import CHANNELS

RATES = (8000, 192000)


@dataclass(frozen=True)
class Listening:
    """Where live inputs come from.

    Attributes:
        wanted: a part of the name of a device that has inputs; None: JACK where its server runs, else the default.
        channels: of the device, from 0, one for each input.
    """

    wanted: str | None
    channels: tuple[int, ...]


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


# Opens a stream: (sample rate wanted or None, callback(out (n, channels), frames, time, status)) -> Opened; the
# callback of one with inputs has what came in, (n, channels), before the others
Open = Callable[[int | None, Callable[..., None]], Opened]


def sounddevice_opener(
    wanted: str | None, block: int, latency: float | str, listening: Listening | None = None
) -> Open:
    """Opens a device by sounddevice.

    Args:
        wanted: a part of the name of a device or of a host API (JACK, ALSA …); None: JACK where its server runs, else
            what the system has as default.
        block: frames a callback; 0 leaves it to the device.
        latency: of the device, in seconds, or "low" or "high".
        listening: opens it for both ways; the input is of the same host API then.
    """
    state = {"is_first": True}

    def open_stream(sample_rate: int | None, callback: Callable[..., None]) -> Opened:
        sd = load_sounddevice()
        if not state["is_first"]:  # PortAudio knows only the devices that were there when it was initialized
            sd._terminate()
            sd._initialize()
        state["is_first"] = False
        devices, apis = list(sd.query_devices()), list(sd.query_hostapis())
        index = choose_device(devices, apis, sd.default.device[1], wanted)
        info = devices[index]
        rate = sample_rate or int(info["default_samplerate"])
        rate = rate if RATES[0] <= rate <= RATES[1] else 48000
        channels = min(CHANNELS, info["max_output_channels"])
        asked = {"samplerate": rate, "blocksize": block, "dtype": "float32", "latency": latency, "callback": callback}
        try:
            if listening is None:
                stream = sd.OutputStream(device=index, channels=channels, **asked)
            else:
                source = choose_input(devices, apis, sd.default.device[0], listening, info["hostapi"])
                both = max(listening.channels) + 1, channels
                stream = sd.Stream(device=(source, index), channels=both, **asked)
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
    found = _of_that_name(outputs, devices, apis, default, wanted, "default_output_device")
    if not found:
        what = f"a sound device {wanted!r}" if wanted else "a sound device"
        there = _listed(outputs, devices, apis)
        raise InputError(
            f"expected {what}, found {there}; start JACK, or do without one: notes go to a MIDI port where --audio and "
            "--sound are left out, sounds into a file by --render"
        )
    return found[0]


def choose_input(
    devices: list[dict[str, Any]], apis: list[dict[str, Any]], default: int, listening: Listening, api: int
) -> int:
    """The index of the input that somebody means, as `choose_device`; of one host API, since a stream has but one.

    Raises:
        InputError: there is none of that name with so many channels.
    """
    least = max(listening.channels) + 1
    inputs = [at for at, each in enumerate(devices) if each["max_input_channels"] >= least and each["hostapi"] == api]
    found = _of_that_name(inputs, devices, apis, default, listening.wanted, "default_input_device")
    if not found:
        raise InputError(
            f"in:{listening.wanted or ''}: expected a sound input with {least} channel{'s' * (least > 1)}, "
            f"found {_listed(inputs, devices, apis)}"
        )
    return found[0]


def _listed(places: list[int], devices: list[dict[str, Any]], apis: list[dict[str, Any]]) -> str:
    return "; ".join(f"{devices[at]['name']} ({apis[devices[at]['hostapi']]['name']})" for at in places) or "none"


def _of_that_name(
    places: list[int],
    devices: list[dict[str, Any]],
    apis: list[dict[str, Any]],
    default: int,
    wanted: str | None,
    default_of: str,
) -> list[int]:
    """Those of these places that are meant, the best first."""
    if wanted is None:
        defaults = [api[default_of] for api in apis if "JACK" in api["name"]] + [default, *places[:1]]
        return [at for at in defaults if at in places]
    found = [at for at in places if devices[at]["name"].lower() == wanted.lower()]
    found += [at for at in places if wanted.lower() in devices[at]["name"].lower()]
    for api in apis:
        if api["name"].lower().startswith(wanted.lower()):
            inside = [at for at in places if apis[devices[at]["hostapi"]] is api]
            found += [at for at in (api[default_of], *inside) if at in places]
    return found
