"""Hub: one workspace and all pages that are open. What a page does goes to the engine; what it says, to all pages.

    page -> workspace -> engine -> snapshots and patterns, in its threads -> outboxes, in the event loop -> pages

A page that is slow gets the newest of everything and misses what was in between.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from midi_vae.audio.synthesizer import TIMBRES
from midi_vae.drums.kit import INSTRUMENTS
from midi_vae.drums.windows import MAX_GROOVES
from midi_vae.music.melody import Melody

from ..engine.engine import Engine
from ..engine.recorder import PlayedNote, TempoChange
from ..engine.snapshot import Snapshot
from ..music.clock import now
from ..music.drum_layer import DrumPattern
from ..music.parameters import MAX_MELODIES
from ..music.sequencer import Pattern
from . import exports
from .pages import Pages
from .sounds import OWN, SOUNDS, SUNG
from .store import Store
from .sung import LOOP, NOTES, SECONDS
from .workspace import MIN_MELODIES, Workspace

if TYPE_CHECKING:
    from ..engine.loading import ModelLoader

LAST_SHARE = 0.97  # of the last step, after which a melody that is not looped stops


class Hub(Pages):
    """See the module's docstring, and `Pages`.

    Not thread-safe, but for what the engine's threads call (`_hear_pattern`, `_hear_drums`). Not real-time-safe.

    Attributes:
        engine: that plays.
        workspace: what pages change.
    """

    workspace: Workspace

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
            store, session, resumes: as of `Pages`.
        """
        super().__init__(store, session, resumes)
        self.engine = engine
        self._record_from, self._was_recording, self._stopping_at = 0, False, -1
        self._state: dict[str, Any] = {}
        self.workspace = Workspace(engine, model, self._changed)

    def recording(self) -> tuple[list[PlayedNote], list[TempoChange], Melody]:
        """Notes and tempi of the last recording, and the melody that gives its metre.

        Not thread-safe, not real-time-safe.
        """
        notes = self.engine.recording()[self._record_from :]
        return notes, self.engine.recorded_tempi(), self.engine.snapshot().melody

    # From the engine, in its threads.

    def _listen(self) -> None:
        engine = self.engine
        self._closers += [engine.on_pattern(self._hear_pattern), engine.on_drums(self._hear_drums)]
        self._closers.append(engine.subscribe(lambda snapshot: self._soon(self._take_state, snapshot)))
        self._refresh()

    def _hear_pattern(self, pattern: Pattern) -> None:
        self._soon(self._publish, "melody", self._melody(pattern))

    def _hear_drums(self, pattern: DrumPattern) -> None:
        self._soon(self._publish, "drums", asdict(pattern))

    # Inside.

    def _news(self) -> dict[str, Any]:
        return {
            "hello": self._hello(),
            "melodies": self._melodies(),
            "state": self._state,
            "melody": self._melody(self.engine.pattern),
            "drums": asdict(self.engine.drum_pattern),
        }

    def _refresh(self) -> None:
        self._take_state(self.engine.snapshot())

    def _warn(self, text: str) -> None:
        self.engine.warn(text)

    def _take_state(self, snapshot: Snapshot) -> None:
        recording = bool(snapshot.values["record"])
        if recording and not self._was_recording:
            self._record_from = len(self.engine.recording())
        if not recording:
            self._end_recording()
        self._was_recording = recording
        self._stop_at_end(snapshot)
        workspace = self.workspace
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
            "recorded": bool(snapshot.notes) and len(self.engine.recording()) > self._record_from,
            "sound": workspace.sound.model_dump() if workspace.sound else None,
            **self._edited(),
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
        self._refresh()
        self._keep_soon()

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

    def _end_recording(self) -> None:
        if not self._was_recording:
            return
        self._was_recording = False
        notes, tempi, first = self.recording()
        if notes and self.store is not None:
            self._later(self._write_recording(notes, tempi, first))

    async def _write_recording(self, notes: list[PlayedNote], tempi: list[TempoChange], first: Melody) -> None:
        content = await asyncio.to_thread(exports.performance_midi, notes, tempi, first)
        if self.store is not None and await self._write(self.store.keep_recording, content):
            self._list_recordings()
