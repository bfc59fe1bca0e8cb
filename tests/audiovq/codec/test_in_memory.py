"""`audiovq.compress` and `decompress`, with the model that comes with the package."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import audiovq
from audiovq.audio_io.reader import open_source
from audiovq.codec.codec import Codec

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"


@pytest.fixture(scope="module")
def speech() -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(EXAMPLE, dtype="float32")
    return samples[: 2 * rate + 77], rate


def test_the_bytes_are_those_of_the_file(speech: tuple[np.ndarray, int], tmp_path: Path) -> None:
    samples, rate = speech
    soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
    stream = io.BytesIO()
    with open_source(tmp_path / "a.wav") as source:
        Codec.from_pretrained().compress(source, stream, 3.0)
    assert audiovq.compress(samples, rate, kbps=3.0) == stream.getvalue()


@pytest.mark.parametrize("shape", ["(T,)", "(1, T)", "(2, T)"])
def test_what_comes_back_is_as_long_as_it_was_and_alike(speech: tuple[np.ndarray, int], shape: str) -> None:
    samples, rate = speech
    waveform = {"(T,)": samples, "(1, T)": samples[None], "(2, T)": np.stack([samples, samples])}[shape]
    audio, found = audiovq.decompress(audiovq.compress(torch.from_numpy(waveform), rate))
    assert found == rate and audio.dtype == torch.float32 and audio.shape == (1, len(samples))
    before, after = (np.abs(x[: len(x) // 800 * 800]).reshape(-1, 800).mean(1) for x in (samples, audio[0].numpy()))
    assert np.corrcoef(before, after)[0, 1] > 0.9


def test_channels_and_rates_as_asked(speech: tuple[np.ndarray, int]) -> None:
    samples, rate = speech
    stereo = np.stack([samples, np.zeros_like(samples)])
    audio, found = audiovq.decompress(audiovq.compress(stereo, rate, keep_channels=True), sample_rate=8000)
    assert found == 8000 and audio.shape == (2, -(-len(samples) * 8000 // rate))
    assert audio[0].abs().mean() > 20 * audio[1].abs().mean()


def test_what_cannot_be_used_is_said(speech: tuple[np.ndarray, int]) -> None:
    samples, rate = speech
    for waveform, rate_, kbps, text in (
        (np.zeros((1, 0)), rate, 1.5, r"shape \(C, T\), found \(1, 0\)"),
        (np.full(800, np.nan), rate, 1.5, "samples between"),
        (samples, 10, 1.5, "1000 to 384000 Hz"),
        (samples, rate, 0.0, "a rate above 0"),
    ):
        with pytest.raises(audiovq.InputError, match=text):
            audiovq.compress(waveform, rate_, kbps)
    data = audiovq.compress(samples, rate)
    with pytest.raises(audiovq.InputError, match=r"expected an \.avq file"):
        audiovq.decompress(data[1:])
    with pytest.raises(audiovq.InputError, match="the end is missing"):
        audiovq.decompress(data[:-1])
