"""The server of the page: who is let in, what may be said, what comes back; real sockets, a clock turned by hand."""

from __future__ import annotations

import base64
import io
import json
import signal
import socket as socket_module
import sys
import threading
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import httpx
import mido
import numpy as np
import pytest
import soundfile
from web_house import PATIENCE, House, Page, small_model
from websockets.exceptions import ConnectionClosed, InvalidStatus

from latentmix.errors import InputError
from midi_vae.audio.synthesizer import render
from midi_vae.music.melody import Melody
from midi_vae.vae import MelodyVAE
from realtime.music.mixer import PadPoint
from realtime.music.parameters import PARAMETERS
from realtime.web import addresses as addresses_of_web
from realtime.web import exports, sung
from realtime.web.addresses import addresses, qr_code
from realtime.web.gate import Gate, is_loopback, new_token
from realtime.web.opening import opening_melodies
from realtime.web.paths import along, share_at
from realtime.web.server import open_socket
from realtime.web.sharing import read_session
from realtime.web.store import Store
from realtime.web.sung import LOOP, NOTES, SECONDS
from realtime.web.uploads import DRUMS, MAX_BYTES, Shelf
from realtime.web.wire import PathSetting, PlacedMelody, Session, melody_from_json, melody_to_json, session_from_json

PORT = 8420
EXAMPLES = resources.files("realtime").parent / "examples"


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    return small_model()


@pytest.fixture
def house(model):
    house = House(model)
    yield house
    house.close()


@pytest.fixture(scope="module")
def shared(model):
    """A house for tests that leave it as it is."""
    house = House(model)
    yield house
    house.close()


# Who is let in.


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:8420"}, None),
        ({"host": "localhost:8420", "origin": "http://localhost:8420"}, None),
        ({"host": "[::1]:8420"}, None),
        ({"host": "evil.example:8420"}, 421),
        ({"host": "127.0.0.1"}, 421),
        ({"host": "127.0.0.1:9999"}, 421),
        ({}, 421),
        ({"host": "127.0.0.1:8420", "origin": "http://evil.example"}, 403),
        ({"host": "127.0.0.1:8420", "origin": "null"}, 403),
        ({"host": "127.0.0.1:8420", "origin": "http://localhost:8420"}, 403),
        ({"host": "127.0.0.1:8420", "sec-fetch-site": "cross-site"}, 403),
        ({"host": "127.0.0.1:8420", "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"host": "127.0.0.1:8420", "sec-fetch-site": "same-origin"}, None),
    ],
)
def test_the_gate_on_loopback(headers, status):
    refusal = Gate(PORT).check(headers, "", "/take-home/loop.mid")
    assert (refusal.status if refusal else None) == status


