"""One message of a page: read, done, answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from latentmix.errors import InputError

from ..music.clock import now
from .checking import Checked
from .messages import Move, Ping, read
from .outbox import Outbox


class Talking(Protocol):
    """What pages talk to: `Hub`, or `SoundHub`."""

    def join(self) -> Outbox: ...

    def leave(self, outbox: Outbox) -> None: ...

    def move(self, values: Mapping[str, Any]) -> None: ...

    async def do(self, message: Checked) -> int | None: ...


async def receive(hub: Talking, outbox: Outbox, text: str) -> None:
    """Take one message of a page; what is wrong with it is told to that page, and nothing else happens.

    Belongs in the event loop's own thread.
    """
    identity, message = read(text)
    try:
        if isinstance(message, InputError):
            raise message
        if isinstance(message, Ping):
            outbox.put("answers", {"pong": message.ping, "time": now()})
        elif isinstance(message, Move):
            hub.move(message.set)
        else:
            outbox.put("answers", {"id": identity, "hue": await hub.do(message)})
    except InputError as error:
        outbox.put("answers", {"id": identity, "error": " ".join(str(error).split())[:500]})
