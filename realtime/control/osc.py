"""OSC in and out: `/latentmix/position 0.5`, the names of the parameters as addresses, over UDP."""

from __future__ import annotations

import contextlib
import logging
import math
import select
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from latentmix.closing import Closing
from latentmix.errors import InputError

from ..midi.sockets import join_address
from ..music.parameters import PARAMETERS, Parameter, Value, find
from .osc_pattern import is_pattern, matches

LOOPBACKS = ("127.0.0.1", "::1")
PREFIX = "/latentmix/"
PAIR = "xy"  # the address that takes both at once
PORT = 9000
MAX_BYTES = 65507  # of a UDP packet
UPDATE_SECONDS = 0.02  # between two values of one parameter that are sent
POLL_SECONDS = 0.2


def address(name: str) -> str:
    """The OSC address of a parameter.

    >>> address("weight.1"), address("attribute.density")
    ('/latentmix/weight/1', '/latentmix/attribute/density')
    """
    return PREFIX + name.replace(".", "/")


def read_message(
    path: str, arguments: list[Any], parameters: Mapping[str, Parameter] = PARAMETERS
) -> list[tuple[str, Value]]:
    """What an OSC message sets.

    A parameter takes one number, true or false, or the name of a choice. A trigger also takes none at all; a number
    below 0.5 is its release and sets nothing. `/latentmix/xy` takes two numbers, x and y. A pattern of OSC 1.0
    (`osc_pattern`) sets all parameters whose addresses it fits.

    Raises:
        InputError: no such address, none that fits, another number or kind of arguments, NaN; one line.
    """
    if is_pattern(path):
        found = [name for name in parameters if matches(path, PREFIX + name if "." in path else address(name))]
        if len(arguments) == 2 and matches(path, PREFIX + PAIR):
            return read_message(PREFIX + PAIR, arguments, parameters)
        if not found:
            raise InputError(f"{_short(path)}: expected a pattern that fits an address such as {PREFIX}position")
        moves = [_set_by(path, arguments, parameters[name]) for name in found]
        return [move for move in moves if move is not None]
    if not path.startswith(PREFIX):
        raise InputError(f"{_short(path)}: expected an address that starts with {PREFIX}")
    name = path[len(PREFIX) :].replace("/", ".")
    if name == PAIR:
        if len(arguments) != 2:
            raise InputError(f"{path}: expected two numbers, found {len(arguments)} arguments")
        return [(each, _value(path, parameters[each], value)) for each, value in zip(PAIR, arguments, strict=True)]
    if name not in parameters:
        raise InputError(f"{_short(path)}: expected the name of a parameter after {PREFIX} ({', '.join(parameters)})")
    return [move for move in [_set_by(path, arguments, find(name, parameters))] if move is not None]


def _set_by(path: str, arguments: list[Any], parameter: Parameter) -> tuple[str, Value] | None:
    """What arguments set a parameter to; None where a trigger is let go."""
    if parameter.kind == "trigger":
        if len(arguments) > 1:
            raise InputError(f"{path}: expected no argument or one, found {len(arguments)}")
        return (parameter.name, True) if not arguments or _value(path, parameter, arguments[0]) else None
    if len(arguments) != 1:
        raise InputError(f"{path}: expected one argument, {parameter.expected}, found {len(arguments)}")
    return parameter.name, _value(path, parameter, arguments[0])


def _value(path: str, parameter: Parameter, value: Any) -> Value:
    is_number = isinstance(value, (int, float)) and math.isfinite(value)
    if not (is_number or (isinstance(value, str) and parameter.kind == "choice")):
        raise InputError(f"{path}: expected {parameter.expected}, found {_told(value)}")
    return parameter.check(value)


def _told(value: Any) -> str:
    """An argument in words that are not Python's."""
    if value is None or isinstance(value, (bytes, tuple)):
        return "nil" if value is None else "bytes" if isinstance(value, bytes) else "a time or a message"
    return _short(repr(value))


def _is_not_of_packets(record: logging.LogRecord) -> bool:
    """Keeps python-osc from the terminal, where it tells each argument of a kind that it does not know."""
    return record.module not in ("osc_message", "osc_packet", "osc_bundle")


def _flat(arguments: Iterable[Any]) -> list[Any]:
    """Arguments out of arrays as well: `,[ff]` are two numbers.

    >>> _flat([1, [2, [3]]])
    [1, 2, 3]
    """
    return [each for value in arguments for each in (_flat(value) if isinstance(value, list) else [value])]


def _short(text: str) -> str:
    text = text.encode("ascii", "backslashreplace").decode()
    return text if len(text) <= 60 else text[:57] + "..."


