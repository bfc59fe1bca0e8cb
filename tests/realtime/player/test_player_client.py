"""The player's process and its supervisor: messages in any order, a process that dies once, or again and again."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading

import pytest
from virtual_players import wait_for

from latentmix.errors import InputError
from realtime.midi.ports import MidiIn, MidiOut
from realtime.midi.sockets import SocketIn
from realtime.music.sequencer import Pattern
from realtime.player import client, messages
from realtime.player.client import PlayerClient
from realtime.player.lines import decode, encode

MORE_INPUTS = 20
SCALE = Pattern(1, tuple(62 + k for k in range(16)))
MESSAGES = [
    messages.PlayerSetup(),
    messages.PlayerSetup((MidiOut("a", api="UNIX_JACK"),), (MidiIn(virtual=True),), {"soundfont": None}, program=3),
    messages.PlayPattern(SCALE),
    messages.PlayPattern(SCALE, 0.25),
    messages.SetTempo(99.5),
    messages.SetFollow("bar"),
    messages.SetClock("midi"),
    messages.SetVelocity(3),
    messages.SetProgram(4),
    messages.SetPlaying(True, 2.5),
    messages.Panic(),
    messages.Tap(1.5),
    messages.PortsOpened(("a", "ü")),
    messages.OpeningFailed("no"),
    messages.PlayerWarning("careful"),
    messages.PlayerLost("gone", is_final=True),
    messages.MidiReceived(((0.5, b"\x90\x3c\x50"), (0.75, b"\xf8"))),
    messages.Progress(1, 0.5, None, (messages.NoteEvent(0.5, 1.0, True, 60, 80),), 2, None, 120.0, "midi", True),
    messages.Underruns(2),
]


class Flood:
    """A controller that sends without end to a TCP port, from before somebody listens there."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self.sent, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as connection:
                while not self._stop.wait(0.0005):
                    connection.sendall(bytes([0xB0, 1, self.sent % 128]))
                    self.sent += 1
            self._stop.wait(0.0005)


@pytest.fixture
def flood():
    flood = Flood()
    yield flood
    flood.close()


def inputs(flood: Flood) -> tuple[MidiIn, ...]:
    """The controller's, and some more that are opened while it moves already."""
    return MidiIn(f"tcp::{flood.port}"), *[MidiIn("tcp::0")] * MORE_INPUTS


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_from_its_line(message):
    line = encode(message)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode(line) == message


@pytest.mark.parametrize(
    "line", [b"", b"hello\n", b"[]\n", b'["Popen", {}]\n', b'["messages.SetTempo", {"bpm": 3}]\n', b"3\n"]
)
def test_lines_that_are_no_messages(line):
    with pytest.raises(ValueError):
        decode(line)


def test_a_controller_that_moves_while_it_starts_does_no_harm(flood):
    for _ in range(3):
        heard: list[object] = []
        player = PlayerClient(messages.PlayerSetup(ins=inputs(flood)), heard.append)
        wait_for(lambda: any(isinstance(report, messages.MidiReceived) for report in list(heard)))  # noqa: B023
        assert player.ports[0] == f"tcp:127.0.0.1:{flood.port}" and len(player.ports) == 1 + MORE_INPUTS
        player.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_a_player_that_is_killed_under_a_flood_goes_on_where_the_music_would_be(flood):
    heard: list[object] = []
    notes: list[object] = []
    synth = SocketIn(("127.0.0.1", 0), lambda time, message: notes.append(message), print)
    setup = messages.PlayerSetup((MidiOut(f"tcp::{synth.port}"),), inputs(flood), tempo=240)
    player = PlayerClient(setup, heard.append)
    player.command(messages.PlayPattern(SCALE))
    player.command(messages.SetPlaying(True))
    for _ in range(2):
        wait_for(lambda: any(isinstance(r, messages.Progress) and r.step >= 16 for r in list(heard)))
        os.kill(player.pid, signal.SIGKILL)
        wait_for(lambda: any(isinstance(r, messages.PlayerLost) for r in list(heard)))
        assert not any(r.is_final for r in heard if isinstance(r, messages.PlayerLost))
        del heard[:]
        wait_for(lambda: any(isinstance(r, messages.Progress) and r.late is not None for r in list(heard)))
        assert next(r for r in heard if isinstance(r, messages.Progress) and r.late is not None).step > 16
        assert player.ports
    player.close()
    synth.close()


def test_ports_that_do_not_come_back_are_said_again_and_waited_for(monkeypatch):
    monkeypatch.setattr(client, "RETRY_EVERY", 0.01)
    synth = SocketIn(("127.0.0.1", 0), lambda time, message: None, print)
    heard: list[object] = []
    player = PlayerClient(messages.PlayerSetup((MidiOut(f"tcp::{synth.port}"),)), heard.append)
    synth.close()
    player._process.kill()
    wait_for(
        lambda: any("nothing is heard: tcp" in r.text for r in list(heard) if isinstance(r, messages.PlayerWarning))
    )
    assert player.ports == ()
    synth = SocketIn(("127.0.0.1", synth.port), lambda time, message: None, print)
    wait_for(lambda: player.ports)
    player.close()
    synth.close()


def test_a_player_that_crashes_again_and_again_is_given_up(monkeypatch):
    heard: list[object] = []
    player = PlayerClient(messages.PlayerSetup(), heard.append)
    start = client.PlayerProcess.wait_until_open

    def crash(process):
        ports = start(process)
        process.kill()
        return ports

    monkeypatch.setattr(client.PlayerProcess, "wait_until_open", crash)
    monkeypatch.setattr(client, "CRASH_MEMORY", 1e9)
    player._process.kill()
    wait_for(lambda: any(isinstance(r, messages.PlayerLost) and r.is_final for r in list(heard)))
    assert len([r for r in heard if isinstance(r, messages.PlayerLost)]) == client.MAX_CRASHES and player.ports == ()
    player.command(messages.SetPlaying(True))  # nobody is there: nothing happens
    player.close()


def test_a_player_that_says_nothing_at_all(monkeypatch):
    monkeypatch.setattr(client.sys, "path", ["/nowhere"])
    with pytest.raises(InputError, match="No module named"):
        PlayerClient(messages.PlayerSetup(), print)
