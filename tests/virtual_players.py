"""A player and an engine on a clock turned by hand, which several test modules look at."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import mido
import torch

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.vae import MelodyVAE
from realtime.engine.engine import Engine
from realtime.music.clock import InternalClock, VirtualClock
from realtime.music.sequencer import Pattern
from realtime.player.loop import OfflinePlayer
from realtime.player.messages import PlayPattern, Report
from realtime.player.player import Player, make_player

A = Melody.from_notes([(2 * k, 2 * k + 2, 60 + k) for k in range(16)], name="a")
B = Melody.from_notes([(4 * k, 4 * k + 4, 80 - k) for k in range(8)], name="b", tempo=90)
PATIENCE = 30.0  # seconds that a thread may take; only so that a test that hangs fails


def small_model() -> MelodyVAE:
    """Random weights, the same every time."""
    torch.manual_seed(0)
    return MelodyVAE(MelodyVAEConfig(width=16, latent_size=16)).eval()


@dataclass
class PlayerBench:
    """A player with a clock, an output and what it reported."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    sent: list[tuple[float, mido.Message]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    player: Player = None

    def make(self, timeline=None, **options) -> Player:
        timeline = timeline or InternalClock(120, self.clock())
        self.player = Player([self], timeline, self.reports.append, self.clock, **options)
        return self.player

    def send(self, message: mido.Message) -> None:
        self.sent.append((self.clock(), message))

    def offer(self, pattern: Pattern) -> None:
        self.player.command(PlayPattern(pattern), self.clock())

    def run_until(self, time: float) -> None:
        while (due := self.player.advance(self.clock())) <= time:
            self.clock.time = due
        self.clock.time = time

    def close(self) -> None:
        self.player.close(self.clock())

    def notes(self) -> list[tuple[str, int, float]]:
        return [(m.type, m.note, round(t, 6)) for t, m in self.sent if m.type in ("note_on", "note_off")]

    def check_pairs(self) -> None:
        """Every note on has its note off, in order, none twice, none left."""
        sounding, before = set(), -math.inf
        for at, message in self.sent:
            assert at >= before
            before = at
            if message.type == "note_on":
                assert not sounding and 0 <= message.note <= 127 and 1 <= message.velocity <= 127
                sounding.add(message.note)
            elif message.type == "note_off":
                assert sounding == {message.note}
                sounding.clear()
        assert not sounding


class EngineBench(PlayerBench):
    """An engine whose player goes on by hand."""

    def open(self, model, melodies=(A, B), **options) -> Engine:
        def make(setup, report):
            self.handle = OfflinePlayer(lambda tell: make_player([self], setup, tell, self.clock), report, self.clock)
            return self.handle

        self.engine = Engine(model, list(melodies), player=make, seed=0, **options)
        self.wait_for(lambda: self.handle.player.sequencer.waiting is not None)
        return self.engine

    def wait_for(self, condition) -> None:
        wait_for(condition)

    def settled(self) -> None:
        """All that was set has reached the player."""
        for _ in range(2):  # the worker comes to the second job once the melody of the first has been offered
            self.engine._worker.change(lambda: None)
        version = self.engine.snapshot().version
        newest = self.handle.player.sequencer
        self.wait_for(lambda: (newest.waiting or newest.pattern).version >= version)

    def go_on(self, seconds: float) -> None:
        self.handle.run_until(self.clock() + seconds)


def wait_for(condition, patience: float = PATIENCE, pause: float = 0.001) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(pause)
