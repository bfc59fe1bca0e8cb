"""Recordings that a page sends: heard as one sound that is mixed as the melodies are, undone, kept, taken home."""

from __future__ import annotations

import io
import json
import re
from importlib import resources

import numpy as np
import pytest
import soundfile
from web_house import House, small_model

from audiovq.audio_io import ffmpeg
from audiovq.audio_io.reader import SUFFIXES
from latentmix.errors import InputError
from realtime.audio.sound_instrument import SoundInstrument, held_notes
from realtime.music.parameters import PARAMETERS
from realtime.web import recordings
from realtime.web.groove_wire import MAX_GROOVE_STEPS
from realtime.web.recordings import general_model, recording_of
from realtime.web.sharing import MAX_SESSION, read_session
from realtime.web.sound_wire import MAX_FRAMES_TEXT, SoundData
from realtime.web.sounds import OWN
from realtime.web.store import Store
from realtime.web.sung import NOTES, SECONDS
from realtime.web.wire import session_from_json

EXAMPLES = resources.files("realtime").parent / "examples"
STATIC = resources.files("realtime") / "web" / "static"
REED, BELL = EXAMPLES / "reed.flac", EXAMPLES / "bell.flac"


@pytest.fixture
def house(tmp_path):
    house = House(small_model(), store=Store(tmp_path))
    yield house
    house.close()


def send(house, name: str, content: bytes) -> dict:
    return house.client.post("/sounds", params={"name": name}, content=content).json()


def names(page) -> list[str]:
    return [each["name"] for each in page.melodies["sounds"]]


def wav(samples: np.ndarray, rate: int = 48_000) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def heard(house) -> np.ndarray:
    samples, rate = soundfile.read(io.BytesIO(house.client.get(f"/sung/{OWN}.flac").content))
    assert rate == 48_000 and len(samples) == round(SECONDS * rate) * len(NOTES)
    return samples


def test_recordings_are_sung_in_the_mix_of_the_melodies_undone_and_taken_home(house, page, tmp_path):
    assert "found none" in house.client.get(f"/sung/{OWN}.flac").json()["error"]
    for path in (REED, BELL):
        assert send(house, path.name, path.read_bytes())["name"] == path.stem
    page.until(lambda: names(page) == ["reed", "bell"])
    ends = []
    for corner in (0.0, 1.0):  # of two sounds among four melodies: the first, the last
        page.say(set={"position": corner})
        page.until(lambda corner=corner: page.melody["at"]["position"] == corner)
        ends.append(heard(house))
    model = general_model()
    for end, sound in zip(ends, house.hub.workspace.sounds.all, strict=True):
        alone = held_notes(model, [recording_of(sound)], np.ones(1), NOTES[4:5], 80)[0]
        start = 4 * round(SECONDS * 48_000)
        assert np.corrcoef(end[start:][: len(alone)], alone)[0, 1] > 0.9999
    assert page.ask(do="remove-sound", at=0, of=1)["error"].startswith("expected the recordings that this page shows")
    page.ask(do="remove-sound", at=0, of=2)
    page.until(lambda: names(page) == ["bell"])
    page.ask(do="undo")
    page.until(lambda: names(page) == ["reed", "bell"])
    taken, rate = soundfile.read(io.BytesIO(house.client.get(f"/take-home/loop.wav?times=1&program={OWN}").content))
    plain, _ = soundfile.read(io.BytesIO(house.client.get("/take-home/loop.wav?times=1&program=12").content))
    assert rate == 48_000 and np.sqrt((taken**2).mean()) > 0.02 and len(taken) != len(plain)
    session = house.client.get("/take-home/session.json").json()
    assert len(json.dumps(session["sounds"])) < 2 * MAX_FRAMES_TEXT
    read = session_from_json(session, PARAMETERS)
    assert read.sounds == house.hub.workspace.sounds.all
    for _ in range(2):
        page.ask(do="undo")
    page.until(lambda: names(page) == [])
    page.ask(do="restore", session=session)
    page.until(lambda: names(page) == ["reed", "bell"])
    assert np.array_equal(heard(house), ends[1])
    link = {name: value for name, value in session.items() if name != "sounds"}  # as the page makes it
    page.ask(do="restore", session=link)
    assert len(house.hub.workspace.sounds.all) == 2


def test_the_timbre_has_a_puck_of_its_own_and_what_moved_last_counts(house, page):
    for path in (REED, BELL):
        send(house, path.name, path.read_bytes())
    page.until(lambda: names(page) == ["reed", "bell"])
    page.say(set={"position": 0.0})
    page.until(lambda: page.melody["at"]["position"] == 0.0)
    reed, mix = heard(house), house.hub.workspace.sounds.mix
    page.say(set={"sound.follow": False, "sound.position": 1.0})
    page.until(lambda: page.state["values"]["sound.position"] == 1.0)
    assert mix().shares == (0.0, 1.0) and not np.allclose(heard(house), reed, atol=0.01)
    assert page.melody["at"]["position"] == 0.0
    page.say(set={"sound.x": 0.0, "sound.y": 0.0})
    page.until(lambda: page.state["values"]["sound.pad"] is True)
    assert mix().shares == (1.0, 0.0)
    page.say(set={"sound.position": 0.5})
    page.until(lambda: page.state["values"]["sound.pad"] is False)
    session = house.client.get("/take-home/session.json").json()
    assert page.state["undo"] == "recording in the sound"  # what is played is not undone
    page.say(set={"sound.x": 0.9, "sound.follow": True})
    page.until(lambda: page.state["values"]["sound.follow"] is True)
    page.ask(do="restore", session=session)
    page.until(lambda: page.state["values"]["sound.pad"] is False)
    assert mix().shares == (0.5, 0.5)


