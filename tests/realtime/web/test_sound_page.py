"""The page of sounds that play: its server with an engine whose sound is written down, and the page in Chromium."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping

import httpx
import pytest
from web_house import PATIENCE, Page, until
from websockets.sync.client import connect

from latentmix.errors import InputError
from realtime.engine.sounds import SoundEngine
from realtime.music.sound_parameters import check_mode
from realtime.web.gate import Gate
from realtime.web.server import make_server, open_socket
from realtime.web.sound_page import SoundHub, make_sound_app


class Written:
    """In the place of `LiveSound`: what was moved, and nothing is heard."""

    def __init__(self, inputs: int, recordings: int) -> None:
        self._given, self.moved = (inputs, recordings), {}

    def check(self, values: Mapping[str, object]) -> None:
        check_mode(values, *self._given)

    def move(self, values: Mapping[str, object]) -> None:
        self.moved |= values

    def send(self, message: object) -> None: ...

    def close(self) -> None: ...


class Stage:
    """Sounds of these names, served in a thread of this process; names that begin with in: are live inputs."""

    def __init__(self, *names: str) -> None:
        live = [name.startswith("in:") for name in names]
        self.sound = Written(sum(live), len(live) - sum(live))
        self.engine = SoundEngine(self.sound, len(names), (), {}, {}, 120.0, print)
        self._sock = open_socket("127.0.0.1", 0, 0)
        self.port = self._sock.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        started = threading.Event()
        app = make_sound_app(SoundHub(self.engine, names, live), Gate(self.port, "127.0.0.1", None))
        self._server = make_server(app, started.set)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._sock]})
        self._thread.start()
        assert started.wait(PATIENCE)

    @contextlib.contextmanager
    def open(self) -> Iterator[Page]:
        """A page, as far as it talks."""
        address = f"ws://127.0.0.1:{self.port}/live"
        with connect(address, origin=self.address, proxy=None, close_timeout=2) as socket:
            page = Page(socket)
            page.until(lambda: page.melody is not None)
            yield page

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._sock.close()
        self.engine.close()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage("in:system", "reed", "bell")
    yield stage
    stage.close()


def test_a_page_moves_the_sounds_and_all_pages_see_it(stage):
    with stage.open() as one, stage.open() as other:
        assert [each["name"] for each in one.melodies["list"]] == ["in:system", "reed", "bell"]
        one.say(set={"x": 0.0, "y": 0.25, "brightness": 1.5})
        other.until(lambda: other.state["values"]["brightness"] == 1.5 and other.state["mode"] == "pad")
        other.until(lambda: max(other.melody["weights"], key=other.melody["weights"].get) == "2")
        stage.engine.set("position", 0.5)  # as a controller does
        for page in (one, other):
            page.until(lambda page=page: page.state["mode"] == "position" and page.melody["weights"]["1"] == 1.0)


def test_in_transfer_the_puck_is_between_the_recordings(stage):
    with stage.open() as page:
        page.say(set={"mode": "transfer", "position": 1.0})
        page.until(lambda: [each["name"] for each in page.melodies["list"]] == ["reed", "bell"])
        page.until(lambda: page.melody["weights"] == {"1": 0.0, "2": 1.0})
        page.say(set={"mode": "morph"})
        page.until(lambda: len(page.melodies["list"]) == 3)


def test_what_cannot_be_is_said_and_moves_nothing(stage):
    with stage.open() as page:
        before = stage.engine.snapshot()
        for values, why in (
            ({"tempo": 90}, "expected the name of a parameter"),
            ({"pitch": "high"}, "pitch"),
            ({"brightness": float("nan")}, "brightness"),
            ({"mode": "sing"}, "mode"),
            ({"hold": True, "pitch": None}, "pitch"),
        ):
            answer = page.ask(set=values)
            assert "error" in answer and why in answer["error"], answer
        assert "expected parameters that move" in page.ask(do="random")["error"]
        assert stage.engine.snapshot() == before


def test_what_goes_to_the_end_of_its_range_is_said_once(stage):
    with stage.open() as page:
        assert page.ask(set={"pitch": 99})["error"] == "pitch: expected a number from -24 to 24, found 99; it is at 24"
        page.until(lambda: page.state["values"]["pitch"] == 24.0)
        page.say(set={"pitch": 98}, id=-1)
        assert "brightness" in page.ask(set={"brightness": -7})["error"] and -1 not in page.answers
        page.say(set={"pitch": 0.0, "brightness": 0.0})
        page.until(lambda: page.state["values"]["pitch"] == page.state["values"]["brightness"] == 0.0)


def test_two_recordings_cannot_transfer():
    stage = Stage("reed", "bell")
    try:
        with stage.open() as page:
            assert "expected a live input" in page.ask(set={"mode": "transfer"})["error"]
        with pytest.raises(InputError, match="expected a live input"):
            stage.engine.set("mode", "transfer")
    finally:
        stage.close()


def test_nothing_of_the_mixer_is_served_but_the_page(stage):
    client = httpx.Client(base_url=stage.address, trust_env=False, timeout=PATIENCE)
    assert "mix.js" in client.get("/").text
    assert client.get("/mix.js").status_code == 200
    for path in ("/take-home/loop.mid", "/recordings/x", "/../server.py"):
        assert client.get(path).status_code == 404
    assert client.post("/files", content=b"MThd").status_code in (404, 405)
    assert client.get("/", headers={"Host": "elsewhere.example"}).status_code == 421
    client.close()


@pytest.fixture
def shown(browser, stage) -> Iterator:
    wrong: list[str] = []
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    context.set_default_timeout(1000 * PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
    page.goto(stage.address)
    page.wait_for_selector(".point")
    yield page
    context.close()
    assert wrong == []


def test_the_puck_sliders_and_modes_in_a_browser(shown, stage):
    """A hand on the page moves what plays, and what a controller moves is shown."""
    stage.engine.move({"x": 0.5, "y": 0.5, "pitch": 0.0, "hold": False, "mode": "morph"})
    box = shown.query_selector("#pad").bounding_box()
    shown.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    shown.mouse.down()
    shown.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    shown.mouse.up()
    until(shown, "document.querySelector('#legend').textContent.match(/2 reed · (\\d+) %/)?.[1] > 50")
    values, mode = stage.engine.snapshot()
    assert mode == "pad" and values["x"] > 0.8 and values["y"] < 0.4

    shown.focus("#puck")
    shown.keyboard.press("End")  # to the last
    until(shown, "document.querySelector('#legend').textContent.includes('3 bell · 100 %')")
    shown.evaluate(
        "document.querySelector('[data-parameter=pitch]').value = 7,"
        "document.querySelector('[data-parameter=pitch]').dispatchEvent(new Event('input'))"
    )
    until(shown, "document.querySelector('#sliders output').textContent === '+7 st'")
    shown.keyboard.press("h")
    shown.wait_for_selector("#hold[aria-pressed=true]")
    shown.click("#mode span >> text=Transfer")
    until(shown, "document.querySelectorAll('.point').length === 2")
    values, _ = stage.engine.snapshot()
    assert (values["pitch"], values["hold"], values["mode"]) == (7.0, True, "transfer")

    stage.engine.move({"mode": "morph", "hold": False, "pitch": -3.0, "position": 0.0})
    shown.wait_for_selector("#hold[aria-pressed=false]")
    until(shown, "document.querySelector('#sliders output').textContent === '−3 st'")
    until(shown, "document.querySelector('#legend').textContent.includes('1 in:system · 100 %')")