def test_a_link_from_elsewhere_may_open_the_page_and_nothing_else():
    headers = {"host": "127.0.0.1:8420", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    gate = Gate(PORT)
    assert gate.check(headers, "", "/") is None
    assert gate.check(headers, "", "/take-home/session.json").status == 403
    assert gate.check(headers | {"upgrade": "websocket"}, "", "/").status == 403


def test_beyond_loopback_a_token_is_asked_for():
    with pytest.raises(InputError, match="expected a token"):
        Gate(PORT, "0.0.0.0")
    token = new_token()
    gate = Gate(PORT, "0.0.0.0", token)
    headers = {"host": "192.168.1.7:8420"}
    assert gate.check(headers, "", "/").status == 401
    assert gate.check(headers, "token=wrong", "/").status == 401
    assert gate.check(headers, f"token={token}", "/") is None
    assert gate.check(headers | {"cookie": f"a=b; latentmix-8420={token}"}, "", "/live") is None
    assert gate.check(headers | {"cookie": "latentmix-8420=wrong"}, "", "/live").status == 401
    assert gate.check({"host": "evil.example:8420"}, f"token={token}", "/").status == 421
    assert token in gate.address and len(token) >= 20 and is_loopback("::1") and not is_loopback("10.0.0.1")


def test_the_first_visit_turns_the_token_into_a_cookie(model):
    token = new_token()
    house = House(model, token)
    try:
        assert house.client.get("/").status_code == 401
        with pytest.raises((InvalidStatus, ConnectionClosed)), house.socket() as socket:
            socket.recv(10)
        answer = house.client.get(f"/?token={token}", follow_redirects=False)
        assert answer.status_code == 303 and answer.headers["location"] == "/"
        assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=Strict" in answer.headers["set-cookie"]
        assert house.client.get("/").status_code == 200
        with house.socket(Cookie=f"latentmix-{house.port}={token}") as socket:
            assert "hello" in json.loads(socket.recv(PATIENCE))
    finally:
        house.close()


def test_a_foreign_page_gets_no_socket(shared):
    for origin, headers in (("http://evil.example", {}), (None, {"Sec-Fetch-Site": "cross-site"})):
        with pytest.raises(InvalidStatus) as refused, shared.socket(origin, **headers):
            pass
        assert refused.value.response.status_code == 403
    assert shared.client.post("/files", content=b"x", headers={"Origin": "http://evil.example"}).status_code == 403
    assert shared.client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_every_answer_has_the_security_headers(shared):
    for path in ("/", "/main.js", "/nothing", "/take-home/session.json", "/take-home/performance.mid"):
        headers = shared.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff" and "server" not in headers


def test_the_page_asks_nobody_else_and_holds_no_script_of_its_own():
    folder = resources.files("realtime.web") / "static"
    for file in folder.iterdir():
        text = file.read_text(encoding="utf-8")
        left = text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in left and "https://" not in left.replace('"https:"', ""), file.name
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1 and 'src="./main.js"></script>' in page
    assert "style=" not in page and "onclick" not in page and "<style" not in page


@pytest.mark.parametrize(
    "path",
    ["/../pyproject.toml", "/..%2f..%2fengine.py", "/server.py", "/static/main.js", "/%2fetc%2fpasswd", "/a\\b"],
)
def test_no_path_reaches_the_file_system(shared, path):
    assert shared.client.get(path).status_code == 404


# What a page may say.


def test_a_page_is_greeted_with_all_there_is(page):
    assert [m["name"] for m in page.melodies["list"]] == ["lively", "lyrical", "waltz", "jig"]
    assert page.state["values"]["tempo"] == 120 and not page.state["running"]
    assert sum(page.melody["weights"].values()) == pytest.approx(1) and len(page.melody["tokens"]) == 32


def test_the_puck_moves_the_melody_and_both_pages_hear_it(house, page):
    with house.socket() as socket:
        other = Page(socket)
        other.until(lambda: other.melody is not None)
        page.say(set={"x": 1.0, "y": 1.0})
        for each in (page, other):
            each.until(lambda each=each: each.melody["at"]["x"] == 1.0 and each.melody["at"]["y"] == 1.0)
            assert each.melody["weights"] == {"0": 0, "1": 0, "2": 0, "3": 1}
            assert each.melody["tokens"] == house.engine.snapshot().melody.tokens.tolist()
        other.until(lambda: other.state["values"].get("x") == 1.0)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ({"set": {"tempo": "fast"}}, "tempo: expected a number from 20 to 400"),
        ({"set": {"volume": 1}}, "expected the name of a parameter (position"),
        ({"set": [1]}, "expected at most 64 parameters"),
        ({"do": "format"}, "expected one of place, put"),
        ({"do": ["put"]}, "expected one of place, put"),
        ({"do": "place", "hue": 0, "x": 2, "y": 0}, "x: expected a number from 0 to 1"),
        ({"do": "place", "hue": 7, "x": 0, "y": 0}, "another page has taken it away"),
        ({"do": "place", "hue": True, "x": 0, "y": 0}, "hue: expected 0 to 7"),
        ({"do": "put", "melody": {"tokens": [500]}}, "expected tokens 0 to 129"),
        ({"do": "put", "melody": {"tokens": [0] * 17}}, "expected whole bars of 16"),
        ({"do": "put", "melody": {"tokens": [0] * 5000}}, "a melody of 1 to 2048"),
        ({"do": "put", "melody": {"tokens": [0] * 16, "metre": [7, 11]}}, "expected a metre"),
        ({"do": "put", "melody": {"tokens": [0] * 16, "metre": [1 << 40, 4]}}, "expected a metre"),
        ({"do": "put", "melody": {"tokens": [0] * 16, "tempo": 0}}, "tempo: expected"),
        ({"do": "take", "file": "../../etc/passwd", "track": 1, "bar": 1, "bars": 2}, "drop it once more"),
        ({"do": "take", "file": "x", "track": 1, "bar": -1, "bars": 2}, "bar: expected"),
        ({"do": "vary", "hue": 0, "amount": 3}, "amount: expected"),
        ({"do": "restore", "session": {"format": "x"}}, "expected a session of latentmix, found format 'x'"),
        ({"do": "restore", "session": {}}, "expected a session of latentmix, found an object of another kind"),
        ({"do": "restore", "session": None}, "expected a session, found nothing"),
        ({"do": "restore", "session": [1]}, "expected a session, found a list"),
        ({"do": "path", "path": {"points": [[0, 9]]}}, "y: expected"),
        ({"do": "undo"}, "expected something to undo"),
        ({"ping": "now"}, "ping: expected"),
    ],
)
def test_what_is_wrong_is_one_line_and_changes_nothing(shared, message, line):
    with shared.socket(shared.page) as socket:
        page = Page(socket)
        page.until(lambda: page.melody is not None)
        before = page.melodies
        answer = page.ask(**message)
        assert line in answer["error"] and "\n" not in answer["error"]
        assert page.melodies == before


def test_nonsense_on_the_socket_is_answered_and_the_page_goes_on(page):
    for text in ("{", "[]", "null", "[" * 100_000, '{"set": {"x": NaN}}', '{"set": {"x": 1e999}}'):
        page.socket.send(text)
    page.until(lambda: None in page.answers)
    assert page.ask(do="loop", on=False)["hue"] is None
    page.until(lambda: page.state["loop"] is False)


def test_a_second_ctrl_c_cuts_nothing_short(house):
    for _ in range(2):
        house._server.handle_exit(signal.SIGINT, None)
    assert house._server.should_exit and not house._server.force_exit
    house._server._captured_signals.clear()  # or they would be raised again at the end


def test_a_clock_is_chosen_on_the_page(page, house):
    answer = page.ask(do="clock", clock="midi")
    assert answer["error"] == "expected a MIDI input for the clock, found none; start with --in PORT or --virtual"
    assert "expected" in page.ask(do="clock", clock="atomic")["error"]
    house.engine._has_inputs = True  # as if a port had been opened
    page.ask(do="clock", clock="midi")
    page.until(lambda: page.state["source"] == "midi")
    page.ask(do="clock", clock="internal")
    page.until(lambda: page.state["source"] == "internal")


