"""Higher voices, sung vowels and noise: what is made has the labels that it is given."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from random_numbers import seeded
from synthetic_speech import RATE, hiss, vowel

from audiovq.dsp.periodicity import track_periodicity
from audiovq.dsp.pitch import frequency_at, track_pitch
from audiovq.model.config import VQVAEConfig
from audiovq.training.augmentation import PITCHED_TO, SNR, Augmentation, AugmentationConfig
from audiovq.training.dataset import LABEL_OFFSET, SpeechBatch, label

CONFIG = VQVAEConfig(pitch_bins=175)
EDGE = 8  # frames at each end, where half of a window is silence
NAMES = [field.name for field in dataclasses.fields(SpeechBatch)]


@pytest.fixture(scope="module")
def batch() -> SpeechBatch:
    """Eight glides of 1.28 s, and one piece of noise."""
    length = 64 * CONFIG.hop
    glides = [np.geomspace(90.0 + 15.0 * i, 120.0 + 10.0 * i, length) for i in range(8)]
    sounds = [vowel(glide, length / RATE, "aiu"[i % 3]) for i, glide in enumerate(glides)] + [hiss(length / RATE)]
    found = [label(sound, CONFIG) for sound in sounds]
    samples = np.stack([each.samples / np.float32(32767.0) for each in found])
    rows = [np.stack([getattr(each, name) for each in found]).astype(np.float32) for name in NAMES[1:]]
    return SpeechBatch(torch.from_numpy(samples), *map(torch.from_numpy, rows))


def augmented(batch: SpeechBatch, seed: int = 0, **shares: float) -> SpeechBatch:
    return Augmentation(AugmentationConfig(**shares), CONFIG)(batch, seeded(seed))


def assert_pitch_is_as_labelled(made: SpeechBatch, count: int) -> None:
    for x, bins, voiced in zip(made.samples[:count], made.bins, made.voiced, strict=False):
        found = track_pitch(x, CONFIG.frame, LABEL_OFFSET, CONFIG.pitch_bins)
        both = found.voiced & (voiced.numpy() > 0)
        both[:EDGE] = both[-EDGE:] = False
        assert both.sum() > 50
        off = np.abs(found.bin - bins.numpy())[both]  # octaves below resemble it as well
        assert np.median(np.minimum(off, np.abs(off - 46.4))) < 1.0


def test_nothing_asked_for_is_nothing_done(batch: SpeechBatch) -> None:
    assert augmented(batch) is batch


@pytest.mark.parametrize("seed", [0, 1])
def test_a_higher_voice_has_the_pitch_that_its_labels_say_and_its_level(batch: SpeechBatch, seed: int) -> None:
    made = augmented(batch, seed, pitched=1.0)
    assert_pitch_is_as_labelled(made, 8)
    median = frequency_at(made.bins[:8].median(1)[0])
    assert (median > 0.95 * PITCHED_TO[0]).all()
    assert (median < 1.05 * PITCHED_TO[1]).all()
    level = [10.0 * torch.log10(each.samples.square().mean(1)) for each in (made, batch)]
    assert (level[0] - level[1]).abs().max() < 0.1  # but for pieces that would peak above full scale
    glide = made.bins[:8, -1] - made.bins[:8, 0]
    torch.testing.assert_close(glide, (batch.bins[:, -1] - batch.bins[:, 0])[:8], atol=0.01, rtol=0)
    assert torch.equal(made.voiced, batch.voiced)


def test_noise_stays_noise(batch: SpeechBatch) -> None:
    made = augmented(batch, pitched=1.0)
    assert not track_pitch(made.samples[8], CONFIG.frame, LABEL_OFFSET, CONFIG.pitch_bins).voiced[EDGE:-EDGE].any()


def test_sung_vowels_are_as_labelled(batch: SpeechBatch) -> None:
    made = augmented(batch, vowels=1.0)
    assert_pitch_is_as_labelled(made, 9)
    assert made.bins.min() >= 0.0
    assert made.bins.max() <= CONFIG.pitch_bins - 1
    assert made.samples.abs().max() <= 1.0
    silent = made.voiced == 0
    assert not made.periodicity[silent].any()
    level = 20.0 * torch.log10(made.samples.square().mean(1).sqrt())
    assert level.std() > 2.0


def test_noise_is_added_and_takes_its_share_of_what_repeats(batch: SpeechBatch) -> None:
    made = augmented(batch, noisy=1.0)
    noise = made.samples - batch.samples
    snr = 10.0 * torch.log10(batch.samples.square().mean(1) / noise.square().mean(1))
    assert snr.min() > SNR[0] - 0.1
    assert snr.max() < SNR[1] + 0.1
    assert torch.equal(made.bins, batch.bins)
    assert (made.periodicity <= batch.periodicity + 1e-6).all()
    found = track_periodicity(made.samples[0], made.bins[0].numpy(), CONFIG.frame, LABEL_OFFSET, CONFIG.bands)
    inner = slice(EDGE, -EDGE)
    assert np.abs(found[inner].mean(0) - made.periodicity[0].numpy()[inner].mean(0)).mean() < 0.2


def test_shares_and_shapes(batch: SpeechBatch) -> None:
    made = augmented(batch, 3, pitched=0.4, vowels=0.2, noisy=0.3)
    for name in NAMES:
        assert getattr(made, name).shape == getattr(batch, name).shape
        assert getattr(made, name).dtype == torch.float32
        assert getattr(made, name).isfinite().all()
    same = (made.samples == batch.samples).all(1)
    assert 0 < same.sum() < len(same)


def test_the_generator_decides(batch: SpeechBatch) -> None:
    a, b, c = (augmented(batch, seed, pitched=0.5, vowels=0.3, noisy=0.5).samples for seed in (5, 5, 6))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_silence_stays_finite() -> None:
    rows = 2, 128
    silence = SpeechBatch(
        torch.zeros(2, 64 * CONFIG.hop), torch.full(rows, 64.0), torch.zeros(rows), torch.zeros(*rows, CONFIG.bands)
    )
    made = augmented(silence, pitched=1.0, noisy=1.0)
    assert all(getattr(made, name).isfinite().all() for name in NAMES)
    assert made.samples.abs().max() < 1e-3


@pytest.mark.parametrize(
    "shares", [{"pitched": -0.1}, {"noisy": 1.1}, {"pitched": 0.6, "vowels": 0.6}, {"vowels": math.nan}]
)
def test_shares_that_cannot_be_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="0 to 1"):
        AugmentationConfig(**shares)
