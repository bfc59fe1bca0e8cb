"""Player on a clock turned by hand: what is sent when, and that every note that starts ends."""

from __future__ import annotations

from dataclasses import replace

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_players import PlayerBench

from latentmix.errors import InputError
from realtime.midi.panic import panic_messages
from realtime.music.sequencer import HOLD, OFF, ONSET, Pattern, Sequencer
from realtime.player.external_clock import MidiClock
from realtime.player.messages import (
    Command,
    Panic,
    PlayerWarning,
    PlayPattern,
    SetClock,
    SetFollow,
    SetPlaying,
    SetProgram,
    SetTempo,
    SetVelocity,
    Tap,
)

SCALE = Pattern(1, tuple(ONSET + 60 + k // 2 if k % 2 == 0 else HOLD for k in range(32)))
HIGH = Pattern(2, tuple(ONSET + 84 + k // 4 if k % 4 == 0 else HOLD for k in range(32)))
RESTS = Pattern(3, (ONSET + 40, HOLD, OFF) + (HOLD,) * 29)


@pytest.fixture
def bench() -> PlayerBench:
    bench = PlayerBench()
    bench.make()
    return bench


def test_notes_are_sent_when_they_are_due(bench):
    bench.offer(SCALE)
    bench.run_until(0.6)
    assert bench.notes() == [
        ("note_on", 60, 0.0),
        ("note_off", 60, 0.25),
        ("note_on", 61, 0.25),
        ("note_off", 61, 0.5),
        ("note_on", 62, 0.5),
    ]
    bench.close()
    bench.check_pairs()


def test_the_loop_goes_round_and_what_sounds_ends_there(bench):
    bench.offer(Pattern(1, (HOLD,) * 12 + (ONSET + 60,) + (HOLD,) * 3))
    bench.run_until(4.0 + 1e-6)
    assert bench.notes() == [("note_on", 60, 1.5), ("note_off", 60, 2.0), ("note_on", 60, 3.5), ("note_off", 60, 4.0)]


@pytest.mark.parametrize("follow, heard", [("step", 0.375), ("beat", 0.5), ("bar", 2.0)])
def test_a_change_is_heard_at_the_next_step_beat_or_bar(follow, heard):
    bench = PlayerBench()
    bench.make(follow=follow)
    bench.offer(SCALE)
    bench.run_until(0.3)
    bench.offer(Pattern(2, (ONSET + 90,) * 32))
    bench.run_until(3.0)
    assert next(time for kind, note, time in bench.notes() if note == 90) == heard


def test_the_newest_change_counts(bench):
    bench.offer(SCALE)
    bench.run_until(0.01)
    bench.offer(RESTS)  # version 3
    bench.offer(HIGH)  # version 2, late
    bench.run_until(0.5)
    assert bench.player.sequencer.pattern == RESTS


def test_a_note_goes_on_until_the_new_melody_speaks(bench):
    bench.offer(HIGH)
    bench.run_until(0.05)
    bench.offer(Pattern(5, (ONSET + 70, HOLD, HOLD, ONSET + 72) + (HOLD,) * 28))
    bench.run_until(0.45)
    assert bench.notes() == [("note_on", 84, 0.0), ("note_off", 84, 0.375), ("note_on", 72, 0.375)]


def test_a_note_ends_where_the_new_melody_is_silent(bench):
    bench.offer(HIGH)
    bench.run_until(0.3)
    bench.offer(RESTS)
    bench.run_until(0.45)
    assert bench.notes() == [("note_on", 84, 0.0), ("note_off", 84, 0.375)]


def test_another_tempo_holds_from_now_on(bench):
    bench.offer(SCALE)
    bench.run_until(0.3)
    bench.player.command(SetTempo(60), bench.clock())
    bench.run_until(1.0)
    assert [time for kind, _, time in bench.notes() if kind == "note_on"] == [0.0, 0.25, 0.7]


def test_another_clock_is_followed_while_it_plays_and_our_own_goes_on_from_there(bench):
    bench.offer(SCALE)
    bench.run_until(0.3)
    bench.player.command(SetClock("midi"), bench.clock())
    assert bench.notes()[-1] == ("note_off", 61, 0.3)
    assert bench.reports[-1].source == "midi" and not bench.reports[-1].running
    bench.run_until(1.0)
    assert len(bench.notes()) == 4  # it waits for a start
    bench.player.clock_message(mido.Message("start"), 1.0)
    for tick in range(49):  # two beats at 60, the first tick is the first beat
        bench.run_until(1.0 + tick / 24)
        bench.player.clock_message(mido.Message("clock"), 1.0 + tick / 24)
    bench.run_until(3.0 + 1e-3)
    assert [n for n in bench.notes() if n[0] == "note_on"][2:] == [
        ("note_on", 60 + k, pytest.approx(1.0 + k / 2, abs=0.05)) for k in range(5)
    ]
    bench.player.command(SetClock("internal"), bench.clock())
    bench.run_until(3.9)
    assert bench.reports[-1].source == "internal" and bench.reports[-1].tempo == pytest.approx(60, abs=0.1)
    assert bench.notes()[-1] == ("note_on", 65, pytest.approx(3.5, abs=0.01))
    bench.player.command(SetClock("internal"), bench.clock())  # nothing new
    bench.run_until(4.6)
    assert bench.notes()[-1][:2] == ("note_on", 67)


def test_a_clock_that_cannot_be_had_is_told_and_the_one_before_stays(bench, monkeypatch):
    def missing(*_):
        raise InputError("expected aalink")

    monkeypatch.setattr("realtime.player.player.make_clock", missing)
    bench.offer(SCALE)
    bench.run_until(0.3)
    bench.player.command(SetClock("link"), bench.clock())
    assert bench.reports[-1] == PlayerWarning("expected aalink; the clock stays internal")
    bench.run_until(0.6)
    assert bench.notes()[-1] == ("note_on", 62, 0.5)


def test_our_own_clock_stands_still_where_nothing_plays(bench):
    bench.player.command(SetPlaying(False), 0.0)
    bench.player.command(SetClock("midi"), 0.0)
    bench.player.command(SetClock("internal"), 0.0)
    bench.offer(SCALE)
    bench.run_until(1.0)
    assert bench.notes() == [] and not bench.player.timeline.running
    bench.player.command(SetPlaying(True), 1.0)
    bench.run_until(1.1)
    assert bench.notes() == [("note_on", 60, 1.0)]


def test_taps_set_the_tempo(bench):
    for time in (0.0, 0.75, 1.5):
        bench.player.command(Tap(time), time)
    assert bench.player.timeline.tempo == 80


def test_play_and_stop(bench):
    bench.offer(SCALE)
    bench.run_until(0.3)
    bench.player.command(SetPlaying(False), bench.clock())
    bench.run_until(5.0)
    assert bench.notes()[-1] == ("note_off", 61, 0.3)
    bench.player.command(SetPlaying(True), bench.clock())
    bench.run_until(5.1)
    assert bench.notes()[-1] == ("note_on", 60, 5.0)


def test_panic_says_it_on_every_channel(bench):
    bench.offer(SCALE)
    bench.run_until(0.1)
    bench.player.command(Panic(), bench.clock())
    assert bench.notes()[-1] == ("note_off", 60, 0.1)
    assert [message for _, message in bench.sent[2:]] == panic_messages()
    found = {(m.channel, m.control) for m in panic_messages()}
    assert found == {(channel, control) for channel in range(16) for control in (64, 120, 123)}


def test_velocity_channel_and_program():
    bench = PlayerBench()
    bench.make(channel=9, velocity=33)
    bench.offer(SCALE)
    bench.player.command(SetProgram(5), 0.0)
    bench.player.command(SetVelocity(99), 0.0)
    bench.run_until(0.1)
    assert [str(m) for _, m in bench.sent] == [
        "program_change channel=9 program=5 time=0",
        "note_on channel=9 note=60 velocity=99 time=0",
    ]


def test_a_late_decode_is_counted_and_the_music_goes_on(bench):
    def offer(version: int, asked: float) -> None:
        bench.player.command(PlayPattern(replace(SCALE, version=version), asked), bench.clock())

    bench.offer(SCALE)
    bench.run_until(0.6)
    assert bench.player.notes == 3
    offer(2, asked=0.45)  # the step at 0.5 came before it
    assert bench.player.late_decodes == 1
    offer(3, asked=0.55)
    bench.player.command(SetFollow("bar"), bench.clock())
    bench.run_until(1.0)
    offer(4, asked=0.65)  # no bar since
    assert bench.player.late_decodes == 1


def test_after_a_sleep_nothing_is_made_up_for(bench):
    bench.offer(SCALE)
    bench.run_until(0.1)
    bench.clock.advance(10.03)
    bench.player.advance(bench.clock())
    assert bench.notes() == [("note_on", 60, 0.0), ("note_off", 60, 10.13)] and bench.player.skipped == 81
    assert any("left out" in report.text for report in bench.reports if isinstance(report, PlayerWarning))
    bench.run_until(10.3)
    assert bench.notes()[-1] == ("note_on", 60 + 82 % 32 // 2, 10.25)


def test_clock_out_ticks_24_times_a_quarter():
    bench = PlayerBench()
    bench.make(sends_clock=True)
    bench.run_until(2.0 - 1e-9)
    kinds = [message.type for _, message in bench.sent]
    assert kinds == ["start"] + ["clock"] * 96
    assert [t for t, _ in bench.sent[1:]] == pytest.approx([k * 60 / 120 / 24 for k in range(96)])
    bench.close()
    assert [m.type for _, m in bench.sent[-2:]] == ["control_change", "stop"]


def test_midi_clock_is_followed_tick_by_tick():
    bench, clock = PlayerBench(), MidiClock()
    player = bench.make(clock)
    bench.offer(SCALE)
    period = 60 / 100 / 24
    for k in range(-24, 96):
        time = 1 + k * period
        bench.run_until(time)
        if k == 0:
            player.clock_message(mido.Message("start"), time)
        player.clock_message(mido.Message("clock"), time)
    bench.run_until(1 + 96 * period)
    player.clock_message(mido.Message("stop"), bench.clock())
    bench.run_until(9.0)
    onsets = [time for kind, _, time in bench.notes() if kind == "note_on"]
    assert onsets == pytest.approx([1 + k * 12 * period for k in range(len(onsets))], abs=1e-6) and len(onsets) in (
        8,
        9,
    )
    bench.check_pairs()
    player.clock_message(mido.Message("songpos", pos=4), 9.0)
    player.clock_message(mido.Message("continue"), 9.0)
    player.clock_message(mido.Message("clock"), 9.1)
    bench.run_until(9.11)
    assert bench.notes()[-1] == ("note_on", 62, 9.1)
    bench.close()
    bench.check_pairs()


def test_an_output_that_fails_is_a_warning_and_the_others_play():
    class Broken:
        name = "synth"

        def send(self, message):
            raise OSError("it is gone")

    bench = PlayerBench()
    player = bench.make()
    player.outs.sinks.insert(0, Broken())
    bench.offer(SCALE)
    bench.run_until(0.3)
    assert len(bench.notes()) == 3
    assert PlayerWarning("synth: cannot send: it is gone") in bench.reports
    bench.close()


def test_reports_tell_what_was_played(bench):
    bench.offer(SCALE)
    bench.run_until(0.3)
    events = [event for report in bench.reports for event in report.events]
    assert [each[:5] for each in events] == [
        (0.0, 0.0, True, 60, 80),
        (0.25, 0.5, False, 60, 0),
        (0.25, 0.5, True, 61, 80),
    ]
    assert not any(each.is_drum for each in events)
    last = bench.reports[-1]
    assert (last.step, last.version, last.tempo, last.running, last.notes) == (2, 1, 120, True, 2)


@pytest.mark.parametrize("tokens", [(), (0, 130), (-1,), (0,) * (1 << 17)])
def test_patterns_that_cannot_be(tokens):
    with pytest.raises(ValueError, match="expected 1 to"):
        Pattern(1, tokens)


TOKENS = st.lists(st.sampled_from([HOLD, HOLD, OFF, *range(ONSET, ONSET + 128, 9)]), min_size=16, max_size=48)


@given(st.lists(st.tuples(TOKENS, st.integers(1, 40), st.sampled_from(["step", "beat", "bar"])), max_size=8))
def test_notes_come_in_pairs_whatever_is_offered(changes):
    sequencer, sounding, step = Sequencer(), None, 0
    for version, (tokens, steps, follow) in enumerate(changes, start=1):
        sequencer.offer(Pattern(version, tuple(tokens)))
        for _ in range(steps):
            for change in sequencer.step(step, follow):
                assert change.starts == (sounding is None) and (change.starts or change.pitch == sounding)
                sounding = change.pitch if change.starts else None
            step += 1
    assert sequencer.sounding == sounding


def commands(random: np.random.Generator, version: int) -> Command:
    """Something that somebody may do."""
    tokens = random.choice([HOLD, HOLD, HOLD, OFF, *(ONSET + random.integers(0, 128, 4))], 32).tolist()
    return [
        PlayPattern(Pattern(version, tuple(tokens))),
        SetTempo(float(random.uniform(20, 400))),
        SetFollow(str(random.choice(["step", "beat", "bar"]))),
        SetClock(str(random.choice(["internal", "midi"]))),
        SetVelocity(int(random.integers(1, 128))),
        SetPlaying(bool(random.random() < 0.7)),
        Tap(float(random.random())),
        Panic(),
    ][int(random.choice(7, p=[0.5, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05]))]


def test_ten_minutes_of_random_changes():
    bench, random = PlayerBench(), np.random.default_rng(0)
    bench.make(sends_clock=True)
    for version in range(1, 6_000):
        bench.run_until(bench.clock() + 0.1)
        bench.player.command(commands(random, version), bench.clock())
    bench.close()
    assert bench.clock() == pytest.approx(599.9) and bench.player.notes > 500
    bench.check_pairs()


def test_an_hour_has_no_drift():
    bench = PlayerBench()
    bench.make()
    bench.offer(Pattern(1, (ONSET + 60, OFF) * 8))
    bench.run_until(3600 - 1e-6)
    onsets = [time for kind, _, time in bench.notes() if kind == "note_on"]
    assert len(onsets) == 3600 * 4
    assert np.abs(np.array(onsets) - np.arange(len(onsets)) * 0.25).max() < 1e-6
