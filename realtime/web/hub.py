"""Hub: one engine and all pages that are open. What a page does goes to the engine; what the engine says, to all pages.

    page -> do() / move() -> engine -> snapshots and patterns, in its threads -> outboxes, in the event loop -> pages

A page that is slow gets the newest of everything and misses what was in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from latentmix.errors import InputError
from midi_vae import interpolation as mixing
from midi_vae.music.melody import Melody

from ..engine.engine import Engine, Snapshot
from ..music.clock import now
from ..music.mixer import MODES, PadPoint
from ..music.parameters import MAX_MELODIES, Value
from ..music.sequencer import Pattern
from .outbox import Outbox
from .paths import roomiest
from .puck import Puck
from .uploads import Shelf
from .wire import PathSetting, Session, free_hue, melody_to_json, session_from_json

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE

FEWEST = 2  # melodies
MOST_UNDONE = 40
LAST_SHARE = 0.97  # of the last step, after which a melody that is not looped stops


class Hub:
    """See the module's docstring. `start` and `stop` belong in the event loop's own thread, as do all methods.

    Attributes:
        engine: that plays.
        shelf: files that pages have sent.
        instance: a name of this run of the server, so that a page sees that it was started again.
    """

    def __init__(self, engine: Engine, model: MelodyVAE) -> None:
        self.engine, self.shelf, self.instance = engine, Shelf(), secrets.token_hex(6)
        self._model = model
        self._hues = list(range(len(engine.mixer.melodies)))
        self._fresh, self._loop_on = True, True
        self._undo: deque[Session] = deque(maxlen=MOST_UNDONE)
        self._outboxes: set[Outbox] = set()
        self._busy = asyncio.Lock()
        self._record_from, self._was_recording, self._stopping_at = 0, False, -1
        self._puck = Puck(engine, lambda: self._take_state(engine.snapshot()))
        self._state: dict[str, Any] = {}
        self._closers: list[Callable[[], object]] = []

    def start(self) -> None:
        """Listen to the engine."""
        self._events = asyncio.get_running_loop()
        self._closers += [self.engine.on_pattern(self._hear_pattern), self.engine.subscribe(self._hear)]
        self._take_state(self.engine.snapshot())

    async def stop(self) -> None:
        """Listen no more."""
        for close in self._closers:
            close()
        await self._puck.close()

    # Pages.

    def join(self) -> Outbox:
        """A page has come: its outbox, with all it has to know in it."""
        outbox = Outbox()
        outbox.put("hello", self._hello())
        outbox.put("melodies", self._melodies())
        outbox.put("state", self._state)
        outbox.put("melody", self._melody(self.engine.pattern))
        self._outboxes.add(outbox)
        return outbox

    def leave(self, outbox: Outbox) -> None:
        """A page has gone."""
        self._outboxes.discard(outbox)

    def move(self, values: Mapping[str, object]) -> None:
        """Move parameters.

        Raises:
            InputError: no such parameter or value; then nothing moves.
        """
        if any(name in MODES for name in values):
            self._puck.halt()
        self.engine.move(values)

    # What else a page can do; each a coroutine, one at a time.

    async def do_place(self, hue: int, x: float, y: float) -> None:
        """Put a melody elsewhere on the pad."""
        await asyncio.to_thread(self.engine.place, self._index(hue), x, y)
        self._publish_melodies()

    async def do_put(self, hue: int | None, melody: Melody, place: PadPoint | None = None) -> int:
        """Put a melody in the place of one, or add it; its hue."""
        self._remember()
        if hue is None:
            hue = free_hue([*self._hues]) if len(self._hues) < MAX_MELODIES else 0
            await asyncio.to_thread(self.engine.add, melody, melody.name or None, place or self._free_place())
            self._hues.append(hue)
        else:
            await asyncio.to_thread(self.engine.load, self._index(hue), melody, melody.name or None)
        self._publish_melodies()
        return hue

    async def do_remove(self, hue: int) -> None:
        """Take a melody away."""
        if len(self._hues) <= FEWEST:
            raise InputError(f"expected at least {FEWEST} melodies to mix; put another one in its place instead")
        index = self._index(hue)
        self._remember()
        await asyncio.to_thread(self.engine.remove, index)
        del self._hues[index]
        self._publish_melodies()

    async def do_random(self, hue: int | None, temperature: float, seed: int) -> int:
        """A melody out of nothing but chance."""
        made = await asyncio.to_thread(self._model.sample, 1, temperature, seed)
        like = self.engine.mixer.melodies[0]
        melody = replace(made[0], tempo=like.tempo, program=like.program, name=f"random {seed % 1000:03}")
        return await self.do_put(hue, melody)

    async def do_vary(self, hue: int, amount: float, seed: int) -> int:
        """A variation in the place of a melody."""
        melody = self.engine.mixer.melodies[self._index(hue)]
        made = await asyncio.to_thread(lambda: mixing.vary(self._model, melody, amount, 1, seed=seed))
        return await self.do_put(hue, replace(made[0], name=melody.name))

    async def do_take(self, hue: int | None, file: object, track: int, bar: int, bars: int) -> int:
        """A passage of a file that was dropped."""
        melody = await asyncio.to_thread(self.shelf.passage, file, track, bar, bars)
        return await self.do_put(hue, melody)

    async def do_restore(self, raw: object, only_if_fresh: bool) -> None:
        """A whole session; if only a fresh one is to be replaced and this is none, nothing happens."""
        if only_if_fresh and not self._fresh:
            return
        session = session_from_json(raw, self.engine.mixer.parameters)
        self._remember()
        await asyncio.to_thread(self._restore, session)
        self._hues = list(session.hues)
        self._loop_on = session.loop
        self._puck.set(session.path)
        self._publish_melodies()

    async def do_undo(self) -> None:
        """Melodies and places as they were before the last change."""
        if not self._undo:
            raise InputError("expected something to undo, found nothing")
        session = self._undo.pop()
        await asyncio.to_thread(self._restore, replace(session, values={}))
        self._hues = list(session.hues)
        self._publish_melodies()

    async def do_path(self, path: PathSetting) -> None:
        """Another path, and whether the puck runs."""
        self._puck.set(path)

    async def do_loop(self, on: bool) -> None:
        """Whether the melody starts again at its end."""
        self._loop_on = on
        self._take_state(self.engine.snapshot())

    @property
    def busy(self) -> asyncio.Lock:
        """Held while something is done: what pages ask for is done one after another."""
        return self._busy

    def touched(self) -> None:
        """From now on the session is somebody's work."""
        self._fresh = False

    def session(self) -> Session:
        """All there is to restore."""
        mixer = self.engine.mixer
        return Session(
            tuple(replace(m, name=name) for m, name in zip(mixer.melodies, self._names(), strict=True)),
            tuple(mixer.places),
            tuple(self._hues),
            {name: self.engine.value(name) for name in mixer.parameters},
            mixer.mode,
            self._loop_on,
            self._puck.setting,
        )

    def recording(self) -> tuple[list, list, Melody]:
        """Notes and tempi of the last recording, and the melody that gives its metre."""
        notes = self.engine.recording()[self._record_from :]
        return notes, self.engine.recorded_tempi(), self.engine.snapshot().melody

    # From the engine.

    def _hear(self, snapshot: Snapshot) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop has ended
            self._events.call_soon_threadsafe(self._take_state, snapshot)

    def _hear_pattern(self, pattern: Pattern) -> None:
        message = self._melody(pattern)
        with contextlib.suppress(RuntimeError):
            self._events.call_soon_threadsafe(self._publish, "melody", message)

    def _take_state(self, snapshot: Snapshot) -> None:
        recording = bool(snapshot.values["record"])
        if recording and not self._was_recording:
            self._record_from = len(self.engine.recording())
        self._was_recording = recording
        self._stop_at_end(snapshot)
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
            "ports": list(snapshot.ports),
            "loop": self._loop_on,
            "path": self._puck.setting.to_json(),
        }
        self._publish("state", self._state)

    def _stop_at_end(self, snapshot: Snapshot) -> None:
        """Stop after the last step of a melody that is not looped."""
        last = len(snapshot.melody.tokens) - 1
        if self._loop_on or not snapshot.running or snapshot.step < last:
            self._stopping_at = -1
        elif self._stopping_at != snapshot.step:
            self._stopping_at = snapshot.step
            seconds = max(0.0, snapshot.time + LAST_SHARE * 15 / snapshot.tempo - now())
            self._events.call_later(seconds, self.engine.set, "play", False)

    # Inside.

    def _publish(self, kind: str, content: Any) -> None:
        for outbox in self._outboxes:
            outbox.put(kind, content)

    def _publish_melodies(self) -> None:
        self.touched()
        self._publish("melodies", self._melodies())
        self._publish("melody", self._melody(self.engine.pattern))  # the one before knew not all colours
        self._take_state(self.engine.snapshot())

    def _melodies(self) -> dict[str, Any]:
        mixer = self.engine.mixer
        rows = zip(mixer.melodies, self._names(), mixer.places, self._hues, strict=False)
        melodies = [
            melody_to_json(melody) | {"name": name, "x": place.x, "y": place.y, "hue": hue}
            for melody, name, place, hue in rows
        ]
        return {"list": melodies, "undo": len(self._undo)}

    def _melody(self, pattern: Pattern) -> dict[str, Any]:
        """The newest melody, with what it was made of; called in the engine's worker, which alone moves the mixer."""
        mixer = self.engine.mixer
        shares = mixer.weights().tolist()
        return {
            **asdict(pattern),
            "weights": {hue: round(share, 5) for hue, share in zip(list(self._hues), shares, strict=False)},
            "at": {name: mixer.values[name] for name in ("position", "x", "y")},
        }

    def _hello(self) -> dict[str, Any]:
        return {
            "instance": self.instance,
            "fresh": self._fresh,
            "parameters": {name: asdict(parameter) for name, parameter in self.engine.mixer.parameters.items()},
            "attributes": list(self.engine.mixer.coder.attributes),
            "most": MAX_MELODIES,
            "fewest": FEWEST,
        }

    def _names(self) -> tuple[str, ...]:
        return self.engine.snapshot().names

    def _index(self, hue: int) -> int:
        if hue not in self._hues:
            raise InputError("expected a melody that is there; another page has taken it away")
        return self._hues.index(hue)

    def _free_place(self) -> PadPoint:
        """Room for one more melody, also away from the puck, so that what is heard does not jump."""
        mixer = self.engine.mixer
        puck = [(float(mixer.values["x"]), float(mixer.values["y"]))] if mixer.mode == "pad" else []
        return PadPoint(*roomiest([(place.x, place.y) for place in mixer.places] + puck))

    def _remember(self) -> None:
        self._undo.append(self.session())

    def _restore(self, session: Session) -> None:
        """In a thread: the melodies one by one, then places and values."""
        engine = self.engine
        engine.decoder.encode(session.melodies)  # to see that they go together before anything changes
        there = len(engine.mixer.melodies)
        for index, melody in enumerate(session.melodies):
            name = melody.name or f"melody {index + 1}"
            if index < there:
                engine.load(index, melody, name)
            else:
                engine.add(melody, name)
        for index in reversed(range(len(session.melodies), there)):
            engine.remove(index)
        for index, place in enumerate(session.places):
            engine.place(index, place.x, place.y)
        for name, value in _in_order(session):
            engine.set(name, value)


def _in_order(session: Session) -> list[tuple[str, Value]]:
    """Values of a session, those that say where the mix is last: what was moved last decides."""
    rank = {name: 2 if mode == session.moved else 1 for name, mode in MODES.items()}
    return sorted(session.values.items(), key=lambda item: rank.get(item[0], 0))
