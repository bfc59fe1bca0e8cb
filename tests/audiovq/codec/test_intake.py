"""What becomes of audio before it is encoded, and that decoding gives it back."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from toy_codec import ToyModel

from audiovq.audio_io.reader import waveform_source
from audiovq.bitstream.container import Reader
from audiovq.codec.codec import Codec
from audiovq.codec.intake import Intake

RATE, HOP = 16_000, 320
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    samples, rate = soundfile.read(EXAMPLE, dtype="float32")
    assert rate == RATE
    return samples[: 4 * RATE]


def intake(samples: np.ndarray, look_ahead: float = 600.0) -> tuple[np.ndarray, Intake]:
    made = Intake(waveform_source(samples, RATE), RATE, 40.0, look_ahead=look_ahead)
    return np.concatenate(list(made), 1), made


@pytest.mark.parametrize("level", [-56, -50, -40, -26, -6])
def test_what_is_quiet_is_made_louder_and_nothing_else(level: int, speech: np.ndarray) -> None:
    x = speech * np.float32(10 ** (level / 20) / np.sqrt(np.square(speech).mean()))
    y, made = intake(x)
    assert made.gain == (0 if level > -46 else pytest.approx(-26 - level, abs=5))
    assert np.abs(y).max() <= (1.0 if made.gain else 1.1)
    plain, _ = intake(x, look_ahead=0.0)
    assert np.allclose(y, plain * 10 ** (made.gain / 20), rtol=1e-5, atol=1e-9)


def test_silence_and_a_click_in_silence_stay() -> None:
    click = np.zeros(RATE, np.float32)
    for samples in (click, click + (np.arange(RATE) == 500)):
        assert intake(samples.astype(np.float32))[1].gain == 0


def test_loud_audio_is_not_waited_for(speech: np.ndarray) -> None:
    source = waveform_source(np.tile(speech, 200), RATE)
    made = Intake(source, RATE, 40.0, look_ahead=600.0)
    next(iter(made))
    assert made.samples < 40 * RATE


def test_no_more_is_kept_than_may_be() -> None:
    quiet = np.full((1, 8 * RATE), 1e-3, np.float32) * np.sign(np.sin(np.arange(8 * RATE)))
    made = Intake(waveform_source(quiet.astype(np.float32), RATE), RATE, 0.0, look_ahead=5.0)
    next(iter(made))
    assert made.samples <= 5 * RATE + (1 << 16)


def test_a_quiet_recording_comes_back_as_quiet_as_it_was() -> None:
    """With a model that keeps levels: square waves of -50 dB."""
    levels = np.where(np.arange(100) % 2, 1.0, -1.0) * 10 ** (-50 / 20)
    x = np.repeat(levels, HOP)[None].astype(np.float32)
    codec = Codec(ToyModel())
    stream = io.BytesIO()
    made = codec.compress(waveform_source(x, RATE), stream)
    stream.seek(0)
    assert made.gain == Reader(io.BytesIO(stream.getvalue())).header.gain == 23
    decoding = codec.open(stream, "a.avq")
    y = np.concatenate(list(decoding), 1)
    assert y.shape == x.shape and np.abs(y - x).max() < 1e-4
    loud = io.BytesIO()
    assert codec.compress(waveform_source(100 * x, RATE), loud).gain == 0


def test_an_offset_and_rumble_change_hardly_a_code() -> None:
    """Of the model that comes with the package: but for what a filter leaves. 37 % of them stayed without one; of 23
    recordings 83 % stay with this rumble, 72 % on the worst, and all with an offset."""
    codec = Codec.from_pretrained()
    samples, _ = soundfile.read(EXAMPLE, dtype="float32")
    x = 0.5 * samples[: 2 * RATE]
    rumble = 0.1 * np.sin(2 * np.pi * 12 * np.arange(len(x)) / RATE).astype(np.float32)
    clean = codec.encode(x, RATE)
    for disturbed in (x + 0.1, x + rumble):
        assert (codec.encode(disturbed.astype(np.float32), RATE)[0] == clean[0]).float().mean() > 0.7


def test_what_is_clipped_is_said() -> None:
    x = np.zeros(RATE, np.float32)
    x[[5, 70, 900]] = 1.5, -2.0, 1.01
    _, made = intake(x)
    (line,) = made.notices
    assert line.startswith("3 samples above full scale, by up to 6.0 dB, are clipped")
