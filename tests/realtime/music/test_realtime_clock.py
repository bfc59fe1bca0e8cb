"""Clocks: no drift, other tempi from now on, the ticks of another machine smoothed, its starts and stops followed."""

from __future__ import annotations

import math
import time
from itertools import pairwise

import numpy as np
import pytest

from latentmix.errors import InputError
from realtime.music.clock import InternalClock, TapTempo, VirtualClock, check_tempo, now
from realtime.player.external_clock import LinkClock, MidiClock, TickFilter

TICK = 60 / 120 / 24


def test_an_hour_does_not_drift():
    clock = InternalClock(117.3, start=5.0)
    beats = 60 * 117.3
    assert clock.time_of(beats) == pytest.approx(5.0 + 3600, abs=1e-9)
    assert clock.beat_at(3605.0) == pytest.approx(beats, abs=1e-9)


def test_an_hour_of_turning_the_tempo_keeps_the_beat():
    clock, now, beat = InternalClock(120, 0.0), 0.0, 0.0
    random = np.random.default_rng(0)
    for _ in range(36_000):
        tempo = float(random.uniform(20, 400))
        clock.set_tempo(tempo, now)
        now, beat = now + 0.1, beat + 0.1 * tempo / 60
    assert clock.beat_at(now) == pytest.approx(beat, abs=1e-6)


def test_stop_and_start():
    clock = InternalClock(60, 0.0)
    clock.stop(2.5)
    assert clock.beat_at(9.0) == 2.5 and clock.time_of(3.0) == math.inf
    clock.start(10.0)
    assert (clock.beat_at(11.0), clock.jumps, clock.origin) == (1.0, 2, 0.0)


@pytest.mark.parametrize("tempo", [0, -1, 10_000, float("nan"), float("inf")])
def test_tempi_that_cannot_be_played(tempo):
    with pytest.raises(InputError, match="a tempo from 20 to 400"):
        check_tempo(tempo)


def test_taps():
    taps = TapTempo()
    assert taps.tap(0.0) is None
    assert [round(taps.tap(t)) for t in (0.5, 1.01, 1.5, 2.0, 2.9)] == [120, 119, 120, 120, 120]  # one came late
    assert taps.tap(10.0) is None
    assert taps.tap(10.01) == 400


def test_the_test_clock_goes_when_told():
    clock = VirtualClock(3.0)
    clock.advance(0.5)
    assert clock() == clock() == 3.5


def test_jitter_of_a_millisecond_is_smoothed():
    """±1 ms on every tick: a sixteenth is foreseen to a third of that at most, the tempo to a fraction of a beat."""
    ticks, random = TickFilter(60 / 100 / 24), np.random.default_rng(1)
    errors, periods = [], []
    for k in range(24 * 60):
        ticks.tick(k * TICK + float(random.uniform(-0.001, 0.001)))
        if k > 96:
            errors.append(ticks.phase + ticks.period - (k + 1) * TICK)
            periods.append(ticks.period)
    assert np.percentile(np.abs(errors), 99) < 0.5e-3 and np.abs(errors).max() < 0.7e-3
    assert 60 / 24 / np.array(periods) == pytest.approx(120, abs=1.2)


def test_it_locks_within_a_beat():
    ticks = TickFilter(60 / 20 / 24)
    for k in range(24):
        ticks.tick(k * TICK)
    assert ticks.locked and ticks.period == pytest.approx(TICK, rel=1e-6) and ticks.phase == pytest.approx(23 * TICK)


def test_another_tempo_is_found_again():
    ticks, time = TickFilter(TICK), 0.0
    for period in [TICK] * 96 + [2 * TICK] * 8 + [TICK / 2] * 8:
        ticks.tick(time)
        time += period
    assert ticks.period == pytest.approx(TICK / 2, rel=0.05)
    for k in range(24):
        ticks.tick(time + k * TICK / 2)
    assert ticks.period == pytest.approx(TICK / 2, rel=0.01)


def test_a_late_tick_alone_is_no_other_tempo():
    ticks = TickFilter(TICK)
    for k in range(96):
        ticks.tick(k * TICK + (0.015 if k == 60 else 0.0))
    assert ticks.period == pytest.approx(TICK, rel=0.01) and ticks.phase == pytest.approx(95 * TICK, abs=1e-3)


def run(clock: MidiClock, start: float, ticks: int, period: float = TICK) -> float:
    """Send so many ticks; the time at which the next one would come."""
    for k in range(ticks):
        clock.tick(start + k * period)
    return start + ticks * period


def test_ticks_before_the_start_are_the_tempo_only():
    clock = MidiClock(90)
    time = run(clock, 1.0, 48)
    assert clock.tempo == pytest.approx(120) and not clock.running and clock.time_of(0.0) == math.inf
    clock.start()
    assert clock.running and clock.time_of(0.0) == math.inf and clock.beat_at(time) == 0.0
    clock.tick(time)
    assert clock.time_of(0.0) == pytest.approx(time) and clock.time_of(2.0) == pytest.approx(time + 1.0)


