"""A thread that looks what is to be found whenever there is news, beside the one that plays."""

from __future__ import annotations

import threading


class Background:
    """Methods are thread-safe. What it looks for says a class that is one of these.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._news, self._is_open = threading.Event(), True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin. Real-time-safe."""
        self._news.set()
        self._thread.start()

    def look(self) -> None:
        """There may be something to find now. Real-time-safe."""
        self._news.set()

    def close(self) -> None:
        """End, and wait for it; not real-time-safe."""
        self._is_open = False
        self._news.set()
        self._thread.join()

    def search(self) -> None:
        """Find it; called in the thread, which ends soon after `_is_open` is false."""
        raise NotImplementedError

    def _run(self) -> None:
        while self._is_open:
            self._news.wait()
            self._news.clear()
            if self._is_open:
                self.search()
