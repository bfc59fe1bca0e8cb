"""What stays of a server: files that two runs do not take from one another, and lists of what is whole."""

from __future__ import annotations

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from latentmix.errors import InputError
from realtime.web.store import ABANDONED, MAX_SESSIONS, Store


def sessions(folder: Path) -> list[Path]:
    return sorted((folder / "sessions").glob("*.json"))


def test_two_runs_within_one_second_have_sessions_of_their_own(tmp_path):
    stores = [Store(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: stores[run].keep_session({"run": run}), range(8)))
        list(pool.map(lambda run: stores[run].keep_session({"run": run, "again": True}), range(8)))
    assert {path.read_bytes() for path in sessions(tmp_path)} == {
        b'{"run": %d, "again": true}' % run for run in range(8)
    }


def test_two_runs_within_one_second_have_recordings_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda run: Store(tmp_path).keep_recording(b"%d" % run), range(8)))
    assert {kept.path.read_bytes() for kept in Store(tmp_path).recordings()} == {b"%d" % run for run in range(8)}


def test_a_recording_is_listed_when_it_is_whole(tmp_path):
    store, other = Store(tmp_path, suffix=".wav"), Store(tmp_path, suffix=".wav")
    begun = store.begin_recording()
    begun.write_bytes(b"half")
    assert store.recordings() == other.recordings() == []
    name = begun.name.removesuffix(".wav.part")
    with pytest.raises(InputError, match="gone"):
        other.recording(name)
    second = other.begin_recording()
    assert second != begun
    begun.write_bytes(b"whole")
    assert store.end_recording(begun).read_bytes() == b"whole"
    assert [kept.name for kept in other.recordings()] == [name] and other.recording(name).read_bytes() == b"whole"
    with pytest.raises(InputError, match="cannot keep the recording"):
        store.end_recording(begun)


def test_what_a_killed_run_recorded_is_listed_by_the_next(tmp_path):
    begun = Store(tmp_path, suffix=".wav").begin_recording()
    begun.write_bytes(b"all but the last seconds")
    os.utime(begun, (time.time() - 2 * ABANDONED,) * 2)
    [kept] = Store(tmp_path, suffix=".wav").recordings()
    assert kept.path.read_bytes() == b"all but the last seconds" and not begun.exists()


def test_a_name_that_was_taken_in_vain_is_free_again(tmp_path, monkeypatch):
    store = Store(tmp_path)

    def full(path: Path, content: bytes) -> None:
        raise InputError(f"{path}: cannot write the file: No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("realtime.web.store.replace_file", full)
        for keep in (lambda: store.keep_session({}), lambda: store.keep_recording(b"notes")):
            with pytest.raises(InputError, match="No space left"):
                keep()
    assert sessions(tmp_path) == [] and list((tmp_path / "recordings").iterdir()) == []
    store.keep_session({"n": 1})
    assert store.last_session() == {"n": 1}


def test_sessions_of_other_sounds_are_not_forgotten_for_those_of_these(tmp_path, monkeypatch):
    seconds = itertools.count()

    class Seconds(datetime):
        now = staticmethod(lambda: datetime(2026, 11, 27) + timedelta(seconds=next(seconds)))

    monkeypatch.setattr("realtime.web.store.datetime", Seconds)
    Store(tmp_path).keep_session({"sounds": ["bell"]})
    for run in range(MAX_SESSIONS + 5):
        Store(tmp_path).keep_session({"sounds": ["reed"], "run": run}, lambda it: it.get("sounds") == ["reed"])
    assert len(sessions(tmp_path)) == MAX_SESSIONS + 1
    assert Store(tmp_path).last_session(lambda it: it["sounds"] == ["bell"]) == {"sounds": ["bell"]}
    assert Store(tmp_path).last_session() == {"sounds": ["reed"], "run": MAX_SESSIONS + 4}
    (tmp_path / "sessions" / "2000-01-01 00.00.00.json").write_bytes(b"{half")
    Store(tmp_path).keep_session({"sounds": ["oboe"]}, lambda it: it.get("sounds") == ["oboe"])
    assert len(sessions(tmp_path)) == MAX_SESSIONS + 3
