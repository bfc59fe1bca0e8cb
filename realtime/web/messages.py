"""What a page may say over its WebSocket, as models; docs/web.md has them in words.

{"set": {"x": 0.5, "y": 0.25}}             move parameters
{"do": "random", "hue": 2, "id": 7}        do something; answered by {"answers": [{"id": 7, …}]}
{"ping": 12.5}                             answered with the time of the server's clock, for scheduling
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import PlainValidator, TypeAdapter

from latentmix.errors import InputError
from midi_vae.drums.windows import MAX_GROOVES

from ..music.parameters import MAX_MELODIES
from .checking import Checked, Name, Share, checked, number
from .sharing import MAX_SESSION
from .wire import MAX_SNAPSHOTS, Hue, MelodyData, PageSound, PathSetting

MAX_MESSAGE = MAX_SESSION  # bytes
MAX_PARAMETERS = 64  # in one message
Slot = Annotated[int, number(0, MAX_SNAPSHOTS - 1, whole=True)]
Of = Annotated[int, number(0, 1000, whole=True)]  # how many there were when the page chose one: others change them too


def _values(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict) or len(raw) > MAX_PARAMETERS:
        raise ValueError(f"expected at most {MAX_PARAMETERS} parameters with their values")
    return raw


class Ping(Checked):
    """What time is it at the engine?"""

    ping: Annotated[float, number(-1e15, 1e15)]


class Move(Checked):
    """Move parameters."""

    set: Annotated[dict[str, Any], PlainValidator(_values)]


_KINDS: dict[str, type[Command]] = {}


class Command(Checked):
    """Do something; each kind has the name by which pages ask for it."""

    do: str

    def __init_subclass__(cls, do: str, **more: Any) -> None:
        super().__init_subclass__(**more)
        _KINDS[do] = cls


class PlaceMelody(Command, do="place"):
    """Put a melody elsewhere on the pad."""

    hue: Hue
    x: Share
    y: Share


class PutMelody(Command, do="put"):
    """Put a melody in the place of one; without a hue, add it."""

    hue: Hue | None = None
    melody: MelodyData
    x: Share | None = None
    y: Share | None = None


class RemoveMelody(Command, do="remove"):
    """Take a melody away."""

    hue: Hue


class RandomMelody(Command, do="random"):
    """A melody out of nothing but chance, in the place of one or a new one."""

    hue: Hue | None = None
    temperature: Annotated[float, number(0, 2)] = 1.0


class VaryMelody(Command, do="vary"):
    """A variation in the place of a melody."""

    hue: Hue
    amount: Share = 0.3


class TakePassage(Command, do="take"):
    """A passage of a file that was sent to `POST /files`."""

    hue: Hue | None = None
    file: Any = None  # as the server has named it; any other is not found
    track: Annotated[int, number(1, 10_000, whole=True)]
    bar: Annotated[int, number(1, 100_000, whole=True)]
    bars: Annotated[int, number(1, 128, whole=True)]


class TakeDrums(Command, do="take-drums"):
    """The drums of a file that was sent, of some bars, in the place of a groove by its number or beside the others."""

    at: Annotated[int, number(0, MAX_GROOVES - 1, whole=True)] | None = None
    file: Any = None
    bar: Annotated[int, number(1, 100_000, whole=True)]
    bars: Annotated[int, number(1, 128, whole=True)]
    of: Of | None = None


class RemoveDrums(Command, do="remove-drums"):
    """Take a groove away, by its number."""

    at: Annotated[int, number(0, MAX_GROOVES - 1, whole=True)]
    of: Of | None = None


class RemoveSound(Command, do="remove-sound"):
    """Take a recording away that the sound is mixed of, by its number."""

    at: Annotated[int, number(0, MAX_MELODIES - 1, whole=True)]
    of: Of | None = None


class Restore(Command, do="restore"):
    """A whole session (`wire.session_from_json`).

    Attributes:
        fresh: only in the place of one that nobody has touched.
        begins: the one that a run of the server begins with.
    """

    session: Any = None
    fresh: bool = False
    begins: bool = False


class Undo(Command, do="undo"):
    """As it was before the last change."""


class Redo(Command, do="redo"):
    """As it was before the last undo."""


class SetPath(Command, do="path"):
    """Another path of the puck, and whether it runs."""

    path: PathSetting


class SetLoop(Command, do="loop"):
    """Whether the melody starts again at its end."""

    on: bool


class SetClock(Command, do="clock"):
    """Whose tempo it is: our own, that of MIDI clock, or of Ableton Link; no part of the session."""

    clock: Literal["internal", "midi", "link"]


class SetSound(Command, do="sound"):
    """How this page sounds now: part of the session, other pages keep theirs."""

    sound: PageSound


class KeepSnapshot(Command, do="keep"):
    """Keep the mix as it is, to come back to; beside those there are, or in the place of one."""

    slot: Slot | None = None
    name: Name = ""


class RecallSnapshot(Command, do="recall"):
    """Back to a mix that was kept."""

    slot: Slot
    of: Of | None = None


class ForgetSnapshot(Command, do="forget"):
    """Keep a mix no longer."""

    slot: Slot
    of: Of | None = None


_BY_NAME: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in _KINDS.items()}
_PING, _MOVE = TypeAdapter(Ping), TypeAdapter(Move)


def read(text: str) -> tuple[int | None, Checked | InputError]:
    """One message of a page, or what is wrong with it, and the number by which the page knows it, if it has one."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None, InputError("expected JSON")
    if not isinstance(message, dict):
        return None, InputError("expected an object in JSON")
    identity = message.get("id") if type(message.get("id")) is int else None
    try:
        return identity, _checked(message)
    except InputError as error:
        return identity, error


def _checked(message: dict[str, Any]) -> Checked:
    if "ping" in message:
        return checked(_PING, message)
    if "set" in message:
        return checked(_MOVE, message)
    what = message.get("do")
    if not isinstance(what, str) or what not in _BY_NAME:
        raise InputError(f"expected one of {', '.join(_BY_NAME)}, found {str(what)[:40]!r}")
    return checked(_BY_NAME[what], message)
