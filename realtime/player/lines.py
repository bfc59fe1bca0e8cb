"""Messages of engine and player as lines of JSON, for the pipe between them."""

from __future__ import annotations

import functools
import json
import types
import typing
from dataclasses import is_dataclass
from typing import Any, Union

from .messages import Command, Message, PlayerSetup, Report

_KINDS: dict[str, type] = {kind.__name__: kind for kind in (PlayerSetup, *typing.get_args(Command | Report))}


def encode(message: Message) -> bytes:
    """A message as a line.

    >>> from realtime.player.messages import SetTempo
    >>> encode(SetTempo(90.0))
    b'["SetTempo", {"tempo": 90.0}]\\n'
    """
    return json.dumps([type(message).__name__, message], default=_plain).encode() + b"\n"


def decode(line: bytes) -> Message:
    """A message out of its line.

    Raises:
        ValueError: no such line.

    >>> from realtime.player.messages import MidiReceived
    >>> decode(encode(MidiReceived(((0.5, b"\\x90\\x3c\\x50"),))))
    MidiReceived(messages=((0.5, b'\\x90<P'),))
    """
    try:
        name, fields = json.loads(line)
        return _built(_KINDS[name], fields)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected a message of engine or player, found {line[:80]!r} ({error})") from None


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else vars(value)


def _built(kind: Any, value: Any) -> Any:
    """A value of a kind out of what JSON made of it."""
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        there = [each for each in typing.get_args(kind) if each is not type(None)]
        return None if value is None else _built(there[0], value)
    if origin is tuple:
        inner = typing.get_args(kind)
        if inner[-1] is not ...:
            return tuple(map(_built, inner, value))
        return tuple(value) if inner[0] is int else tuple(_built(inner[0], each) for each in value)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _built(hints[name], each) for name, each in value.items()})
    if isinstance(kind, type) and issubclass(kind, tuple):  # a named one
        return kind(*value)
    return bytes.fromhex(value) if kind is bytes else value


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
