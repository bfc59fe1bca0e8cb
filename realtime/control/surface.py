"""Control surfaces on the engine: a controller through its map, an automation; each in a thread of its own."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import mido

from latentmix.errors import InputError

from ..music.automation import Automation
from ..music.clock import now
from ..music.parameters import Value
from .bindings import ControllerMap
from .controller import BoundController
from .feedback import UPDATE_SECONDS, ControllerFeedback
from .movable import Movable

if TYPE_CHECKING:
    from .osc import OscOut

AUTOMATION_TICK = 0.005  # seconds
LOOK_SECONDS = 1.0  # between two looks whether the controller's lights are still there
MAX_AT_ONCE = 64  # messages
MAX_WAITING = 4096  # messages; of a controller that floods more than can be taken, the oldest are dropped


class ControlSurface:
    """MIDI that arrives at the engine's inputs moves parameters through a map; lights and motors follow.

    Args:
        engine: that listens.
        controller: the map.
        lights: where feedback goes, such as the controller's own input; None for nowhere.
        osc: told about all parameters as well; None for none.
    """

    def __init__(
        self, engine: Movable, controller: ControllerMap, lights: Any | None = None, osc: OscOut | None = None
    ) -> None:
        self._engine, self._lights, self._osc = engine, lights, osc
        self._controls = BoundController(controller, engine.set, engine.value, engine.parameters, engine.warn)
        self._shown = ControllerFeedback(controller, engine.parameters)
        self._inbox: queue.SimpleQueue[tuple[float, bytes] | None] = queue.SimpleQueue()
        self._unlisten = engine.listen(self._arrived)
        self._closing, self._is_back, self._is_dark = threading.Event(), False, False
        self._threads = [threading.Thread(target=self._run, name="latentmix controls", daemon=True)]
        if lights is not None:
            self._threads.append(
                threading.Thread(target=self._look, args=(lights,), name="latentmix lights", daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Move nothing any more; the threads have ended."""
        self._unlisten()
        self._inbox.put(None)
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def _arrived(self, time: float, message: bytes) -> None:
        if self._inbox.qsize() >= MAX_WAITING:
            with contextlib.suppress(queue.Empty):
                self._inbox.get_nowait()
        self._inbox.put((time, message))

    def _run(self) -> None:
        shows = self._lights is not None or self._osc is not None
        due: float | None = None
        while True:
            waits = [] if due is None else [max(0.0, due - now())]
            waits += [UPDATE_SECONDS] * shows
            if not self._take(min(waits, default=None)):
                return
            due = self._controls.tick(now())
            if shows:
                self._show()

    def _take(self, seconds: float | None) -> bool:
        """Take what arrived, waiting so long for it; of a flood a part, for what was moved has to be set. Go on?"""
        with contextlib.suppress(queue.Empty):
            for taken in range(MAX_AT_ONCE):
                item = self._inbox.get_nowait() if taken else self._inbox.get(timeout=seconds)
                if item is None:
                    return False
                self._feed(*item)
        return True

    def _feed(self, time: float, data: bytes) -> None:
        try:
            message = mido.Message.from_bytes(data)
        except ValueError:
            return
        self._shown.touched(message, time)
        self._controls.feed(message, time)

    def _show(self) -> None:
        values = {name: self._engine.value(name) for name in self._engine.parameters}
        if self._osc is not None:
            self._osc.update(values, now())
        if self._lights is None:
            return
        if self._is_back:
            self._is_back = False
            self._shown.forget()
        try:
            for message in self._shown.messages(values, now()):
                self._lights.send(message)
            self._is_dark = False
        except OSError as error:
            self._shown.forget()  # and try again
            if not self._is_dark:
                self._engine.warn(f"feedback: {error}")
            self._is_dark = True

    def _look(self, lights: Any) -> None:
        """A controller that went away and came back shows nothing of what was sent before."""
        while not self._closing.wait(LOOK_SECONDS):
            was_lost = lights.is_lost
            lights.check()
            if was_lost and not lights.is_lost:
                self._is_back = True


class AutomationPlayer:
    """An automation moves the engine's parameters as it plays; at its end something is called."""

    def __init__(self, engine: Movable, automation: Automation, finished: Callable[[], None]) -> None:
        self._engine, self._automation, self._finished = engine, automation, finished
        self._set: dict[str, Value] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="latentmix automation", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following the automation."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        engine, started = self._engine, now()
        beats_a_bar = engine.beats_a_bar
        while not self._stop.wait(AUTOMATION_TICK):
            at = self._automation.time(now() - started, engine.beat(), beats_a_bar)
            # those first that say which of the others count
            for name, value in sorted(
                self._automation.values_at(at).items(), key=lambda of: not of[0].endswith(".follow")
            ):
                if self._set.get(name) != value:
                    self._set[name] = value
                    try:
                        engine.set(name, value)
                    except InputError as error:
                        engine.warn(str(error))
            if at >= self._automation.end:
                self._finished()
                return