class OscIn(Closing):
    """Listens for OSC on a UDP port, in a thread of its own, and sets parameters."""

    def __init__(
        self,
        move: Callable[[Mapping[str, Value]], object],
        warn: Callable[[str], object],
        port: int = PORT,
        host: str = "127.0.0.1",
        parameters: Mapping[str, Parameter] = PARAMETERS,
    ) -> None:
        """
        Args:
            move: called with what a message sets, all at once: values by names of parameters; from the thread.
            warn: called with one line about a packet that says nothing; the same line once in a row.
            port: of UDP; 0 is one that is free (`port` says which).
            host: the address to listen on; "0.0.0.0", or "::" for IPv6 too, for other machines as well. This machine's
                own, 127.0.0.1, is listened on by IPv6 too where it can be: a client told `localhost` may take either.
            parameters: of the engine.

        Raises:
            InputError: the port is taken or may not be used.
        """
        self._move, self._warn, self._parameters = move, warn, parameters
        logging.getLogger().addFilter(_is_not_of_packets)  # is added once, however many listen
        self._sockets, self.port = _bound(host, port)
        self._last_warning, self._is_open = "", True
        self._thread = threading.Thread(target=self._listen, name="latentmix OSC", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._is_open = False
        self._thread.join()
        for each in self._sockets:
            each.close()

    def receive(self, packet: bytes) -> None:
        """One packet: a message or a bundle, which moves all at once; what it gets wrong is a warning."""
        together: dict[str, Value] = {}
        for path, arguments in self._messages(packet):
            try:
                moves = dict(read_message(path, arguments, self._parameters))
            except InputError as error:
                self._tell(str(error))
                continue
            if not together.keys().isdisjoint(moves):  # two taps are two
                self._set(together)
                together = {}
            together |= moves
        self._set(together)

    def _set(self, moves: Mapping[str, Value]) -> None:
        try:
            if moves:
                self._move(moves)
        except InputError as error:
            self._tell(str(error))

    def _messages(self, packet: bytes) -> list[tuple[str, list[Any]]]:
        from pythonosc.osc_packet import OscPacket

        try:
            return [(timed.message.address, _flat(timed.message.params)) for timed in OscPacket(packet).messages]
        except Exception as error:  # python-osc raises what it likes on bytes that are no OSC, RecursionError too
            self._tell(f"a packet of {len(packet)} bytes: expected OSC, found none ({type(error).__name__})")
            return []

    def _listen(self) -> None:
        while self._is_open:
            for ready in select.select(self._sockets, [], [], POLL_SECONDS)[0]:
                try:
                    self.receive(ready.recv(MAX_BYTES))
                except BlockingIOError:
                    continue
                except OSError as error:  # on Windows, when a packet that was sent found nobody
                    self._tell(f"OSC: {error.strerror}")

    def _tell(self, line: str) -> None:
        if line != self._last_warning:
            self._last_warning = line
            self._warn(line)


def _resolved(host: str, port: int) -> list[tuple[Any, ...]]:
    """Addresses of a host, IPv4 first, for most programs that speak OSC know no other."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return sorted(found, key=lambda each: each[0] != socket.AF_INET)


def _bound(host: str, port: int) -> tuple[list[socket.socket], int]:
    """Sockets that listen on a host, and their port."""
    if not 0 <= port <= 65535:
        raise InputError(f"OSC: expected a port from 0 to 65535, found {port}")
    try:
        family, _, _, _, place = _resolved(host, port)[0]
        first = _listening(family, place)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        where = join_address(host, port)
        raise InputError(f"OSC: cannot listen on {where}: {reason}; choose another port") from None
    sockets, port = [first], first.getsockname()[1]
    if host in (LOOPBACKS[0], "localhost"):
        with contextlib.suppress(OSError):  # no IPv6 here, or somebody else has that port of it
            sockets.append(_listening(socket.AF_INET6, (LOOPBACKS[1], port)))
    return sockets, port


def _listening(family: int, place: tuple[Any, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            with contextlib.suppress(OSError):  # "::" is IPv4 as well, where the system can
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, place[0] != "::")
        made.bind(place)
        made.setblocking(False)
        return made
    except BaseException:
        made.close()
        raise


class OscOut(Closing):
    """Sends the parameters' values by OSC, under the same addresses, as they change."""

    def __init__(self, host: str, port: int, parameters: Mapping[str, Parameter] = PARAMETERS) -> None:
        """
        Args:
            host, port: where to.
            parameters: of the engine.

        Raises:
            InputError: no such host.
        """
        self._parameters = parameters
        self._shown: dict[str, Value] = {}
        self._sent = -1e9
        try:
            family, _, _, _, self._to = _resolved(host, port)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        except (OSError, OverflowError, UnicodeError) as error:
            raise InputError(f"OSC: cannot send to {join_address(host, port)}: {error}") from None

    def update(self, values: Mapping[str, Value], now: float) -> None:
        """Send what has changed since it was last sent; at most every 20 ms, the rest the next time."""
        if now - self._sent < UPDATE_SECONDS:
            return
        changed = {n: v for n, v in values.items() if n in self._parameters and self._shown.get(n) != v}
        for name, value in changed.items():
            if self._parameters[name].kind != "trigger":
                self._send(address(name), value)
        self._shown.update(changed)
        if changed:
            self._sent = now

    def close(self) -> None:
        """Send no more."""
        self._socket.close()

    def _send(self, path: str, value: Value) -> None:
        from pythonosc.osc_message_builder import OscMessageBuilder

        builder = OscMessageBuilder(path)
        builder.add_arg(float(value) if isinstance(value, float) else value)
        try:
            self._socket.sendto(builder.build().dgram, self._to)
        except OSError:
            pass  # nobody listens there yet: the next change is sent again
