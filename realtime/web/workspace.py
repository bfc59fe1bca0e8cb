"""What pages work on: melodies in the engine with their colours, the puck's path, kept mixes, and what was changed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from latentmix.errors import InputError
from midi_vae.music.melody import Melody

from ..engine.engine import Engine
from ..music.clock import now
from ..music.parameters import MAX_MELODIES
from ..music.shares import MODES, PadPoint
from . import messages
from .editing import Editing
from .grooves import Grooves
from .history import Change, Patch
from .paths import roomiest
from .puck import Puck
from .recordings import Recordings
from .restoring import lay, patch_of
from .sound_wire import SoundData
from .uploads import Shelf
from .variation import random_melody, varied
from .wire import PageSound, PlacedMelody, Session, free_hue, session_from_json

if TYPE_CHECKING:
    from ..engine.loading import ModelLoader

MIN_MELODIES = 2


class Workspace(Editing):
    """See the module's docstring.

    Not thread-safe: `start` to `close`, every method belongs in the event loop's own thread. What takes long runs in
    worker threads, of the engine and its own, on what it was handed. Not real-time-safe: it allocates and waits.

    Attributes:
        engine: that plays.
        shelf: files that pages have sent; it alone is thread-safe.
        loop: whether the melody starts again at its end.
        puck: on its way along a path.
        sound: of the page that has told last.
        grooves: the drums.
        sounds: recordings that the page's own sound is mixed of.
        is_fresh, kept, restored: as of `Editing`.
    """

    engine: Engine

    def __init__(self, engine: Engine, model: ModelLoader, changed: Callable[[bool], object]) -> None:
        """
        Args:
            model: which makes random melodies and variations.
            changed: called after each change but moves of parameters: whether the melodies may be others.
        """
        super().__init__(engine, changed)
        self.shelf, self.loop = Shelf(), True
        self.sound: PageSound | None = None
        self._model = model
        self._hues = list(range(engine.count()))
        self.puck = Puck(engine, lambda: changed(False))
        self.grooves = Grooves(engine, self.shelf, lambda *change: self._remember(True, *change))
        self.sounds = Recordings(engine, lambda *change: self._remember(True, *change))
        self._doing |= {
            messages.PlaceMelody: self._place,
            messages.PutMelody: self._put_one,
            messages.RemoveMelody: self._remove,
            messages.RandomMelody: self._random,
            messages.VaryMelody: self._vary,
            messages.TakePassage: self._take,
            messages.TakeDrums: self.grooves.take,
            messages.RemoveDrums: self.grooves.remove,
            messages.RemoveSound: self.sounds.remove,
            messages.SetPath: self._set_path,
            messages.SetLoop: self._set_loop,
            messages.SetClock: self._set_clock,
            messages.SetSound: self._set_sound,
        }

    async def put_sound(self, sound: SoundData) -> None:
        """One more recording, in its turn. Not thread-safe; raises InputError where there is no room."""
        async with self._lock:
            self.sounds.add(sound)

    def move(self, values: Mapping[str, Any]) -> None:
        """As of `Editing`; a hand on the puck takes over from its path."""
        if any(name in MODES for name in values):
            self.puck.halt()
        super().move(values)

    def placed(self) -> tuple[PlacedMelody, ...]:
        """The melodies with their names, places and colours. Not thread-safe, not real-time-safe."""
        mixer = self.engine.mixer
        rows = zip(list(mixer.melodies), self.engine.snapshot().names, list(mixer.places), self._hues, strict=False)
        return tuple(PlacedMelody.of(*row) for row in rows)

    @property
    def hues(self) -> tuple[int, ...]:
        """Colours of the melodies; thread-safe."""
        return tuple(self._hues)

    async def close(self) -> None:
        """The puck stands still. Not thread-safe, not real-time-safe."""
        await self.puck.close()

    async def _place(self, command: messages.PlaceMelody) -> None:
        index = self._index(command.hue)
        async with self._changing("place of a melody", ("place", command.hue)):
            await asyncio.to_thread(self.engine.place, index, command.x, command.y)

    async def _put_one(self, command: messages.PutMelody) -> int:
        point = None if command.x is None or command.y is None else PadPoint(command.x, command.y)
        return await self._put(
            command.hue, command.melody.melody, "edit" if command.hue is not None else "melody", point
        )

    async def _put(self, hue: int | None, melody: Melody, label: str, point: PadPoint | None = None) -> int:
        """Put a melody in the place of one, or add it; its hue."""
        if hue is not None:
            index = self._index(hue)
            async with self._changing(label):
                await asyncio.to_thread(self.engine.load, index, melody, melody.name or None)
            return hue
        hue = free_hue(self._hues) if len(self._hues) < MAX_MELODIES else 0
        async with self._changing(label):
            await asyncio.to_thread(self.engine.add, melody, melody.name or None, point or self._free_place())
            self._hues.append(hue)
        return hue

    async def _remove(self, command: messages.RemoveMelody) -> None:
        if len(self._hues) <= MIN_MELODIES:
            raise InputError(f"expected at least {MIN_MELODIES} melodies to mix; put another one in its place instead")
        index = self._index(command.hue)
        async with self._changing("melody taken away"):
            await asyncio.to_thread(self.engine.remove, index)
            del self._hues[index]

    async def _random(self, command: messages.RandomMelody) -> int:
        like, seed = self.engine.mixer.melodies[0], secrets.randbits(31)
        melody = await asyncio.to_thread(random_melody, self._model, like, command.temperature, seed)
        return await self._put(command.hue, melody, "random melody")

    async def _vary(self, command: messages.VaryMelody) -> int:
        melody, seed = self.engine.mixer.melodies[self._index(command.hue)], secrets.randbits(31)
        made = await asyncio.to_thread(varied, self._model, melody, command.amount, seed)
        return await self._put(command.hue, made, "variation")

    async def _take(self, command: messages.TakePassage) -> int:
        melody = await asyncio.to_thread(self.shelf.passage, command.file, command.track, command.bar, command.bars)
        return await self._put(command.hue, melody, "melody of a file")

    async def _recall(self, command: messages.RecallSnapshot) -> None:
        self.kept.at(command.slot, command.of)  # before anything stops
        self.puck.halt()
        await super()._recall(command)

    async def _set_path(self, command: messages.SetPath) -> None:
        before, after = (each.model_copy(update={"runs": False}) for each in (self.puck.setting, command.path))
        self.puck.set(command.path)
        self._history.add(Change("path", Patch(path=before), Patch(path=after), "path", now()))
        self._touched()

    async def _set_loop(self, command: messages.SetLoop) -> None:
        before, self.loop = self.loop, command.on
        self._history.add(Change("loop", Patch(loop=before), Patch(loop=self.loop)))
        self._touched()

    async def _set_clock(self, command: messages.SetClock) -> None:
        self.engine.follow_clock(command.clock)

    async def _set_sound(self, command: messages.SetSound) -> None:
        self.sound = command.sound
        self._touched()

    @asynccontextmanager
    async def _changing(self, label: str, key: Any = None) -> AsyncIterator[None]:
        """Around a change of the melodies, which it remembers."""
        before = self.placed()
        yield
        self._history.add(Change(label, Patch(melodies=before), Patch(melodies=self.placed()), key, now()))
        self._touched(True)

    def _session(self) -> Session:
        engine = self.engine
        return Session.of(
            self.placed(),
            {name: engine.value(name) for name in engine.mixer.parameters},
            moved=engine.mixer.mode,
            loop=self.loop,
            path=self.puck.setting,
            sound=self.sound,
            snapshots=self.kept.all,
            drums=self.grooves.all,
            sounds=self.sounds.all,
        )

    def _read(self, raw: object) -> Session:
        session = session_from_json(raw, self.engine.mixer.parameters)
        self.grooves.check(session.drums)  # before anything is another one
        return session

    def _patch(self, session: Session) -> Patch:
        return patch_of(session)

    def _took(self, session: Session) -> None:
        self.sound = session.sound or self.sound

    async def _apply(self, patch: Patch) -> None:
        if patch.melodies is not None and patch.melodies != self.placed():
            await asyncio.to_thread(lay, self.engine, patch.melodies)
            self._hues = [each.hue for each in patch.melodies]
        if patch.drums is not None:
            await self.grooves.lay(patch.drums)
        if patch.sounds is not None:
            await self.sounds.lay(patch.sounds)
        await super()._apply(patch)
        self.loop = self.loop if patch.loop is None else patch.loop
        if patch.path is not None:
            self.puck.set(patch.path)

    def _index(self, hue: int) -> int:
        if hue not in self._hues:
            raise InputError("expected a melody that is there; another page has taken it away")
        return self._hues.index(hue)

    def _free_place(self) -> PadPoint:
        """Room for one more melody, also away from the puck, so that what is heard does not jump."""
        mixer = self.engine.mixer
        puck = [(float(mixer.values["x"]), float(mixer.values["y"]))] if mixer.mode == "pad" else []
        return PadPoint(*roomiest([(place.x, place.y) for place in mixer.places] + puck))
