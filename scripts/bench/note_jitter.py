"""Notes against their time, by our player and by mido's, beside a thread that keeps the interpreter busy."""

from __future__ import annotations

import threading
import time

import mido

from realtime.midi.ports import MidiOut
from realtime.midi.sockets import SocketIn
from realtime.music.clock import now
from realtime.music.sequencer import Pattern
from realtime.player.client import PlayerClient
from realtime.player.messages import PlayerSetup, PlayPattern, Progress, Report, SetPlaying
from scripts.bench.live_stage import TEMPO

DENSE = Pattern(1, tuple(62 + k % 24 for k in range(32)))


def spin(is_over: threading.Event) -> None:
    """Keep this interpreter busy."""
    while not is_over.is_set():
        sum(k * k for k in range(1000))


def our_jitter(seconds: float) -> list[float]:
    """Seconds by which our player's notes were late."""
    late: list[float] = []
    synth = SocketIn(("127.0.0.1", 0), lambda time, message: None, print)

    def hear(report: Report) -> None:
        if isinstance(report, Progress) and report.late is not None:
            late.append(report.late)

    player = PlayerClient(PlayerSetup((MidiOut(f"tcp::{synth.port}"),), tempo=TEMPO), hear)
    player.command(PlayPattern(DENSE))
    player.command(SetPlaying(True))
    time.sleep(seconds)
    player.close()
    synth.close()
    return late[1:]


def mido_jitter(seconds: float) -> list[float]:
    """Seconds by which `MidiFile.play` was late with the same notes."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=round(6e7 / TEMPO))])
    for k in range(round(seconds * TEMPO / 15)):
        track.append(mido.Message("note_on", note=60 + k % 24, time=0))
        track.append(mido.Message("note_off", note=60 + k % 24, time=120))
    late, start, due = [], now(), 0.0
    for message in mido.MidiFile(tracks=[track], ticks_per_beat=480).play(now=now):
        due += message.time
        if message.type == "note_on" and message.time == 0 and due > 0:
            late.append(now() - start - due)
    return late
