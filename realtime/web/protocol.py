"""One message of a page: read, done, answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from latentmix.errors import InputError

from ..music.clock import now
from ..music.parameters import Parameter
from .checking import SHOWN
from .messages import Move, Ping, read
from .outbox import Outbox
from .pages import Pages


async def receive(hub: Pages, outbox: Outbox, text: str) -> None:
    """Take one message of a page; what is wrong with it is told to that page, and nothing else happens.

    A value beyond the range of its parameter goes to the end of it, and that is told once a page and parameter.

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
            if beyond := _beyond(hub.parameters, message.set, outbox):
                raise InputError(beyond)
        else:
            outbox.put("answers", {"id": identity, "hue": await hub.do(message)})
    except InputError as error:
        outbox.put("answers", {"id": identity, "error": " ".join(str(error).split())[:500]})


def _beyond(parameters: Mapping[str, Parameter], values: Mapping[str, Any], outbox: Outbox) -> str:
    """Which values went to the end of their range, but for those that this page knows of, as a fader sends many."""
    lines = []
    for name, value in values.items():
        parameter = parameters[name]
        if parameter.is_beyond(value) and outbox.is_new(f"{name} is beyond its range"):
            found = f"expected {parameter.expected}, found {str(value)[:SHOWN]}"
            lines.append(f"{name}: {found}; it is at {parameter.clamp(value):g}")
    return "; ".join(lines)
