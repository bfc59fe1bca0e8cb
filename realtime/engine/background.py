"""A thread that looks what is to be found whenever there is news, beside the one that plays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(name: str, work: Callable[[threading.Event], object]) -> Iterator[None]:
    """Meanwhile `work` runs in a thread of that name; the event tells it to end, which is waited for."""
    is_over = threading.Event()
    thread = threading.Thread(target=work, args=(is_over,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


class Background:
    """Methods are thread-safe. What it looks for says a class that is one of these.

    Args:
        name: of the thread.
        warn: called with a line about what went wrong there, once until it is another; it looks again at the next news.
    """

    def __init__(self, name: str, warn: Callable[[str], None]) -> None:
        self._warn, self._told = warn, ""
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
                try:
                    self.search()
                except Exception as error:  # the music goes on, whatever it was
                    line = f"{type(error).__name__}: {error}"
                    if line != self._told:
                        self._told = line
                        self._warn(line)
