"""Drums that a page puts in: read, mixed, undone, kept, taken home."""

from __future__ import annotations

import io
import json
from importlib import resources

import mido
import numpy as np
import pytest
import soundfile
from web_house import House, Page, small_model

from latentmix.errors import InputError
from midi_vae.drums.kit import GENERAL_MIDI
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.vae import GrooveVAE
from realtime.engine.drummer import Drums
from realtime.music.parameters import PARAMETERS
from realtime.web.groove_wire import GrooveData
from realtime.web.store import Store
from realtime.web.uploads import DRUMS, Shelf
from realtime.web.wire import session_from_json

EXAMPLES = resources.files("realtime").parent / "examples"
BACKBEAT, TOMS = EXAMPLES / "drums" / "backbeat.mid", EXAMPLES / "drums" / "toms.mid"


@pytest.fixture(scope="module")
def grooves() -> Drums:
    model = GrooveVAE.from_pretrained()
    return Drums([], lambda: model)


@pytest.fixture
def house(grooves, tmp_path):
    house = House(small_model(), drums=grooves, store=Store(tmp_path))
    yield house
    house.close()


def put(house, page, path, at=None) -> dict:
    found = house.client.post(f"/files?name={path.name}", content=path.read_bytes()).json()
    return page.ask(do="take-drums", file=found["file"], bar=1, bars=2, at=at)


def names(page) -> list[str]:
    return [each["name"] for each in page.melodies["drums"]]


def struck(content: bytes) -> list[int]:
    return [m.note for m in mido.MidiFile(file=io.BytesIO(content)) if m.type == "note_on" and m.channel == 9]


def notes_of(groove) -> list[int]:
    return [GENERAL_MIDI.note_of(instrument) for _, instrument, _ in groove.notes()]


def test_a_file_of_drums_alone_is_described_and_of_none_has_none():
    shelf = Shelf()
    found = shelf.put("beat.mid", BACKBEAT.read_bytes())
    groove = read_drums(BACKBEAT).excerpt()
    assert found["chosen"] == DRUMS and len(found["tracks"]) == 1
    drums = found["tracks"][0]
    assert (drums["track"], drums["starts"][:2], drums["high"]) == (DRUMS, [0, 16], 8)
    assert {tuple(hit[::2]) for hit in drums["notes"] if hit[0] < 32} == set(zip(*np.nonzero(groove.hits), strict=True))
    taken = shelf.drums(found["file"], 1, 2)
    assert taken == groove and taken.name == "beat"
    with pytest.raises(InputError, match="bars 99 to 100"):
        shelf.drums(found["file"], 99, 2)
    jig = shelf.put("jig.mid", (EXAMPLES / "jig.mid").read_bytes())
    assert all(track["track"] != DRUMS for track in jig["tracks"])
    with pytest.raises(InputError, match="expected drums"):
        shelf.drums(jig["file"], 1, 2)


def test_drums_come_go_come_back_and_stay_in_the_session(house, page):
    assert names(page) == [] and "error" not in put(house, page, BACKBEAT)
    page.until(lambda: names(page) == ["backbeat"])
    assert "error" not in put(house, page, TOMS)
    assert "error" not in put(house, page, TOMS, at=0)
    page.until(lambda: names(page) == ["toms", "toms"])
    page.ask(do="undo")
    page.until(lambda: names(page) == ["backbeat", "toms"])
    for groove, path in zip(house.engine.grooves, (BACKBEAT, TOMS), strict=True):
        assert np.array_equal(groove.velocities, read_drums(path).excerpt().velocities)
    session = house.client.get("/take-home/session.json").json()
    assert "another page" in page.ask(do="remove-drums", at=5)["error"]
    page.ask(do="remove-drums", at=0, of=2)
    assert "another page" in page.ask(do="remove-drums", at=0, of=2)["error"]  # two pages at once take one
    page.until(lambda: names(page) == ["toms"])
    page.ask(do="remove-drums", at=0)
    page.until(lambda: names(page) == [])
    assert house.engine.drum_pattern.steps == ((),)
    page.ask(do="restore", session=session)
    page.until(lambda: names(page) == ["backbeat", "toms"])
    page.ask(do="undo")
    page.until(lambda: names(page) == [])
    page.ask(do="redo")
    page.until(lambda: names(page) == ["backbeat", "toms"])
    old = {name: each for name, each in session.items() if name != "drums"}  # from before there were any
    page.ask(do="restore", session=old)
    assert names(page) == ["backbeat", "toms"]


