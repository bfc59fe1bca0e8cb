"""What `livemix web` does once it is known what was asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from socket import socket
from typing import Any

import typer
from uvicorn import Server

from latentmix.errors import InputError
from midi_vae.midi.score import DRUM_CHANNEL

from ..engine.engine import Engine
from ..web.gate import Gate
from ..web.hub import Hub
from ..web.opening import TEMPO, opening_melodies
from ..web.server import make_app, make_server
from ..web.sharing import read_session
from ..web.store import Store, usual_folder
from .drums import read_drum_options
from .live import (
    STOPPED_BY,
    connect_controllers,
    going_first,
    open_engine,
    play_automation,
    prepare,
    until_signal,
    wait,
    watch,
)
from .options import LiveOptions, PageOptions, PlaybackOptions
from .page import open_gate, tell_place


def run(files: Sequence[Path], page: PageOptions, live: LiveOptions) -> int:
    """Serve the page until a signal ends it; the exit status.

    Raises:
        InputError: anything that was asked for cannot be had, or the model cannot be loaded.
    """
    ports, control, playback = live.ports, live.control, live.playback
    loader, setup = prepare(files, live)
    opened = read_session(page.session) if page.session else None
    if opened and files:
        raise typer.BadParameter("expected MIDI files or a session, found both", param_hint="--session")
    drums = read_drum_options(playback, may_come=ports.channel != DRUM_CHANNEL + 1)
    melodies = [passage.melody for passage in live.source.read(files)] if files else opening_melodies()
    sock, gate = open_gate(page)
    with until_signal() as (stop, caught), going_first(), contextlib.ExitStack() as held:
        held.callback(sock.close)
        engine = open_engine(
            loader,
            melodies,
            [path.stem for path in files] or None,
            drums,
            setup,
            live,
            held,
            outs=ports.midi_outs() if ports.virtual or ports.outs else (),  # the page itself makes sound
            ins=ports.midi_ins(None) if ports.virtual or ports.outs or ports.ins else (),
            tempo=playback.tempo if files or playback.tempo else TEMPO,
        )
        if len(melodies) > 2 and not setup.settings.keys() & {"position", "x", "y"}:
            engine.set("x", 0.5)  # begin in the middle of the pad
        connect_controllers(engine, control, setup, ports.midi_api, held)
        watch(engine, held)
        store, resumes = Store(usual_folder()), not (files or page.new or opened)
        last = store.last_session() if resumes else None
        hub = Hub(engine, loader, store, _without_drums(last or opened, playback), resumes and not playback.drums)
        play_automation(engine, setup, threading.Event(), held)
        app = make_app(hub, loader, gate, ports.soundfont)
        failure = _serve(make_server(app, lambda: _tell(gate, page, last is not None)), sock, engine, stop)
    if failure is not None and not caught:
        raise failure
    return STOPPED_BY.get(caught[0], 0) if caught else 0


def _without_drums(session: dict[str, Any] | None, playback: PlaybackOptions) -> dict[str, Any] | None:
    """A session as it is, but for its drums where others were named."""
    return session and {name: each for name, each in session.items() if name != "drums" or not playback.drums}


def _serve(server: Server, sock: socket, engine: Engine, stop: threading.Event) -> InputError | None:
    """Until a signal comes, or there is nothing to wait for any more: then, why."""
    failures: list[InputError] = []

    def end() -> None:
        """A signal that the server does not know, such as that of a terminal that is closed, ends it too."""
        try:
            wait(engine, stop)
        except InputError as error:
            failures.append(error)
        server.should_exit = True

    ending = threading.Thread(target=end, name="latentmix end", daemon=True)
    ending.start()
    server.run(sockets=[sock])
    stop.set()
    ending.join()
    return failures[0] if failures else None


def _tell(gate: Gate, page: PageOptions, came_back: bool) -> None:
    """Where the page is, and whose session is in it."""
    if came_back:
        typer.echo("the session of last time comes back; livemix web --new begins afresh")
    tell_place(gate, page)
