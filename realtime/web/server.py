"""The server of the page: FastAPI behind the gate, run by uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from importlib import resources
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse

from latentmix.errors import InputError
from midi_vae.drums.kit import GENERAL_MIDI

from . import exports
from .answers import Make, answer, as_json, body, refused
from .gate import Gate, Guard
from .hub import Hub
from .idle import IDLE_SECONDS, settings
from .kept_routes import add_kept
from .messages import MAX_MESSAGE
from .outbox import Outbox
from .pages import Pages
from .protocol import receive
from .sound_routes import add_sounds
from .sounds import OWN, USUAL
from .uploads import MAX_BYTES

if TYPE_CHECKING:
    from ..engine.loading import ModelLoader

MAX_PAGES = 32  # open at a time
CLOSING_SECONDS = 2  # that open pages have when the server ends
TRY_AGAIN_LATER = 1013  # WebSocket close code
TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}


def make_app_of(hub: Pages) -> FastAPI:
    """An application with what its pages talk to, and nothing else yet."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await hub.start()
        yield
        await hub.stop()

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    _add_live(app, hub)
    return app


def make_app(hub: Hub, model: ModelLoader, gate: Gate, soundfont: Path | None = None) -> Guard:
    """The whole application; nothing of it is reached but through the gate.

    Args:
        hub: of the pages.
        model: of the melodies to take home.
        gate: that is passed before anything else.
        soundfont: that sound to take home is played with; None: the built-in synthesizer.
    """

    app = make_app_of(hub)
    add_kept(app, hub, "audio/midi", ".mid")
    _add_uploads(app, hub)
    _add_exports(app, hub, model, soundfont)
    add_sounds(app, hub)
    add_pages(app)
    return Guard(app, gate)


def make_server(
    app: Guard, started: Callable[[], None] | None = None, idle_seconds: float = IDLE_SECONDS
) -> uvicorn.Server:
    """A server to `run(sockets=[…])` until a signal ends it; `started` is called once pages can be had."""

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and started is not None:
                started()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            """A second Ctrl-C cuts nothing short: what is left takes `CLOSING_SECONDS` at most."""
            super().handle_exit(sig, frame)
            self.force_exit = False

    logging.getLogger("uvicorn.error").addFilter(_is_news)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # it costs more time than it saves on the way to the same machine
        timeout_graceful_shutdown=CLOSING_SECONDS,
        loop="asyncio",
        lifespan="on",
        **settings(idle_seconds),
    )
    return Server(config)


def _is_news(record: logging.LogRecord) -> bool:
    """Not that requests are cut off when the server ends: who waits for them is told (`gate.py`)."""
    return not str(record.msg).startswith("Cancel ")


def open_socket(host: str, port: int | None, usual: int) -> socket.socket:
    """A socket that listens; where no port is asked for the usual one, or a free one if that is taken.

    Raises:
        InputError: no such address, or the port is taken.
    """
    for number in (usual, 0) if port is None else (port,):
        try:
            family = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
            sock = socket.socket(family[0], socket.SOCK_STREAM)
        except OSError as error:
            raise InputError(f"{host}: expected an address of this machine: {error.strerror or error}") from None
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(family[4])
            sock.listen(64)
            return sock
        except OSError as error:
            sock.close()
            reason = error.strerror or error
    raise InputError(f"port {port} of {host}: cannot listen there: {reason}; choose another with --port")


def add_pages(app: FastAPI, first: str = "index.html") -> None:
    """The files of the page, read once: a request chooses among these by name and reaches nothing else.

    Args:
        app: that gets them.
        first: that who names none gets.
    """
    folder = resources.files(__package__) / "static"
    files = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.rpartition(".")[2] in TYPES}

    @app.get("/{name:path}")
    async def page(name: str) -> Response:
        name = name or first
        if name not in files:
            return PlainTextResponse("expected a part of the page, found no such thing", 404)
        return Response(files[name], media_type=TYPES[name.rpartition(".")[2]])