def test_melodies_come_go_and_come_back(page):
    melody = melody_to_json(Melody.from_notes([(0, 8, 60), (8, 16, 67)], bars=1, name="mine"))
    assert page.ask(do="put", melody=melody, x=0.5, y=0.25)["hue"] == 4
    assert [m["name"] for m in page.melodies["list"]][-1] == "mine"
    assert (page.melodies["list"][-1]["x"], page.melodies["list"][-1]["y"]) == (0.5, 0.25)
    page.ask(do="remove", hue=1)
    page.ask(do="put", hue=0, melody=melody | {"name": "first"})
    assert [(m["hue"], m["name"]) for m in page.melodies["list"]] == [
        (0, "first"), (2, "waltz"), (3, "jig"), (4, "mine"),
    ]  # fmt: skip
    for _ in range(3):
        page.ask(do="undo")
    assert [(m["hue"], m["name"]) for m in page.melodies["list"]] == [
        (0, "lively"), (1, "lyrical"), (2, "waltz"), (3, "jig"),
    ]  # fmt: skip


def test_a_session_is_taken_home_while_another_page_adds_a_melody(house, page, monkeypatch):
    """The melody is in the engine already, the page that asked for it has not been told: nobody sees half of that."""
    added, go_on, add = threading.Event(), threading.Event(), house.engine.add

    def slow_add(*arguments):
        add(*arguments)
        added.set()
        assert go_on.wait(PATIENCE)

    monkeypatch.setattr(house.engine, "add", slow_add)
    answers = []
    page.say(do="random", id=99)
    assert added.wait(PATIENCE)
    asking = threading.Thread(target=lambda: answers.append(house.client.get("/take-home/session.json")))
    asking.start()
    asking.join(0.5)  # so that it is there while the melody is half in
    go_on.set()
    asking.join(PATIENCE)
    assert answers[0].status_code == 200
    assert [melody["hue"] for melody in answers[0].json()["melodies"]] == [0, 1, 2, 3, 4]


def test_two_pages_take_the_session_home_while_a_third_adds_and_removes(house, page):
    stop, failed = threading.Event(), []

    def ask() -> None:
        with httpx.Client(base_url=house.page, trust_env=False, timeout=PATIENCE) as client:
            while not stop.is_set():
                for name in ("session.json", "performance.mid"):
                    answer = client.get(f"/take-home/{name}")
                    if answer.status_code not in (200, 422):
                        failed.append(answer.status_code)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for each in asking:
        each.start()
    for _ in range(12):
        page.ask(do="remove", hue=page.ask(do="random")["hue"])
    stop.set()
    for each in asking:
        each.join()
    assert failed == []


def value(page, name):
    return page.state["values"][name]


def test_all_that_is_edited_is_undone_and_redone(page):
    page.say(set={"tempo": 90})
    page.say(set={"key": "D:maj", "attribute.density": 1.5})
    page.ask(do="path", path={"points": [[0, 0], [1, 1]], "bars": 2, "back": False})
    page.ask(do="loop", on=False)
    page.ask(do="remove", hue=1)
    page.say(set={"x": 0.25})  # the puck is played, not edited
    page.until(lambda: value(page, "x") == 0.25 and page.state["undo"] == "melody taken away")
    for _ in range(5):
        page.ask(do="undo")
    assert "expected something to undo" in page.ask(do="undo")["error"]
    page.until(lambda: value(page, "tempo") == 120 and page.state["undo"] == "" and page.state["redo"] == "tempo")
    page.until(lambda: (value(page, "key"), value(page, "attribute.density")) == ("none", 0))
    assert value(page, "x") == 0.25
    assert page.state["loop"] is True and page.state["path"]["points"] == [] and len(page.melodies["list"]) == 4
    for _ in range(5):
        page.ask(do="redo")
    page.until(lambda: value(page, "tempo") == 90 and page.state["redo"] == "")
    page.until(lambda: (value(page, "key"), value(page, "attribute.density")) == ("D:maj", 1.5))
    assert page.state["loop"] is False and page.state["path"]["bars"] == 2 and len(page.melodies["list"]) == 3
    assert "expected something to redo" in page.ask(do="redo")["error"]


def test_a_drag_of_a_slider_is_one_change(page):
    for step in range(1, 8):
        page.say(set={"temperature": step / 10})
    page.until(lambda: value(page, "temperature") == 0.7)
    page.ask(do="undo")
    page.until(lambda: value(page, "temperature") == 0 and page.state["undo"] == "")


def test_opening_a_session_can_be_undone_with_the_puck(house, page):
    session = house.client.get("/take-home/session.json").json()
    page.say(set={"x": 0.125, "y": 0.25})
    page.until(lambda: page.melody["at"]["y"] == 0.25)
    page.ask(do="restore", session=session | {"melodies": session["melodies"][:3]})
    page.until(lambda: len(page.melodies["list"]) == 3 and page.melody["at"]["x"] == 0.5)
    page.ask(do="undo")
    page.until(lambda: len(page.melodies["list"]) == 4 and page.melody["at"]["x"] == 0.125)


