"""The page of sounds that play: its server with an engine whose sound is written down, and the page in Chromium."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from web_house import PATIENCE, Page, until
from websockets.sync.client import connect

from latentmix.errors import InputError
from realtime.audio.ring_buffer import Ring
from realtime.audio.tap import Tap
from realtime.engine.sounds import SoundEngine
from realtime.engine.warned import Warned
from realtime.music.sound_parameters import check_mode
from realtime.web.gate import Gate
from realtime.web.server import make_server, open_socket
from realtime.web.sound_page import SoundHub, make_sound_app
from realtime.web.store import Store

RATE = 48_000


class Written:
    """In the place of `LiveSound`: what was moved, and what is heard is what a test plays."""

    sample_rate = RATE

    def __init__(self, inputs: int, recordings: int) -> None:
        self._given, self.moved, self._ring = (inputs, recordings), {}, Ring(1 << 15)

    def tap(self) -> Tap:
        return Tap(self._ring)

    def play(self, samples: np.ndarray) -> None:
        for start in range(0, len(samples), 128):
            block = samples[None, start : start + 128].repeat(2, 0)
            self._ring.write(block)
            self._ring.read_into(np.zeros((block.shape[1], 2), np.float32), 0.0, RATE)

    def check(self, values: Mapping[str, object]) -> None:
        check_mode(values, *self._given)

    def move(self, values: Mapping[str, object]) -> None:
        self.moved |= values

    def send(self, message: object) -> None: ...

    def close(self) -> None: ...


class Stage:
    """Sounds of these names, served in a thread of this process; names that begin with in: are live inputs."""

    def __init__(self, *names: str, folder: Path | None = None, **values: object) -> None:
        live = [name.startswith("in:") for name in names]
        self.sound = Written(sum(live), len(live) - sum(live))
        self.engine = SoundEngine(self.sound, len(names), (), values, {}, 120.0, Warned())
        store = None if folder is None else Store(folder, "sound sessions", ".wav")
        self.hub = SoundHub(self.engine, names, live, store, resumes=True)
        self._sock = open_socket("127.0.0.1", 0, 0)
        self.port = self._sock.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        started = threading.Event()
        app = make_sound_app(self.hub, Gate(self.port, "127.0.0.1", None))
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

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.address + path, timeout=PATIENCE, trust_env=False)

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._sock.close()
        self.engine.close()


def wait(condition: Callable[[], bool]) -> None:
    """Until it is so; another thread is at it."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    stage = Stage("in:system", "reed", "bell", folder=tmp_path_factory.mktemp("kept"))
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
        assert "found what is of melodies" in page.ask(do="random")["error"]
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


def test_what_is_edited_is_undone_and_redone_and_what_is_played_is_not(stage):
    stage.engine.move({"brightness": 0.0, "pitch": 0.0, "mode": "morph", "position": 0.0})
    with stage.open() as page:
        page.ask(do="keep", name="A")
        page.say(set={"brightness": 2.0})
        page.say(set={"position": 0.7, "hold": True})
        page.until(lambda: page.state["undo"] == "brightness" and page.state["values"]["hold"])
        page.ask(do="undo")
        page.until(lambda: page.state["values"]["brightness"] == 0.0 and page.state["redo"] == "brightness")
        assert stage.engine.value("position") == 0.7
        wait(lambda: stage.sound.moved["brightness"] == 0.0)
        page.ask(do="redo")
        page.until(lambda: page.state["values"]["brightness"] == 2.0)
        page.say(set={"pitch": 5.0, "position": 0.2})
        page.ask(do="recall", slot=0, of=1)
        page.until(lambda: page.state["values"]["brightness"] == 0.0 and page.state["values"]["pitch"] == 0.0)
        assert stage.engine.value("position") == 0.0 and stage.engine.value("hold") is True
        page.ask(do="undo")
        page.until(lambda: page.state["values"]["pitch"] == 5.0)
        page.ask(do="forget", slot=0, of=1)
        page.until(lambda: page.state["snapshots"] == [])
        page.say(set={"hold": False})


