"""What begins at once begins at once, and what sounds on is not touched."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_sounds import RATE, played, small_model

from audiovq.sound.config import SoundConfig
from audiovq.sound.model import Sound, SoundModel
from audiovq.sound.morph import blend, decode, encode, stretched
from audiovq.sound.onsets import LOWEST_ONSET

BEFORE = 0.5  # seconds of silence


@pytest.fixture(scope="module")
def general() -> SoundModel:
    return SoundModel.from_pretrained()


def hit(seconds: float = 0.3, seed: int = 0) -> np.ndarray:
    """Noise that falls by 60 dB a second, after silence."""
    noise = np.random.default_rng(seed).normal(size=round(seconds * RATE))
    noise *= 0.2 * 10.0 ** (-3.0 * np.arange(len(noise)) / RATE)
    return np.concatenate([np.zeros(round(BEFORE * RATE)), noise]).astype(np.float32)


def level(x: np.ndarray, start: float, stop: float) -> float:
    """dB, from so many seconds to others."""
    return 10.0 * float(np.log10(np.square(x[round(start * RATE) : round(stop * RATE)]).mean() + 1e-12))


@pytest.mark.parametrize("late", [0.0, 0.0017, 0.0049, 0.0083])
def test_nothing_is_heard_before_a_hit(general, late):
    x = np.concatenate([np.zeros(round(late * RATE), np.float32), hit()])
    y, at = decode(general, encode(general, x).sound, len(x)), BEFORE + late
    assert level(y, at - 0.012, at - 0.003) < level(y, at, at + 0.008) - 40.0
    assert level(y, at, at + 0.02) == pytest.approx(level(x, at, at + 0.02), abs=3.0)


@pytest.mark.parametrize("hertz", [52.0, 110.0, 440.0])
def test_pulses_and_noise_that_sound_on_are_not_touched(hertz):
    model, noise = small_model(), np.random.default_rng(1).normal(size=RATE).astype(np.float32)
    pulses = np.zeros(RATE, np.float32)
    pulses[:: round(RATE / hertz)] = 0.5
    for x in (pulses, played(hertz, 1.0), 0.1 * noise):
        onsets = encode(model, x).sound.controls.onsets[0, 10:-3]
        assert float(onsets.mean()) > -0.1 and float(onsets.amin()) > -3.0


def test_frames_one_by_one_are_those_of_the_whole():
    for rate in (44_100, 48_000):
        model = small_model(SoundConfig.at_rate(rate))
        hop = model.config.hop
        x = torch.from_numpy(hit()[None, : 60 * hop])
        whole, _ = model.encode_step(x, model.initial_encoder_state(1))
        state, found = model.initial_encoder_state(1), []
        for k in range(60):
            sound, state = model.encode_step(x[:, k * hop : (k + 1) * hop], state)
            found.append(sound.controls.onsets)
        assert torch.allclose(torch.cat(found, 1), whole.controls.onsets, atol=1e-2)
        assert float(whole.controls.onsets.min()) == LOWEST_ONSET


def test_of_a_mix_the_one_that_sounds_on_is_not_cut(general):
    """The other's onset takes away what it adds, no more."""
    silent, sounding = encode(general, hit()).sound, encode(general, played(200.0, 0.8)).sound
    frames = min(silent.timbre.shape[1], sounding.timbre.shape[1])
    cut = [Sound(each.controls.map(lambda of: of[:, :frames]), each.timbre[:, :frames]) for each in (silent, sounding)]
    onsets = blend(cut, (0.5, 0.5)).controls.onsets
    assert float(cut[0].controls.onsets.min()) < -40.0 and float(onsets[:, 3:].min()) > -20.0
    alone = blend([cut[0], cut[0]], (0.5, 0.5)).controls.onsets
    heard = cut[0].controls.loudness > -60.0
    assert torch.allclose(alone[heard], cut[0].controls.onsets[heard], atol=0.5)


def test_stretched_it_is_still_one_hit(general):
    x = hit()
    sound = encode(general, x).sound
    slow = stretched(sound, 2 * sound.timbre.shape[1])
    y = decode(general, slow, 2 * len(x))
    assert level(y, 2 * BEFORE - 0.03, 2 * BEFORE - 0.008) < level(y, 2 * BEFORE, 2 * BEFORE + 0.02) - 30.0
