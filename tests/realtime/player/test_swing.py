"""Swing: every second sixteenth late, on stage and in a file alike."""

from __future__ import annotations

import pytest

from midi_vae.music.melody import Melody
from realtime.midi.ports import MemoryOut
from realtime.music.clock import VirtualClock
from realtime.music.shaping import as_pattern
from realtime.player.loop import OfflinePlayer
from realtime.player.messages import PlayerSetup, PlayPattern, SetPlaying, SetSwing
from realtime.player.player import make_player


@pytest.mark.parametrize(("swing", "late"), [(0.5, 0.0), (2 / 3, 1 / 3), (0.75, 0.5)])
def test_every_second_sixteenth_is_late(swing, late):
    clock, starts = VirtualClock(), []

    def hear(report) -> None:
        starts.extend(event for event in getattr(report, "events", ()) if event.starts)

    player = OfflinePlayer(lambda tell: make_player([MemoryOut()], PlayerSetup(tempo=120.0), tell, clock), hear, clock)
    melody = Melody.from_notes([(step, step + 1, 60 + step) for step in range(8)], bars=1)
    player.command(SetSwing(swing))
    player.command(PlayPattern(as_pattern(melody, 1), None))
    player.command(SetPlaying(True))
    begin = clock()
    player.run_until(begin + 1.2)
    times = [event.time for event in starts[:8]]
    first = times[0]
    assert [time - first for time in times] == pytest.approx([(k + late * (k % 2)) / 8 for k in range(8)])
    player.close()
