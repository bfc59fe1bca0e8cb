"""Hub: one workspace and all pages that are open. What a page does goes to the engine; what it says, to all pages.

    page -> workspace -> engine -> snapshots and patterns, in its threads -> outboxes, in the event loop -> pages

A page that is slow gets the newest of everything and misses what was in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from latentmix.errors import InputError
from midi_vae.audio.synthesizer import TIMBRES
from midi_vae.drums.kit import INSTRUMENTS
from midi_vae.drums.windows import MAX_GROOVES
from midi_vae.music.melody import Melody

from ..engine.engine import Engine
from ..engine.recorder import PlayedNote, TempoChange
from ..engine.snapshot import Snapshot
from ..music.clock import now
from ..music.drum_layer import DrumPattern
from ..music.parameters import MAX_MELODIES, Parameter
from ..music.sequencer import Pattern
from . import exports
from .checking import Checked
from .messages import Restore
from .outbox import Outbox
from .sounds import OWN, SOUNDS, SUNG
from .store import Store
from .sung import LOOP, NOTES, SECONDS
from .workspace import MIN_MELODIES, Workspace

if TYPE_CHECKING:
    from ..engine.loading import ModelLoader

LAST_SHARE = 0.97  # of the last step, after which a melody that is not looped stops
KEEP_AFTER = 1.0  # seconds from a change until the session is written


class Hub:
    """See the module's docstring.

    Not thread-safe: `start`, `stop` and all other methods belong in the event loop's own thread; what the engine's
    threads call (`_hear`, `_hear_pattern`, `_hear_drums`) does nothing but hand over to it. Not real-time-safe.

    Attributes:
        engine: that plays.
        workspace: what pages change.
        store: where sessions and recordings are kept.
        recordings: names of those that are kept, newest first.
        instance: a name of this run of the server, so that a page sees that it was started again.
    """

    def __init__(
        self,
        engine: Engine,
        model: ModelLoader,
        store: Store | None = None,
        session: dict[str, Any] | None = None,
        resumes: bool = False,
    ) -> None:
        """
        Args:
            engine: that plays.
            model: of its melodies.
            store: where sessions and recordings are kept; None: nowhere.
            session: to begin with.
            resumes: whether a page may bring its own last session where there is none.
        """
        self.engine, self.instance = engine, secrets.token_hex(6)
        self.has_ended = threading.Event()  # what is still being made to take home goes no further then
        self.store = store
        self._outboxes: set[Outbox] = set()
        self._record_from, self._was_recording, self._stopping_at = 0, False, -1
        self._state: dict[str, Any] = {}
        self._closers: list[Callable[[], object]] = []
        self._keeping: asyncio.TimerHandle | None = None
        self._session, self._resumes = session, resumes
        self._tasks: set[asyncio.Task[None]] = set()
        self.recordings = [each.name for each in store.recordings()] if store else []
        self.workspace = Workspace(engine, model, self._changed)

    async def start(self) -> None:
        """Listen to the engine, and begin with the session that was handed over, if there is one.

        Not thread-safe, not real-time-safe.
        """
        self._events = asyncio.get_running_loop()
        self._closers += [self.engine.on_pattern(self._hear_pattern), self.engine.on_drums(self._hear_drums)]
        self._closers.append(self.engine.subscribe(self._hear))
        self._take_state(self.engine.snapshot())
        if self._session is not None:
            self._later(self._begin(self._session))

    async def _begin(self, session: dict[str, Any]) -> None:
        """With a session; pages come in meanwhile, for the model may still be loading."""
        try:
            await self.workspace.do(Restore(do="restore", session=session, begins=True))
        except InputError as error:
            self.engine.warn(f"the session of last time did not come back: {error}")

    async def stop(self) -> None:
        """Listen no more, and keep what was not kept yet. Not thread-safe, not real-time-safe."""
        self.has_ended.set()
        for close in self._closers:
            close()
        if self._was_recording:
            self._keep_recording()
        if self._keeping is not None:
            self._keeping.cancel()
            await self._keep_session()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.workspace.close()

    # Pages.

    def join(self) -> Outbox:
        """A page has come: its outbox, with all it has to know in it. Not thread-safe, not real-time-safe."""
        outbox = Outbox()
        outbox.put("hello", self._hello())
        outbox.put("melodies", self._melodies())
        outbox.put("state", self._state)
        outbox.put("melody", self._melody(self.engine.pattern))
        outbox.put("drums", asdict(self.engine.drum_pattern))
        self._outboxes.add(outbox)
        return outbox

    def leave(self, outbox: Outbox) -> None:
        """A page has gone. Not thread-safe, not real-time-safe."""
        self._outboxes.discard(outbox)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What can be moved."""
        return self.engine.mixer.parameters

    def move(self, values: Mapping[str, Any]) -> None:
        """Move parameters. Not thread-safe, not real-time-safe.

        Raises:
            InputError: no such parameter or value; those before it are moved.
        """
        self.workspace.move(values)
        self._keep_soon()

    async def do(self, message: Checked) -> int | None:
        """What else a page may want; the hue of the melody that it is about. Raises as `Workspace.do`."""
        return await self.workspace.do(message)

    def recording(self) -> tuple[list[PlayedNote], list[TempoChange], Melody]:
        """Notes and tempi of the last recording, and the melody that gives its metre.

        Not thread-safe, not real-time-safe.
        """
        notes = self.engine.recording()[self._record_from :]
        return notes, self.engine.recorded_tempi(), self.engine.snapshot().melody

    # From the engine, in its threads.

    def _hear(self, snapshot: Snapshot) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self._events.call_soon_threadsafe(self._take_state, snapshot)

    def _hear_pattern(self, pattern: Pattern) -> None:
        message = self._melody(pattern)
        with contextlib.suppress(RuntimeError):
            self._events.call_soon_threadsafe(self._publish, "melody", message)

    def _hear_drums(self, pattern: DrumPattern) -> None:
        with contextlib.suppress(RuntimeError):
            self._events.call_soon_threadsafe(self._publish, "drums", asdict(pattern))

    # Inside.

    def _take_state(self, snapshot: Snapshot) -> None:
        recording = bool(snapshot.values["record"])
        if recording and not self._was_recording:
            self._record_from = len(self.engine.recording())
        if self._was_recording and not recording:
            self._keep_recording()
        self._was_recording = recording
        self._stop_at_end(snapshot)
        workspace = self.workspace
        undo, redo = workspace.labels
        self._state = {
            "values": dict(snapshot.values),
            "mode": snapshot.mode,
            "running": snapshot.running,
            "step": snapshot.step,
            "time": snapshot.time,
            "tempo": snapshot.tempo,
            "source": snapshot.source,
            "version": snapshot.version,
            "heard": snapshot.heard,
            "decode_ms": round(snapshot.decode_ms, 2),
            "decode_p99_ms": round(snapshot.decode_p99_ms, 2),
            "late_decodes": snapshot.late_decodes,
            "warnings": list(snapshot.warnings),
            "warned": snapshot.warned,
            "ports": list(snapshot.ports),
            "loop": workspace.loop,
            "path": workspace.puck.setting.model_dump(),
            "snapshots": [each.model_dump() for each in workspace.kept.all],
            "recordings": self.recordings,
            "recorded": bool(snapshot.notes) and len(self.engine.recording()) > self._record_from,
            "sound": workspace.sound.model_dump() if workspace.sound else None,
            "restored": workspace.restored,
            "fresh": workspace.is_fresh,
            "undo": undo,
            "redo": redo,
        }
        self._publish("state", self._state)

    def _stop_at_end(self, snapshot: Snapshot) -> None:
        """Stop after the last step of a melody that is not looped."""
        last = len(snapshot.melody.tokens) - 1
        if self.workspace.loop or not snapshot.running or snapshot.step < last:
            self._stopping_at = -1
        elif self._stopping_at != snapshot.step:
            self._stopping_at = snapshot.step
            seconds = max(0.0, snapshot.time + LAST_SHARE * 15 / snapshot.tempo - now())
            self._events.call_later(seconds, self.engine.set, "play", False)

    def _changed(self, melodies: bool) -> None:
        """Something in the workspace has, perhaps the melodies."""
        if melodies:
            self._publish("melodies", self._melodies())
            self._publish("melody", self._melody(self.engine.pattern))  # the one before knew not all colours
        self._take_state(self.engine.snapshot())
        self._keep_soon()

    def _publish(self, kind: str, content: Any) -> None:
        for outbox in self._outboxes:
            outbox.put(kind, content)

    def _melodies(self) -> dict[str, Any]:
        drums = [each.model_dump() for each in self.workspace.grooves.all]
        sounds = [{"name": each.name, "mark": each.mark} for each in self.workspace.sounds.all]
        return {"list": [each.model_dump() for each in self.workspace.placed()], "drums": drums, "sounds": sounds}

    def _melody(self, pattern: Pattern) -> dict[str, Any]:
        """The newest melody, with what it was made of; called in the engine's worker, which alone moves the mixer."""
        mixer = self.engine.mixer
        shares = mixer.weights().tolist()
        return {
            **asdict(pattern),
            "weights": {hue: round(share, 5) for hue, share in zip(self.workspace.hues, shares, strict=False)},
            "at": {name: mixer.values[name] for name in ("position", "x", "y")},
        }

    def _hello(self) -> dict[str, Any]:
        mixer, kit = self.engine.mixer, self.engine.kit
        drums = None if kit is None else [(name, kit.note_of(at)) for at, name in enumerate(INSTRUMENTS)]
        return {
            "drums": drums and [{"name": name, "note": note} for name, note in drums],
            "most_drums": MAX_GROOVES,
            "instance": self.instance,
            "fresh": self.workspace.is_fresh,
            "resumes": self._resumes,
            "parameters": {name: asdict(parameter) for name, parameter in mixer.parameters.items()},
            "attributes": list(mixer.coder.attributes),
            "most": MAX_MELODIES,
            "fewest": MIN_MELODIES,
            "sounds": [
                {
                    "name": name,
                    "program": program,
                    "sung": program in (*SUNG, OWN),
                    **asdict(TIMBRES[program // 8]),
                }
                for program, name in SOUNDS.items()
            ],
            "sung": {"notes": NOTES, "seconds": SECONDS, "loop": LOOP, "own": OWN},
        }

    # What stays when the server has ended.

    def _keep_soon(self) -> None:
        if self.store is not None and self._keeping is None and not self.workspace.is_fresh:
            self._keeping = self._events.call_later(KEEP_AFTER, lambda: self._later(self._keep_session()))

    async def _keep_session(self) -> None:
        self._keeping = None
        session = (await self.workspace.session()).to_json()
        if self.store is not None:
            await self._write(self.store.keep_session, session)

    def _keep_recording(self) -> None:
        notes, tempi, first = self.recording()
        if notes and self.store is not None:
            self._later(self._write_recording(notes, tempi, first))

    async def _write_recording(self, notes: list[PlayedNote], tempi: list[TempoChange], first: Melody) -> None:
        content = await asyncio.to_thread(exports.performance_midi, notes, tempi, first)
        if self.store is not None and await self._write(self.store.keep_recording, content):
            self.recordings = [each.name for each in self.store.recordings()]
            self._take_state(self.engine.snapshot())

    async def _write(self, write: Callable[[Any], Any], content: Any) -> bool:
        """Whether it could be written; why not is said."""
        try:
            await asyncio.to_thread(write, content)
        except InputError as error:
            self.engine.warn(f"not kept: {error}")
            return False
        return True

    def _later(self, work: Any) -> None:
        task = self._events.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
