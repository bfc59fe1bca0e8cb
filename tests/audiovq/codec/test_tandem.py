"""Decoded audio carries its codes, and whoever codes it again finds them, if nothing was changed."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiovq.audio_io.reader import open_source, waveform_source
from audiovq.bitstream.chunks import MISSING
from audiovq.cli.inspection import read_tokens
from audiovq.codec.codec import Codec
from audiovq.codec.tandem import CodesReader, CodesWriter, Layout, carrying

HOP, Q, K = 320, 7, 1024
LAYOUT = Layout(HOP, Q, K, b"weights!")
RATE = 16_000


def written(samples, codes, block: int = 1000, levels=None, **place) -> np.ndarray:
    writer = CodesWriter(LAYOUT, len(samples), **place)
    writer.expect(codes, levels)
    blocks = (samples[:, i : i + block] for i in range(0, samples.shape[1], block))
    return np.concatenate(list(carrying(blocks, writer)), 1)


def read(
    samples, own, layout: Layout = LAYOUT, gain: int = 0, sure: int = 1, can_lack: bool = False, block: int = 1000
):
    reader = CodesReader(layout, len(samples))
    for i in range(0, samples.shape[1], block):
        reader.push(samples[:, i : i + block])
    return reader.over(own, gain, sure, can_lack)


@pytest.fixture
def speech() -> np.ndarray:
    return (0.1 * np.random.default_rng(1).standard_normal((2, 20 * HOP))).clip(-0.4, 0.4).astype(np.float32)


@pytest.fixture
def codes() -> np.ndarray:
    return np.random.default_rng(2).integers(0, K, (2, Q, 20)).astype(np.int16)


def encoders(codes: np.ndarray) -> np.ndarray:
    """What an encoder says of audio decoded from these codes: every other frame's first code, and nothing else."""
    own = (codes + 1) % K
    own[:, 0, ::2] = codes[:, 0, ::2]
    return own


def through_16_bits(samples: np.ndarray, path, subtype: str = "PCM_16", kind: str = "WAV") -> np.ndarray:
    soundfile.write(path, samples.T, RATE, subtype, format=kind)
    return soundfile.read(path, dtype="float32", always_2d=True)[0].T


@pytest.mark.parametrize("block", [1, 319, 320, 1000, 7000])
def test_codes_come_back_from_blocks_of_any_size(speech, codes, block: int) -> None:
    made = written(speech, codes, block)
    assert np.array_equal(made, written(speech, codes, 6400))
    found, _ = read(made, encoders(codes), block=block)
    assert np.array_equal(found, codes)


def test_the_change_is_in_the_last_bits(speech, codes) -> None:
    change = 32768 * (written(speech, codes) - speech)
    assert np.abs(change).max() < 1.7 and np.sqrt(np.square(change).mean()) < 0.7


@pytest.mark.parametrize("kind", ["float", "WAV PCM_16", "FLAC PCM_16", "WAV PCM_24", "32767 rounded", "32768 rounded"])
def test_codes_go_through_files_of_16_bits_and_more(speech, codes, kind: str, tmp_path) -> None:
    made = written(speech, codes)
    if kind.endswith("rounded"):
        made = (np.rint(made.astype(np.float64) * int(kind[:5])) / 32768).astype(np.float32)
    elif kind != "float":
        made = through_16_bits(made, tmp_path / "a", kind.split()[1], kind.split()[0])
    assert np.array_equal(read(made, encoders(codes))[0], codes)


def test_a_frame_in_which_anything_changed_is_coded_as_any(speech, codes) -> None:
    made, own = written(speech, codes), encoders(codes)
    made[0, 5 * HOP + 300] += 2 / 32768  # the lowest bits are what they were
    found, _ = read(made, own)
    assert np.array_equal(found[0, :, 5], own[0, :, 5])
    found[0, :, 5] = codes[0, :, 5]
    assert np.array_equal(found, codes)


@pytest.mark.parametrize("change", ["louder", "moved", "mixed"])
def test_what_is_no_longer_what_was_decoded_carries_nothing(speech, codes, change: str) -> None:
    made, own = written(speech, codes), encoders(codes)
    changed = {"louder": 1.01 * made, "moved": np.roll(made, 1, 1), "mixed": made + made[::-1]}[change]
    assert np.array_equal(read(changed.astype(np.float32), own)[0], own)


def test_codes_of_other_weights_are_not_taken(speech, codes) -> None:
    own = encoders(codes)
    assert np.array_equal(read(written(speech, codes), own, Layout(HOP, Q, K, b"others.."))[0], own)


def test_codes_that_are_none_or_not_what_is_heard_are_not_taken(speech, codes) -> None:
    """A stranger may write what he likes: the checksum is right."""
    own = encoders(codes)
    beyond = codes.copy()
    beyond[:, 3, :] = K
    assert np.array_equal(read(written(speech, beyond), own)[0], own)
    assert np.array_equal(read(written(speech, (codes + 7) % K), own)[0], own)


def test_silence_stays_silence(codes) -> None:
    silence = np.zeros((2, 20 * HOP), np.float32)
    assert not written(silence, codes).any()


def test_what_is_beyond_full_scale_stays_what_it_is(speech, codes) -> None:
    speech[0, 3 * HOP + 7] = -1.2
    made = written(speech, codes)
    assert np.array_equal(made[0, 3 * HOP : 4 * HOP], speech[0, 3 * HOP : 4 * HOP])
    assert not np.array_equal(made[0, 4 * HOP :], speech[0, 4 * HOP :])


