"""Damaged .avq and audio files: each is decoded or refused with one line, whatever the damage, in bounded memory."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutations import delete, double, flip, inserting, mutants, overwriting, truncate, unchanged
from toy_codec import ToyCoder, ToyModel

from audiovq.audio_io import wav
from audiovq.audio_io.reader import AudioSource, open_source
from audiovq.bitstream.container import MAX_LOST, Reader, Writer
from audiovq.bitstream.header import FIELDS, End, Header
from audiovq.cli.inspection import file_figures
from audiovq.codec.codec import Codec
from latentmix.errors import InputError

RATE = 16_000
CODEC = Codec(ToyModel(), ToyCoder())
EDGES = (0x00, 0x01, 0x7F, 0x80, 0xBF, 0xC0, 0xFD, 0xFE, 0xFF)
CHUNK = 50 * 320


def noise(seconds: float, channels: int = 1, rate: int = RATE) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.9, 0.9, (channels, round(seconds * rate))).astype(np.float32)


def avq(audio: np.ndarray, rate: int = RATE, **given: object) -> bytes:
    out = io.BytesIO()
    CODEC.compress(AudioSource("seed", rate, len(audio), None, iter([audio])), out, **given)
    return out.getvalue()


AVQ_SEEDS = (
    avq(noise(0.001)),
    avq(noise(3.5), kbps=1.0),
    avq(noise(2.2, 3), kbps=0.5, keep_channels=True),
    avq(np.zeros((1, 20 * RATE), np.float32)),
    avq(noise(1.4, rate=8000), 8000, kbps=3.0),
)


def audio_file(
    form: str, subtype: str | None = None, channels: int = 1, rate: int = RATE, seconds: float = 0.05
) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, noise(seconds, channels, rate).T, rate, subtype, format=form)
    return out.getvalue()


WAV_SEEDS = (
    audio_file("WAV", "PCM_16"),
    audio_file("WAV", "PCM_24", 2, 44_100),
    audio_file("WAV", "FLOAT", 1, 8_000),
    audio_file("WAVEX", "PCM_U8", 6),
    audio_file("WAV", "MS_ADPCM", 1, 11_025),
)
OTHER_SEEDS = (audio_file("FLAC"), audio_file("OGG"), audio_file("AIFF"), audio_file("AU"), audio_file("W64"))


def strike_the_start(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(min(len(data), 64))] = rng.choice((*EDGES, rng.randrange(256)))


def numbers(data: bytearray, rng: random.Random) -> None:
    """Huge or odd numbers where a header may have one."""
    if len(data) >= 48:
        value = rng.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, rng.randrange(2**32)))
        struct.pack_into("<I", data, rng.randrange(4, 44), value)


MUTATORS = (
    flip,
    overwriting(EDGES),
    strike_the_start,
    delete,
    inserting(EDGES, longest=300),
    truncate,
    double,
    numbers,
)


def decode_or_refuse(data: bytes) -> int | None:
    """Samples of a channel, None if refused. All but an InputError of one line that names the file ends the test."""
    try:
        figures = file_figures(io.BytesIO(data), "a.avq")
        decoding = CODEC.open(io.BytesIO(data), "a.avq")
    except InputError as error:
        assert str(error).startswith("a.avq: ") and "\n" not in str(error)
        return None
    samples = 0
    for block in decoding:
        assert block.dtype == np.float32 and block.shape[0] == decoding.header.channels and np.isfinite(block).all()
        samples += block.shape[1]
    assert bool(decoding.damage) >= bool(figures["damage"])
    return samples


def test_mutants_of_avq_are_decoded_or_refused():
    lengths = {seed: decode_or_refuse(seed) for seed in AVQ_SEEDS}
    assert lengths[AVQ_SEEDS[1]] == 3.5 * RATE and lengths[AVQ_SEEDS[4]] == 1.4 * 8000
    made = [decode_or_refuse(data) for data in mutants(AVQ_SEEDS, MUTATORS, rounds=12, seed=1)]
    decoded = [samples for samples in made if samples is not None]
    assert 0.1 < len(decoded) / len(made) < 0.9
    assert max(decoded) < 120 * RATE


def test_mutants_of_avq_take_little_memory():
    tracemalloc.start()
    try:
        for data in mutants(AVQ_SEEDS, MUTATORS, rounds=2, seed=2):
            tracemalloc.reset_peak()
            decode_or_refuse(data)
            assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


def rewritten(data: bytes, **change: int) -> bytes:
    """A file whose header says something else, with checksums that fit: a file made to do harm."""
    reader = Reader(io.BytesIO(data))
    records = list(reader)
    out = io.BytesIO()
    writer = Writer(out, replace(reader.header, **change))
    for record in records:
        writer.write(record.payload, record.frames)
    writer.finish(reader.end.samples)
    return out.getvalue()


@pytest.mark.parametrize("name", [name for name, *_ in FIELDS])
def test_forged_headers_are_decoded_or_refused_in_little_memory(name: str):
    bounds = {field: (least, most) for field, least, most in FIELDS}
    header = Reader(io.BytesIO(AVQ_SEEDS[1])).header
    rng = random.Random(name)
    tracemalloc.start()
    try:
        for value in {*bounds[name], rng.randint(*bounds[name]), getattr(header, name) + 1}:
            try:
                data = rewritten(AVQ_SEEDS[1], **{name: value})
            except InputError:
                continue
            tracemalloc.reset_peak()
            decode_or_refuse(data)
            assert tracemalloc.get_traced_memory()[1] < 200 * 2**20
    finally:
        tracemalloc.stop()


def test_a_forged_length_is_not_believed():
    header = Reader(io.BytesIO(AVQ_SEEDS[1])).header
    packed = header.pack()
    for end in (End(2**62, 3), End(3, 2**62), End(2**62, 2**62, (2**60,) * 9), End(0, 0)):
        samples = decode_or_refuse(packed + end.pack(zlib.crc32(packed)))
        assert samples <= MAX_LOST * CHUNK


def test_a_short_file_does_not_become_hours():
    """Records that are as small as can be."""
    header = Header(CODEC.model.fingerprint, b"toy ", RATE, 320, 1, 1024, 1, 50, RATE)
    out = io.BytesIO()
    writer = Writer(out, header)
    for _ in range(300):
        writer.write(b"\2\0", 50)
    writer.finish(300 * RATE)
    assert len(out.getvalue()) < 2300 and decode_or_refuse(out.getvalue()) == 300 * CHUNK - 100


def read_or_refuse(path: Path) -> bool:
    try:
        with open_source(path) as source:
            samples = 0
            for block in source.blocks:
                assert block.dtype == np.float32 and block.shape[0] == source.channels
                assert np.abs(block).max() <= 1.0
                samples += block.shape[1]
                if samples > 10**7:  # a length that is told but not there would have ended before
                    pytest.fail("more samples than the bytes of the file can hold")
        return True
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
        return False


@pytest.mark.parametrize("seeds", [WAV_SEEDS, OTHER_SEEDS], ids=["wav", "others"])
def test_mutants_of_audio_are_read_or_refused(tmp_path: Path, seeds: tuple[bytes, ...]):
    path, read = tmp_path / "a.wav", []
    for data in mutants(seeds, MUTATORS, rounds=12, seed=3):
        path.write_bytes(data)
        read.append(read_or_refuse(path))
    assert 0.1 < np.mean(read) < 0.95


class Feed:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def test_mutants_of_wav_through_a_pipe(monkeypatch: pytest.MonkeyPatch):
    read = []
    for data in mutants(WAV_SEEDS, MUTATORS, rounds=12, seed=4):
        monkeypatch.setattr("sys.stdin", Feed(data))
        try:
            with open_source("-") as source:
                assert sum(block.shape[1] for block in source.blocks) <= 4 * len(data)
            read.append(True)
        except InputError as error:
            assert str(error).startswith("standard input: ") and "\n" not in str(error)
            read.append(False)
    assert 0.1 < np.mean(read) < 0.95


def test_a_wav_that_promises_much_takes_little_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    huge = wav.pack_header(RATE, 1, 2**31 - 64) + bytes(1000)
    (tmp_path / "a.wav").write_bytes(huge)
    long_chunk = b"RIFF\xff\xff\xff\xffWAVEJUNK\xff\xff\xff\xff" + bytes(5000)
    tracemalloc.start()
    try:
        assert read_or_refuse(tmp_path / "a.wav")
        for data in (huge, long_chunk):
            monkeypatch.setattr("sys.stdin", Feed(data))
            try:
                with open_source("-") as source:
                    assert sum(block.shape[1] for block in source.blocks) == 500
            except InputError:
                pass
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


def test_every_kind_of_damage_changes_something():
    assert unchanged(MUTATORS, AVQ_SEEDS[1]) == []