def _add_uploads(app: FastAPI, hub: Hub) -> None:
    @app.post("/files")
    async def put_file(request: Request) -> Response:
        """The raw bytes of a MIDI file; what is in it."""
        try:
            data = await body(request, MAX_BYTES, "a MIDI file")
        except InputError as error:
            return refused(error, 413)
        name = request.query_params.get("name")
        return await answer(lambda: hub.workspace.shelf.put(name, data, hub.engine.kit or GENERAL_MIDI))


def _add_exports(app: FastAPI, hub: Hub, model: ModelLoader, soundfont: Path | None) -> None:
    engine = hub.engine

    async def loop_midi(request: Request) -> Make:
        times = _times(request)
        return lambda: exports.loop_midi(engine, times)

    async def loop_wav(request: Request) -> Make:
        times, sound = _times(request), _instrument(request, hub, soundfont)
        return _in_file(lambda path: exports.loop_wav(path, engine, times, sound, hub.has_ended.is_set))

    async def line_midi(request: Request) -> Make:
        steps = _number(request, "steps", 2, exports.MAX_LINE, 9)
        return lambda: exports.line_midi(engine, model.get(), steps)

    async def grid_midi(request: Request) -> Make:
        side = _number(request, "side", 2, exports.MAX_SIDE, 5)
        return lambda: exports.grid_midi(engine, model.get(), side)

    async def performance_midi(request: Request) -> Make:
        recording = hub.recording()
        return lambda: exports.performance_midi(*recording)

    async def performance_wav(request: Request) -> Make:
        (notes, _, _), sound = hub.recording(), _instrument(request, hub, soundfont)
        return _in_file(lambda path: exports.performance_wav(path, notes, sound, engine.kit, hub.has_ended.is_set))

    # What belongs to the event loop is taken there; only what is made of it is made in a thread.
    makers: Mapping[str, tuple[str, Callable[[Request], Awaitable[Make]]]] = {
        "loop.mid": ("audio/midi", loop_midi),
        "loop.wav": ("audio/wav", loop_wav),
        "line.mid": ("audio/midi", line_midi),
        "grid.mid": ("audio/midi", grid_midi),
        "performance.mid": ("audio/midi", performance_midi),
        "performance.wav": ("audio/wav", performance_wav),
    }

    @app.get("/take-home/{name}")
    async def take_home(name: str, request: Request) -> Response:
        if name not in makers:
            return as_json({"error": f"expected one of {', '.join(makers)}"}, 404)
        kind, prepare = makers[name]
        try:
            make = await prepare(request)
        except InputError as error:
            return refused(error)
        return await answer(make, kind, f"latentmix-{name}")


def _number(request: Request, name: str, low: int, high: int, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and low <= int(text) <= high):
        raise InputError(f"{name}: expected a whole number from {low} to {high}, found {text[:20]!r}")
    return int(text)


def _times(request: Request) -> int:
    return _number(request, "times", 1, exports.MAX_TIMES, 4)


def _instrument(request: Request, hub: Hub, soundfont: Path | None) -> exports.Instrument:
    program = _number(request, "program", 0, 127, USUAL)
    return exports.Instrument(program, soundfont, hub.workspace.sounds.mix() if program == OWN else None)


def _add_live(app: FastAPI, hub: Pages) -> None:
    """The connection of pages with their hub."""
    pages: set[WebSocket] = set()

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        if len(pages) >= MAX_PAGES:
            await socket.close(TRY_AGAIN_LATER)
            return
        await socket.accept()
        pages.add(socket)
        outbox = hub.join()
        sender = asyncio.create_task(_send(socket, outbox))
        try:
            while True:
                await receive(hub, outbox, await socket.receive_text())
        except (WebSocketDisconnect, KeyError, RuntimeError):  # gone; a frame of bytes, which no page of ours sends
            pass
        finally:
            pages.discard(socket)
            hub.leave(outbox)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender


async def _send(socket: WebSocket, outbox: Outbox) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.send_text(json.dumps(await outbox.take(), separators=(",", ":")))


def _in_file(write: Callable[[Path], None]) -> Make:
    """Makes a temporary file; whoever sends it removes it."""

    def make() -> Path:
        folder = Path(tempfile.mkdtemp(prefix="latentmix-"))
        try:
            write(folder / "sound.wav")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder / "sound.wav"

    return make