def test_mixes_are_kept_and_come_back(house, page):
    page.say(set={"x": 0.25, "y": 0.75, "attribute.height": 1, "tempo": 100})
    page.until(lambda: page.melody["at"]["x"] == 0.25)
    page.ask(do="keep", name="verse")
    page.say(set={"position": 1.0, "attribute.height": -1, "tempo": 90})
    page.until(lambda: page.state["mode"] == "position")
    page.ask(do="recall", slot=0)
    page.until(lambda: page.melody["at"]["x"] == 0.25 and value(page, "attribute.height") == 1)
    assert page.state["mode"] == "pad" and value(page, "tempo") == 90
    session = house.client.get("/take-home/session.json").json()
    assert [each["name"] for each in session["snapshots"]] == ["verse"]
    page.ask(do="undo")
    page.until(lambda: page.state["mode"] == "position" and value(page, "attribute.height") == -1)
    page.ask(do="keep", name="chorus")
    page.ask(do="forget", slot=1, of=2)
    for what in ("forget", "recall"):
        assert "another page" in page.ask(do=what, slot=0, of=2)["error"]
    page.ask(do="forget", slot=0, of=1)
    assert "another page has forgotten it" in page.ask(do="recall", slot=0)["error"]
    page.ask(do="restore", session=session)
    page.until(lambda: len(page.state["snapshots"]) == 1)


def test_what_a_session_knows_that_this_mix_does_not_is_said(house, page):
    session = house.client.get("/take-home/session.json").json()
    values = session["values"] | {"attribute.swagger": 1.0, "play": True}
    kept = {"name": "A", "values": {"attribute.mood\n": 0.5}, "moved": "pad"}
    assert "error" not in page.ask(do="restore", session=session | {"values": values, "snapshots": [kept]})
    page.until(lambda: any("attribute.swagger, attribute.mood, which" in each for each in page.state["warnings"]))


def test_a_value_beyond_its_range_is_said_once_and_goes_to_the_end_of_it(house, page):
    answer = page.ask(set={"octave": 7, "x": 0.25})
    assert answer["error"] == "octave: expected a whole number from -3 to 3, found 7; it is at 3"
    page.until(lambda: page.state["values"]["octave"] == 3 and page.state["values"]["x"] == 0.25)
    page.say(set={"octave": 9}, id=-1)  # the next message of a fader
    assert "x: expected a number from 0 to 1, found -1" in page.ask(set={"x": -1})["error"]
    assert -1 not in page.answers and page.ask(do="loop", on=True)["hue"] is None
    with house.socket(house.page) as socket:
        other = Page(socket)
        assert "octave" in other.ask(set={"octave": float("inf")})["error"]
    session = house.client.get("/take-home/session.json").json()
    session["values"] |= {"swing": 3, "velocity": 90, "attribute.swagger": 1}
    session["snapshots"] = [{"name": "A", "values": {"temperature": -1, "swing": 4}, "moved": "pad"}]
    assert "error" not in page.ask(do="restore", session=session)
    page.until(
        lambda: any("without attribute.swagger" in e and "swing, temperature at" in e for e in page.state["warnings"])
    )
    assert page.state["values"]["swing"] == 0.75


def test_how_many_warnings_there_were_is_told_when_the_list_of_them_is_full(house, page):
    for number in range(20):
        house.engine.warn(f"warning {number}")
    page.say(set={"x": 0.3})
    page.until(lambda: page.state["warnings"][-1:] == ["warning 19"])
    assert page.state["warned"] >= 20 > len(page.state["warnings"])  # by which the page sees that there is a new one


def test_two_melodies_stay(page):
    page.ask(do="remove", hue=3)
    page.ask(do="remove", hue=2)
    assert "expected at least 2 melodies" in page.ask(do="remove", hue=1)["error"]


def test_a_new_melody_keeps_away_from_the_puck(house, page):
    page.say(set={"x": 0.5, "y": 0.5})
    page.until(lambda: page.melody["at"]["x"] == 0.5 and page.melody["at"]["y"] == 0.5)
    page.ask(do="random")
    places = [(m["x"], m["y"]) for m in page.melodies["list"]]
    assert places[4] == (0.5, 0.0) and house.engine.mixer.weights()[4] < 0.5


def test_chance_makes_melodies_up_to_eight(page):
    hues = [page.ask(do="random")["hue"] for _ in range(4)]
    assert hues == [4, 5, 6, 7]
    assert "expected 1 to 8 melodies" in page.ask(do="random")["error"]
    before = page.melodies["list"][1]["tokens"]
    page.ask(do="vary", hue=1, amount=1.0)
    assert page.melodies["list"][1]["tokens"] != before and page.melodies["list"][1]["name"] == "lyrical"


def test_a_session_goes_out_and_comes_back(house, page):
    page.say(set={"x": 0.25, "y": 0.75, "key": "D:maj", "octave": 1})
    page.ask(do="place", hue=2, x=0.5, y=1.0)
    page.ask(do="path", path={"points": [[0, 0], [1, 1]], "bars": 2, "back": False})
    session = house.client.get("/take-home/session.json").json()
    page.ask(do="remove", hue=2)
    page.ask(do="random", hue=0)
    page.say(set={"position": 0.9, "key": "none"})
    page.ask(do="restore", session=session)
    page.until(lambda: page.melody["at"]["x"] == 0.25 and page.state["values"]["key"] == "D:maj")
    assert house.client.get("/take-home/session.json").json() == session
    assert page.state["mode"] == "pad" and page.state["path"]["bars"] == 2
    assert page.ask(do="restore", session={}, fresh=True)["hue"] is None  # no longer fresh: nothing happens


