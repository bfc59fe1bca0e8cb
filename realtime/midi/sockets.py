"""MIDI over TCP: bytes as on a cable, for machines without a MIDI system and for other computers."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable

import mido

from latentmix.errors import InputError

from ..music.clock import now
from .byte_stream import ByteStream
from .hanging_notes import HangingNotes

PREFIX = "tcp:"
MAX_CLIENTS = 16
WAIT = 2.0  # seconds for a connection


def parse_address(name: str | None) -> tuple[str, int] | None:
    """Host and port of tcp:HOST:PORT, where no host is this machine; None for any other name.

    Raises:
        InputError: no port number.

    >>> parse_address("tcp:stage.local:9090"), parse_address("tcp::9090"), parse_address("Synth")
    (('stage.local', 9090), ('127.0.0.1', 9090), None)
    >>> parse_address("tcp:[::1]:9090")
    ('::1', 9090)
    """
    if name is None or not name.startswith(PREFIX):
        return None
    found = split_address(name[len(PREFIX) :])
    if found is None:
        raise InputError(f"expected tcp:HOST:PORT with a port up to 65535, found {name!r}")
    return found


def split_address(text: str) -> tuple[str, int] | None:
    """Host and port of HOST:PORT or, for IPv6, [HOST]:PORT, where no host is this machine; None for anything else.

    >>> split_address(":9000"), split_address("[fe80::1%eth0]:9000"), split_address("::1:9000")
    (('127.0.0.1', 9000), ('fe80::1%eth0', 9000), None)
    """
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535 or (":" in host) != bracketed:
        return None
    return host.strip("[]") or "127.0.0.1", int(port)


def join_address(host: str, port: int) -> str:
    """The inverse of `split_address`.

    >>> join_address("::1", 9000)
    '[::1]:9000'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class SocketOut:
    """An output that connects to a `SocketIn`, and again when the connection was lost; notes that ended in between end
    then.

    Raises:
        InputError: nobody listens there.
    """

    def __init__(self, address: tuple[str, int], warn: Callable[[str], None]) -> None:
        self.name = PREFIX + join_address(*address)
        self._address, self._warn = address, warn
        self.is_lost, self._held, self._lock = False, HangingNotes(), threading.Lock()
        try:
            self._socket = self._connect()
        except OSError as error:
            raise InputError(f"{self.name}: cannot connect: {error.strerror or error}") from None

    def send(self, message: mido.Message) -> None:
        """Send it now; without a connection it is lost."""
        with self._lock:
            self._held.sent(message)
            if self.is_lost:
                return
            try:
                self._socket.sendall(message.bin())
                return
            except OSError as error:  # also where the other side no longer reads: the music does not wait
                self.is_lost, reason = True, error.strerror or error
        self._warn(f"{self.name}: the connection is lost ({reason}); playing on")

    def check(self) -> None:
        """Connect again, if need be and somebody listens. It may take its time."""
        if not self.is_lost:
            return
        with contextlib.suppress(OSError):
            again = self._connect()
            with self._lock:
                before, self._socket = self._socket, again
                before.close()
                for message in self._held.over():
                    again.sendall(message.bin())
                self.is_lost = False
            self._warn(f"{self.name}: connected again")

    def close(self) -> None:
        self._socket.close()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, WAIT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        return connection


class SocketIn:
    """An input that listens for connections; messages go to a receiver with their time, in a thread of its own.

    Attributes:
        port: the one it listens on, also where 0 was asked for.

    Raises:
        InputError: the address cannot be listened on.
    """

    def __init__(
        self,
        address: tuple[str, int],
        receiver: Callable[[float, mido.Message], None],
        warn: Callable[[str], None],
    ) -> None:
        self.name = PREFIX + join_address(*address)
        self._receiver, self._warn = receiver, warn
        try:
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self._server = socket.create_server(
                address, family=family, dualstack_ipv6=address[0] == "::" and socket.has_dualstack_ipv6()
            )
        except OSError as error:
            raise InputError(f"{self.name}: cannot listen: {error.strerror or error}") from None
        self.port = self._server.getsockname()[1]
        self._server.setblocking(False)
        self._is_open = True
        self._thread = threading.Thread(target=self._listen, name=self.name, daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Clients come and go as they like."""

    def close(self) -> None:
        self._is_open = False
        self._thread.join()
        self._server.close()

    def _listen(self) -> None:
        clients: dict[socket.socket, ByteStream] = {}
        while self._is_open:
            for ready in select.select([self._server, *clients], [], [], 0.1)[0]:
                if ready is self._server:
                    self._accept(clients)
                elif not self._read(ready, clients[ready]):
                    del clients[ready]
                    ready.close()
        for client in clients:
            client.close()

    def _accept(self, clients: dict[socket.socket, ByteStream]) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._server.accept()
            if len(clients) >= MAX_CLIENTS:
                client.close()
                return
            client.setblocking(False)
            clients[client] = ByteStream()

    def _read(self, connection: socket.socket, stream: ByteStream) -> bool:
        try:
            data = connection.recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        time = now()
        for message in stream.feed(data):
            self._receiver(time, message)
        return bool(data) and not stream.is_endless
