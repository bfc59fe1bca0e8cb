"""Processors that stay awake while there is music, where a program may ask for it."""

from __future__ import annotations

import contextlib
import os
import struct
import sys
from pathlib import Path

import pytest
from virtual_players import wait_for

from realtime.player.client import PlayerClient
from realtime.player.messages import PlayerSetup, SetPlaying
from realtime.system.wakefulness import LATENCY_FILE, Wakefulness, staying_awake


@pytest.fixture
def latency_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file in the place of the kernel's."""
    file = tmp_path / "latency"
    file.touch()
    monkeypatch.setattr("realtime.system.wakefulness.LATENCY_FILE", file)
    return file


@pytest.mark.parametrize(("driver", "microseconds"), [("haltpoll", 0), ("intel_idle", 10), (None, 10)])
def test_it_asks_for_less_in_a_virtual_machine(latency_file, monkeypatch, tmp_path, driver, microseconds) -> None:
    name = tmp_path / "driver"
    if driver:
        name.write_text(driver + "\n")
    monkeypatch.setattr("realtime.system.wakefulness.IDLE_DRIVER", name)
    with staying_awake() as wakefulness:
        assert wakefulness.is_on
        assert struct.unpack("=i", latency_file.read_bytes()) == (microseconds,)
    assert not wakefulness.is_on


def test_asking_twice_is_asking_once(latency_file: Path) -> None:
    wakefulness = Wakefulness()
    wakefulness.set(True)
    wakefulness.set(True)
    assert latency_file.stat().st_size == 4
    wakefulness.set(False)
    wakefulness.set(False)
    assert not wakefulness.is_on


def test_where_it_may_not_be_asked_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("realtime.system.wakefulness.LATENCY_FILE", tmp_path / "missing")
    with staying_awake() as wakefulness:
        assert not wakefulness.is_on
    monkeypatch.setattr("realtime.system.wakefulness.LATENCY_FILE", tmp_path)  # a folder cannot be written
    with staying_awake() as wakefulness:
        assert not wakefulness.is_on


@pytest.mark.skipif(
    not (sys.platform == "linux" and os.access(LATENCY_FILE, os.W_OK)),
    reason=f"needs the right to write {LATENCY_FILE}",
)
def test_a_player_keeps_them_awake_while_it_plays() -> None:
    player = PlayerClient(PlayerSetup(), lambda report: None)

    def asks() -> bool:
        files = Path(f"/proc/{player.pid}/fd")
        held = []
        for file in files.iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                held.append(os.readlink(file))
        return str(LATENCY_FILE) in held

    try:
        assert not asks()
        player.command(SetPlaying(True))
        wait_for(asks)
        player.command(SetPlaying(False))
        wait_for(lambda: not asks())
    finally:
        player.close()