def test_what_is_missing_says_nothing(speech, codes) -> None:
    lost = codes.copy()
    lost[1, :, 4:] = MISSING
    made = written(speech, lost)
    assert np.array_equal(made[1, 4 * HOP :], speech[1, 4 * HOP :])
    own = encoders(codes)
    found, _ = read(made, own)
    assert np.array_equal(found[0], codes[0]) and np.array_equal(found[1, :, 4:], own[1, :, 4:])


def test_fewer_codebooks_than_are_wanted_are_taken_where_they_may_lack(speech, codes) -> None:
    few, own = codes.copy(), encoders(codes)
    few[:, 3:] = MISSING
    made = written(speech, few, levels=np.array([99, 7], np.uint8))
    assert np.array_equal(read(made, own, sure=4)[0], own)
    found, levels = read(made, own, sure=4, can_lack=True)
    assert np.array_equal(found, few) and levels.tolist() == [99, 7]
    made[0, : 2 * HOP] *= 0.9  # only a part of the chunk is what it was
    assert np.array_equal(read(made, own, sure=4, can_lack=True)[0][0], own[0])
    assert np.array_equal(read(made, own, sure=3, can_lack=True)[0][0, :, 2:], few[0, :, 2:])


def test_decoding_may_begin_within_a_frame(speech, codes) -> None:
    """At sample 1000 of what frames from 2 on sound: the first whole one is frame 4, 280 samples later."""
    made = written(speech, codes, position=1000, frame=2)
    assert np.array_equal(made[:, :280], speech[:, :280])
    found, _ = read(made[:, 280:], encoders(codes[:, :, 2:]))
    assert np.array_equal(found[:, :, :18], codes[:, :, 2:])


def test_only_audio_that_is_made_as_loud_again_counts(speech, codes) -> None:
    made, own = written(speech, codes, gain=23), encoders(codes)
    assert np.array_equal(read(made, own, gain=0)[0], own)
    assert np.array_equal(read(made, own, gain=23)[0], codes)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec.from_pretrained()


def recording(seconds: float = 4.0) -> np.ndarray:
    samples, _ = soundfile.read(Path(__file__).parents[3] / "examples/speech.flac", dtype="float32")
    return samples[: round(seconds * RATE)]


@pytest.mark.parametrize(("gain", "least"), [(1.0, 1.0), (0.02, 0.85)])
@pytest.mark.parametrize("kbps", [1.5, 3.0])
def test_the_third_round_of_files_is_the_first(codec: Codec, kbps: float, gain: float, least: float, tmp_path) -> None:
    """But for the frames at the end, which have no whole frame of samples to be carried by.

    What is quiet is coded louder, and its pauses are silence in 16 bits, which carries nothing.
    """
    samples, kept = gain * recording(), []
    for _ in range(3):
        soundfile.write(tmp_path / "a.wav", samples, RATE)
        stream = io.BytesIO()
        with open_source(tmp_path / "a.wav") as source:
            codec.compress(source, stream, kbps)
        stream.seek(0)
        kept.append(read_tokens(stream, "a", lambda: codec.coder)[0][:, :-4])
        stream.seek(0)
        samples = np.concatenate(list(codec.open(stream, "a")), 1)[0]
    for later in kept[1:]:
        assert later.shape == kept[0].shape and (later == kept[0]).mean() >= least


def test_arrays_of_codes_come_back(codec: Codec) -> None:
    first = codec.encode(recording(), RATE, 1.5)
    again = codec.encode(codec.decode(first), RATE, 1.5)
    assert (again[:, : first.shape[1] - 3] == first[:, :-3]).all()
    changed = 0.9 * codec.decode(first)
    assert (codec.encode(changed, RATE, 1.5)[:, : first.shape[1] - 3] == first[:, :-3]).float().mean() < 0.9


def test_a_cut_between_frames_keeps_what_is_left(codec: Codec) -> None:
    first = codec.encode(recording(), RATE)
    later = codec.encode(codec.decode(first)[:, 50 * HOP :], RATE)
    assert (later[:, : first.shape[1] - 53] == first[:, 50:-3]).all()


@pytest.mark.parametrize(("rate", "is_kept"), [(RATE, True), (2 * RATE, False)])
def test_it_is_told_what_keeps_its_codes_and_other_rates_are_coded_as_any(
    codec: Codec, rate: int, is_kept: bool
) -> None:
    """What was made of four codebooks is not made of more by asking for a higher rate."""
    samples = codec.decode(codec.encode(recording(), RATE, 1.5)).numpy()
    stream = io.BytesIO()
    made = codec.compress(waveform_source(samples, rate), stream, 3.0)
    assert any(line.startswith("decoded before: ") for line in made.notices) == is_kept
    stream.seek(0)
    found = read_tokens(stream, "a", lambda: codec.coder)[0]
    assert (found[4:, :-50] == MISSING).all() == is_kept
    assert not any(
        line.startswith("decoded")
        for line in codec.compress(waveform_source(recording()[None], RATE), io.BytesIO()).notices
    )


def test_a_model_whose_frames_are_too_short_carries_nothing() -> None:
    assert not Layout(100, Q, K, b"").fits
    samples, codes = np.full((1, 1000), 0.1, np.float32), np.zeros((1, Q, 10), np.int16)
    writer = CodesWriter(Layout(100, Q, K, b""), 1)
    writer.expect(codes)
    assert np.array_equal(np.concatenate(list(carrying([samples], writer)), 1), samples)
    assert (read(samples, codes + 1, Layout(100, Q, K, b""))[0] == codes + 1).all()
