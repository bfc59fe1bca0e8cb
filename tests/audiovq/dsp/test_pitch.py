"""The pitch tracker and the labels of periodicity, on sounds whose pitch is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic_speech import RATE, hiss, pulses, vowel

from audiovq.dsp import pitch as pitch_module
from audiovq.dsp.periodicity import band_weights, track_periodicity
from audiovq.dsp.pitch import (
    BINS,
    MAX_PITCH,
    MIN_PITCH,
    WINDOW,
    Autocorrelation,
    PitchTrack,
    frequencies,
    frequency_at,
    track_pitch,
)

HOP, OFFSET, BANDS = 160, 160, 16
EDGE = 5  # frames whose window reaches beyond the ends


def hertz(track: PitchTrack) -> np.ndarray:
    return frequency_at(torch.from_numpy(track.bin)).numpy()


def track(x: np.ndarray) -> PitchTrack:
    return track_pitch(torch.from_numpy(x), HOP, OFFSET)


def cents(found: np.ndarray, real: np.ndarray | float) -> np.ndarray:
    return 1200 * np.abs(np.log2(found / real))


def test_the_grid() -> None:
    centres = frequencies()
    assert centres.shape == (BINS,)
    torch.testing.assert_close(centres[[0, -1]], torch.tensor([MIN_PITCH, MAX_PITCH]))
    ratio = centres[1:] / centres[:-1]
    torch.testing.assert_close(ratio, ratio[:1].expand(BINS - 1), rtol=1e-5, atol=0)
    torch.testing.assert_close(frequency_at(torch.arange(BINS)), centres)


@pytest.mark.parametrize("kind", ["a", "i", "u"])
@pytest.mark.parametrize("real", [75.0, 110.0, 163.7, 240.0, 330.0])
def test_a_steady_vowel(real: float, kind: str) -> None:
    found = track(vowel(real, 0.6, kind))
    assert found.voiced[EDGE:-EDGE].all()
    assert np.median(cents(hertz(found)[EDGE:-EDGE], real)) < 15
    assert cents(hertz(found)[EDGE:-EDGE], real).max() < 60  # no octave errors


@pytest.mark.parametrize(("first", "last"), [(90.0, 180.0), (300.0, 150.0)])
def test_a_glide(first: float, last: float) -> None:
    real = np.geomspace(first, last, RATE)
    found = track(vowel(real, 1.0))
    places = np.arange(1, 101) * HOP - OFFSET
    off = cents(hertz(found), real[places])[EDGE:-EDGE]
    assert found.voiced[EDGE:-EDGE].all()
    assert np.median(off) < 20
    assert off.max() < 80


def test_octave_errors_are_rare_in_a_noisy_vowel_with_vibrato() -> None:
    time = np.arange(3 * RATE) / RATE
    real = 130.0 * 2 ** (np.sin(2 * np.pi * 5 * time) / 12)
    x = vowel(real, 3.0) + hiss(3.0, level=0.02)
    found = track(x)
    off = cents(hertz(found), real[np.arange(1, 301) * HOP - OFFSET])[found.voiced]
    assert found.voiced.mean() > 0.95
    assert (off > 600).mean() < 0.01
    assert np.median(off) < 30


@pytest.mark.parametrize("x", [hiss(2.0), np.zeros(2 * RATE, np.float32)], ids=["noise", "silence"])
def test_noise_and_silence_are_unvoiced(x: np.ndarray) -> None:
    assert track(x).voiced.mean() < 0.02


def test_a_click_train_above_the_grid_does_not_break_it() -> None:
    found = track(vowel(900.0, 0.5))
    assert np.isfinite(found.bin).all()
    assert ((found.bin >= 0) & (found.bin <= BINS - 1)).all()


def test_pitch_goes_on_through_what_is_unvoiced() -> None:
    x = np.concatenate([vowel(100.0, 0.5), hiss(0.5), vowel(200.0, 0.5)])
    found = track(x)
    assert found.voiced[EDGE:45].all()
    assert found.voiced[105:-EDGE].all()
    assert found.voiced[55:95].mean() < 0.1
    assert (np.diff(hertz(found)[55:95]) > -1.0).all()  # up, from the one to the other
    assert 95 < hertz(found)[48] < hertz(found)[75] < hertz(found)[102] < 205


def test_frames_stand_where_they_are_said_to() -> None:
    x = np.concatenate([np.zeros(8000, np.float32), vowel(150.0, 0.5)])
    for offset in (0, 160, 400):
        first = np.flatnonzero(track_pitch(torch.from_numpy(x), HOP, offset).voiced)[0]
        assert abs((first + 1) * HOP - offset - 8000) < WINDOW // 2 + HOP


@pytest.mark.parametrize("length", [0, 1, 159, 160, 500])
def test_very_short_recordings(length: int) -> None:
    found = track(hiss(1.0)[:length])
    assert len(found.bin) == len(found.voiced) == length // HOP
    share = track_periodicity(torch.from_numpy(hiss(1.0)[:length]), found.bin, HOP, OFFSET, BANDS)
    assert share.shape == (length // HOP, BANDS)


def test_the_length_of_a_part_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.concatenate([vowel(120.0, 0.7), hiss(0.3)])
    whole = track(x)
    share = track_periodicity(torch.from_numpy(x), whole.bin, HOP, OFFSET, BANDS)
    monkeypatch.setattr(pitch_module, "PART", 7)
    parts = track(x)
    np.testing.assert_allclose(parts.bin, whole.bin, atol=1e-3)
    np.testing.assert_array_equal(parts.voiced, whole.voiced)
    np.testing.assert_allclose(track_periodicity(torch.from_numpy(x), whole.bin, HOP, OFFSET, BANDS), share, atol=1e-4)


def test_autocorrelation_of_what_repeats_is_one_at_its_period() -> None:
    k = 40
    period = RATE / frequencies()[k].item()
    x = torch.cos(2 * torch.pi * torch.arange(WINDOW) / period)
    scores = Autocorrelation()(torch.stack([x, 1e-3 * x, torch.zeros(WINDOW)]))
    assert scores.shape == (3, BINS)
    assert abs(scores[0, k] - 1.0) < 0.02
    assert scores[0].argmax() == k
    torch.testing.assert_close(scores[1], scores[0], atol=2e-3, rtol=0)  # whatever the level
    assert (scores[2] == 0).all()


# Periodicity


def periodicity(x: np.ndarray, pitch: float) -> np.ndarray:
    bins = np.log(pitch / MIN_PITCH) / np.log(MAX_PITCH / MIN_PITCH) * (BINS - 1)
    places = np.full(len(x) // HOP, bins, np.float32)
    return track_periodicity(torch.from_numpy(x.astype(np.float32)), places, HOP, OFFSET, BANDS)[EDGE:-EDGE]


def test_bands_share_every_bin_out() -> None:
    weights = band_weights(257, BANDS)
    assert weights.shape == (BANDS, 257)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(0), torch.ones(257))
    assert weights.argmax(1).diff().gt(0).all()
    assert band_weights(257, 1).eq(1.0).all()


@pytest.mark.parametrize("pitch", [80.0, 123.4, 250.0])
def test_pulses_repeat_in_every_band(pitch: float) -> None:
    share = periodicity(pulses(np.full(RATE, pitch)), pitch)
    assert share[:, :12].min() > 0.85
    assert share.mean() > 0.9  # at the top a little less: a pulse between two samples is not quite one on a sample


def test_noise_repeats_in_none() -> None:
    share = periodicity(hiss(4.0), 120.0)
    assert share[:, 4:].mean() < 0.25  # of a chance likeness, which cannot be below 0
    assert share.mean() < 0.3


def test_silence_repeats_in_none() -> None:
    assert (periodicity(np.zeros(RATE), 120.0) == 0).all()


def test_low_pulses_and_high_noise_are_told_apart() -> None:
    spectrum = np.fft.rfft(hiss(2.0))
    spectrum[: len(spectrum) // 2] = 0  # below 4 kHz
    high = np.fft.irfft(spectrum)
    spectrum = np.fft.rfft(pulses(np.full(2 * RATE, 120.0)))
    spectrum[len(spectrum) // 2 :] = 0
    share = periodicity(np.fft.irfft(spectrum) + high, 120.0).mean(0)
    assert share[:10].min() > 0.9
    assert share[-2:].max() < 0.4