def test_a_session_is_saved_opened_and_undone(stage):
    stage.engine.move({"brightness": -1.0, "x": 0.25, "y": 0.75})
    with stage.open() as page:
        session = stage.get("/take-home/session.json").json()
        assert session["sounds"] == ["in:system", "reed", "bell"] and session["moved"] == "pad"
        page.say(set={"brightness": 3.0, "position": 1.0})
        assert "error" not in page.ask(do="restore", session=session)
        page.until(lambda: page.state["values"]["brightness"] == -1.0 and page.state["mode"] == "pad")
        page.ask(do="undo")
        page.until(lambda: page.state["values"]["brightness"] == 3.0 and page.state["mode"] == "position")
        warned = page.state["warned"]
        page.ask(do="restore", session={**session, "sounds": ["harp", "drum"]})
        page.until(lambda: page.state["warned"] > warned)
        assert "the session is of harp, drum" in page.state["warnings"][-1]
        before = stage.engine.snapshot()
        for wrong, why in (
            (None, "expected a session, found nothing"),
            ({"format": "latentmix.session", "version": 1}, "expected a session of sounds"),
            ({**session, "version": 2}, "expected a session of version 1"),
            ({**session, "sounds": []}, "sounds"),
            ({**session, "values": {"pitch": "high"}}, "pitch"),
            ({**session, "snapshots": [{}]}, "values"),
        ):
            answer = page.ask(do="restore", session=wrong)
            assert why in answer.get("error", ""), answer
        assert stage.engine.snapshot() == before


def test_the_session_of_the_same_sounds_comes_back_after_the_end(tmp_path):
    stage = Stage("reed", "bell", folder=tmp_path)
    with stage.open() as page:
        page.say(set={"pitch": -5.0, "position": 0.25})
        page.until(lambda: page.state["values"]["pitch"] == -5.0 and not page.state["fresh"])
    stage.close()
    other = Stage("reed", "harp", folder=tmp_path)
    assert other.engine.value("pitch") == 0.0
    hello = other.hub._news()["hello"]  # of which live.js reads whether a page from before brings what it had
    assert other.hub.workspace.is_fresh and not hello["fresh"]
    other.close()
    again = Stage("reed", "bell", folder=tmp_path)
    with again.open() as page:
        page.until(lambda: page.state["values"]["pitch"] == -5.0 and page.state["values"]["position"] == 0.25)
        assert page.state["undo"] == ""
    again.close()


def test_what_a_controller_moved_last_is_in_the_session_too(tmp_path):
    stage = Stage("reed", "bell", folder=tmp_path)
    with stage.open() as page:
        page.ask(do="keep", name="A")
    wait(lambda: stage.hub.store.last_session() is not None and stage.hub._keeping is None)
    stage.engine.set("pitch", 4.0)
    stage.close()
    assert stage.hub.store.last_session()["values"]["pitch"] == 4.0


def test_a_session_that_was_asked_for_is_not_called_that_of_last_time(tmp_path):
    session = {"format": "latentmix.sounds", "version": 1, "sounds": ["reed", "bell"]}
    store = Store(tmp_path, "sound sessions", ".wav")
    engine = SoundEngine(Written(0, 2), 2, (), {}, {}, 120.0, Warned())
    given = engine, ("reed", "bell"), (False, False), store
    assert not SoundHub(*given, resumes=True).has_resumed
    store.keep_session(session)
    assert SoundHub(*given, resumes=True).has_resumed
    assert not SoundHub(*given, session, resumes=True).has_resumed
    assert not SoundHub(*given).has_resumed
    engine.close()


