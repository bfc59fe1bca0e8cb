"""Kinds of audio files beside the usual ones: as long and as loud as what they were made of."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from odd_audio import SECONDS, SPEECH, encoded, is_speech, read, run, tool
from synthetic_speech import RATE

PICTURE = struct.pack(">II", 3, 9) + b"image/png" + bytes(24) + bytes(70_000)  # of a cover, longer than an Ogg page
TAG = b"Title\0abcd"
APE_ITEM = struct.pack("<II", 4, 0) + TAG
APE = [
    b"APETAGEX" + struct.pack("<IIII", 2000, len(APE_ITEM) + 32, 1, flags) + bytes(8) for flags in (0xA0000000, 1 << 31)
]
APE_TAG = APE[0] + APE_ITEM + APE[1]
PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")
SAMPLES = np.round(SPEECH * 32767).astype("<i2").tobytes()
CUES = b"".join(struct.pack("<II4sIII", number, 0, b"data", 0, 0, 9000 * number) for number in (1, 2))


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


CUE = chunk(b"cue ", struct.pack("<I", 2) + CUES) + chunk(
    b"LIST", b"adtl" + chunk(b"labl", struct.pack("<I", 1) + b"A\0")
)
BEXT = chunk(b"bext", b"a field recording".ljust(602, b"\0"))


def form(bits: int, size: int, valid: int = 0) -> bytes:
    """A chunk that says what samples of `size` bits, `bits` of them used, are; as the extensible form where told."""
    common = struct.pack("<IIHH", RATE, RATE * size // 8, size // 8, size)
    if not valid:
        return chunk(b"fmt ", struct.pack("<HH", 1, 1) + common)
    return chunk(b"fmt ", struct.pack("<HH", 0xFFFE, 1) + common + struct.pack("<HHI", 22, bits, 4) + PCM_GUID)


def wave(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def wide(bits: int, size: int) -> bytes:
    """The speech in samples of `size` bits of which the lowest are not used."""
    values = np.round(SPEECH * 2.0 ** (bits - 1)).astype("<i4") << (32 - bits)
    return values.view(np.uint8).reshape(-1, 4)[:, 4 - size // 8 :].tobytes()


HAND_MADE: dict[str, Callable[[], bytes]] = {
    "24 bits in 32": lambda: wave(form(24, 32, 24), chunk(b"data", wide(24, 32))),
    "20 bits in 24": lambda: wave(form(20, 24, 20), chunk(b"data", wide(20, 24))),
    "cue after": lambda: wave(form(16, 16), chunk(b"data", SAMPLES), CUE),
    "cue before": lambda: wave(form(16, 16), CUE, chunk(b"data", SAMPLES)),
    "bext": lambda: wave(BEXT, form(16, 16), chunk(b"data", SAMPLES), chunk(b"iXML", b"<x/>")),
    "odd chunk": lambda: wave(form(16, 16), chunk(b"junk", b"1234567"), chunk(b"data", SAMPLES), chunk(b"junk", b"1")),
    "tag after": lambda: wave(form(16, 16), chunk(b"data", SAMPLES), chunk(b"id3 ", b"ID3\x04\0\0\0\0\0\2ab")),
}


@pytest.mark.parametrize("kind", HAND_MADE)
def test_waves_with_other_chunks_and_widths(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(HAND_MADE[kind]())
    x, source = read(tmp_path / "a.wav")
    assert x.shape == (1, len(SPEECH)) and np.abs(x[0] - SPEECH).max() < 5e-5 and not source.notices


def test_an_odd_number_of_bytes_of_samples(tmp_path: Path) -> None:
    samples = np.round(SPEECH[:-1] * 127 + 128).astype("u1").tobytes()
    (tmp_path / "a.wav").write_bytes(wave(form(8, 8), chunk(b"data", samples), CUE))
    x, source = read(tmp_path / "a.wav")
    assert x.shape == (1, len(SPEECH) - 1) and np.abs(x[0] - SPEECH[:-1]).max() < 0.02 and not source.notices


@pytest.mark.parametrize(
    ("suffix", "given"),
    [
        (".w64", {"format": "W64", "subtype": "PCM_24"}),
        (".rf64", {"format": "RF64"}),
        (".voc", {"format": "VOC"}),
        (".sph", {"format": "NIST"}),
        (".avr", {"format": "AVR"}),
        (".wav", {"subtype": "DOUBLE"}),
        (".caf", {"format": "CAF", "subtype": "ALAC_24"}),
    ],
)
def test_kinds_of_libsndfile(suffix: str, given: dict, tmp_path: Path) -> None:
    encoded(tmp_path / f"a{suffix}", SPEECH, **given)
    x, source = read(tmp_path / f"a{suffix}")
    assert x.shape == (1, len(SPEECH)) and np.abs(x[0] - SPEECH).max() < 1e-4 and not source.notices


@pytest.mark.parametrize(
    ("name", "options", "late"),
    [
        ("opus.caf", "-ar 48000 -c:a libopus", 0.02),
        ("alac.caf", "-c:a alac", 0.0),
        ("big.caf", "-c:a pcm_s16be", 0.0),
        ("alac.m4a", "-c:a alac", 0.0),
        ("flac.mp4", "-c:a flac -strict -2", 0.0),
        ("fast.m4a", "-movflags +faststart", 0.0),
        ("float.wv", "-c:a wavpack -sample_fmt fltp", 0.0),
        ("ds64.wav", "-rf64 always", 0.0),
        ("sowt.aifc", "-c:a pcm_s16le -f aiff", 0.0),
        ("fl32.aifc", "-c:a pcm_f32be -f aiff", 0.0),
        ("alaw.aifc", "-c:a pcm_alaw -f aiff", 0.0),
        ("ima4.aifc", "-c:a adpcm_ima_qt -f aiff", 0.01),
        ("main.aac", "-c:a aac -profile:a aac_main", 0.13),
        ("mp3.mp4", "-c:a libmp3lame", 0.1),
        ("mp3.wav", "-c:a libmp3lame", 0.12),
        ("flac.mka", "-c:a flac", 0.0),
        ("a.eac3", "-c:a eac3 -ar 48000", 0.04),
        ("a.avi", "-c:a mp2 -ar 48000", 0.05),
        ("a.flv", "-c:a aac -ar 44100", 0.12),
        ("a.mpg", "-c:a mp2 -ar 48000 -f mpeg", 0.05),
        ("a.mts", "-c:a aac -ar 48000 -f mpegts", 0.12),
        ("a.m2ts", "-c:a aac -ar 48000 -f mpegts -mpegts_m2ts_mode 1", 0.12),
    ],
)
def test_kinds_of_ffmpeg(name: str, options: str, late: float, tmp_path: Path) -> None:
    tool("ffmpeg")
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE)
    run(f"mv a.wav original.wav; ffmpeg -v error -i original.wav {options} {name}", tmp_path)
    x, source = read(tmp_path / name)
    assert 0 <= x.shape[1] / source.sample_rate - SECONDS <= late + 1 / RATE
    assert 20 * np.log10(x.std() / SPEECH.std()) == pytest.approx(0.0, abs=0.7) and not source.notices


@pytest.mark.parametrize("before", [b"", APE_TAG])
@pytest.mark.parametrize("after", [b"", APE_TAG, APE_TAG + b"TAG" + bytes(125)])
@pytest.mark.parametrize("rate", [44_100, 22_050, 8_000])
def test_mp3_of_lame_has_no_gap_whatever_tags_are_beside_it(
    rate: int, before: bytes, after: bytes, tmp_path: Path
) -> None:
    """Of MPEG-1, MPEG-2 and MPEG-2.5; what fills up the first and last frames is taken off."""
    if rate != 44_100 and (before or not after):
        pytest.skip("tags are tried with one rate")
    tool("lame")
    soundfile.write(tmp_path / "original.wav", SPEECH, RATE)
    run(f"lame --quiet -V4 --resample {rate / 1000} original.wav a.mp3", tmp_path)
    (tmp_path / "a.mp3").write_bytes(before + (tmp_path / "a.mp3").read_bytes() + after)
    x, source = read(tmp_path / "a.mp3")
    assert x.shape[1] / source.sample_rate == pytest.approx(SECONDS, abs=0.002) and not source.notices


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_with_a_cover(subtype: str, tmp_path: Path) -> None:
    """Whose comments go on over several pages."""
    tool("ffmpeg")
    encoded(tmp_path / "a.ogg", SPEECH, format="OGG", subtype=subtype)
    picture = base64.b64encode(PICTURE).decode().replace("=", "\\=")
    (tmp_path / "tags.txt").write_text(f";FFMETADATA1\nMETADATA_BLOCK_PICTURE={picture}\n")
    run("ffmpeg -v error -i a.ogg -i tags.txt -map_metadata 1 -map_metadata:s:a 1 -c copy b.ogg", tmp_path)
    assert (tmp_path / "b.ogg").stat().st_size > len(PICTURE)
    assert np.array_equal(read(tmp_path / "b.ogg")[0], read(tmp_path / "a.ogg")[0])


def test_one_voice_in_the_centre_of_six_channels(tmp_path: Path) -> None:
    tool("ffmpeg")
    six = np.zeros((len(SPEECH), 6), np.float32)
    six[:, 2] = SPEECH
    soundfile.write(tmp_path / "a.wav", six, RATE)
    for name, options in (("a.flac", ""), ("a.ac3", "-ar 48000"), ("a.opus", "-c:a libopus -ar 48000")):
        run(f"ffmpeg -v error -i a.wav {options} {name}", tmp_path)
        x, source = read(tmp_path / name)
        assert source.layout is not None and source.layout.index("C") == int(np.argmax(x.std(1)))
        centre = x[source.layout.index("C"), :: source.sample_rate // RATE]
        assert is_speech(centre, SPEECH) and x.shape[1] / source.sample_rate == pytest.approx(SECONDS, abs=0.04)
