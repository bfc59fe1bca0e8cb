"""Channels mixed to one: the standard's coefficients, layouts of real files, and channels that cancel each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic_speech import RATE, vowel

from audiovq.audio_io import wav
from audiovq.audio_io.channels import LAYOUTS, VORBIS_LAYOUTS, Downmix, is_about_mixing, weights_to_one
from audiovq.audio_io.reader import open_source

VOICE = vowel(120.0, 2.0)


def mixed(path: Path) -> np.ndarray:
    with open_source(path) as source:
        return np.concatenate(list(Downmix(source.channels, source.layout, source.sample_rate)(source.blocks)), 1)[0]


def decibels(x: np.ndarray, reference: np.ndarray = VOICE) -> float:
    length = min(len(x), len(reference))
    return 20.0 * np.log10(np.sqrt(np.square(x[:length]).mean() / np.square(reference[:length]).mean()) + 1e-9)


def test_coefficients_are_those_of_bs_775() -> None:
    known = {"C": 0.0, "L": -3.01, "R": -3.01, "Ls": -6.02, "Rs": -6.02}
    weights = dict(zip(LAYOUTS[6], weights_to_one(6, LAYOUTS[6]), strict=True))
    for name, level in known.items():
        assert 20.0 * np.log10(weights[name]) == pytest.approx(level, abs=0.01)
    assert weights["LFE"] == 0.0


@pytest.mark.parametrize("channels", range(2, 9))
def test_what_is_the_same_in_all_channels_is_not_lost(channels: int) -> None:
    assert weights_to_one(channels, LAYOUTS[channels]).sum() >= 1.0
    assert weights_to_one(channels, None).sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("suffix", "channels", "centre"), [("wav", 6, 2), ("flac", 6, 2), ("flac", 3, 2), ("flac", 5, 2), ("ogg", 6, 1)]
)
def test_the_centre_of_surround_sound_comes_back_as_it_was(
    suffix: str, channels: int, centre: int, tmp_path: Path
) -> None:
    samples = np.zeros((len(VOICE), channels), np.float32)
    samples[:, centre] = VOICE
    soundfile.write(tmp_path / f"a.{suffix}", samples, RATE)
    assert decibels(mixed(tmp_path / f"a.{suffix}")) == pytest.approx(0.0, abs=0.3)


def test_the_mask_of_a_wav_says_which_channel_is_which(tmp_path: Path) -> None:
    """L, C and LFE, in this order of bits: a voice in the last one is not heard."""
    data = bytearray(wav.pack_header(RATE, 3, len(VOICE)))
    extensible = (0xFFFE).to_bytes(2, "little") + data[22:36] + (22).to_bytes(2, "little") + (16).to_bytes(2, "little")
    extensible += (
        (0b1101).to_bytes(4, "little") + (1).to_bytes(2, "little") + bytes.fromhex("000000001000800000aa00389b71")
    )
    samples = np.zeros((len(VOICE), 3))
    samples[:, 1] = VOICE
    body = (samples * 32767).astype("<i2").tobytes()
    content = b"WAVEfmt " + len(extensible).to_bytes(4, "little") + extensible
    content += b"data" + len(body).to_bytes(4, "little") + body
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + len(content).to_bytes(4, "little") + content)
    with open_source(path) as source:
        assert source.layout == ("L", "C", "LFE")
    assert decibels(mixed(path)) == pytest.approx(0.0, abs=0.1)


def test_orders_hold_the_same_loudspeakers() -> None:
    assert {n: sorted(names) for n, names in LAYOUTS.items()} == {n: sorted(v) for n, v in VORBIS_LAYOUTS.items()}


def downmix(samples: np.ndarray, block: int) -> tuple[np.ndarray, list[str]]:
    mixing = Downmix(len(samples), LAYOUTS[len(samples)], RATE)
    pieces = list(mixing(samples[:, i : i + block] for i in range(0, samples.shape[1], block)))
    return np.concatenate(pieces, 1)[0], mixing.notices


@pytest.mark.parametrize("silence", [0.0, 0.4, 2.5])
@pytest.mark.parametrize("gain", [-1.0, -0.7])
def test_antiphase_is_turned_round_and_said(gain: float, silence: float) -> None:
    voice = np.concatenate([np.zeros(int(silence * RATE), np.float32), VOICE])
    x, notices = downmix(np.stack([voice, np.float32(gain) * voice]), 700)
    assert decibels(x, voice) == pytest.approx(20 * np.log10((1 - gain) / 2), abs=0.1)
    (line,) = notices
    assert "the channels cancel each other; channel 2 is turned round" in line


def test_what_cancels_later_is_said(tmp_path: Path) -> None:
    voice = np.tile(VOICE, 20)
    right = voice * np.where(np.arange(len(voice)) < 1.2 * RATE, 1.0, -1.0).astype(np.float32)
    _, (line,) = downmix(np.stack([voice, right]), 4000)
    assert "the channels cancel each other: mixed, 1" in line and is_about_mixing(line)


@pytest.mark.parametrize("right", ["same", "other", "silent", "late"])
def test_ordinary_stereo_is_its_mean_whatever_the_blocks(right: str) -> None:
    other = {"same": VOICE, "other": vowel(170.0, 2.0, "i"), "silent": 0 * VOICE, "late": np.roll(VOICE, 40)}[right]
    for block in (160, 7000, 99_999):
        x, notices = downmix(np.stack([VOICE, other]), block)
        assert np.array_equal(x, 0.5 * VOICE + 0.5 * other) and notices == ["2 channels are mixed to one"]
