"""The process of a model of sounds without processes: rings whose other end the test reads and writes."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from toy_sounds import RATE

from realtime.audio.model_scheduler import (
    SLACK,
    LiveScheduler,
    ModelScheduler,
    Resampled,
    distance,
    resampling_delay,
    usual_lateness,
)
from realtime.audio.model_synthesis import run_model
from realtime.audio.output import MOVE
from realtime.audio.ring_buffer import Ring
from realtime.audio.sound_instrument import SoundInstrument
from realtime.audio.sound_mix import SoundMix
from realtime.music.sound_parameters import NUMBERS

HOP = 480
POSITION = NUMBERS.index("position")


class Device:
    """Reads and writes as a sound device does: so many frames at a time, in before out."""

    def __init__(self, ring: Ring, inputs: Ring | None, period: int, rate: int) -> None:
        self.ring, self.inputs, self.period, self.rate = ring, inputs, period, rate
        self.heard: list[np.ndarray] = []
        self.periods = 0

    def call(self, samples: np.ndarray | None = None) -> None:
        if self.inputs is not None:
            self.inputs.offer(np.zeros((1, self.period), np.float32) if samples is None else samples[None])
        out = np.zeros((self.period, 2), np.float32)
        self.ring.read_into(out, self.periods * self.period / self.rate, self.rate)
        self.periods += 1
        self.heard.append(out[:, 0])

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate(self.heard)


def test_played_live_and_rendered_are_the_same_samples(model, recordings):
    """Moves that come at the same frames of the stream."""
    ring = Ring(1 << 15)
    scheduler = ModelScheduler(Resampled(SoundMix(model, recordings), RATE), ring, RATE, ahead=960)
    device = Device(ring, None, HOP, RATE)
    rendered = SoundMix(model, recordings)
    wanted = []
    scheduler.fill()
    made = ring.written
    wanted.append(rendered.render(made))
    for at, value in enumerate((0.3, 1.0, 0.0)):
        device.call()
        scheduler._apply(MOVE, POSITION, 0, value)
        rendered.move({"position": value})
        for _ in range(5 + at):
            scheduler.fill()
            wanted.append(rendered.render(ring.written - made))
            made = ring.written
            device.call()
    heard = device.sound
    assert len(heard) > 15 * HOP and ring.underruns == 0
    np.testing.assert_array_equal(heard, np.concatenate(wanted)[: len(heard)])


@pytest.mark.parametrize(("rate", "period"), [(48000, 128), (48000, 64), (44100, 441), (96000, 1024), (48000, 1024)])
def test_between_input_and_output_is_always_the_same_time(model, recordings, rate, period):
    """A frame, a period and what may be late; a frame that is as late as it may be is still there in time."""
    ring, inputs = Ring(1 << 15), Ring(1 << 15, channels=1)
    mix = SoundMix(model, [None, recordings[0]])
    late = round(0.009 * rate)
    scheduler = LiveScheduler(Resampled(mix, rate), ring, inputs, rate, late)
    device = Device(ring, inputs, period, rate)
    scheduler.fill()
    between = []
    for _ in range(round(0.6 * rate / period)):
        device.call(0.1 * np.ones(period, np.float32))
        scheduler.fill()
        hidden = scheduler._waiting.shape[1] * rate / RATE
        between.append(ring.filled + inputs.filled + hidden)
    settled = np.array(between[len(between) // 2 :])
    wanted = distance(round(HOP * rate / RATE), period, late, math.gcd(HOP, period) if rate == RATE else 1)
    assert wanted < HOP * rate / RATE + 1.8 * period + late
    assert ring.underruns == 0 and np.ptp(settled) <= 1.0  # resampled frames are of whole samples
    assert abs(settled - wanted).max() <= SLACK + 1
    for _ in range(round(0.6 * rate / period)):
        device.call()
        for _ in range(math.ceil(late / period) - 1):
            device.call()  # the model is at it
        scheduler.fill()
    assert ring.underruns == 0


def test_after_an_underrun_the_distance_is_what_it_was(model, recordings):
    ring, inputs = Ring(1 << 15), Ring(1 << 15, channels=1)
    scheduler = LiveScheduler(Resampled(SoundMix(model, [None, recordings[0]]), RATE), ring, inputs, RATE, 360)
    device = Device(ring, inputs, 128, RATE)
    scheduler.fill()
    for _ in range(100):
        device.call()
        scheduler.fill()
    before = ring.filled + inputs.filled + scheduler._waiting.shape[1]
    for _ in range(40):
        device.call()  # the model hangs
    assert ring.underruns > 0
    for _ in range(100):
        device.call()
        scheduler.fill()
    after = ring.filled + inputs.filled + scheduler._waiting.shape[1]
    assert abs(after - before) <= SLACK


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
@pytest.mark.parametrize("period", [64, 128, 441, 1024])
def test_the_usual_way_is_the_delay_two_periods_and_five_milliseconds_at_most(rate, period):
    """With the resampling, the period in which the device plays, and as many periods for the frame as that leaves."""
    hop = -(-HOP * rate // RATE)
    common, resampling = math.gcd(hop, period) if rate == RATE else 1, resampling_delay(RATE, rate)
    late = usual_lateness(period, common, rate, resampling)
    allowed = 1024 / RATE + 2 * period / rate + 0.005

    def seconds(late: int) -> float:
        return (distance(hop, period, late, common) + resampling + period) / rate + (1024 - HOP) / RATE

    assert late % period == 0 and seconds(late) <= allowed + 1 / rate < seconds(late + period)


@pytest.mark.parametrize("period", [64, 128, 441])
def test_without_a_lateness_the_way_fits_the_period_of_the_device(model, recordings, period):
    ring, inputs = Ring(1 << 15), Ring(1 << 15, channels=1)
    scheduler = LiveScheduler(Resampled(SoundMix(model, [None, recordings[0]]), RATE), ring, inputs, RATE)
    device = Device(ring, inputs, period, RATE)
    scheduler.fill()
    for _ in range(RATE // 2 // period):
        device.call()
        scheduler.fill()
    common = math.gcd(HOP, period)
    wanted = distance(HOP, period, usual_lateness(period, common, RATE), common)
    assert abs(ring.filled + inputs.filled + scheduler._waiting.shape[1] - wanted) <= SLACK + 1
    assert ring.underruns == 0


@pytest.mark.parametrize("policy", [0, 1])
def test_a_user_who_may_not_run_in_real_time_is_told_once_what_to_do(model, tmp_path, monkeypatch, policy):
    monkeypatch.setattr(os, "sched_getscheduler", lambda process: policy, raising=False)
    model.save_pretrained(tmp_path / "model")
    inbox, told = type("Closed", (), {"get": lambda self, seconds: None})(), []
    inputs = Ring(1 << 15, channels=1)
    options = {"sample_rate": RATE, "latency": 0.001, "files": [None], "model": str(tmp_path / "model"), "voices": 0}
    run_model(Ring(1 << 15), inbox, lambda **what: told.append(what), **options, inputs=inputs)
    lines = [each["warning"] for each in told if each.get("warning")]
    assert len(lines) == (policy == 0) and all("rtprio" in each for each in lines)


@pytest.mark.parametrize("is_learning", [True, False])
@pytest.mark.parametrize("culprit", ["model", "server", "long"])
def test_after_three_breaks_the_model_may_be_as_late_as_it_was_if_they_were_its_fault(
    model, recordings, is_learning, culprit
):
    """One period later than it may be: thrice the sound breaks off; then it does not, if that is wanted."""
    ring, inputs, told = Ring(1 << 15), Ring(1 << 15, channels=1), []
    synth = Resampled(SoundMix(model, [None, recordings[0]]), RATE)
    scheduler = LiveScheduler(synth, ring, inputs, RATE, 312, 960 if is_learning else 0, told.append)
    device = Device(ring, inputs, 128, RATE)

    def run(calls: int) -> None:
        for _ in range(calls):
            device.call()
            scheduler.fill()

    def hang() -> None:
        for _ in range(40 if culprit == "long" else 7):
            device.call()
        if culprit == "server":
            ring.count_reported()
        scheduler.fill()

    scheduler.fill()
    run(150)  # multiples of 15 periods, which are four frames of the model
    assert ring.breaks == 0 and told == []
    before = ring.filled + inputs.filled + scheduler._waiting.shape[1]
    for times in range(1, 4):
        assert told == [] and ring.breaks == times - 1
        hang()
        run(150 - 7)
    learned = is_learning and culprit == "model"
    assert ring.breaks == 3 and len(told) == learned
    after = ring.filled + inputs.filled + scheduler._waiting.shape[1]
    assert (after - before > 100) if learned else abs(after - before) <= SLACK + 128
    hang()
    run(10)
    assert ring.breaks == 3 if learned else ring.breaks == 4


def test_breaks_that_are_rare_lengthen_nothing(model, recordings):
    ring, inputs, told = Ring(1 << 15), Ring(1 << 15, channels=1), []
    synth = Resampled(SoundMix(model, [None, recordings[0]]), RATE)
    scheduler = LiveScheduler(synth, ring, inputs, RATE, 312, 960, told.append)
    device = Device(ring, inputs, 480, RATE)
    scheduler.fill()
    for _ in range(4):
        for _ in range(40):
            device.call()
            scheduler.fill()
        for _ in range(3):
            device.call()
        scheduler.fill()
        ring._counts[1] += 480_000  # ten seconds that were played
        ring._counts[0] += 480_000
    assert ring.breaks == 4 and told == []


def test_an_input_that_says_nothing_any_more_leaves_the_rest_sounding(model, recordings):
    """NaN, infinity, and silence for ever: what the recordings have goes on."""
    mix = SoundMix(model, [None, recordings[0]])
    mix.move({"position": 0.5})
    for block in (np.full(HOP, np.nan), np.full(HOP, np.inf), np.full(HOP, 50.0), np.full(HOP, 0.5), np.zeros(HOP)):
        for _ in range(10):
            mix.hear(block[None].astype(np.float32))
            made = mix.render(HOP)
            assert np.isfinite(made).all() and np.abs(made).max() <= 1.0
    assert np.abs(made).max() > 1e-3


def test_notes_bend_pressure_and_pedal(model, recordings):
    instrument = SoundInstrument(model, recordings, voices=8)
    scheduler = ModelScheduler(Resampled(instrument, RATE), Ring(1 << 15), RATE, 960)
    for pitch in (60, 64, 67):
        scheduler._apply(0x90, pitch, 100, 0.0)
    assert sorted(each.pitch for each in instrument.voices if each.is_held) == [60, 64, 67]
    scheduler._apply(0xE0, 0x7F, 0x7F, 0.0)
    scheduler._apply(0xD0, 127, 0, 0.0)
    instrument.render(HOP * 10)
    assert instrument._bent[0] == pytest.approx(2.0, abs=0.01) and instrument._pressed[0] == pytest.approx(9.0, abs=0.2)
    scheduler._apply(0xB0, 64, 127, 0.0)
    scheduler._apply(0x80, 60, 0, 0.0)
    assert instrument.voices[0].is_held  # by the pedal
    scheduler._apply(0xB0, 64, 0, 0.0)
    assert sum(each.is_held for each in instrument.voices) == 2
    scheduler._apply(0xB0, 123, 0, 0.0)
    assert not any(each.is_held for each in instrument.voices)
    scheduler._apply(MOVE, NUMBERS.index("loudness"), 0, -6.0)
    assert instrument.dials.values["loudness"] == -6.0
