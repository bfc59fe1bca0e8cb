"""Audio through the codec: exact lengths, streams, channels, damage; with a model that can be calculated by hand."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from toy_codec import ToyCoder, ToyConfig, ToyModel

from audiovq.audio_io.reader import AudioSource
from audiovq.bitstream.container import Reader
from audiovq.codec.codec import Codec, Compressed
from audiovq.codec.decoding import Decoding
from latentmix.errors import InputError

RATE, HOP = 16_000, 320


def codec(**given: object) -> Codec:
    return Codec(ToyModel(**given))


def steps(frames: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Audio that the toy model keeps exactly: a level for each code frame."""
    levels = np.random.default_rng(seed).integers(-400, 400, (channels, frames)) / 512
    return np.repeat(levels, HOP, 1).astype(np.float32)


def source(audio: np.ndarray, rate: int = RATE, block: int = 1000) -> AudioSource:
    pieces = (audio[:, i : i + block] for i in range(0, audio.shape[1], block))
    return AudioSource("test", rate, len(audio), audio.shape[1], pieces)


def compress(codec: Codec, audio: np.ndarray, rate: int = RATE, **given: object) -> tuple[bytes, Compressed]:
    out = io.BytesIO()
    report = codec.compress(source(audio, rate), out, **given)
    assert report.size == len(out.getvalue())
    return out.getvalue(), report


def decompress(codec: Codec, data: bytes, **given: object) -> tuple[np.ndarray, Decoding]:
    decoding = codec.open(io.BytesIO(data), "a.avq", **given)
    blocks = list(decoding) or [np.zeros((decoding.header.channels, 0), np.float32)]
    return np.concatenate(blocks, 1), decoding


# arrays


def test_codes_of_a_waveform_are_known():
    codes = codec().encode(torch.tensor([[0.5] * 640 + [-0.25] * 320]), RATE)
    assert codes.shape == (6, 4) and codes.dtype == torch.int16  # one more frame flushes the delay
    assert codes[0].tolist() == [768, 768, 384, 512] and (codes[1:] == 512).all()


@pytest.mark.parametrize("frames", [1, 2, 49, 50, 51, 120])
@pytest.mark.parametrize("delay", [0, 1, 100, 320, 700])
def test_decode_gives_back_what_was_encoded(frames: int, delay: int):
    audio = steps(frames)
    coder = codec(delay=delay)
    codes = coder.encode(audio, RATE)
    assert codes.shape[1] == -(-(frames * HOP + delay) // HOP)
    decoded = coder.decode(codes, audio.shape[1])
    assert decoded.shape == audio.shape and decoded.dtype == torch.float32
    assert np.abs(decoded.numpy() - audio).max() < 1e-6
    assert coder.decode(codes).shape[1] >= audio.shape[1]


def test_channels_are_mixed_for_codes():
    left, right = steps(10, seed=1), steps(10, seed=2)
    both = codec().encode(np.concatenate([left, right]), RATE)
    assert torch.equal(both, codec().encode((left + right) / 2, RATE))


def test_fewer_codebooks_are_the_first_ones():
    coder, audio = codec(), np.random.default_rng(0).uniform(-1, 1, (1, 5000)).astype(np.float32)
    codes = coder.encode(audio, RATE)
    assert torch.equal(coder.encode(audio, RATE, kbps=1.0), codes[:2])
    assert coder.encode(audio, RATE, kbps=0.01).shape[0] == 1
    assert coder.encode(audio, RATE, kbps=99).shape[0] == 6
    coarse, fine = coder.decode(codes[:1]), coder.decode(codes)
    assert coarse.shape == fine.shape and 0 < (coarse - fine).abs().max() <= 1 / 512


def test_several_channels_of_codes_are_decoded():
    coder = codec()
    a, b = coder.encode(steps(7, seed=1), RATE), coder.encode(steps(7, seed=2), RATE)
    assert torch.equal(coder.decode(torch.stack([a, b])), torch.cat([coder.decode(a), coder.decode(b)]))


def test_no_codes_are_no_audio():
    assert codec().decode(np.zeros((3, 0), np.int16)).shape == (1, 0)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((7, 2), np.int16), "Q from 1 to 6"),
        (np.zeros((0, 2), np.int16), "Q from 1 to 6"),
        (np.zeros((3, 2), np.float32), "expected integers"),
        (np.zeros(3, np.int16), "expected integers of shape"),
        (np.full((3, 2), 1024, np.int16), "expected 0 to 1023, .* found 1024 to 1024"),
        (np.full((3, 2), -1, np.int16), "-1 but in the first codebook, found -1"),
        (np.full((3, 2), -2, np.int16), "found -2"),
    ],
)
def test_other_codes_are_refused(codes: np.ndarray, message: str):
    with pytest.raises(InputError, match=message):
        codec().decode(codes)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros((1, 0), np.float32), "expected samples of shape"),
        (np.zeros((1, 1, 100), np.float32), "expected samples of shape"),
        (np.array([[0.0, np.nan]], np.float32), "found nan at 0.000 s"),
        (np.array([[0.0] * 32_000 + [np.inf]], np.float32), "found inf at 2.000 s"),
        (np.full((1, 100), 20_000.0, np.float32), "repair or scale"),
    ],
)
def test_other_waveforms_are_refused(waveform: np.ndarray, message: str):
    with pytest.raises(InputError, match=message):
        codec().encode(waveform, RATE)


