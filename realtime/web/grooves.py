"""The drums that pages put in and take away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from latentmix.errors import InputError
from midi_vae.drums.kit import GENERAL_MIDI

from ..engine.engine import Engine
from . import messages
from .groove_wire import GrooveData
from .history import Patch
from .uploads import Shelf


class Grooves:
    """Of a workspace, and as it: all of it in the event loop's own thread.

    Args:
        engine: that mixes them; without drums none can be put in.
        shelf: of files.
        remember: told of each change: what it is called, what undoes it, what redoes it.
    """

    def __init__(self, engine: Engine, shelf: Shelf, remember: Callable[[str, Patch, Patch], None]) -> None:
        self._engine, self._shelf, self._remember = engine, shelf, remember

    @property
    def all(self) -> tuple[GrooveData, ...]:
        """The grooves that are mixed."""
        return tuple(GrooveData.of(groove) for groove in self._engine.grooves)

    def check(self, grooves: tuple[GrooveData, ...] | None) -> None:
        """
        Raises:
            InputError: there are some, and nothing that plays them.
        """
        if grooves and self._engine.kit is None:
            raise InputError(
                "expected channel 10 to be free for drums, found the melody on it; start livemix with another --channel"
            )

    async def lay(self, grooves: tuple[GrooveData, ...]) -> None:
        """Mix these.

        Raises:
            InputError: they cannot be mixed.
        """
        self.check(grooves)
        if grooves != self.all:
            await asyncio.to_thread(self._engine.drum, [each.groove for each in grooves])

    async def take(self, command: messages.TakeDrums) -> None:
        """The drums of a file, in the place of a groove or beside the others.

        Raises:
            InputError: no such file, bars or groove, or too many, or another page has changed them.
        """
        there = self.all
        at = len(there) if command.at is None else self._check(command.at, command.of)
        kit = self._engine.kit or GENERAL_MIDI
        groove = await asyncio.to_thread(self._shelf.drums, command.file, command.bar, command.bars, kit)
        await self._change((*there[:at], GrooveData.of(groove), *there[at + 1 :]), "drums of a file")

    async def remove(self, command: messages.RemoveDrums) -> None:
        """Take a groove away.

        Raises:
            InputError: there is none of this number, or another page has changed them.
        """
        there, at = self.all, self._check(command.at, command.of)
        await self._change((*there[:at], *there[at + 1 :]), "drums taken away")

    async def _change(self, grooves: tuple[GrooveData, ...], label: str) -> None:
        before = self.all
        await self.lay(grooves)
        self._remember(label, Patch(drums=before), Patch(drums=grooves))

    def _check(self, at: int, of: int | None) -> int:
        if of is not None and of != len(self._engine.grooves):
            raise InputError("expected the drums that this page shows; another page has just changed them")
        if at >= len(self._engine.grooves):
            raise InputError("expected drums that are there; another page has taken them away")
        return at
