"""What pages edit, of melodies or of sounds: moves that can be undone, kept mixes, sessions; one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..music.clock import now
from ..music.shares import FOLLOWERS, MODES, PADS
from . import messages
from .checking import Checked
from .history import Change, History, Patch
from .kept_mixes import Edited, KeptMixes
from .restoring import in_order, remark_on
from .wire import NOT_KEPT, Shaped

_OWN_PUCKS = (*(f"{each}.{name}" for each in FOLLOWERS for name in ("follow", "pad")), *PADS)
NOT_UNDONE = (*NOT_KEPT, *MODES, *_OWN_PUCKS, "hold")  # what is played rather than edited


class Editing:
    """See the module's docstring. A subclass says what its sessions are, and adds what else can be done to `_doing`.

    Not thread-safe: every method belongs in the event loop's own thread. Not real-time-safe: it allocates and waits.

    Args:
        engine: that is edited.
        changed: called after each change but moves of parameters: whether what is mixed may be another.

    Attributes:
        engine: as above.
        is_fresh: whether nobody has done anything yet.
        kept: mixes to come back to.
        restored: how many sessions were restored.
    """

    engine: Edited

    def __init__(self, engine: Edited, changed: Callable[[bool], object]) -> None:
        self.engine, self._changed = engine, changed
        self.is_fresh, self.restored = True, 0
        self._history, self._lock = History(), asyncio.Lock()
        self.kept = KeptMixes(engine, lambda *change: self._remember(False, *change))
        self._doing: dict[type[Checked], Callable[[Any], Awaitable[int | None]]] = {
            messages.Restore: self._restore,
            messages.Undo: self._undo,
            messages.Redo: self._redo,
            messages.KeepSnapshot: self.kept.keep,
            messages.RecallSnapshot: self._recall,
            messages.ForgetSnapshot: self.kept.forget,
        }

    async def do(self, command: Checked) -> int | None:
        """Do something, one after another; the hue of the melody that it made, if it made one.

        Not thread-safe, not real-time-safe: what takes long it has done by others, and waits.

        Raises:
            InputError: it cannot be done; nothing is changed then.
        """
        async with self._lock:
            return await self._doing[type(command)](command)

    def is_like(self, session: Mapping[str, Any]) -> bool:
        """Whether a session, which may be anything, is of what is edited here. Thread-safe."""
        return True

    def can_do(self, command: Checked) -> bool:
        """Whether `do` knows of it."""
        return type(command) in self._doing

    def move(self, values: Mapping[str, Any]) -> None:
        """Move parameters. Not thread-safe, not real-time-safe; a controller of the terminal moves the engine's own.

        Raises:
            InputError: no such parameter or value; then nothing moves.
        """
        engine, parameters = self.engine, self.engine.parameters
        was = {name: engine.value(name) for name in values if name in parameters}
        engine.move(values)
        self.is_fresh = False
        moved = {name: parameters[name].check(value) for name, value in values.items() if name not in NOT_UNDONE}
        after = {name: value for name, value in moved.items() if value != was[name]}
        if after:
            before = {name: was[name] for name in after}
            label = next(iter(after)) if len(after) == 1 else "shape"
            self._history.add(Change(label, Patch(values=before), Patch(values=after), ("set", *after), now()))

    async def session(self) -> Shaped:
        """All there is to restore, of one moment: it waits for what is done. Not thread-safe, not real-time-safe."""
        async with self._lock:
            return self._session()

    @property
    def labels(self) -> tuple[str, str]:
        """What would be undone and what redone. Not thread-safe, not real-time-safe."""
        return self._history.labels

    async def close(self) -> None:
        """Nothing moves by itself any more. Not thread-safe, not real-time-safe."""

    # What a subclass says.

    def _session(self) -> Shaped:
        """All there is to restore."""
        raise NotImplementedError

    def _read(self, raw: object) -> Shaped:
        """A session that was sent.

        Raises:
            InputError: it cannot be restored here.
        """
        raise NotImplementedError

    def _patch(self, session: Any) -> Patch:
        """All that a session sets."""
        raise NotImplementedError

    def _took(self, session: Any) -> None:
        """It was restored: what it has that no patch sets."""

    # Inside.

    async def _restore(self, command: messages.Restore) -> None:
        """A whole session; `fresh`: unless somebody has done something already. What a run begins with is no edit."""
        if command.fresh and not self.is_fresh:
            return
        session = self._read(command.session)
        after = self._patch(session)
        before = after if command.begins else self._patch(self._session())
        await self._apply(after)
        self._took(session)
        self.restored += 1
        if line := remark_on(command.session, self.engine.parameters):
            self.engine.warn(f"{line}; the rest of the session is here")
        self._remember(True, "opened session", before, after)

    async def _undo(self, command: messages.Undo) -> None:
        await self._apply(self._history.undo())
        self._touched(True)

    async def _redo(self, command: messages.Redo) -> None:
        await self._apply(self._history.redo())
        self._touched(True)

    async def _recall(self, command: messages.RecallSnapshot) -> None:
        kept = self.kept.at(command.slot, command.of)
        before = {name: self.engine.value(name) for name in kept.values}
        patches = Patch(values=before, moved=self.engine.mode), Patch(values=kept.values, moved=kept.moved)
        await self._apply(patches[1])
        self._remember(False, "recalled mix", *patches)

    def _remember(self, melodies: bool, label: str, before: Patch, after: Patch) -> None:
        """Something was done."""
        self._history.add(Change(label, before, after))
        self._touched(melodies)

    def _touched(self, melodies: bool = False) -> None:
        self.is_fresh = False
        self._changed(melodies)

    async def _apply(self, patch: Patch) -> None:
        """Set what a patch says, the rest stays."""
        always = (*MODES, *(f"{each}.follow" for each in FOLLOWERS))  # what says which of the others count
        moved = in_order(patch)
        self.engine.move({name: value for name, value in moved if name in always or self.engine.value(name) != value})
        self.kept.all = self.kept.all if patch.snapshots is None else patch.snapshots