def test_what_is_heard_is_recorded_sample_by_sample(stage):
    heard = np.sin(0.05 * np.arange(3 * RATE // 2)).astype(np.float32) / 2
    with stage.open() as page:
        before = page.state["recordings"]
        page.say(set={"record": True})
        page.until(lambda: page.state["values"]["record"])
        assert stage.hub._recorder is not None
        for start in range(0, len(heard), 4096):
            stage.sound.play(heard[start : start + 4096])
            done = min(start + 4096, len(heard))
            wait(lambda done=done: stage.hub._recorder.frames >= done)  # the ring has half a second
        page.say(set={"record": False})
        page.until(lambda: len(page.state["recordings"]) == len(before) + 1)
        name = page.state["recordings"][0]
        answer = stage.get(f"/recordings/{name}")
        written, rate = soundfile.read(io.BytesIO(answer.content), dtype="float32")
        assert rate == RATE and len(written) == len(heard)
        assert np.abs(written - heard).max() <= 1 / 32768
        assert stage.get("/recordings/..%2fsound sessions").status_code == 404


def test_it_records_from_the_start_where_that_was_set(tmp_path):
    stage = Stage("reed", "bell", folder=tmp_path, record=True)
    wait(lambda: stage.hub._recorder is not None)
    stage.sound.play(np.full(1000, 0.5, np.float32))
    stage.close()  # in the middle of it
    [path] = (tmp_path / "recordings").glob("*.wav")
    np.testing.assert_array_equal(soundfile.read(path)[0], np.full(1000, 0.5))


def test_a_recording_that_cannot_be_kept_is_told(tmp_path):
    (tmp_path / "recordings").write_text("in the way")
    stage = Stage("reed", "bell", folder=tmp_path)
    with stage.open() as page:
        page.say(set={"record": True})
        page.until(lambda: page.state["warned"] == 1 and not page.state["values"]["record"])
        assert "not recorded: " in page.state["warnings"][0]
    stage.close()


def test_what_the_engine_warns_of_comes_to_the_page(stage):
    with stage.open() as page:
        warned = page.state["warned"]
        stage.engine.warn("the sound device went away")
        page.until(lambda: page.state["warned"] == warned + 1)
        assert page.state["warnings"][-1] == "the sound device went away"


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


def test_undo_kept_mixes_recording_session_and_warnings_in_a_browser(shown, stage, tmp_path):
    stage.engine.move(
        {"mode": "morph", "hold": False, "pitch": 0.0, "brightness": 0.0, "position": 0.0, "record": False}
    )
    shown.focus("[data-parameter=brightness]")
    shown.keyboard.press("ArrowRight")  # in a step that can be heard
    until(shown, "document.querySelector('#undo').title === 'Undo: Brightness (Z)'")
    assert stage.engine.value("brightness") == 0.5
    shown.click("#keep")
    until(shown, "document.querySelectorAll('#kept .chip').length === 1")
    shown.click("#undo")
    until(shown, "document.querySelectorAll('#kept .chip').length === 0")
    shown.keyboard.press("z")
    until(shown, "document.querySelector('#redo').title.startsWith('Redo: Brightness')")
    assert stage.engine.value("brightness") == 0.0
    shown.keyboard.press("Control+Shift+z")
    until(shown, "document.querySelector('#undo').title === 'Undo: Brightness (Z)'")

    with shown.expect_download() as download:
        shown.click("text=File")
    saved = tmp_path / "session.json"
    download.value.save_as(saved)
    assert json.loads(saved.read_text())["values"]["brightness"] == 0.5
    stage.engine.move({"brightness": -2.0})
    shown.set_input_files("#sessionfile", saved)
    until(shown, "document.querySelector('#toast').textContent.includes('restored')")
    assert stage.engine.value("brightness") == 0.5
    other = tmp_path / "other.json"
    other.write_text("{}")
    shown.set_input_files("#sessionfile", other)
    until(shown, "document.querySelector('#toast').textContent.includes('expected a session of sounds')")

    shown.focus("#puck")
    shown.keyboard.press("r")
    shown.wait_for_selector("#record[aria-pressed=true]")
    until(shown, "document.querySelector('#taken').textContent === 'recording …'")
    wait(lambda: stage.hub._recorder is not None)  # the page shows at once what it has asked for
    newest = Path(stage.hub._recorder.path).name.removesuffix(".wav.part")
    stage.sound.play(np.full(2048, 0.25, np.float32))
    shown.click("#record")
    until(shown, "document.querySelector('#recordings').value === arg", newest)
    with shown.expect_download() as download:
        shown.click("#recording")
    assert download.value.suggested_filename == f"latentmix-{newest}.wav"
    download.value.save_as(tmp_path / "heard.wav")
    np.testing.assert_array_equal(soundfile.read(tmp_path / "heard.wav")[0], np.full(2048, 0.25))

    stage.engine.warn("the input went away")
    until(shown, "document.querySelector('#toast.error').textContent === 'the input went away'")
