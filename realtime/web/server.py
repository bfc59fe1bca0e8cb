"""The server of the page: FastAPI behind the gate, run by uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse

from latentmix.errors import InputError

from . import exports
from .gate import Gate, Guard
from .hub import Hub
from .outbox import Outbox
from .protocol import MOST_MESSAGE, receive
from .uploads import MOST_BYTES

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE

MOST_PAGES = 32  # open at a time
CLOSING_SECONDS = 2  # that open pages have when the server ends
TRY_AGAIN_LATER = 1013  # WebSocket close code
TYPES = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}


def make_app(hub: Hub, model: MelodyVAE, gate: Gate) -> Guard:
    """The whole application; nothing of it is reached but through the gate."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        hub.start()
        yield
        await hub.stop()

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    _add_uploads(app, hub)
    _add_exports(app, hub, model)
    _add_live(app, hub)
    _add_pages(app)
    return Guard(app, gate)


def make_server(app: Guard, started: Callable[[], None] | None = None) -> uvicorn.Server:
    """A server to `run(sockets=[…])` until a signal ends it; `started` is called once pages can be had."""

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and started is not None:
                started()

    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=MOST_MESSAGE,
        ws_per_message_deflate=False,  # it costs more time than it saves on the way to the same machine
        timeout_graceful_shutdown=CLOSING_SECONDS,
        loop="asyncio",
        lifespan="on",
    )
    return Server(config)


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


def _add_pages(app: FastAPI) -> None:
    """The files of the page, read once: a request chooses among these by name and reaches nothing else."""
    folder = resources.files(__package__) / "static"
    files = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.rpartition(".")[2] in TYPES}

    @app.get("/{name:path}")
    async def page(name: str) -> Response:
        name = name or "index.html"
        if name not in files:
            return PlainTextResponse("expected a part of the page, found no such thing", 404)
        return Response(files[name], media_type=TYPES[name.rpartition(".")[2]])


def _add_uploads(app: FastAPI, hub: Hub) -> None:
    @app.post("/files")
    async def put_file(request: Request) -> Response:
        """The raw bytes of a MIDI file; what is in it."""
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > MOST_BYTES:
                return _json(
                    {"error": f"expected a MIDI file of at most {MOST_BYTES >> 20} MB, found a larger one"}, 413
                )
        name = request.query_params.get("name")
        return await _answer(lambda: hub.shelf.put(name, bytes(data)))


def _add_exports(app: FastAPI, hub: Hub, model: MelodyVAE) -> None:
    def number(request: Request, name: str, low: int, high: int, default: int) -> int:
        text = request.query_params.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and len(text) < 6 and low <= int(text) <= high):
            raise InputError(f"{name}: expected a whole number from {low} to {high}, found {text[:20]!r}")
        return int(text)

    def times(request: Request) -> int:
        return number(request, "times", 1, exports.MOST_TIMES, 4)

    makers: Mapping[str, tuple[str, Callable[[Request], bytes]]] = {
        "loop.mid": ("audio/midi", lambda request: exports.loop_midi(hub.engine, times(request))),
        "loop.wav": ("audio/wav", lambda request: exports.loop_wav(hub.engine, times(request))),
        "line.mid": (
            "audio/midi",
            lambda r: exports.line_midi(hub.engine, model, number(r, "steps", 2, exports.MOST_LINE, 9)),
        ),
        "grid.mid": (
            "audio/midi",
            lambda r: exports.grid_midi(hub.engine, model, number(r, "side", 2, exports.MOST_SIDE, 5)),
        ),
        "performance.mid": ("audio/midi", lambda request: exports.performance_midi(*hub.recording())),
        "session.json": ("application/json", lambda request: json.dumps(hub.session().to_json(), indent=1).encode()),
    }

    @app.get("/take-home/{name}")
    async def take_home(name: str, request: Request) -> Response:
        if name not in makers:
            return _json({"error": f"expected one of {', '.join(makers)}"}, 404)
        kind, make = makers[name]
        disposition = {"Content-Disposition": f'attachment; filename="latentmix-{name}"'}
        return await _answer(lambda: make(request), kind, disposition)


def _add_live(app: FastAPI, hub: Hub) -> None:
    pages: set[WebSocket] = set()

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        if len(pages) >= MOST_PAGES:
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


async def _answer(
    make: Callable[[], Any], kind: str = "application/json", headers: Mapping[str, str] | None = None
) -> Response:
    """What `make` makes, in a thread; what is wrong with the input as one line."""
    try:
        made = await asyncio.to_thread(make)
    except InputError as error:
        return _json({"error": " ".join(str(error).splitlines())[:500]}, 422)
    return Response(made if isinstance(made, bytes) else json.dumps(made), media_type=kind, headers=headers)


def _json(content: Any, status: int) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
