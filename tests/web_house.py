"""The server of the page with its engine in a thread of this process: a small model, a clock turned by hand."""

from __future__ import annotations

import json
import threading
import time

import httpx
import torch
from websockets.sync.client import ClientConnection, connect

from midi_vae.vae import MelodyVAE, MelodyVAEConfig
from realtime.cli.options import USUAL_PORT
from realtime.engine.drummer import Drums
from realtime.engine.engine import Engine
from realtime.engine.loading import ModelLoader
from realtime.midi.ports import MemoryOut
from realtime.music.clock import VirtualClock
from realtime.player.loop import OfflinePlayer
from realtime.player.player import make_player
from realtime.web.gate import Gate
from realtime.web.hub import Hub
from realtime.web.opening import opening_melodies
from realtime.web.server import make_app, make_server, open_socket
from realtime.web.store import Store

PATIENCE = 120  # seconds; only so that a test that hangs fails


def until(page, condition: str, argument: object = None) -> None:
    """Wait until an expression, of `arg`, is true; asked from here: the page's own policy forbids to compile text."""
    end = time.monotonic() + PATIENCE
    while not page.evaluate(f"(arg) => Boolean({condition})", argument):
        assert time.monotonic() < end, f"it did not happen: {condition}"
        time.sleep(0.03)


def small_model() -> MelodyVAE:
    torch.manual_seed(0)
    return MelodyVAE(MelodyVAEConfig(width=16, latent_size=16)).eval()


class House:
    """A server with its engine, in a thread of this process."""

    def __init__(
        self,
        model: MelodyVAE,
        token: str | None = None,
        names: tuple[str, ...] = (),
        store: Store | None = None,
        idle_seconds: float = 20.0,
        port: int = 0,
        resumes: bool = False,
        drums: Drums | None = None,
    ) -> None:
        self.clock = VirtualClock()

        def make(setup, report):
            self.handle = OfflinePlayer(
                lambda tell: make_player([MemoryOut()], setup, tell, self.clock), report, self.clock
            )
            return self.handle

        self.engine = Engine(model, opening_melodies(), player=make, seed=0, tempo=120, drums=drums)
        loader = ModelLoader(lambda: model)
        self.hub = Hub(self.engine, loader, store, store.last_session() if store else None, resumes)
        self._sock = open_socket("127.0.0.1", port, USUAL_PORT)
        self.port = self._sock.getsockname()[1]
        self.page = f"http://127.0.0.1:{self.port}"
        gate = Gate(self.port, "0.0.0.0" if token is not None and not names else "127.0.0.1", token, names)
        started = threading.Event()
        self._server = make_server(make_app(self.hub, loader, gate), started.set, idle_seconds)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._sock]})
        self._thread.start()
        assert started.wait(PATIENCE)
        self.client = httpx.Client(base_url=self.page, trust_env=False, timeout=PATIENCE)

    def socket(self, origin: str | None = None, **headers: str) -> ClientConnection:
        return connect(
            f"ws://127.0.0.1:{self.port}/live", origin=origin, additional_headers=headers, proxy=None, close_timeout=2
        )

    def close(self, client: bool = True) -> None:
        if client:
            self.client.close()
        self._server.should_exit = True
        self._thread.join()
        self._sock.close()
        self.engine.close()


class Page:
    """What a page says and hears."""

    def __init__(self, socket) -> None:
        self.socket, self.state, self.melodies, self.melody, self.answers = socket, {"values": {}}, None, None, {}
        self._id = 0

    def hear(self) -> None:
        message = json.loads(self.socket.recv(PATIENCE))
        state = message.get("state", {})
        values = {**self.state["values"], **state.get("values", {})}
        self.state = {**self.state, **state, "values": values}
        self.melodies = message.get("melodies", self.melodies)
        self.melody = message.get("melody", self.melody)
        for answer in message.get("answers", ()):
            self.answers[answer.get("id")] = answer

    def until(self, condition) -> None:
        while not condition():
            self.hear()

    def ask(self, **message):
        self._id += 1
        self._send({"id": self._id, **message})
        self.until(lambda: self._id in self.answers)
        return self.answers[self._id]

    def _send(self, message) -> None:
        self.socket.send(json.dumps(message))

    def say(self, **message) -> None:
        self._send(message)
