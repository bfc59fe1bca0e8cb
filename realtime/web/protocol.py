"""What a page may say over its WebSocket, and what becomes of it.

{"set": {"x": 0.5, "y": 0.25}}             move parameters
{"do": "random", "hue": 2, "id": 7}        do something; answered by {"answers": [{"id": 7, …}]}
{"ping": 12.5}                             answered with the time of the server's clock, for scheduling
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from latentmix.errors import InputError

from ..music.clock import now
from ..music.mixer import PadPoint
from ..music.parameters import MAX_MELODIES
from .hub import Hub
from .outbox import Outbox
from .wire import PathSetting, melody_from_json, number

MOST_MESSAGE = 512 << 10  # bytes: eight long melodies
MAX_PARAMETERS = 64  # in one message


async def receive(hub: Hub, outbox: Outbox, text: str) -> None:
    """Take one message of a page; what is wrong with it is told to that page, and nothing else happens."""
    identity = None
    try:
        message = _parse(text)
        identity = message.get("id") if type(message.get("id")) is int else None
        if "ping" in message:
            sent = number(message["ping"], -1e15, 1e15, "ping")
            outbox.put("answers", {"pong": sent, "time": now()})
        elif "set" in message:
            hub.touched()
            _move(hub, message["set"])
        else:
            answer = await _do(hub, message)
            outbox.put("answers", {"id": identity, "hue": answer})
    except InputError as error:
        outbox.put("answers", {"id": identity, "error": str(error)[:500]})


def _parse(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError("expected JSON") from None
    if not isinstance(message, dict):
        raise InputError("expected an object in JSON")
    return message


def _move(hub: Hub, values: object) -> None:
    if not isinstance(values, dict) or len(values) > MAX_PARAMETERS:
        raise InputError(f"expected at most {MAX_PARAMETERS} parameters with their values")
    hub.move(values)


async def _do(hub: Hub, message: dict[str, Any]) -> int | None:
    what = message.get("do")
    if not isinstance(what, str) or what not in _DOINGS:
        raise InputError(f"expected one of {', '.join(_DOINGS)}, found {str(what)[:40]!r}")
    async with hub.busy:
        return await _DOINGS[what](hub, message)


def _hue(message: dict[str, Any], optional: bool = False) -> int | None:
    hue = message.get("hue")
    if hue is None and optional:
        return None
    if type(hue) is not int or not 0 <= hue < MAX_MELODIES:
        raise InputError(f"hue: expected 0 to {MAX_MELODIES - 1}, found {str(hue)[:40]!r}")
    return hue


def _place(message: dict[str, Any]) -> PadPoint:
    return PadPoint(number(message.get("x"), 0, 1, "x"), number(message.get("y"), 0, 1, "y"))


def _whole(message: dict[str, Any], name: str, low: int, high: int) -> int:
    return round(number(message.get(name), low, high, name))


async def _do_place(hub: Hub, message: dict[str, Any]) -> None:
    place = _place(message)
    await hub.do_place(_hue(message), place.x, place.y)


async def _do_put(hub: Hub, message: dict[str, Any]) -> int:
    place = _place(message) if "x" in message else None
    return await hub.do_put(_hue(message, optional=True), melody_from_json(message.get("melody")), place)


async def _do_remove(hub: Hub, message: dict[str, Any]) -> None:
    await hub.do_remove(_hue(message))


async def _do_random(hub: Hub, message: dict[str, Any]) -> int:
    temperature = number(message.get("temperature", 1.0), 0, 2, "temperature")
    return await hub.do_random(_hue(message, optional=True), temperature, secrets.randbits(31))


async def _do_vary(hub: Hub, message: dict[str, Any]) -> int:
    amount = number(message.get("amount", 0.3), 0, 1, "amount")
    return await hub.do_vary(_hue(message), amount, secrets.randbits(31))


async def _do_take(hub: Hub, message: dict[str, Any]) -> int:
    track, bar = _whole(message, "track", 1, 10_000), _whole(message, "bar", 1, 100_000)
    bars = _whole(message, "bars", 1, 128)
    return await hub.do_take(_hue(message, optional=True), message.get("file"), track, bar, bars)


async def _do_restore(hub: Hub, message: dict[str, Any]) -> None:
    await hub.do_restore(message.get("session"), message.get("fresh") is True)


async def _do_undo(hub: Hub, message: dict[str, Any]) -> None:
    await hub.do_undo()


async def _do_path(hub: Hub, message: dict[str, Any]) -> None:
    await hub.do_path(PathSetting.from_json(message.get("path")))


async def _do_loop(hub: Hub, message: dict[str, Any]) -> None:
    await hub.do_loop(message.get("on") is True)


_DOINGS = {
    "place": _do_place,
    "put": _do_put,
    "remove": _do_remove,
    "random": _do_random,
    "vary": _do_vary,
    "take": _do_take,
    "restore": _do_restore,
    "undo": _do_undo,
    "path": _do_path,
    "loop": _do_loop,
}