def test_a_session_whose_timbre_follows_says_nothing_of_its_own_puck(house, page):
    def follow(position: float) -> None:
        page.say(set={"sound.follow": False, "sound.position": position})
        page.say(set={"sound.follow": True})
        page.until(lambda: value(page, "sound.position") == position and value(page, "sound.follow") is True)

    follow(0.75)
    session = house.client.get("/take-home/session.json").json()
    follow(0.25)
    page.ask(do="restore", session=session)
    page.until(lambda: value(page, "sound.position") == 0.75)
    assert not any("move nothing" in line for line in page.state["warnings"])
    page.say(set={"sound.position": 0.5})
    page.until(lambda: any("with sound.follow=0 they do" in line for line in page.state["warnings"]))


def test_a_path_runs_in_time_until_a_hand_takes_over(house, page):
    page.ask(do="path", path={"points": [[0, 0], [1, 0]], "bars": 1, "runs": True})
    page.until(lambda: page.melody["at"]["x"] > 0.05 and page.melody["at"]["y"] == 0)
    page.say(set={"x": 0.5, "y": 1.0})
    page.until(lambda: page.state["path"]["runs"] is False and page.melody["at"]["y"] == 1.0)


def test_without_loop_it_stops_after_the_last_step(house, page):
    page.ask(do="loop", on=False)
    page.say(set={"play": True})
    page.until(lambda: page.state["values"]["play"])
    house.handle.run_until(house.clock() + 31.5 * 0.125)
    page.until(lambda: not page.state["values"]["play"])


# Files in and out.


def test_a_file_is_described_and_a_passage_taken(house, page):
    found = house.client.post("/files?name=my%20jig.mid", content=(EXAMPLES / "jig.mid").read_bytes()).json()
    assert (found["name"], found["chosen"], found["tracks"][0]["bars"]) == ("my jig.mid", 1, 8)
    assert found["tracks"][0]["starts"][:3] == [0, 12, 24] and found["tracks"][0]["notes"][0] == [0, 2, 76]
    hue = page.ask(do="take", file=found["file"], track=1, bar=3, bars=2)["hue"]
    taken = next(m for m in page.melodies["list"] if m["hue"] == hue)
    assert taken["name"] == "my jig" and taken["metre"] == [6, 8]
    assert taken["tokens"] == Melody.from_midi(EXAMPLES / "jig.mid", 2, 2).tokens.tolist()
    assert "bars 99 to 100" in page.ask(do="take", file=found["file"], track=1, bar=99, bars=2)["error"]


@pytest.mark.parametrize("content", [b"", b"no MIDI", b"MThd\0\0\0\x06\0\1\xff\xff\0\x60", bytes(range(256)) * 40])
def test_what_is_no_midi_file_is_refused_in_one_line(shared, content):
    answer = shared.client.post("/files?name=../../etc/x.mid", content=content)
    assert answer.status_code == 422 and answer.json()["error"].startswith("../../etc/x.mid: ")
    assert "upload.mid" not in answer.text and "tmp" not in answer.text


def test_a_file_without_notes_has_neither_melody_nor_drums(shared):
    content = io.BytesIO()
    mido.MidiFile(tracks=[mido.MidiTrack([mido.MetaMessage("track_name", name="a")])]).save(file=content)
    answer = shared.client.post("/files?name=x.mid", content=content.getvalue())
    assert answer.json()["error"] == "x.mid: expected a melody or drums, found no notes in the file"


def test_a_file_that_is_too_large_is_refused(shared):
    answer = shared.client.post("/files", content=bytes(MAX_BYTES + 1))
    assert answer.status_code == 413 and "at most 4 MB" in answer.json()["error"]


def test_all_tracks_are_told_with_their_reasons():
    """Drums are one more; a melodic part on their channel is listed; hearing knows all tempi."""
    tune, kit = mido.MidiTrack(), mido.MidiTrack()
    tune.append(mido.MetaMessage("set_tempo", tempo=600_000))
    bell = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=400_000, time=1920)])
    for track, channel, pitches in (
        (tune, 0, (60, 64, 67, 65)),
        (kit, 9, (36, 38, 42, 36)),
        (bell, 9, (90, 93, 97, 90)),
    ):
        for pitch in pitches * 4:
            track.append(mido.Message("note_on", channel=channel, note=pitch))
            track.append(mido.Message("note_off", channel=channel, note=pitch, time=480))
    content = io.BytesIO()
    mido.MidiFile(tracks=[tune, kit, bell]).save(file=content)
    told = Shelf().put("a.mid", content.getvalue())
    assert [each["track"] for each in told["tracks"]] == [1, 3, DRUMS] and (told["drums"], told["unlisted"]) == (0, 0)
    assert [each["place"] for each in told["tracks"]] == [1, None, None] and told["tracks"][2]["count"] == 16
    assert [each["reason"] for each in told["tracks"]][1] == "on the channel of drums"
    assert told["tracks"][0]["tempi"] == [(0, 100.0), (16, 150.0)] and told["tracks"][1]["first"] == 2


def test_the_shelf_keeps_the_last_files():
    shelf = Shelf()
    data = (EXAMPLES / "jig.mid").read_bytes()
    keys = [shelf.put("a.mid", data)["file"] for _ in range(13)]
    assert len(set(keys)) == 13 and shelf.passage(keys[-1], 1, 1, 2).bars == 2
    with pytest.raises(InputError, match="drop it once more"):
        shelf.passage(keys[0], 1, 1, 2)


