"""Connections on which nothing comes: closed, so that nobody who went away or never spoke holds a place."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

IDLE_SECONDS = 20.0  # in which a request must have come whole, and between two signs of life of a WebSocket


def settings(idle_seconds: float = IDLE_SECONDS) -> dict[str, Any]:
    """Of uvicorn's configuration: pings on WebSockets, and what `_protocol` does before they are such."""
    return {"http": _protocol(idle_seconds), "ws_ping_interval": idle_seconds, "ws_ping_timeout": idle_seconds}


def _protocol(idle_seconds: float) -> type[asyncio.Protocol]:
    """HTTP connections that are looked at every so often and closed where no further request has come whole.

    A request that is being answered takes as long as it takes. uvicorn's own `timeout_keep_alive` counts only from an
    answer on, and any byte ends it.
    """

    class Protocol(H11Protocol):
        _seen: RequestResponseCycle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._look = self.loop.call_later(idle_seconds, self._check)

        def connection_lost(self, exc: Exception | None) -> None:
            self._look.cancel()
            super().connection_lost(exc)

        def _check(self) -> None:
            if self.transport.is_closing() or self.transport.get_protocol() is not self:  # a WebSocket by now
                return
            cycle = self.cycle
            is_answering = cycle is not None and not cycle.response_complete and not cycle.more_body
            if cycle is self._seen and not is_answering:
                self.transport.abort()
                return
            self._seen = cycle
            self._look = self.loop.call_later(idle_seconds, self._check)

    return Protocol
