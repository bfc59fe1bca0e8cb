"""Who wants to be called with news: a list that any thread may add to while it is called."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

Unsubscribe = Callable[[], None]


class Callbacks:
    """Functions that are called with the same arguments, in the order in which they came."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[..., object]] = []

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def add(self, callback: Callable[..., object]) -> Unsubscribe:
        """One more; what comes back takes it off the list, and does nothing a second time."""
        self._callbacks.append(callback)

        def remove() -> None:
            with contextlib.suppress(ValueError):
                self._callbacks.remove(callback)

        return remove

    def __call__(self, *news: object) -> None:
        """Call them all; one that fails must not stop the music, nor the others."""
        for callback in list(self._callbacks):
            with contextlib.suppress(Exception):
                callback(*news)
