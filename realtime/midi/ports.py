"""MIDI ports by mido: rtmidi's (ALSA, JACK, CoreMIDI, WinMM) and TCP sockets; in-memory ones beside them.

A port that goes away is a warning, and it is bound again when it comes back (`check`, called now and then from a thread
that may wait). Messages that arrive are stamped at once, for rtmidi's own time stamps get lost on the way.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import mido

from latentmix.errors import InputError

from ..music.clock import now
from .apis import working_api
from .hanging_notes import HangingNotes
from .port_names import WINDOWS, count_of_name, doubt_about, find_port, stable_name, without_socket
from .sockets import SocketIn, SocketOut, parse_address

CLIENT = "latentmix"
OUT_NAME, IN_NAME = "latentmix out", "latentmix in"

APPEARS_WITHIN, LOOK_AGAIN = 1.0, 0.1  # seconds that a port may take to appear, and between two looks for it

Receiver = Callable[[float, mido.Message], None]
Warn = Callable[[str], None]


@dataclass(frozen=True)
class MidiOut:
    """An output as somebody asks for it.

    Attributes:
        name: of a port that is there, or a part of it that no other has; tcp:HOST:PORT; None is the only one there is.
        virtual: make a port of this name (`OUT_NAME` if None) for others to connect to.
        api: one of `APIS`; None is the first that works.
    """

    name: str | None = None
    virtual: bool = False
    api: str | None = None


@dataclass(frozen=True)
class MidiIn:
    """An input as somebody asks for it; attributes as of `MidiOut`, where tcp:HOST:PORT is listened on."""

    name: str | None = None
    virtual: bool = False
    api: str | None = None


@dataclass
class MemoryOut:
    """An output that keeps what is sent: for tests and for rendering."""

    name: str = "memory"
    sent: list[mido.Message] = field(default_factory=list)

    def send(self, message: mido.Message) -> None:
        self.sent.append(message)

    def check(self) -> None:
        """Always there."""

    def close(self) -> None:
        """Nothing to do."""


class RtPort:
    """A port of rtmidi that is bound again when it comes back: what inputs and outputs have in common.

    Attributes:
        name: of the port as it is found.
        is_lost: whether it, or the MIDI system, went away.
    """

    def __init__(self, spec: MidiOut | MidiIn, api: str, warn: Warn) -> None:
        self._spec, self._api, self._warn = spec, api, warn
        self._backend = mido.Backend(f"mido.backends.rtmidi/{api}")
        self._others: set[str] = set()  # ports that were there beside ours: it comes back as none of them
        self._alike = 1  # ports that bear our name, ours among them
        self._ambiguous: set[str] = set()  # what was said of ports that may be ours
        self.name, self._port = self._open_at_once_or_soon(spec)
        self.is_lost = False

    @property
    def api(self) -> str:
        """The MIDI system it is a port of."""
        return self._api

    def check(self) -> None:
        """Look whether the port is still there, and bind it again if it is back. It may take its time."""
        if self._spec.virtual:
            return
        seen: list[str] = []
        with contextlib.suppress(OSError):
            seen = self._port._rt.get_ports()  # mido would make two new clients to look, which JACK can hear
        if not self.is_lost:
            self._look_at_names(seen)
        if self.name not in seen and not self.is_lost:
            self.is_lost = True
            self._warn(f"{self.name}: the MIDI port went away; playing on, it is bound again when it comes back")
        if not self.is_lost:
            self._others = set(seen)
        elif (found := self._returned(seen)) is not None:
            with contextlib.suppress(OSError, InputError):
                before, (self.name, self._port) = self._port, self._open(replace(self._spec, name=found), is_found=True)
                self._came_back()
                self.is_lost = False
                self._warn(f"{self.name}: the MIDI port is back")
                before.close()

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(OSError):
            self._port.close()

    def _look_at_names(self, seen: Sequence[str]) -> None:
        """Windows numbers ports by their place in the list: those after one that goes away get another name. Of several
        that bear the same, nobody can tell which went."""
        count = count_of_name(self.name, seen, self._api)
        if self._api == WINDOWS and count == self._alike == 1:
            self.name = next(each for each in seen if stable_name(each, self._api) == stable_name(self.name, self._api))
        if 0 < count < self._alike:
            self._warn(
                f"{self.name}: one of {self._alike} MIDI ports of this name went away; it may be the one bound here"
            )
        self._alike = count or self._alike

    def _returned(self, seen: Sequence[str]) -> str | None:
        """The name under which the port is back: its own, or one that differs in the system's numbers alone."""
        if self.name in seen:
            return self.name
        found = set[str]()
        for kept in (stable_name, without_socket):
            found = found or {n for n in seen if kept(n, self._api) == kept(self.name, self._api)} - self._others
        if len(found) > 1 and found != self._ambiguous:
            self._ambiguous = found
            self._warn(f"{self.name}: {' and '.join(sorted(found))} may be it; none is bound while both are there")
        return found.pop() if len(found) == 1 else None

    def _came_back(self) -> None:
        """The port is bound again, and nothing has been sent to it yet."""

    def _open_at_once_or_soon(self, spec: Any) -> tuple[str, Any]:
        """Open it; a port that was made a moment ago is not in JACK's list yet, so look again for a second."""
        end = now() + APPEARS_WITHIN
        while True:
            try:
                return self._open(spec)
            except InputError:
                if now() > end:
                    raise
                time.sleep(LOOK_AGAIN)

    def _find(self, wanted: str | None, names: list[str], kind: str, is_found: bool) -> str:
        """The port's whole name; with `is_found` that is what is wanted."""
        found = wanted if is_found and wanted is not None else find_port(wanted, names, kind, self._api)
        self._others = self._others or set(names)
        self._alike = count_of_name(found, names, self._api)
        if line := doubt_about(found, names, kind, self._api):
            self._warn(line)
        return found

    def _open(self, spec: Any, is_found: bool = False) -> tuple[str, Any]:
        raise NotImplementedError