def test_what_cannot_be_sung_is_one_line_and_changes_nothing(house, page, monkeypatch):
    def error(name: str, content: bytes) -> str:
        said = send(house, name, content)["error"]
        assert "\n" not in said and "/tmp" not in said and len(said) < 500
        return said

    assert error("a <b>.wav", b"no sound").startswith("a <b>.wav: ")
    assert "silence.wav: expected a sound, found nothing that is heard" in error("silence.wav", wav(np.zeros(48_000)))
    assert error("one.wav", wav(np.zeros(0)))
    nan = np.full(24_000, np.nan)
    assert error("nan.wav", wav(nan))
    assert "at most 60 s" in error("long.wav", wav(np.full(8_000 * 61, 0.1), 8_000))
    assert error("../../etc/passwd.wav", b"RIFF")
    monkeypatch.setattr(recordings, "MAX_BYTES", 1 << 20)
    assert "at most 1 MB" in error("large.wav", bytes((1 << 20) + 1))
    assert names(page) == [] and house.hub.workspace.sounds.all == ()
    sound, _ = recordings.read("reed.flac", REED.read_bytes())
    house.hub.workspace.sounds.all = (sound,) * 8
    assert "at most 8 recordings" in error("ninth.flac", REED.read_bytes())


def test_what_is_wrong_names_the_recording(house, page):
    """Several come together."""
    assert send(house, "silence.wav", wav(np.zeros(48_000)))["error"].startswith("silence.wav: ")
    sound, _ = recordings.read("reed.flac", REED.read_bytes())
    house.hub.workspace.sounds.all = (sound,) * 8
    assert send(house, "ninth.wav", wav(np.ones(9)))["error"].startswith("ninth.wav: expected at most 8")


def test_a_page_takes_for_recordings_what_is_read():
    files = (STATIC / "files.js").read_text()
    listed = set(re.findall(r"\w+", " ".join(re.findall(r'^  "(wav.*|.*)" ?\+?$', files, re.M))))
    assert {f".{each}" for each in listed} == SUFFIXES | ffmpeg.SUFFIXES


def test_the_largest_session_is_kept_and_comes_back(house, page, tmp_path):
    """From the file of the server, from a file that is opened, from the browser."""
    sound, _ = recordings.read("reed.flac", REED.read_bytes())
    session = house.client.get("/take-home/session.json").json()
    hits = [[step, drum, 127, -0.12345] for step in range(MAX_GROOVE_STEPS) for drum in range(9)]
    session["sounds"] = [sound.model_dump()] * 8
    session["drums"] = [{"name": "x" * 60, "steps": MAX_GROOVE_STEPS, "hits": hits}] * 8
    session["melodies"] = [session["melodies"][0] | {"tokens": [129] * 1024}] * 8
    text = json.dumps({"do": "restore", "session": session})
    assert len(text) + 8 * (MAX_FRAMES_TEXT - len(sound.frames)) < MAX_SESSION
    assert session_from_json(session, PARAMETERS).drums[7].hits[-1] == tuple(hits[-1])
    store = Store(tmp_path / "other")
    store.keep_session(session)
    assert store.last_session() == session
    (tmp_path / "session.json").write_text(json.dumps(session))
    assert read_session(str(tmp_path / "session.json")) == session
    session["drums"] = []  # which would be read for long
    assert "error" not in page.ask(do="restore", session=session | {"future": "x" * 900_000})
    [most] = re.findall(r"^export const MAX_BYTES = 2 \*\* (\d+);", (STATIC / "session.js").read_text(), re.M)
    assert 1 << int(most) == MAX_SESSION


def test_a_session_with_damaged_sounds_is_opened_without_them_and_it_is_said(house, page):
    session = house.client.get("/take-home/session.json").json()
    assert session["sounds"] == []
    sound, remarks = recordings.read("reed.flac", REED.read_bytes())
    assert all(line.startswith("reed.flac: ") for line in remarks)
    broken = SoundData.of("broken", sound.preset[:-9])
    session["sounds"] = [each.model_dump() for each in (sound, broken)]
    page.ask(do="restore", session=session)
    page.until(lambda: names(page) == ["reed"])
    page.until(lambda: any("left out: broken: expected a preset" in line for line in page.state["warnings"]))
    [line] = [line for line in page.state["warnings"] if "broken" in line]
    assert line.endswith("found something else, or a damaged one")  # no word of the library that read it
    for frames in ("", "***", "A" * (MAX_FRAMES_TEXT + 4), 7):
        session["sounds"] = [{"name": "x", "frames": frames}]
        assert "frames of a sound" in page.ask(do="restore", session=session)["error"]


def test_held_notes_are_those_that_the_instrument_plays():
    model = general_model()
    sounds = [recording_of(recordings.read(path.name, path.read_bytes())[0]) for path in (REED, BELL)]
    shares = np.array([0.3, 0.7])
    notes = held_notes(model, sounds, shares, (45, 62), 60)
    for note, pitch in zip(notes, (45, 62), strict=True):
        instrument = SoundInstrument(model, sounds, lambda seconds: shares)
        instrument.note_on(pitch, 127)
        played = instrument.render(len(note) + model.delay)[0, model.delay :]
        assert np.abs(played - note).max() < 1e-4 and np.abs(note).max() > 0.05


def test_a_damaged_sound_is_refused_whatever_is_damaged():
    sound, _ = recordings.read("bell.flac", BELL.read_bytes())
    rng, data = np.random.default_rng(0), sound.preset
    for _ in range(40):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            recording_of(SoundData.of("x", bytes(damaged[: rng.integers(1, len(data) + 1)])))
        except InputError as error:
            assert str(error).startswith("x: ")
