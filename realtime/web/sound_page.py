"""The page of sounds that play (`livemix sound --page`): whatever moves them, all pages show it, and each of them can.

page -> engine of the sounds -> its snapshots, in its threads -> outboxes, in the event loop -> pages
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from latentmix.errors import InputError

from ..audio.sound_recorder import SoundRecorder
from ..engine.sounds import SoundEngine
from ..music.shares import PadPoint, shares, spread
from .gate import Gate, Guard
from .kept_routes import add_kept
from .pages import Pages
from .server import add_pages, make_app_of
from .sound_session import SoundEditing
from .store import Store

PAGE = "mix.html"


class SoundHub(Pages):
    """All pages that are open, of sounds that play; see `Pages`.

    Args:
        engine: of the sounds.
        names: of the sounds, for people.
        live: of each sound, whether it is a live input and no recording.
        store: as of `Pages`; recordings are WAV files of what is heard.
        session: to begin with; None: where `resumes`, the newest one that was kept of these sounds.
    """

    workspace: SoundEditing

    def __init__(
        self,
        engine: SoundEngine,
        names: Sequence[str],
        live: Sequence[bool],
        store: Store | None = None,
        session: dict[str, Any] | None = None,
        resumes: bool = False,
    ) -> None:
        self.workspace = SoundEditing(engine, names, self._changed)
        last = store.last_session(self.workspace.is_like) if session is None and resumes and store is not None else None
        super().__init__(store, last if session is None else session, resumes=False)
        self.has_resumed = last is not None
        self._engine = engine
        self._recordings = [at for at, is_live in enumerate(live) if not is_live]
        self._recorder: SoundRecorder | None = None
        self._is_due = False
        self._told_of: dict[str, Any] = {}  # the sounds on the pad, as pages were told last

    # From the engine, in its threads.

    def _listen(self) -> None:
        self._closers.append(self._engine.subscribe(self._hear))
        self._refresh()

    def _hear(self) -> None:
        if not self._is_due:  # however often it moves until the loop has its turn
            self._is_due = True
            self._soon(self._refresh)

    # Inside.

    def _news(self) -> dict[str, Any]:
        return {"hello": self._hello(), **self._now()}

    def _now(self) -> dict[str, Any]:
        values, mode = self._engine.snapshot()
        names = self.workspace.names
        heard = range(len(names)) if values["mode"] == "morph" else self._recordings
        places: list[PadPoint] = spread(len(heard))
        of_each = shares(values, mode, places)
        sounds = [
            {"hue": at, "name": names[at], "x": place.x, "y": place.y} for at, place in zip(heard, places, strict=True)
        ]
        weights = {at: round(float(share), 5) for at, share in zip(heard, of_each, strict=True)}
        warnings, warned = self._engine.warn.figures()
        state = {"values": values, "mode": mode, "warnings": list(warnings), "warned": warned, **self._edited()}
        return {
            "melodies": {"list": sounds, "drums": [], "sounds": []},
            "state": state,
            "melody": {"weights": weights},
        }

    def _refresh(self) -> None:
        self._is_due = False
        is_wanted = bool(self._engine.value("record")) and not self.has_ended.is_set()
        if is_wanted and self._recorder is None:
            self._begin_recording()
        elif not is_wanted:
            self._end_recording()
        news = self._now()
        if news["melodies"] == self._told_of:
            del news["melodies"]  # a pad that is laid out anew with each move would be slow
        self._told_of = news.get("melodies", self._told_of)
        for kind, content in news.items():
            self._publish(kind, content)

    def _changed(self, melodies: bool) -> None:
        self._refresh()
        self._keep_soon()

    def _warn(self, text: str) -> None:
        self._engine.warn(text)

    def _hello(self) -> dict[str, Any]:
        return {
            "instance": self.instance,
            "fresh": False,  # no page brings its own session: the server has it, and knows where it is not to come back
            "resumes": False,
            "names": list(self.workspace.names),
            "parameters": {name: asdict(each) for name, each in self._engine.parameters.items()},
            "transfers": 0 < len(self._recordings) < len(self.workspace.names),
        }

    # What is heard, recorded.

    def _begin_recording(self) -> None:
        try:
            if self.store is None:
                raise InputError("expected a folder for recordings, found none")
            self._recorder = SoundRecorder(
                self.store.begin_recording(), self._engine.sound, lambda line: self._soon(self._fail, line)
            )
        except InputError as error:
            self._fail(f"not recorded: {error}")

    def _fail(self, line: str) -> None:
        self._engine.set("record", False)
        self._warn(line)

    def _end_recording(self) -> None:
        if self._recorder is not None:
            recorder, self._recorder = self._recorder, None
            self._later(self._finish(recorder))

    async def _finish(self, recorder: SoundRecorder) -> None:
        await asyncio.to_thread(recorder.close)
        place = Path(recorder.path)
        if self.store is not None:
            await self._write(self.store.end_recording, place)
        if recorder.remark:
            self._warn(f"{place.stem}: {recorder.remark}")
        self._list_recordings()


def make_sound_app(hub: SoundHub, gate: Gate) -> Guard:
    """The page and its connection; nothing of it is reached but through the gate."""

    app = make_app_of(hub)
    add_kept(app, hub, "audio/wav", ".wav")
    add_pages(app, PAGE)
    return Guard(app, gate)