def test_drums_go_home_with_loop_line_and_grid(house, page):
    put(house, page, BACKBEAT)
    put(house, page, TOMS)
    page.say(set={"x": 0.0, "y": 0.0})
    page.until(lambda: page.melody["weights"]["0"] == 1)
    first, last = (read_drums(path).excerpt() for path in (BACKBEAT, TOMS))
    page.until(
        lambda: (
            house.engine.drum_pattern.steps
            and len(struck(house.client.get("/take-home/loop.mid?times=1").content)) == first.hits.sum()
        )
    )
    assert struck(house.client.get("/take-home/loop.mid?times=3").content) == notes_of(first) * 3
    with_drums, rate = soundfile.read(io.BytesIO(house.client.get("/take-home/loop.wav?times=1").content))
    assert len(with_drums) == round(rate * 4)
    line = mido.MidiFile(file=io.BytesIO(house.client.get("/take-home/line.mid?steps=3").content))
    assert len([m for m in line if m.type == "marker"]) == 7
    hits, now = [], 0.0
    for message in line:
        now += message.time
        if message.type == "note_on" and message.channel == 9:
            hits.append((int((now + 0.06) // 4), message.note))
    for part, groove in ((0, first), (6, last)):  # from the drums of the first melody to those of the last
        assert sorted(note for at, note in hits if at == part) == sorted(notes_of(groove))
    grid = struck(house.client.get("/take-home/grid.mid?side=2").content)
    assert grid[: first.hits.sum()] == notes_of(first)
    page.say(set={"drums.level": 0})
    page.until(lambda: page.state["values"].get("drums.level") == 0)
    page.ask(do="loop", on=True)  # after it
    assert struck(house.client.get("/take-home/loop.mid?times=1").content) == []


def test_the_drums_have_a_puck_of_their_own_and_what_moved_last_counts(house, page):
    put(house, page, BACKBEAT)
    put(house, page, TOMS)
    toms = read_drums(TOMS).excerpt()
    page.say(set={"drums.follow": False, "drums.x": 1.0, "drums.y": 1.0})
    page.until(lambda: page.state["values"].get("drums.pad") is True)
    mixing = house.engine._drummer.mixer
    assert mixing.weights().tolist() == [0.0, 1.0] and np.array_equal(mixing.groove().velocities, toms.velocities)
    page.say(set={"drums.position": 0.0})
    page.until(lambda: page.state["values"]["drums.pad"] is False)
    assert mixing.weights().tolist() == [1.0, 0.0]
    session = house.client.get("/take-home/session.json").json()
    page.say(set={"drums.x": 0.9})
    page.until(lambda: page.state["values"]["drums.pad"] is True)
    page.ask(do="restore", session=session)
    page.until(lambda: page.state["values"]["drums.pad"] is False)


def test_where_the_melody_has_the_channel_of_drums_a_session_with_some_changes_nothing(house, page):
    put(house, page, BACKBEAT)
    session = house.client.get("/take-home/session.json").json()
    session["melodies"] = session["melodies"][:2]
    without = House(small_model())
    try:
        with without.socket(without.page) as socket:
            other = Page(socket)
            other.until(lambda: other.melody is not None)
            before = other.melodies
            said = other.ask(do="restore", session=session)["error"]
            assert said.startswith("expected channel 10 to be free for drums") and "--channel" in said
            assert "another --channel" in put(without, other, BACKBEAT)["error"]
            assert other.melodies == before and not other.state["undo"]
            assert "error" not in other.ask(do="restore", session=session | {"drums": []})
    finally:
        without.close()


def test_drums_survive_json_and_are_checked():
    groove = read_drums(BACKBEAT).excerpt()
    data = GrooveData.of(groove)
    assert GrooveData.model_validate(json.loads(json.dumps(data.model_dump()))) == data
    assert np.array_equal(data.groove.velocities, groove.velocities)
    assert np.abs(data.groove.lateness - groove.lateness).max() < 1e-5
    tokens = [0] * 16
    melodies = [{"tokens": tokens, "x": 0, "y": 0}, {"tokens": tokens, "x": 1, "y": 1}]
    raw = {"format": "latentmix.session", "version": 1, "melodies": melodies}
    good = {"steps": 16, "hits": [[0, 0, 100, 0.0]]}
    assert len(session_from_json(raw | {"drums": [good] * 8}, PARAMETERS).drums) == 8
    assert session_from_json(raw, PARAMETERS).drums is None
    for bad in (
        [good] * 9,
        7,
        [{"steps": 15, "hits": []}],
        [{"steps": 528, "hits": []}],
        [good | {"hits": [[16, 0, 100, 0.0]]}],
        [good | {"hits": [[0, 9, 100, 0.0]]}],
        [good | {"hits": [[0, 0, 128, 0.0]]}],
        [good | {"hits": [[0, 0, 100, float("nan")]]}],
        [good | {"hits": [[0, 0, 100, 0.0], [0, 0, 90, 0.0]]}],
        [good | {"hits": [[0, 0]]}],
        [good | {"metre": [0, 4]}],
    ):
        with pytest.raises(InputError, match="expected"):
            session_from_json(raw | {"drums": bad}, PARAMETERS)
