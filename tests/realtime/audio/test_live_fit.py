"""How far off the model is from what comes in: said once while it plays, where it is."""

from __future__ import annotations

import numpy as np
import pytest
from toy_sounds import RATE, played

from realtime.audio import live_fit
from realtime.audio.live_fit import LiveFit
from realtime.audio.model_scheduler import LiveScheduler, Resampled
from realtime.audio.ring_buffer import Ring
from realtime.audio.sound_mix import SoundMix

HOP = 480
SECONDS = 3.0


def chord(seconds: float) -> np.ndarray:
    """Many tones at once, finer than any band; (T,)."""
    time = np.arange(round(seconds * RATE)) / RATE
    tones = np.random.default_rng(0).uniform(300.0, 9000.0, 20)
    return sum(0.02 * np.sin(2.0 * np.pi * hertz * time) for hertz in tones).astype(np.float32)


class Playing:
    """A live input and a recording, as the process of the model has them."""

    def __init__(self, model, recordings):
        self.told: list[str] = []
        self.fit = LiveFit(model, "in:system", self.told.append)
        self.ring, self.inputs = Ring(1 << 15), Ring(1 << 15, channels=1)
        mix = SoundMix(model, [None, recordings[0]])
        self.scheduler = LiveScheduler(Resampled(mix, RATE), self.ring, self.inputs, RATE, 480, fits=[self.fit])
        self.scheduler.fill()

    def hear(self, samples: np.ndarray) -> None:
        for start in range(0, len(samples) // HOP * HOP, HOP):
            self.inputs.offer(samples[None, start : start + HOP])
            self.ring.read_into(np.zeros((HOP, 2), np.float32), start / RATE, RATE)
            self.scheduler.fill()
        if self.fit.thread is not None:
            self.fit.thread.join()


@pytest.fixture
def playing(model, recordings):
    return Playing(model, recordings)


def test_an_input_that_the_model_is_far_from_is_told_once(playing):
    playing.hear(np.concatenate([np.zeros(RATE, np.float32), chord(2.0 * SECONDS + 1.0)]))
    (line,) = playing.told
    assert line.startswith("in:system: what the model makes of it is ") and " dB from it" in line
    assert playing.ring.breaks == 0


def test_nothing_is_said_of_silence_and_of_the_noise_of_an_open_input(playing):
    noise = np.random.default_rng(0).normal(0.0, 3e-4, round(3.5 * SECONDS * RATE)).astype(np.float32)
    playing.hear(noise)
    assert playing.fit.thread is None and playing.told == []
    assert len(playing.fit._frames) <= 300  # it forgets what it cannot use


def test_what_is_near_enough_is_not_spoken_of(playing, monkeypatch):
    monkeypatch.setattr(live_fit, "misfit", lambda model, samples, recording: 3.0)
    playing.hear(played(220.0, SECONDS + 0.5))
    assert playing.fit.thread is not None and playing.told == []


def test_it_compares_what_came_in_with_what_was_encoded_of_it(playing, monkeypatch):
    compared = []
    monkeypatch.setattr(live_fit, "misfit", lambda model, *of: compared.append(of) or 3.0)
    tone = played(220.0, SECONDS)
    playing.hear(np.concatenate([np.zeros(RATE, np.float32), tone]))
    ((samples, recording),) = compared
    begun = int(np.flatnonzero(samples)[0]) // HOP * HOP  # of the silence the scheduler leaves out what it likes
    np.testing.assert_array_equal(samples[begun:], tone[: len(samples) - begun])
    assert len(samples) == recording.samples == 300 * HOP and recording.sound.timbre.shape[:2] == (1, 300)