def notes_in(content: bytes) -> list[int]:
    file = mido.MidiFile(file=io.BytesIO(content))
    return [m.note for m in file if m.type == "note_on" and m.velocity]


def test_the_loop_goes_home_as_midi_and_sound(house, page):
    page.say(set={"x": 0.0, "y": 0.0, "tempo": 100})
    page.until(lambda: page.melody["weights"]["0"] == 1)
    pitches = [pitch for _, _, pitch in opening_melodies()[0].notes()]
    file = house.client.get("/take-home/loop.mid?times=3")
    assert notes_in(file.content) == pitches * 3
    assert file.headers["content-disposition"] == 'attachment; filename="latentmix-loop.mid"'
    samples, rate = soundfile.read(io.BytesIO(house.client.get("/take-home/loop.wav?times=1").content))
    assert len(samples) == round(rate * 8 * 60 / 100) and abs(samples).max() > 0.2


def test_lines_and_grids_go_home(shared):
    line = mido.MidiFile(file=io.BytesIO(shared.client.get("/take-home/line.mid?steps=5").content))
    markers = [m.text for m in line if m.type == "marker"]
    assert markers == ["A", "1/4", "2/4", "3/4", "B", "1/4", "2/4", "3/4", "C", "1/4", "2/4", "3/4", "D"]
    grid = mido.MidiFile(file=io.BytesIO(shared.client.get("/take-home/grid.mid?side=3").content))
    assert len([m for m in grid if m.type == "marker"]) == 9


@pytest.mark.parametrize("path", ["line.mid?steps=1", "line.mid?steps=9999", "loop.mid?times=x", "loop.wav?times=-1"])
def test_sizes_of_files_are_bounded(shared, path):
    answer = shared.client.get(f"/take-home/{path}")
    assert answer.status_code == 422 and "expected a whole number" in answer.json()["error"]


def test_a_performance_goes_home(house, page):
    assert "press record" in house.client.get("/take-home/performance.mid").json()["error"]
    page.say(set={"x": 0.0, "y": 0.0})
    page.until(lambda: page.melody["weights"]["0"] == 1)
    page.say(set={"record": True})
    page.until(lambda: page.state["values"]["record"])
    page.say(set={"play": True})
    page.until(lambda: page.state["values"]["play"])
    house.handle.run_until(house.clock() + 2.05)
    page.until(lambda: page.state["step"] >= 16)
    page.say(set={"record": False})
    page.until(lambda: not page.state["values"]["record"])
    played = notes_in(house.client.get("/take-home/performance.mid").content)
    assert played[:8] == [pitch for _, _, pitch in opening_melodies()[0].notes()][:8]


def test_sound_to_take_home_is_the_sound_that_was_chosen(shared):
    melody = shared.engine.snapshot().melody
    notes = [(start / 8, end / 8, pitch, 80) for start, end, pitch in melody.notes()]
    sounds = {}
    for program in (12, 16):  # a mallet dies away, an organ is held
        content = shared.client.get(f"/take-home/loop.wav?times=1&program={program}").content
        samples, rate = soundfile.read(io.BytesIO(content))
        sounds[program] = samples
        assert len(samples) == round(rate * 8 * 60 / 120) and samples.shape[1] == 2
        live = render(notes, rate, program)[:, : len(samples)]  # as --audio sounds
        assert np.corrcoef(samples[: live.shape[1], 0], live[0])[0, 1] > 0.999
    assert np.corrcoef(sounds[12][:, 0], sounds[16][:, 0])[0, 1] < 0.95
    assert "expected a whole number" in shared.client.get("/take-home/loop.wav?program=128").json()["error"]


def test_what_two_pages_ask_for_at_once_is_sung_once(shared, monkeypatch):
    make, made = sung._notes, []

    def counted(recordings, shares):
        made.append(len(recordings))
        time.sleep(0.5)  # so that the other page comes meanwhile
        return make(recordings, shares)

    sung.notes_flac.cache_clear()
    monkeypatch.setattr(sung, "_notes", counted)
    with ThreadPoolExecutor(2) as pages:
        answers = list(pages.map(shared.client.get, ["/sung/14.flac"] * 2))
    assert made == [1] and answers[0].content == answers[1].content and answers[0].status_code == 200


