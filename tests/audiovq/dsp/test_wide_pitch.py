from __future__ import annotations

import numpy as np
import pytest
import torch

from audiovq.dsp.wide_pitch import LONG, PitchTracker

RATE, HOP = 48_000, 480


def tone(hertz: float, seconds: float = 0.5, overtones: int = 8) -> torch.Tensor:
    t = np.arange(round(seconds * RATE)) / RATE
    waves = [np.sin(2 * np.pi * k * hertz * t) / k for k in range(1, overtones + 1) if k * hertz < 20_000]
    return torch.from_numpy(0.1 * np.sum(waves, 0)).float()[None]


def track(x: torch.Tensor, tracker: PitchTracker):
    past, x = torch.zeros(len(x), tracker.past), x[:, : x.shape[1] // tracker.hop * tracker.hop]
    return tracker(torch.cat([past, x], 1), tracker.start(len(x)))[0]


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("hertz", [33.0, 55.0, 82.4, 109.0, 112.0, 440.0, 987.0, 1900.0])
def test_a_tone_has_its_pitch_within_cents(hertz: float, rate: int):
    tracker = PitchTracker(rate, rate // 100)
    found = track(tone(hertz * RATE / rate), tracker)  # the same samples at another rate are another pitch
    settled = found.hertz[0, round(100 * LONG) + 2 :].numpy()
    assert found.voiced[0, 12:].all()
    assert np.abs(1200 * np.log2(settled / hertz)).max() < 8.0


def test_a_fundamental_that_is_missing_is_found():
    t = np.arange(RATE // 2) / RATE
    x = torch.from_numpy(sum(np.sin(2 * np.pi * 200.0 * k * t) for k in (3, 4, 5))).float()[None] * 0.1
    assert abs(float(track(x, PitchTracker(RATE, HOP)).hertz[0, 20:].median()) - 200.0) < 2.0


def test_noise_and_silence_have_none():
    noise = torch.randn(1, RATE, generator=torch.Generator().manual_seed(1)) * 0.1
    for x in (noise, torch.zeros(1, RATE)):
        found = track(x, PitchTracker(RATE, HOP))
        assert float(found.voiced[0, 10:].float().mean()) < 0.05
        assert torch.isfinite(found.hertz).all()


def test_a_leap_is_followed_within_its_window():
    x = torch.cat([tone(220.0), tone(700.0)], 1)
    found = track(x, PitchTracker(RATE, HOP)).hertz[0]
    assert abs(float(found[45]) - 220.0) < 2.0 and abs(float(found[55]) - 700.0) < 7.0


def test_pieces_give_what_the_whole_gives():
    tracker = PitchTracker(RATE, HOP)
    x = torch.cat([torch.zeros(1, tracker.past), tone(150.0), tone(333.0)], 1)
    whole, _ = tracker(x, tracker.start(1))
    state, pieces, start = tracker.start(1), [], 0
    for frames in (1, 3, 40, 56):
        found, state = tracker(x[:, start * HOP : tracker.past + (start + frames) * HOP], state)
        pieces.append(found.hertz)
        start += frames
    torch.testing.assert_close(torch.cat(pieces, 1), whole.hertz, rtol=1e-5, atol=1e-3)
