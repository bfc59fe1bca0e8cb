"""Pages that are open, of melodies or of sounds: what they are told, and what stays when the server has ended."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from latentmix.errors import InputError

from ..music.parameters import Parameter
from .checking import Checked
from .editing import Editing
from .messages import Restore
from .outbox import Outbox
from .store import Store

KEEP_AFTER = 1.0  # seconds from a change until the session is written


class Pages:
    """Base of what pages talk to. A slow page gets the newest of everything and misses what was in between.

    Not thread-safe: `start`, `stop` and all other methods belong in the event loop's own thread; what the engine's
    threads call does nothing but hand over to it (`_soon`). Not real-time-safe.

    Args:
        store: where sessions and recordings are kept; None: nowhere.
        session: to begin with.
        resumes: whether a page may bring its own last session where there is none.

    Attributes:
        workspace: what pages change; a subclass has set it before it begins.
        store: as above.
        recordings: names of those that are kept, newest first.
        instance: a name of this run of the server, so that a page sees that it was started again.
        has_ended: what is still being made to take home goes no further then.
    """

    workspace: Editing

    def __init__(self, store: Store | None, session: dict[str, Any] | None, resumes: bool) -> None:
        self.store, self._session, self._resumes = store, session, resumes
        self.instance, self.has_ended = secrets.token_hex(6), threading.Event()
        self.recordings = [each.name for each in store.recordings()] if store else []
        self._outboxes: set[Outbox] = set()
        self._closers: list[Callable[[], object]] = []
        self._keeping: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen to the engine, and begin with the session that was handed over, if there is one.

        Not thread-safe, not real-time-safe.
        """
        self._events = asyncio.get_running_loop()
        self._listen()
        if self._session is not None:
            self._later(self._begin(self._session))

    async def stop(self) -> None:
        """Listen no more, and keep what was not kept yet. Not thread-safe, not real-time-safe."""
        self.has_ended.set()
        for close in self._closers:
            close()
        self._end_recording()
        if self._keeping is not None:
            self._keeping.cancel()
        if self.store is not None and not self.workspace.is_fresh:  # what controllers moved since, no page has told of
            await self._keep_session()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.workspace.close()

    def join(self) -> Outbox:
        """A page has come: its outbox, with all it has to know in it. Not thread-safe, not real-time-safe."""
        outbox = Outbox()
        for kind, content in self._news().items():
            outbox.put(kind, content)
        self._outboxes.add(outbox)
        return outbox

    def leave(self, outbox: Outbox) -> None:
        """A page has gone. Not thread-safe, not real-time-safe."""
        self._outboxes.discard(outbox)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What can be moved."""
        return self.workspace.engine.parameters

    def move(self, values: Mapping[str, Any]) -> None:
        """Move parameters. Not thread-safe, not real-time-safe.

        Raises:
            InputError: no such parameter or value; then nothing moves.
        """
        self.workspace.move(values)
        self._keep_soon()

    async def do(self, message: Checked) -> int | None:
        """What else a page may want; the hue of the melody that it is about.

        Raises:
            InputError: as `Editing.do`, or nothing that can be done here.
        """
        if not self.workspace.can_do(message):
            raise InputError("expected something that can be done with sounds, found what is of melodies")
        return await self.workspace.do(message)

    # What a subclass says.

    def _listen(self) -> None:
        """Ask the engine to be told; what ends that goes to `_closers`."""
        raise NotImplementedError

    def _news(self) -> dict[str, Any]:
        """All that a page has to know, by kind of message."""
        raise NotImplementedError

    def _end_recording(self) -> None:
        """Keep what is being recorded."""
        raise NotImplementedError

    def _refresh(self) -> None:
        """Tell pages how things are."""
        raise NotImplementedError

    def _warn(self, text: str) -> None:
        """Something that a person should know."""
        raise NotImplementedError

    # For a subclass.

    def _soon(self, work: Callable[..., object], *given: object) -> None:
        """From any thread: have it done in the event loop's."""
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self._events.call_soon_threadsafe(work, *given)

    def _publish(self, kind: str, content: Any) -> None:
        for outbox in self._outboxes:
            outbox.put(kind, content)

    def _edited(self) -> dict[str, Any]:
        """What the state of every page has: kept mixes and recordings, what can be undone, whose session it is."""
        workspace = self.workspace
        undo, redo = workspace.labels
        return {
            "snapshots": [each.model_dump() for each in workspace.kept.all],
            "recordings": self.recordings,
            "restored": workspace.restored,
            "fresh": workspace.is_fresh,
            "undo": undo,
            "redo": redo,
        }

    def _keep_soon(self) -> None:
        if self.store is not None and self._keeping is None and not self.workspace.is_fresh:
            self._keeping = self._events.call_later(KEEP_AFTER, lambda: self._later(self._keep_session()))

    def _list_recordings(self) -> None:
        if self.store is not None:
            self.recordings = [each.name for each in self.store.recordings()]
            self._refresh()

    async def _write(self, write: Callable[[Any], Any], content: Any) -> bool:
        """Whether it could be written; why not is said."""
        try:
            await asyncio.to_thread(write, content)
        except InputError as error:
            self._warn(f"not kept: {error}")
            return False
        return True

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._events.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Inside.

    async def _begin(self, session: dict[str, Any]) -> None:
        """With a session; pages come in meanwhile, for the model may still be loading."""
        try:
            await self.workspace.do(Restore(do="restore", session=session, begins=True))
        except InputError as error:
            self._warn(f"the session of last time did not come back: {error}")

    async def _keep_session(self) -> None:
        self._keeping = None
        session = (await self.workspace.session()).to_json()
        if (store := self.store) is not None:
            await self._write(lambda kept: store.keep_session(kept, self.workspace.is_like), session)
