"""Sounds of a model, heard: recordings and live inputs mixed, or an instrument of them. No torch in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentmix.errors import InputError

from ..music.parameters import Value
from ..music.shares import resized
from ..music.sound_parameters import NUMBERS, SOUND_PARAMETERS, check_mode
from .output import MOVE, SoundOutput

LATENCY = 0.02  # seconds by which the model runs ahead of the device
LIVE_LATEST = 0.02  # seconds from when a frame came in until it has to be made, at most, once it was too late often
MPE = ((101, 0), (100, 6), (6, 15))  # control changes: all channels but the first are members of a zone
MESSAGES = ("note_on", "note_off", "control_change", "pitchwheel", "aftertouch", "polytouch")


@dataclass(frozen=True)
class InputPort:
    """A live input: a channel, from 0, of a device that a part of its name says; None is the usual one.

    >>> InputPort.parse("in:system:2"), InputPort.parse("in:"), InputPort.parse("a.wav")
    (InputPort(device='system', channel=1), InputPort(device=None, channel=0), None)
    """

    device: str | None
    channel: int

    @classmethod
    def parse(cls, text: str) -> InputPort | None:
        """Of `in:`, `in:NAME` or `in:NAME:CHANNEL`; None is no such thing, but a file.

        Raises:
            InputError: a channel that cannot be.
        """
        if not text.startswith("in:") or os.path.exists(text):
            return None
        name, colon, number = text[3:].rpartition(":")
        if not colon:
            return cls(number or None, 0)
        if not number.isdecimal():
            return cls(text[3:], 0)
        if not 1 <= int(number) <= 64:
            raise InputError(f"{text}: expected a channel 1 to 64, found {number}")
        return cls(name or None, int(number) - 1)


class LiveSound(SoundOutput):
    """Sounds that are heard. Its methods may be called from any thread; none waits for the model.

    Args:
        sources: 2 to 8 files of recordings or `in:NAME:CHANNEL`, live inputs; of an instrument recordings alone.
        model: its name or folder.
        voices: of an instrument that `send` plays; 0: what was given is mixed.
        mpe: the instrument is played by an MPE controller, which need not say so itself (`keyboard.Keyboard`).
        device, block, warn: as of `SoundOutput`.
        latency: likewise; None: `LATENCY`, with live inputs what the device's period leaves (`usual_lateness`), and
            after breaks more, up to `LIVE_LATEST`.
        settings: of parameters, to begin with.
        leaves_out: channels, from 0, that an instrument does not play.

    Raises:
        InputError: as of `SoundOutput`, a recording or model that cannot be used, inputs of two devices.
    """

    def __init__(
        self,
        sources: Sequence[str],
        model: str,
        voices: int = 0,
        device: str | None = None,
        block: int = 0,
        latency: float | None = None,
        warn: Callable[[str], object] | None = None,
        settings: Mapping[str, Value] | None = None,
        leaves_out: Sequence[int] = (),
        mpe: bool = False,
    ) -> None:
        self._leaves_out = leaves_out
        ports = [InputPort.parse(each) for each in sources]
        inputs = [each for each in ports if each is not None]
        if len({each.device for each in inputs}) > 1:
            names = ", ".join(sorted({str(each.device) for each in inputs}))
            raise InputError(f"expected live inputs of one device, found {names}; take channels of one, as in:NAME:2")
        if voices and inputs:
            raise InputError("expected recordings for an instrument, found a live input")
        self._is_mpe = mpe
        self._options = {"model": model, "voices": voices, "latest": LIVE_LATEST if latency is None else 0.0}
        self._options["files"] = [None if port else each for each, port in zip(sources, ports, strict=True)]
        self._options["names"] = [each for port, each in zip(ports, sources, strict=True) if port]
        self._inputs_given, self._recordings = len(inputs), len(ports) - len(inputs)
        self._values: dict[str, Value] = dict(settings or {})
        self.check(self._values)
        listening = {"wanted": inputs[0].device, "channels": [each.channel for each in inputs]} if inputs else None
        ahead = LATENCY if latency is None else latency
        super().__init__("model_synthesis", device, block, ahead, warn, listening)

    def check(self, values: Mapping[str, Value]) -> None:
        """See to it that what is to be moved can be.

        Raises:
            InputError: transfer without a live input or a recording.
        """
        check_mode(values, self._inputs_given, self._recordings)

    def move(self, values: Mapping[str, Value]) -> None:
        """Parameters of `SOUND_PARAMETERS`, checked; what is moved last counts."""
        for name, value in values.items():
            self._values.pop(name, None)  # so that what was moved last comes last
            self._values[name] = value
            self._tell(name, value)

    def set_shares(self, found: Sequence[float]) -> None:
        """What is heard of each of so many melodies: as much of the sounds."""
        shares = resized(np.array(found), self._recordings)
        self.move({f"weight.{number}": float(share) for number, share in enumerate(shares, 1)})

    def send(self, message: Any) -> None:
        """A mido message to the instrument: notes, bend, pressure, pedal; others say nothing to it."""
        if message.type in MESSAGES and message.channel not in self._leaves_out:
            data = message.bytes()
            self._write(data[0], data[1], data[2] if len(data) > 2 else 0)

    def _tell(self, name: str, value: Value) -> None:
        parameter = SOUND_PARAMETERS[name]
        number = parameter.choices.index(str(value)) if parameter.kind == "choice" else float(value)
        self._write(MOVE, NUMBERS.index(name), 0, number)

    def _maker_options(self) -> dict[str, Any]:
        return self._options

    def _begun(self) -> None:
        for number, byte in MPE if self._is_mpe else ():
            self._write(0xB0, number, byte)
        for name, value in list(self._values.items()):
            self._tell(name, value)

    def _after_death(self) -> str:
        return "the process of the model stopped; it is started again"
