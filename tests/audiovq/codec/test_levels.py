"""Levels of chunks: what the encoder writes down, and what the decoder makes of it."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_codec import ToyModel

from audiovq.audio_io.reader import AudioSource, waveform_source
from audiovq.bitstream.container import Reader, Writer
from audiovq.codec.codec import Codec
from audiovq.codec.levels import MAX_CHANGE, STEP, UNKNOWN, Levelling, LevelMeter, level_of
from audiovq.dsp.k_weighting import k_weighted_power

RATE, HOP, CHUNK = 16_000, 320, 16_000


class FaintModel(ToyModel):
    """Gives everything back quieter than it was, by so many dB."""

    def __init__(self, loss: float, delay: int = 100) -> None:
        super().__init__(delay=delay)
        self._gain = 10 ** (-loss / 20)

    def decode_step(self, codes: torch.Tensor, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, after = super().decode_step(codes, state)
        return self._gain * y, after


def steps(seconds: float, channels: int = 1) -> np.ndarray:
    """What the toy model keeps exactly."""
    levels = np.random.default_rng(0).integers(-400, 400, (channels, round(seconds * RATE / HOP))) / 512
    return np.repeat(levels, HOP, 1).astype(np.float32)


def compressed(codec: Codec, audio: np.ndarray, block: int = 5000) -> bytes:
    out = io.BytesIO()
    blocks = (audio[:, i : i + block] for i in range(0, audio.shape[1], block))
    codec.compress(AudioSource("x", RATE, len(audio), None, blocks), out, 3.0, keep_channels=True)
    return out.getvalue()


def decoded(codec: Codec, data: bytes, **given: float) -> np.ndarray:
    return np.concatenate(list(codec.open(io.BytesIO(data), "a.avq", **given)), 1)


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("hertz, gain", [(20, -13.3), (60, -2.9), (100, -1.1), (997, 0.69), (4000, 4.0), (7000, 4.0)])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_power_is_weighed_as_the_standard_has_it(hertz: float, gain: float, rate: int) -> None:
    """Gains of the two filters of BS.1770 in series, to a quarter of a dB."""
    tone = np.sin(2 * np.pi * hertz * np.arange(rate) / rate)
    found = 10 * np.log10(k_weighted_power(np.stack([tone, 0.1 * tone]), rate) / 0.5)
    assert found == pytest.approx([gain, gain - 20], abs=0.25)


def test_power_is_that_of_another_implementation() -> None:
    from torchaudio.functional import loudness

    x = np.random.default_rng(1).normal(0, 0.1, (1, 4 * RATE)).astype(np.float32)
    found = 10 * np.log10(k_weighted_power(x, RATE)[0]) - 0.691
    assert found == pytest.approx(loudness(torch.from_numpy(x), RATE).item(), abs=0.15)


@pytest.mark.parametrize("loss", [-3.0, 2.0, 5.5])
def test_what_comes_back_is_as_loud_as_it_was(loss: float) -> None:
    """Each chunk, the first one too, and every channel by itself: to half a step of rounding and half of doubt."""
    audio, codec = steps(4.4, 2), Codec(FaintModel(loss))
    back = decoded(codec, compressed(codec, audio))
    for start in range(0, 4 * RATE, RATE):
        piece = slice(start + (2000 if start else 0), start + RATE - 100)
        gains = np.sqrt(np.square(back[:, piece]).sum(1) / np.square(audio[:, piece]).sum(1))
        assert np.abs(20 * np.log10(gains)).max() <= STEP + 0.1


def test_a_chunk_is_turned_by_a_few_db_at_most() -> None:
    audio, codec = steps(3), Codec(FaintModel(20))
    back = decoded(codec, compressed(codec, audio))
    assert 20 * np.log10(np.abs(back).max() / np.abs(audio).max()) == pytest.approx(MAX_CHANGE - 20, abs=0.01)


def test_what_was_right_is_left_as_it_is() -> None:
    audio, codec = steps(3.5), Codec(ToyModel())
    assert np.abs(decoded(codec, compressed(codec, audio)) - audio).max() < 1e-6


def test_however_a_file_is_read_it_sounds_the_same() -> None:
    codec, audio = Codec(FaintModel(2.5)), steps(20.3)
    data = compressed(codec, audio)
    assert data == compressed(codec, audio, block=777)
    whole = decoded(codec, data)
    piped = np.concatenate(list(codec.open(Pipe(data), "pipe")), 1)
    assert np.array_equal(whole, piped)
    for start in (0.9, 1.0, 1.04, 17.0, 17.13):
        assert np.abs(decoded(codec, data, start=start) - whole[:, round(start * RATE) :]).max() < 1e-6


def test_no_click_where_the_gain_changes() -> None:
    levelling = Levelling(RATE)
    tone = np.sin(2 * np.pi * 200 * np.arange(2 * CHUNK) / RATE)[None].astype(np.float32)
    level = level_of(tone[:, :CHUNK], RATE)
    levelling.expect(level)
    levelling.expect(level + 12)
    made = np.concatenate([levelling.levelled(tone[:, :CHUNK]), levelling.levelled(tone[:, CHUNK:])], 1)
    assert np.abs(np.diff(made)).max() < 1.05 * 10 ** (12 * STEP / 20) * np.abs(np.diff(tone)).max()
    assert np.array_equal(made[:, :CHUNK], tone[:, :CHUNK]) and made[0, CHUNK:].max() > 1.45


def test_where_nothing_is_known_the_gain_goes_on() -> None:
    levelling, x = Levelling(RATE), steps(1)
    level = level_of(x, RATE)
    for levels in (level + 8, np.full(1, UNKNOWN)):
        levelling.expect(levels)
    first, second = levelling.levelled(x), levelling.levelled(x)
    assert np.array_equal(first, second) and np.abs(first).max() > 1.25 * np.abs(x).max()


def test_after_a_lost_chunk_the_gain_goes_on_once_more() -> None:
    """What was put in the place of a lost chunk sounds into the next one, which is not to be judged by it."""
    levelling, x = Levelling(RATE), steps(1, 2)
    level = level_of(x, RATE)
    lost = np.array([True, False])
    for levels, is_lost in (
        (level, [False] * 2),
        (level * ~lost, lost),
        (level + 8, [False] * 2),
        (level + 8, [False] * 2),
    ):
        levelling.expect(levels, np.array(is_lost))
    made = [np.abs(levelling.levelled(x)).max(1) / np.abs(x).max(1) for _ in range(4)]
    assert made[2][0] == 1.0 and made[2][1] > 1.25 and made[3].min() > 1.25


def test_silence_and_what_is_beyond_are_levels_too() -> None:
    meter = LevelMeter(2, RATE, 100)
    list(meter.heard([np.stack([np.zeros(50), np.full(50, 1e10)]).astype(np.float32)]))
    assert meter.next(CHUNK).tolist() == [UNKNOWN, 255] and meter.next(320).tolist() == [UNKNOWN, UNKNOWN]
    levelling = Levelling(RATE)
    levelling.expect(np.array([255]))
    silent = np.zeros((1, 320), np.float32)
    assert np.array_equal(levelling.levelled(silent), silent)


def test_files_of_before_decode_as_they_did() -> None:
    """Versions 2 and 3 have no levels: what is decoded is what the codes say, to the bit."""
    codec, audio = Codec(FaintModel(3.0)), steps(2.5)
    data = compressed(codec, audio)
    reader = Reader(io.BytesIO(data))
    records = list(reader)
    for version, gain in ((2, 0), (3, 0), (3, 20)):
        out = io.BytesIO()
        writer = Writer(out, replace(reader.header, version=version, gain=gain))
        for record in records:
            assert record.payload is not None
            writer.write(record.payload[:1] + record.payload[2:], record.frames)
        assert reader.end is not None
        writer.finish(reader.end.samples)
        codes = codec.encode(waveform_source(audio, RATE).blocks.__next__(), RATE)
        plain = codec.decode(codes, audio.shape[1]).numpy() * np.float32(10 ** (-gain / 20))
        assert np.array_equal(decoded(codec, out.getvalue()), plain)