# files


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000, 192_000, 22_051])
@pytest.mark.parametrize("samples", [1, 2, 4321])
def test_a_decoded_file_has_the_length_and_rate_of_the_original(rate: int, samples: int):
    data, report = compress(codec(), np.full((1, samples), 0.25, np.float32), rate)
    decoded, decoding = decompress(codec(), data)
    assert decoded.shape == (1, samples) and decoding.sample_rate == rate and decoding.samples == samples
    assert (report.samples, report.sample_rate) == (samples, rate) and not decoding.damage
    decoded, decoding = decompress(codec(), data, sample_rate=RATE)
    assert decoded.shape[1] == decoding.samples == -(-samples * RATE // rate)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_a_tone_comes_back_in_time(rate: int):
    """At another rate too: 5 Hz is slow enough for the toy model."""
    audio = 0.5 * np.sin(2 * np.pi * 5 * np.arange(2 * rate) / rate)[None].astype(np.float32)
    decoded, _ = decompress(codec(), compress(codec(), audio, rate, kbps=3)[0])
    inner = slice(rate // 10, -rate // 10)

    def unlike(shift: int) -> float:  # but for how loud: ears take the steps of the toy model for the loudest of it
        return 1.0 - float(np.corrcoef(np.roll(decoded, shift)[0, inner], audio[0, inner])[0, 1])

    assert unlike(0) < min(unlike(-rate // 50), unlike(rate // 50)) / 2


@pytest.mark.parametrize("frames", [1, 49, 50, 51, 100, 170])
@pytest.mark.parametrize("block", [1, 777, 16_000, 10**6])
def test_blocks_of_any_size_give_the_same_file(frames: int, block: int):
    audio, out = steps(frames, 2)[:, :-5], io.BytesIO()
    if block == 1 and frames > 50:
        return
    codec().compress(source(audio, block=block), out, keep_channels=True)
    assert out.getvalue() == compress(codec(), audio, keep_channels=True)[0]


def test_stereo_keeps_its_channels():
    audio = steps(120, 2)
    data, report = compress(codec(), audio, keep_channels=True)
    decoded, decoding = decompress(codec(), data)
    assert report.channels == decoding.header.channels == 2
    assert decoded.shape == audio.shape and np.abs(decoded - audio).max() < 1e-6
    mixed, _ = decompress(codec(), compress(codec(), audio)[0])
    assert mixed.shape == (1, audio.shape[1]) and np.abs(mixed - audio.mean(0)).max() < 2e-3


@pytest.mark.parametrize(("kbps", "codebooks"), [(0.5, 1), (1.5, 3), (3.0, 6)])
def test_rates_are_those_of_the_file(kbps: float, codebooks: int):
    data, report = compress(codec(), steps(3000), kbps=kbps)
    assert report.codebooks == codebooks and report.kbps == pytest.approx(len(data) * 8 / 60_000)
    assert kbps < report.kbps < kbps + 0.08
    assert decompress(codec(), data)[1].header.codebooks == codebooks


def test_an_entropy_coder_is_used_where_it_saves():
    coder = Codec(ToyModel(), ToyCoder())
    audio = np.concatenate([np.full((1, 50 * HOP), 0.25, np.float32), steps(50)], 1)
    data, _ = compress(coder, audio)
    plain, _ = compress(codec(), audio)
    assert payload_sizes(plain) == [190, 190, 6]
    assert payload_sizes(data) == [10, 252, 7]  # of four codebooks; where the coder does not save, plain bits
    assert np.abs(decompress(coder, data)[0] - audio).max() < 1e-6
    with pytest.raises(InputError, match=r"a.avq: expected the entropy coder 746f7920 .* found none"):
        decompress(codec(), data)
    assert decompress(coder, plain)[0].shape == audio.shape


def payload_sizes(data: bytes) -> list[int]:
    return [len(record.payload) for record in Reader(io.BytesIO(data))]


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_saved_pays_for_another_codebook(channels: int):
    """A chunk in four is constant; what it saves is spent on the next ones, and no more than that."""
    coder = Codec(ToyModel(), ToyCoder())
    one = [np.full((channels, 50 * HOP), 0.25, np.float32), steps(150, channels)]
    audio = np.concatenate(one * 8, 1)
    data, report = compress(coder, audio, keep_channels=True)
    used = np.array([record.payload[0] for record in Reader(io.BytesIO(data))]).reshape(-1, channels)
    assert (used == used[:, :1]).all()  # of one chunk all channels alike
    assert used.min() == 3 and used.max() == report.codebooks == 4
    # 180 bytes saved in every fourth chunk pay for 62 more in two of the next, and now and then in a third
    assert {int((block == 4).sum()) for block in used[4:32, 0].reshape(-1, 4)} == {3, 4}
    for chunks in range(2, len(used)):  # a listener who counts from the start never gets more than the rate
        sent = sum(payload_sizes(data)[: chunks * channels]) + 6 * chunks * channels
        assert sent <= 1.5 * 125 * channels * chunks
    decoded, _ = decompress(coder, data)
    assert decoded.shape == audio.shape and np.abs(decoded - audio).max() < 1e-6


def test_without_a_rate_all_codebooks_are_kept():
    data, report = compress(Codec(ToyModel(), ToyCoder()), steps(120), kbps=None)
    assert report.codebooks == 6 and {record.payload[0] for record in Reader(io.BytesIO(data))} == {6}


def test_frames_do_without_codebooks():
    coder = codec()
    codes = coder.encode(np.random.default_rng(0).uniform(-1, 1, (1, 8 * HOP)).astype(np.float32), RATE)
    some = codes.clone()
    some[2:, 3:] = -1
    made = coder.decode(some, 8 * HOP)
    assert torch.equal(made[:, : 3 * HOP], coder.decode(codes, 8 * HOP)[:, : 3 * HOP])
    assert torch.equal(made[:, 3 * HOP :], coder.decode(codes[:2], 8 * HOP)[:, 3 * HOP :])


def test_files_of_other_weights_are_refused_by_name():
    data, _ = compress(codec(), steps(3))
    with pytest.raises(InputError, match=r"a.avq: expected .* weights of this model \(.*\), found .* other weights"):
        decompress(codec(name="other"), data)
    few = Codec(ToyModel(config=ToyConfig(codebooks=2)))
    with pytest.raises(InputError, match="at most 2 codebooks, found 3"):
        decompress(few, data)


def test_no_audio_is_no_file():
    def nothing() -> Iterator[np.ndarray]:
        raise InputError("x: expected audio, found 0 samples")
        yield

    out = io.BytesIO()
    with pytest.raises(InputError, match="0 samples"):
        codec().compress(AudioSource("x", RATE, 1, 0, nothing()), out)
    assert not out.getvalue()


def test_progress_counts_samples():
    seen = []
    codec().compress(source(steps(10), block=500), io.BytesIO(), progress=seen.append)
    assert seen == [*range(500, 3001, 500), 3200]


def test_length_is_unknown_only_where_it_must_be():
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    data, _ = compress(codec(), steps(60))
    decoding = codec().open(Pipe(data), "pipe")
    assert decoding.samples is None
    assert sum(block.shape[1] for block in decoding) == 60 * HOP


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 8_000])
@pytest.mark.parametrize("start", [0.0, 0.01, 1.0, 16.9, 17.0, 33.333, 39.99])
def test_reading_from_the_middle_is_reading_whole(rate: int, start: float):
    audio = np.random.default_rng(0).uniform(-1, 1, (2, rate * 40 // 16)).repeat(16, 1).astype(np.float32)
    data, _ = compress(codec(), audio, rate, keep_channels=True)
    whole, _ = decompress(codec(), data)
    part, decoding = decompress(codec(), data, start=start)
    assert np.abs(part - whole[:, round(start * rate) :]).max() < 1e-6
    assert decoding.samples == whole.shape[1] == audio.shape[1]


def test_the_index_spares_what_comes_before():
    data, _ = compress(codec(), steps(3000))

    model = ToyModel()
    audio = list(Codec(model).open(io.BytesIO(data), "a", start=59.0))
    assert sum(block.shape[1] for block in audio) == RATE
    assert sum(model.decoded) <= 151  # of 3,000 frames


# damage


def corrupt(data: bytes, chunk: int) -> bytes:
    """Damage in the middle of a chunk of 3 codebooks."""
    reader = Reader(io.BytesIO(data))
    list(reader)
    place = len(reader.header.pack()) + chunk * 194 + 90
    return data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :]


@pytest.mark.parametrize("chunk", range(4))
def test_a_bad_chunk_is_concealed_and_its_neighbours_are_whole(chunk: int):
    audio = steps(200)
    data, _ = compress(codec(), audio)
    decoded, decoding = decompress(codec(), corrupt(data, chunk))
    assert decoding.damage.spans == [(chunk, chunk + 1)] and decoding.damage.chunks == 5
    assert decoding.damage.describe(decoding.header) == (f"1 of 5 chunks are damaged ({chunk} to {chunk + 1} s)")
    assert decoded.shape == audio.shape
    error = np.abs(decoded - audio)[0]
    start, end = 50 * HOP * chunk, 50 * HOP * (chunk + 1)
    assert error[: max(start - 100, 0)].max(initial=0) < 2e-3
    assert error[end + 320 :].max(initial=0) < 2e-3  # after the fade
    gap = decoded[0, start:end]
    assert np.abs(gap[1600:-100]).max() < 1e-6  # silent once faded
    assert np.abs(np.diff(gap[:1600])).max() < 0.01  # and no click on the way


def test_the_first_chunk_may_be_lost():
    data, _ = compress(codec(), steps(100))
    decoded, decoding = decompress(codec(), corrupt(data, 0))
    assert decoding.damage.lost == 1 and np.isfinite(decoded).all()


def test_one_channel_may_be_lost_alone():
    audio = steps(150, 2)
    data, _ = compress(codec(), audio, keep_channels=True)
    decoded, decoding = decompress(codec(), corrupt(data, 3))  # the second channel of the second chunk
    assert decoding.damage.spans == [(1, 2)]
    error = np.abs(decoded - audio)
    assert error[0].max() < 2e-3 < error[1].max()


def test_a_cut_off_file_gives_what_was_there():
    audio = steps(200)
    data, _ = compress(codec(), audio)
    for size in (60, 300, 500, len(data) - 1):
        decoded, decoding = decompress(codec(), data[:size])
        assert decoding.damage.is_cut_off and decoding.samples is None
        kept = min(decoded.shape[1], audio.shape[1])
        assert np.abs(decoded[:, :kept] - audio[:, :kept]).max(initial=0) < 2e-3
        assert kept >= (size - 60) // 194 * 16_000 - 100
        assert "the end is missing" in decoding.damage.describe(decoding.header)


def test_memory_does_not_depend_on_the_length():
    def blocks(count: int) -> Iterator[np.ndarray]:
        for index in range(count):
            yield np.full((1, RATE), index % 7 / 10, np.float32)

    peaks = []
    for seconds in (30, 300):
        out = io.BytesIO()
        tracemalloc.start()
        codec().compress(AudioSource("x", RATE, 1, None, blocks(seconds)), out)
        out.seek(0)
        assert sum(block.shape[1] for block in codec().open(out, "x")) == seconds * RATE
        peaks.append(tracemalloc.get_traced_memory()[1] - len(out.getvalue()))
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000