class RtOut(RtPort):
    """An output of rtmidi; notes that ended while it was away end when it is back."""

    def __init__(self, spec: MidiOut, api: str, warn: Warn) -> None:
        self._held, self._lock = HangingNotes(), threading.Lock()
        super().__init__(spec, api, warn)

    def send(self, message: mido.Message) -> None:
        """Send it now; on a port that went away it is lost."""
        with self._lock:
            self._held.sent(message)
            self._port.send(message)

    def _came_back(self) -> None:
        with self._lock:
            for message in self._held.over():
                self._port.send(message)

    def _open(self, spec: MidiOut, is_found: bool = False) -> tuple[str, Any]:
        if spec.virtual:
            name = spec.name or OUT_NAME
            return name, self._backend.open_output(name, virtual=True, client_name=CLIENT)
        name = self._find(spec.name, self._backend.get_output_names(), "output", is_found)
        return name, self._backend.open_output(name)


class RtIn(RtPort):
    """An input of rtmidi; messages go to a receiver, with the time at which they arrived, in a thread of rtmidi."""

    def __init__(self, spec: MidiIn, api: str, warn: Warn, receiver: Receiver) -> None:
        self._receiver = receiver
        super().__init__(spec, api, warn)

    def _open(self, spec: MidiIn, is_found: bool = False) -> tuple[str, Any]:
        if spec.virtual:
            name = spec.name or IN_NAME
            return name, self._backend.open_input(name, virtual=True, client_name=CLIENT, callback=self._arrived)
        name = self._find(spec.name, self._backend.get_input_names(), "input", is_found)
        return name, self._backend.open_input(name, callback=self._arrived)

    def _arrived(self, message: mido.Message) -> None:
        self._receiver(now(), message)


def open_output(spec: MidiOut, warn: Warn) -> RtOut | SocketOut:
    """Open an output.

    Raises:
        InputError: no such port, several that match, no MIDI system, an address where nobody listens.
    """
    address = parse_address(spec.name)
    if address is not None:
        return SocketOut(address, warn)
    check_virtual(spec)
    with _one_line(spec):
        return RtOut(spec, working_api(spec.api), warn)


def open_input(spec: MidiIn, receiver: Receiver, warn: Warn) -> RtIn | SocketIn:
    """Open an input; the receiver is called in another thread.

    Raises:
        InputError: as `open_output`.
    """
    address = parse_address(spec.name)
    if address is not None:
        return SocketIn(address, receiver, warn)
    check_virtual(spec)
    with _one_line(spec):
        return RtIn(spec, working_api(spec.api), warn, receiver)


def check_virtual(spec: MidiOut | MidiIn) -> None:
    """See to it that a virtual port can be made.

    Raises:
        InputError: one is wanted, on Windows.
    """
    if spec.virtual and sys.platform == "win32":
        raise InputError(
            "expected a system with virtual MIDI ports, found Windows; install a loopback driver such as loopMIDI and "
            "name its ports by --in and --out, or use --audio"
        )


@contextlib.contextmanager
def _one_line(spec: MidiOut | MidiIn) -> Any:
    try:
        yield
    except OSError as error:
        raise InputError(f"{spec.name or 'MIDI port'}: cannot open the port: {' '.join(str(error).split())}") from None
