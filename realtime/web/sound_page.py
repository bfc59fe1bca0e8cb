"""The page of sounds that play (`livemix sound --page`): whatever moves them, all pages show it, and each of them can.

page -> engine of the sounds -> its snapshots, in its threads -> outboxes, in the event loop -> pages
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from latentmix.errors import InputError

from ..engine.sounds import SoundEngine
from ..music.parameters import Parameter
from ..music.shares import PadPoint, shares, spread
from ..music.sound_parameters import SOUND_PARAMETERS
from .checking import Checked
from .gate import Gate, Guard
from .outbox import Outbox
from .server import add_pages, make_app_of

PAGE = "mix.html"


class SoundHub:
    """All pages that are open, of sounds that play.

    Not thread-safe: its methods belong in the event loop's own thread; what the engine's threads call does nothing but
    hand over to it. Not real-time-safe.

    Args:
        engine: of the sounds.
        names: of the sounds, for people.
        live: of each sound, whether it is a live input and no recording.
    """

    def __init__(self, engine: SoundEngine, names: Sequence[str], live: Sequence[bool]) -> None:
        self._engine, self._names = engine, list(names)
        self._recordings = [at for at, is_live in enumerate(live) if not is_live]
        self._instance = secrets.token_hex(6)
        self._outboxes: set[Outbox] = set()
        self._unsubscribe: Callable[[], object] = lambda: None
        self._is_due = False
        self._told_of: list[dict[str, Any]] = []  # the sounds on the pad, as pages were told last

    async def start(self) -> None:
        """Listen to the engine."""
        events = asyncio.get_running_loop()

        def hear() -> None:
            if not self._is_due:  # however often it moves until the loop has its turn
                self._is_due = True
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    events.call_soon_threadsafe(self._tell)

        self._unsubscribe = self._engine.subscribe(hear)

    async def stop(self) -> None:
        """Listen no more."""
        self._unsubscribe()

    def join(self) -> Outbox:
        """A page has come: its outbox, with all it has to know in it."""
        outbox = Outbox()
        outbox.put("hello", self._hello())
        self._outboxes.add(outbox)
        self._told_of = []
        self._tell()
        return outbox

    def leave(self, outbox: Outbox) -> None:
        """A page has gone."""
        self._outboxes.discard(outbox)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What can be moved."""
        return self._engine.parameters

    def move(self, values: Mapping[str, Any]) -> None:
        """Move parameters.

        Raises:
            InputError: no such parameter or value; then nothing moves.
        """
        self._engine.move(values)

    async def do(self, message: Checked) -> int | None:
        """Nothing but what moves can be done here.

        Raises:
            InputError: always.
        """
        raise InputError("expected parameters that move, found what is of melodies")

    def _tell(self) -> None:
        self._is_due = False
        values, mode = self._engine.snapshot()
        heard = range(len(self._names)) if values["mode"] == "morph" else self._recordings
        places: list[PadPoint] = spread(len(heard))
        of_each = shares(values, mode, places)
        sounds = [
            {"hue": at, "name": self._names[at], "x": place.x, "y": place.y}
            for at, place in zip(heard, places, strict=True)
        ]
        weights = {at: round(float(share), 5) for at, share in zip(heard, of_each, strict=True)}
        for outbox in self._outboxes:
            if sounds != self._told_of:
                outbox.put("melodies", {"list": sounds, "drums": [], "sounds": []})
            outbox.put("state", {"values": values, "mode": mode})
            outbox.put("melody", {"weights": weights})
        self._told_of = sounds

    def _hello(self) -> dict[str, Any]:
        return {
            "instance": self._instance,
            "fresh": False,
            "resumes": False,
            "parameters": {name: asdict(each) for name, each in SOUND_PARAMETERS.items()},
            "transfers": 0 < len(self._recordings) < len(self._names),
        }


def make_sound_app(hub: SoundHub, gate: Gate) -> Guard:
    """The page and its connection; nothing of it is reached but through the gate."""

    app = make_app_of(hub)
    add_pages(app, PAGE)
    return Guard(app, gate)
