"""What a person should know, said while music goes on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from .callbacks import Callbacks, Unsubscribe

KEPT_WARNINGS = 8


class Warned:
    """Lines for people: the newest, and how many there were. Thread-safe.

    Args:
        tell: is given each at once; None: nobody.
    """

    def __init__(self, tell: Callable[[str], object] | None = None) -> None:
        self._lock, self._newest, self._count = threading.Lock(), deque[str](maxlen=KEPT_WARNINGS), 0
        self._told = Callbacks()
        if tell is not None:
            self._told.add(tell)

    def __call__(self, text: str) -> None:
        """One more."""
        with self._lock:
            self._newest.append(text)
            self._count += 1
        self._told(text)

    def subscribe(self, callback: Callable[[str], object]) -> Unsubscribe:
        """Call this with each, in the thread that warns."""
        return self._told.add(callback)

    def figures(self) -> tuple[tuple[str, ...], int]:
        """The last few, oldest first, and how many there were in all."""
        with self._lock:
            return tuple(self._newest), self._count
