"""The loop around a player: wait until something is due or arrives, in a process or a thread of its own."""

from __future__ import annotations

import math
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import mido

from ..music.clock import VirtualClock, now
from .messages import Command, Report
from .player import Player

LOOK = 0.05  # seconds between two looks at the clock and at the ports' queue where nothing is due
# How late waiting for a queue may end; the rest of the wait is a sleep, which is more exact. Windows counts in 15 ms.
COARSE = 0.02 if sys.platform == "win32" else 0.0005

_Item = tuple[str, Any, float]


class PlayerLoop:
    """Runs a player on the real clock; commands and clock messages may come from any thread."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self._inbox: queue.SimpleQueue[_Item] = queue.SimpleQueue()  # its put may interrupt its get: signals, callbacks

    def command(self, command: Command) -> None:
        """Something for the player to do (`Player.command`), at once."""
        self._inbox.put(("command", command, now()))

    def clock_message(self, time: float, message: mido.Message) -> None:
        """A message of a MIDI clock, with the time at which it arrived."""
        self._inbox.put(("clock", message, time))

    def stop(self) -> None:
        """Make `run` return."""
        self._inbox.put(("stop", None, now()))

    def run(self) -> None:
        """Play until `stop`; then, and after an error, no note is left sounding."""
        try:
            while self._take(self.player.advance(now())):
                pass
        finally:
            self.player.close(now())

    def _take(self, due: float) -> bool:
        """Wait for what is due or arrives, take what arrived; whether to go on."""
        wait = min(due - now(), LOOK)
        try:
            if wait > COARSE:
                item = self._inbox.get(timeout=wait - COARSE)
            else:
                time.sleep(max(0.0, wait))
                item = self._inbox.get_nowait()
            while True:
                kind, content, at = item
                if kind == "stop":
                    return False
                if kind == "clock":
                    self.player.clock_message(content, at)
                else:
                    self.player.command(content, at)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return True


class PlayerThread:
    """A player in a thread of this process, for an output that is an object here: what a busy thread beside it delays.

    The same handle as `client.PlayerClient`.
    """

    ports: tuple[str, ...] = ()

    def __init__(self, make: Callable[[Callable[[Report], None]], Player], report: Callable[[Report], None]) -> None:
        self._loop = PlayerLoop(make(report))
        self._thread = threading.Thread(target=self._loop.run, name="latentmix player", daemon=True)
        self._thread.start()

    def command(self, command: Command) -> None:
        """As `Player.command`."""
        self._loop.command(command)

    def close(self) -> None:
        """Stop; no note is left sounding."""
        self._loop.stop()
        self._thread.join()


class OfflinePlayer:
    """A player on a clock that is turned by hand, for tests and for rendering; the same handle again."""

    ports: tuple[str, ...] = ()

    def __init__(
        self,
        make: Callable[[Callable[[Report], None]], Player],
        report: Callable[[Report], None],
        clock: VirtualClock,
    ) -> None:
        self.player, self._clock = make(report), clock
        self._lock = threading.RLock()  # commands come from another thread

    def command(self, command: Command) -> None:
        """As `Player.command`."""
        with self._lock:
            self.player.command(command, self._clock())

    def run_until(self, time: float) -> None:
        """Play up to a time of the clock, which then is that late."""
        while (due := self.next_due()) <= time and due < math.inf:
            self._clock.advance(max(0.0, due - self._clock()))
        self._clock.advance(max(0.0, time - self._clock()))

    def close(self) -> None:
        """No note is left sounding."""
        with self._lock:
            self.player.close(self._clock())

    def next_step_due(self) -> float:
        """Send all that is due now; the time of the next step, infinity while nothing plays."""
        with self._lock:
            self.player.advance(self._clock())
            return self.player.step_due()

    def next_due(self) -> float:
        """Send all that is due now; the time of what comes next, infinity while nothing plays."""
        with self._lock:
            return self.player.advance(self._clock())
