from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_sounds import RATE, played, small_model

from audiovq.sound.analysis import Controls
from audiovq.sound.model import Sound
from audiovq.sound.morph import between, blend, decode, encode, even_places, level, steps_between


@pytest.fixture(scope="module")
def model():
    return small_model()


def test_a_recording_comes_back_as_long_as_it_is_and_not_late(model):
    for length in (1, 479, 481, 20_011):
        x = np.zeros(length, np.float32)
        x[length // 2] = 0.9
        recording = encode(model, x)
        y = decode(model, recording.sound, recording.samples)
        assert y.shape == (length,) and np.isfinite(y).all()
    power = np.square(y.astype(np.float64))
    assert abs((power * np.arange(length)).sum() / power.sum() - length // 2) < 480


def test_steps_go_evenly_in_length_pitch_and_level(model):
    quiet = np.zeros(2400, np.float32)
    a, b = (
        encode(model, np.concatenate([quiet, played(hertz, seconds, loud), quiet]))
        for hertz, seconds, loud in ((200.0, 0.5, 0.2), (800.0, 0.9, 0.02))
    )
    made = list(steps_between(model, a, b, 5))
    assert [len(each) for each in made] == [round(RATE * s) for s in (0.6, 0.7, 0.8, 0.9, 1.0)]
    heard = [encode(model, each).sound for each in made]
    levels = [float(level(each)) for each in heard]
    assert np.allclose(levels, np.linspace(levels[0], levels[-1], 5), atol=1.5)  # of a network that learned nothing
    # the pitch that is asked for; what an untrained decoder makes of it may be noise
    between = [blend([a.sound, a.sound], (1, 1)), blend([part_of(a.sound, 50), part_of(b.sound, 50)], (1, 1))]
    middle = [float(each.controls.pitch[0, 20:40].median()) for each in between]
    assert middle == pytest.approx([200.0, 400.0], rel=0.01)


def part_of(sound: Sound, frames: int) -> Sound:
    return Sound(sound.controls.map(lambda of: of[:, :frames]), sound.timbre[:, :frames])


def test_one_that_has_no_pitch_does_not_bend_the_other_s(model):
    shape = (1, 10)
    sung = Sound(
        Controls.steady(torch.full(shape, 300.0), torch.full(shape, -20.0), torch.ones(shape)), torch.zeros(1, 10, 4)
    )
    rough = Sound(
        Controls.steady(torch.full(shape, 1500.0), torch.full(shape, -20.0), torch.zeros(shape)), torch.ones(1, 10, 4)
    )
    mixed = blend([sung, rough], (1.0, 1.0))
    assert float(mixed.controls.pitch[0, 0]) == pytest.approx(300.0, rel=0.04)
    assert float(mixed.controls.loudness[0, 0]) == pytest.approx(-20.0, abs=0.01)
    assert torch.allclose(mixed.timbre, torch.full_like(mixed.timbre, 0.5))


def test_a_rest_in_one_does_not_make_the_pitch_leap_to_the_other_s(model):
    silence = np.zeros(9600, np.float32)
    halting = np.concatenate([silence, played(200.0, 0.3), silence, played(200.0, 0.3)])
    a, b = encode(model, halting).sound, encode(model, played(800.0, 1.0)).sound
    pitch = between(a, b, 0.5, 0.5).controls.pitch[0, 12:96]
    assert float((1200.0 * torch.log2(pitch / 400.0)).abs().max()) < 40.0


def test_places_begin_and_end_at_the_ends_and_never_go_back(model):
    a, b = encode(model, played(200.0, 0.3)), encode(model, played(300.0, 0.3, overtones=2))
    places = even_places(model, a.sound, b.sound, 9)
    assert places[0] == 0.0 and places[-1] == pytest.approx(1.0) and np.all(np.diff(places) > 0.0)