def test_a_preset_is_sung_on_the_page_and_taken_home(shared):
    content = shared.client.get("/sung/65.flac").content
    samples, rate = soundfile.read(io.BytesIO(content))
    size = round(SECONDS * rate)
    assert len(samples) == size * len(NOTES) and len(content) < 2_000_000
    for index, pitch in enumerate(NOTES):
        note = samples[index * size :][: size // 2]
        found = np.abs(np.fft.rfft(note * np.hanning(len(note)), 4 * rate))
        hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
        overtone = np.argmax(found) / 4 / hertz
        assert np.abs(note).max() > 0.05 and overtone == pytest.approx(max(1, round(overtone)), rel=0.01)
        end, begin = (index * size + round(place * rate) for place in (LOOP[1], LOOP[0]))
        step = np.abs(np.diff(samples[begin - size // 8 : begin])).max()
        assert abs(samples[end - 1] - samples[begin - 1]) < 1e-3 and abs(samples[begin] - samples[end - 1]) < 1.5 * step
    assert shared.client.get("/sung/12.flac").status_code == shared.client.get("/sung/..%2F1.flac").status_code == 404
    taken, rate = soundfile.read(io.BytesIO(shared.client.get("/take-home/loop.wav?times=1&program=65").content))
    assert rate == 48_000 and np.sqrt((taken**2).mean()) > 0.02


def test_memory_does_not_grow_with_sound_to_take_home(shared, tmp_path):
    def peak(times: int) -> int:
        tracemalloc.start()
        exports.loop_wav(tmp_path / "loop.wav", shared.engine, times, exports.Instrument(12))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(1)  # what is imported stays
    assert peak(8) < 1.5 * peak(1) + (1 << 20)


def test_too_long_a_sound_is_one_line_without_a_name_of_ours(house, page):
    page.say(set={"tempo": 20})
    page.until(lambda: value(page, "tempo") == 20)
    answer = house.client.get("/take-home/loop.wav?times=64")
    assert answer.status_code == 422 and answer.json()["error"].startswith("expected at most 20 minutes of sound")


# What stays.


def play_a_little(house, page) -> None:
    for name in ("record", "play"):
        page.say(set={name: True})
        page.until(lambda name=name: value(page, name))
    house.handle.run_until(house.clock() + 2.05)
    page.until(lambda: page.state["step"] >= 16)


def test_session_and_recordings_come_back_after_the_server_was_ended(model, tmp_path):
    house = House(model, store=Store(tmp_path))
    with house.socket() as socket:
        page = Page(socket)
        page.until(lambda: page.melody is not None)
        page.ask(do="remove", hue=1)
        page.ask(do="sound", sound={"program": 73, "level": 0.5})
        page.say(set={"key": "D:maj"})
        play_a_little(house, page)
    house.close()  # while it records, and before the session was written
    house = House(model, store=Store(tmp_path))
    try:
        with house.socket() as socket:
            page = Page(socket)
            page.until(lambda: page.melody is not None)
            page.until(lambda: [m["name"] for m in page.melodies["list"]] == ["lively", "waltz", "jig"])
            page.until(lambda: value(page, "key") == "D:maj")
            assert not page.state["undo"]  # or Z would take all of it away
            assert page.state["sound"] == {"program": 73, "level": 0.5}
            (name,) = page.state["recordings"]
            assert len(notes_in(house.client.get(f"/recordings/{name}").content)) >= 8
            assert house.client.get("/recordings/..%2fsessions").status_code == 404
            page.say(set={"tempo": 99})
            page.ask(do="loop", on=False)
    finally:
        house.close()
    assert len(list((tmp_path / "sessions").iterdir())) == 2  # that of the run before is kept as it was


def test_a_damaged_session_gives_way_to_the_one_before(tmp_path):
    store = Store(tmp_path)
    assert store.last_session() is None
    store.keep_session({"format": "latentmix.session", "n": 1})
    (tmp_path / "sessions" / "2999-01-01 00.00.00.json").write_bytes(b"{half")
    assert Store(tmp_path).last_session()["n"] == 1


def test_where_nothing_can_be_written_it_is_said_and_the_music_goes_on(model, tmp_path):
    (tmp_path / "file").write_text("in the way")
    house = House(model, store=Store(tmp_path / "file"))
    try:
        with house.socket() as socket:
            page = Page(socket)
            page.until(lambda: page.melody is not None)
            page.ask(do="remove", hue=1)
            page.until(lambda: any("not kept" in line for line in page.state["warnings"]))
            assert page.ask(do="loop", on=False)["hue"] is None
    finally:
        house.close()


def test_a_link_is_a_session_for_the_command_too(tmp_path):
    session = {"format": "latentmix.session", "version": 1}
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(json.dumps(session).encode()) + packer.flush()
    text = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    assert read_session(f"http://127.0.0.1:8420/#s={text}") == session
    (tmp_path / "s.json").write_text(json.dumps(session))
    assert read_session(str(tmp_path / "s.json")) == session
    for bad, line in ((f"http://x/#s={text[:-8]}", "cut short|damaged"), (str(tmp_path / "no.json"), "cannot read")):
        with pytest.raises(InputError, match=line):
            read_session(bad)
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(InputError, match="expected a session of latentmix"):
        read_session(str(tmp_path / "x.json"))


# Connections.


def test_a_connection_on_which_nothing_comes_is_closed(model):
    house = House(model, idle_seconds=1.0)  # a page on a busy machine may take a while to answer a ping
    try:
        silent, half, mute = (raw_socket(house) for _ in range(3))
        half.sendall(b"GET / HTTP/1.1\r\nHost: ")
        mute.sendall(
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        for sock in (silent, half, mute):
            assert ends(sock)
        with house.socket() as socket:  # which answers pings, though it says nothing
            time.sleep(2.5)
            page = Page(socket)
            page.until(lambda: page.melody is not None)
            assert page.ask(do="loop", on=True)["hue"] is None
    finally:
        house.close()


def raw_socket(house) -> socket_module.socket:
    sock = socket_module.create_connection(("127.0.0.1", house.port))
    sock.settimeout(PATIENCE)
    return sock


def ends(sock) -> bool:
    with sock:
        try:
            while sock.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "studio.example"}, None),  # as Caddy hands it on
        ({"host": "studio.example", "origin": "https://studio.example"}, None),
        ({"host": "127.0.0.1:8420", "origin": "https://studio.example"}, None),  # as nginx does
        ({"host": "127.0.0.1:8420", "origin": "https://studio.example:8443"}, None),
        ({"host": "127.0.0.1:8420", "origin": "https://evil.example"}, 403),
        ({"host": "evil.example", "origin": "https://studio.example"}, 421),
        ({"host": "studio.example.evil.example"}, 421),
    ],
)
def test_a_proxy_by_another_name(headers, status):
    gate = Gate(PORT, token="t" * 24, names=("studio.example",))
    refusal = gate.check(headers | {"cookie": f"latentmix-{PORT}={'t' * 24}"}, "", "/live")
    assert (refusal.status if refusal else None) == status
    assert gate.check(headers, "", "/live").status in (401, status)  # whoever reaches the proxy would reach us
    with pytest.raises(InputError, match="expected a token"):
        Gate(PORT, names=("studio.example",))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell all addresses by the host's name")
def test_a_network_that_leads_nowhere_else_has_an_address_too(monkeypatch):
    """As the hotspot of a laptop on a stage, without a way to elsewhere and with a name that is its own alone."""
    known = addresses()

    def unknown(*given: object) -> None:
        raise OSError

    monkeypatch.setattr(addresses_of_web, "_ELSEWHERE", ())
    monkeypatch.setattr(socket_module, "getaddrinfo", unknown)
    assert known[:1] == [each for each in addresses() if each in known[:1]]


def test_addresses_for_a_phone():
    gate = Gate(PORT, "0.0.0.0", "secret")
    assert all(":" not in address for address in addresses("0.0.0.0"))  # IPv6 would not be answered there
    assert all(":" in address for address in addresses("::"))
    for address in addresses():
        assert not is_loopback(address)
        assert gate.address_at(address).startswith("http://") and gate.check(
            {"host": gate.address_at(address).split("/")[2], "cookie": f"latentmix-{PORT}=secret"}, "", "/"
        ) is None  # fmt: skip
    assert "█" in qr_code("http://192.168.1.7:8420/?token=secret") and "\n" in qr_code("x")


# Pure parts.


def test_melodies_and_sessions_survive_json():
    for melody in opening_melodies():
        assert melody_from_json(json.loads(json.dumps(melody_to_json(melody)))) == melody
    melodies = tuple(opening_melodies()[:3])
    places = (PadPoint(0, 0), PadPoint(1, 0.5), PadPoint(0.25, 1))
    placed = [PlacedMelody.of(m, m.name, p, hue) for m, p, hue in zip(melodies, places, (5, 0, 2), strict=True)]
    session = Session.of(placed, {"x": 0.5, "key": "auto"}, loop=False, path=PathSetting(points=((0.1, 0.2),)))
    assert session_from_json(json.loads(json.dumps(session.to_json())), PARAMETERS) == session


@pytest.mark.parametrize(
    "change",
    [{"melodies": []}, {"melodies": [{}] * 9}, {"version": 2}, {"values": []}, {"values": {"tempo": "x"}}, {"path": 7}],
)
def test_a_session_out_of_bounds_is_refused(change):
    placed = [PlacedMelody.of(m, m.name, PadPoint(i, i), i) for i, m in enumerate(opening_melodies()[:2])]
    raw = Session.of(placed, {}).to_json() | change
    with pytest.raises(InputError, match="expected"):
        session_from_json(raw, PARAMETERS)


def test_the_opening_melodies_are_those_of_the_examples():
    for melody in opening_melodies():
        example = Melody.from_midi(EXAMPLES / f"{melody.name}.mid", 2)
        assert (melody.notes(), melody.metre, melody.program) == (example.notes(), example.metre, example.program)


def test_a_path_is_run_at_an_even_pace():
    square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
    assert [along(square, share) for share in (-1, 0, 0.25, 0.5, 1, 2)] == [
        (0, 0), (0, 0), (0.5, 0), (1, 0), (1, 1), (1, 1),
    ]  # fmt: skip
    assert along([(0.5, 0.5), (0.5, 0.5)], 0.7) == (0.5, 0.5)
    assert share_at(9, 4, back=True) == 0.25 and share_at(9, 4, back=False) == 0.25


def test_a_port_that_is_taken_is_one_line():
    with open_socket("127.0.0.1", 0, PORT) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} of 127.0.0.1: cannot listen there"):
            open_socket("127.0.0.1", port, PORT)
        with open_socket("127.0.0.1", None, port) as other:  # where none is asked for, a free one
            assert other.getsockname()[1] != port
    with pytest.raises(InputError, match="expected an address of this machine"):
        open_socket("no.such.host.invalid", 0, PORT)


def test_what_is_being_made_goes_no_further_when_the_server_ends(monkeypatch, caplog):
    """It would hold the terminal until it is through; and whoever waits for it is told."""
    begun = threading.Event()

    def made(path, engine, times, sound, is_over):
        begun.set()
        while not is_over():
            time.sleep(0.01)
        raise InputError("nobody waits for this sound any more")

    monkeypatch.setattr(exports, "loop_wav", made)
    house = House(small_model())
    with ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(house.client.get, "/take-home/loop.wav")
        assert begun.wait(PATIENCE)
        house.close(client=False)
        assert answer.result().status_code == 503 and answer.result().text == "the mixer has ended"
    house.client.close()
    assert not caplog.records
