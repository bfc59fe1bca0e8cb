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

PREFIX = "tcp:"
MAX_CLIENTS = 16
MAX_IN_A_MESSAGE = 1 << 16  # bytes of system exclusive, which could go on without end
WAIT = 2.0  # seconds for a connection


def parse_address(name: str | None) -> tuple[str, int] | None:
    """Host and port of tcp:HOST:PORT, where no host is this machine; None for any other name.

    Raises:
        InputError: no port number.

    >>> parse_address("tcp:stage.local:9090"), parse_address("tcp::9090"), parse_address("Synth")
    (('stage.local', 9090), ('127.0.0.1', 9090), None)
    """
    if name is None or not name.startswith(PREFIX):
        return None
    host, colon, port = name[len(PREFIX) :].rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise InputError(f"expected tcp:HOST:PORT with a port up to 65535, found {name!r}")
    return host or "127.0.0.1", int(port)


class SocketOut:
    """An output that connects to a `SocketIn`, and again when the connection was lost.

    Raises:
        InputError: nobody listens there.
    """

    def __init__(self, address: tuple[str, int], warn: Callable[[str], None]) -> None:
        self.name = f"{PREFIX}{address[0]}:{address[1]}"
        self._address, self._warn = address, warn
        self.is_lost = False
        try:
            self._socket = self._connect()
        except OSError as error:
            raise InputError(f"{self.name}: cannot connect: {error.strerror or error}") from None

    def send(self, message: mido.Message) -> None:
        """Send it now; without a connection it is lost."""
        if self.is_lost:
            return
        try:
            self._socket.send(message.bin())
        except OSError as error:  # also where the other side no longer reads: the music does not wait
            self.is_lost = True
            self._warn(f"{self.name}: the connection is lost ({error.strerror or error}); playing on")

    def check(self) -> None:
        """Connect again, if need be and somebody listens. It may take its time."""
        if self.is_lost:
            with contextlib.suppress(OSError):
                before, self._socket = self._socket, self._connect()
                before.close()
                self.is_lost = False
                self._warn(f"{self.name}: connected again")

    def close(self) -> None:
        self._socket.close()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, WAIT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        return connection


class _Client:
    """What one client has sent so far."""

    def __init__(self) -> None:
        self.parser = mido.Parser()
        self._open_bytes = 0

    def feed(self, data: bytes) -> bool:
        """More bytes; whether they can still become a message."""
        last_status = max((at for at, byte in enumerate(data) if 0x80 <= byte < 0xF8), default=None)
        self._open_bytes = self._open_bytes + len(data) if last_status is None else len(data) - last_status
        self.parser.feed(data)
        return self._open_bytes <= MAX_IN_A_MESSAGE


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
        self.name = f"{PREFIX}{address[0]}:{address[1]}"
        self._receiver, self._warn = receiver, warn
        try:
            self._server = socket.create_server(address)
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
        clients: dict[socket.socket, _Client] = {}
        while self._is_open:
            for ready in select.select([self._server, *clients], [], [], 0.1)[0]:
                if ready is self._server:
                    self._accept(clients)
                elif not self._read(ready, clients[ready]):
                    del clients[ready]
                    ready.close()
        for client in clients:
            client.close()

    def _accept(self, clients: dict[socket.socket, _Client]) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._server.accept()
            if len(clients) >= MAX_CLIENTS:
                client.close()
                return
            client.setblocking(False)
            clients[client] = _Client()

    def _read(self, connection: socket.socket, client: _Client) -> bool:
        try:
            data = connection.recv(4096)
        except BlockingIOError:
            return True
        except OSError:
            return False
        time = now()
        goes_on = client.feed(data)
        for message in client.parser:
            self._receiver(time, message)
        return bool(data) and goes_on