def test_stop_continue_and_song_position():
    clock = MidiClock()
    clock.start()
    time = run(clock, 0.0, 24)
    clock.stop()
    assert clock.beat_at(time + 5) == 1.0 and clock.time_of(1.0) == math.inf
    clock.go_on()
    clock.tick(time + 6)
    assert clock.beat_at(time + 6) == pytest.approx(1.0, abs=1.0 / 24) and clock.origin == 1.0
    clock.stop()
    clock.position(12)
    clock.go_on()
    clock.tick(time + 7)
    assert clock.origin == 3.0 and clock.time_of(3.0) == pytest.approx(time + 7, abs=0.02)
    jumps = clock.jumps
    clock.position(32)  # while it runs
    clock.tick(time + 7 + TICK)
    assert clock.jumps == jumps + 1 and clock.origin == 8.0


def test_a_clock_that_goes_away_is_told_once_and_found_again():
    clock = MidiClock()
    clock.start()
    time = run(clock, 0.0, 48)
    assert clock.update(time) is None
    assert "playing on at 120.0" in clock.update(time + 1.0)
    assert clock.update(time + 2.0) is None
    assert clock.beat_at(time + 2.0) == pytest.approx(2.0 + 4.0, abs=1e-6)
    run(clock, time + 3 * TICK * 24 + 0.001, 24)
    assert clock.beat_at(time + 4 * TICK * 24) == pytest.approx(6.0, abs=0.01)


def test_beats_never_wait_for_ticks_that_are_due():
    clock = MidiClock()
    clock.start()
    times = []
    for k in range(96):
        clock.tick(k * TICK)
        times.append(clock.time_of(4.0))
    assert all(abs(b - a) < 1e-6 for a, b in pairwise(times[4:]))


class FakeLink:
    beat, tempo = 7.5, 130.0


def test_link_says_where_the_beat_is():
    now, link = VirtualClock(1.0), FakeLink()
    clock = LinkClock(120, now, link)
    assert (clock.tempo, clock.jumps, clock.origin) == (130, 1, 7.5)
    assert clock.time_of(7.5 + 13) == pytest.approx(1.0 + 6.0)
    now.advance(60 / 130)
    link.beat = 8.5
    clock.update(now())
    assert clock.jumps == 1
    link.beat = 2.0  # joined a session
    clock.update(now())
    assert (clock.jumps, clock.origin) == (2, 2.0)
    clock.set_tempo(90, now())
    assert link.tempo == clock.tempo == 90


def test_a_real_link_session():
    pytest.importorskip("aalink", reason="needs aalink, pip install 'latentmix[link]'")
    clock = LinkClock(120.0, now)
    start = now()
    first = clock.beat_at(start)
    assert clock.time_of(first + 1.0) - start == pytest.approx(60 / clock.tempo)
    clock.set_tempo(90.0, now())
    before = now()
    beat = clock.beat_at(before)
    time.sleep(0.5)
    after = now()
    clock.update(after)
    assert clock.beat_at(after) - beat == pytest.approx((after - before) * 90.0 / 60, abs=0.1)
    assert clock.tempo == pytest.approx(90.0, abs=0.01)


@pytest.mark.parametrize("tempo", [60, 120, 174])
@pytest.mark.parametrize("pause", [0.03, 0.1, 0.2, 0.3, 0.41, 0.45, 0.6, 3.0])
@pytest.mark.parametrize("resumes", ["start", "go_on"])
def test_the_first_tick_after_a_start_is_its_beat_whatever_the_pause(tempo, pause, resumes):
    period = 60 / tempo / 24
    clock = MidiClock(100)
    clock.start()
    time = run(clock, 5.0, 96, period) - period
    clock.stop()
    getattr(clock, resumes)()
    first = time + pause
    beat = clock.origin
    assert beat == (0.0 if resumes == "start" else 4.0)
    for k in range(48):
        clock.tick(first + k * period)
        late = abs(clock.time_of(beat) - first)
        assert late < 0.004, f"after {k + 1} ticks beat {beat} is {1000 * late:.0f} ms away"
    assert clock.tempo == pytest.approx(tempo, rel=0.01)


def test_after_a_start_the_jitter_of_a_master_that_never_stopped_is_still_smoothed():
    random, clock = np.random.default_rng(3), MidiClock(120)
    errors = []
    for k in range(24 * 40):
        if k % 96 == 48:
            clock.stop()
            clock.start()
        clock.tick(k * TICK + float(random.uniform(-0.001, 0.001)))
        if k > 96 and k % 96 == 48:
            errors.append(clock.time_of(0.0) - k * TICK)
    assert np.abs(errors).max() < 0.0008
