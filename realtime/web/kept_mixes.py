"""Mixes that are kept, to come back to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from latentmix.errors import InputError

from ..control.movable import Movable
from ..music.shares import Mode
from . import messages
from .history import Patch
from .wire import MAX_SNAPSHOTS, NOT_KEPT, MixSnapshot

NOT_IN_SNAPSHOTS = (*NOT_KEPT, "tempo", "follow", "velocity", "hold")


class Edited(Movable, Protocol):
    """An engine whose mixes can be kept and sessions restored."""

    @property
    def mode(self) -> Mode: ...


class KeptMixes:
    """Of what is edited, and as it: all of it in the event loop's own thread.

    Args:
        engine: whose mixes they are.
        remember: told of each change: what it is called, what undoes it, what redoes it.

    Attributes:
        all: the mixes.
    """

    def __init__(self, engine: Edited, remember: Callable[[str, Patch, Patch], None]) -> None:
        self.all: tuple[MixSnapshot, ...] = ()
        self._engine, self._remember = engine, remember

    def at(self, slot: int, of: int | None) -> MixSnapshot:
        """One of them, of so many if that is known.

        Raises:
            InputError: there is none of this number, or another page has changed them.
        """
        if of is not None and of != len(self.all):
            raise InputError("expected the kept mixes that this page shows; another page has just changed them")
        if slot >= len(self.all):
            raise InputError("expected a kept mix that is there; another page has forgotten it")
        return self.all[slot]

    async def keep(self, command: messages.KeepSnapshot) -> None:
        """Keep what is mixed now.

        Raises:
            InputError: there are as many as may be.
        """
        slot = len(self.all) if command.slot is None else command.slot
        if slot >= MAX_SNAPSHOTS:
            raise InputError(f"expected at most {MAX_SNAPSHOTS} kept mixes; forget one first")
        engine = self._engine
        values = {name: engine.value(name) for name in engine.parameters if name not in NOT_IN_SNAPSHOTS}
        kept = MixSnapshot.model_construct(name=command.name, values=values, moved=engine.mode)
        self._set([*self.all[:slot], kept, *self.all[slot + 1 :]], "kept mix")

    async def forget(self, command: messages.ForgetSnapshot) -> None:
        """Keep one no longer.

        Raises:
            InputError: as `at`.
        """
        self.at(command.slot, command.of)
        self._set([each for slot, each in enumerate(self.all) if slot != command.slot], "forgotten mix")

    def _set(self, mixes: list[MixSnapshot], label: str) -> None:
        before, self.all = self.all, tuple(mixes)
        self._remember(label, Patch(snapshots=before), Patch(snapshots=self.all))
