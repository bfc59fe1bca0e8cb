"""The puck on its way along a path over the pad, in time with the music."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ..engine.engine import Engine
from ..music.clock import now
from ..music.parameters import AXES
from .paths import along, share_at
from .wire import PathSetting

TICK = 1 / 30  # seconds between two places


class Puck:
    """Runs along a path while its setting says so; all of it in the event loop's own thread.

    Attributes:
        setting: the path, and whether it runs.
    """

    def __init__(self, engine: Engine, changed: Callable[[], object]) -> None:
        """
        Args:
            engine: whose x and y it moves; the position where there are two melodies.
            changed: called after each change of the setting.
        """
        self.setting = PathSetting()
        self._engine, self._changed = engine, changed
        self._runner: asyncio.Task[None] | None = None

    def set(self, setting: PathSetting) -> None:
        """Another path, and whether the puck runs."""
        self.setting = setting
        if setting.runs and self._runner is None:
            self._runner = asyncio.create_task(self._run())
        elif not setting.runs and self._runner is not None:
            self._runner.cancel()
            self._runner = None
        self._changed()

    def halt(self) -> None:
        """Stand still, where it is: a hand on the puck takes over."""
        if self.setting.runs:
            self.set(self.setting.model_copy(update={"runs": False}))

    async def close(self) -> None:
        """Stand still, and wait until it does."""
        runner = self._runner
        self.halt()
        if runner is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await runner

    async def _run(self) -> None:
        """By the engine's beat, or at its tempo where it stands still."""
        engine, bars, at, before = self._engine, 0.0, now(), self._engine.beat()
        while True:
            await asyncio.sleep(TICK)
            time, beat = now(), engine.beat()
            passed = beat - before
            if not 0 < passed < 1:  # it stands still or jumped
                passed = (time - at) * float(engine.value("tempo")) / 60
            beats_a_bar = engine.snapshot().melody.steps_per_bar / 4
            bars, at, before = bars + passed / beats_a_bar, time, beat
            share = share_at(bars, self.setting.bars, self.setting.back)
            if len(engine.mixer.melodies) == 2 and engine.value("axes") == AXES[0]:
                engine.set("position", share)
                continue
            points = self.setting.points or tuple((place.x, place.y) for place in engine.mixer.places)
            x, y = along(points, share)
            engine.set("x", x)
            engine.set("y", y)
