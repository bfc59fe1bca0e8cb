"""What one page is still to be told."""

from __future__ import annotations

import asyncio
from typing import Any


class Outbox:
    """What one page is still to be told: the newest message of each kind, of the state only what changed.

    Not thread-safe: it belongs to the event loop's thread.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Any] = {}
        self._state: dict[str, Any] = {}
        self._said: set[str] = set()
        self._event = asyncio.Event()

    def put(self, kind: str, content: Any) -> None:
        """Newer content replaces older of the same kind; answers are all kept."""
        if kind == "answers":
            self._waiting.setdefault(kind, []).append(content)
        else:
            self._waiting[kind] = content
        self._event.set()

    def is_new(self, what: str) -> bool:
        """Whether this page was not told so yet; now it is."""
        is_new = what not in self._said
        self._said.add(what)
        return is_new

    async def take(self) -> dict[str, Any]:
        """Wait for something, and take all there is, by kind; of the state a page knows what stayed. For one task."""
        await self._event.wait()
        self._event.clear()
        message, self._waiting = self._waiting, {}
        if "state" in message:
            message["state"] = self._changed(message["state"])
        return message

    def _changed(self, state: dict[str, Any]) -> dict[str, Any]:
        before, self._state = self._state, state
        out = {name: value for name, value in state.items() if name != "values" and before.get(name, ...) != value}
        old = before.get("values", {})
        values = {name: value for name, value in state["values"].items() if old.get(name, ...) != value}
        return out | ({"values": values} if values else {})
