"""Files whose writer was killed, that were joined, cut off or damaged: read to the end, or said how far."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiovq.audio_io.reader import AudioSource, open_source

RATE = 16_000
SPEECH = soundfile.read(Path(__file__).resolve().parents[3] / "examples" / "speech.flac", dtype="float32")[0][:RATE]
SPEECH = np.concatenate([SPEECH, SPEECH[::-1]])  # two seconds


def read(path: Path) -> tuple[np.ndarray, AudioSource]:
    with open_source(path) as source:
        return np.concatenate(list(source.blocks), 1), source


def written(path: Path, form: str | None = None, subtype: str | None = None, channels: int = 1) -> bytearray:
    soundfile.write(path, np.stack([SPEECH] * channels, 1), RATE, format=form, subtype=subtype)
    return bytearray(path.read_bytes())


def kill_wav(data: bytearray) -> None:
    at = data.index(b"data") + 4
    data[at : at + 4] = data[4:8] = bytes(4)
    if (fact := data.find(b"fact", 12, at)) >= 0:
        data[fact + 8 : fact + 12] = bytes(4)


def kill_wav_but_riff(data: bytearray) -> None:
    at = data.index(b"data") + 4
    data[at : at + 4] = bytes(4)


def kill_aiff(data: bytearray) -> None:
    common, sound = data.index(b"COMM"), data.index(b"SSND")
    data[common + 10 : common + 14] = bytes(4)
    data[sound + 4 : sound + 8] = struct.pack(">I", 8)


def kill_au(data: bytearray) -> None:
    data[8:12] = bytes(4)


def kill_rf64(data: bytearray) -> None:
    at = data.index(b"ds64") + 8
    data[at : at + 24] = bytes(24)


@pytest.mark.parametrize(
    ("form", "subtype", "kill"),
    [
        *(("WAV", kind, kill_wav) for kind in ("ALAW", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610", "PCM_16", "FLOAT")),
        *(("WAV", kind, kill_wav_but_riff) for kind in ("ULAW", "IMA_ADPCM", "PCM_16", "PCM_24")),
        *(("AIFF", kind, kill_aiff) for kind in ("PCM_16", "PCM_24")),
        *(("AU", kind, kill_au) for kind in ("PCM_16", "ULAW")),
        ("RF64", "PCM_16", kill_rf64),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_recorder_that_was_killed(form: str, subtype: str, kill, channels: int, tmp_path: Path) -> None:
    if subtype == "GSM610" and channels == 2:
        pytest.skip("has one channel")
    data = written(tmp_path / "a", form, subtype, channels)
    expected, whole = read(tmp_path / "a")
    kill(data)
    (tmp_path / "b").write_bytes(data)
    found, source = read(tmp_path / "b")
    # GSM comes in blocks of 320 samples; how many of the last one are meant only the header knew
    assert found.shape[1] - expected.shape[1] in (range(320) if subtype == "GSM610" else (0,))
    assert np.abs(found[:, : expected.shape[1]] - expected).max() < 1e-6
    assert source.samples == found.shape[1] and source.channels == whole.channels and not source.notices


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_joined_files_are_read_one_after_another(form: str, tmp_path: Path) -> None:
    data = written(tmp_path / "a", form)
    (tmp_path / "b").write_bytes(data * 3)
    found, source = read(tmp_path / "b")
    assert source.samples == found.shape[1] == 3 * len(SPEECH)
    assert np.array_equal(found[0], np.tile(read(tmp_path / "a")[0][0], 3))


@pytest.mark.parametrize("subtype", ["PCM_16", "ULAW", "IMA_ADPCM"])
def test_what_was_cut_off_is_said(subtype: str, tmp_path: Path) -> None:
    data = written(tmp_path / "a.wav", "WAV", subtype)
    start = data.index(b"data") + 8
    (tmp_path / "b.wav").write_bytes(data[: start + (len(data) - start) // 4])
    found, source = read(tmp_path / "b.wav")
    assert found.shape[1] == pytest.approx(len(SPEECH) / 4, rel=0.1)
    assert source.notices == ["cut off: 75 % of what its header speaks of is missing at the end"]


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
@pytest.mark.parametrize("fault", ["hole", "cut"])
def test_damaged_ogg_is_not_cut_short_in_silence(subtype: str, fault: str, tmp_path: Path) -> None:
    samples = np.tile(SPEECH, 6)
    soundfile.write(tmp_path / "a.ogg", samples, RATE, format="OGG", subtype=subtype)
    data = bytearray((tmp_path / "a.ogg").read_bytes())
    assert not read(tmp_path / "a.ogg")[1].notices
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    (tmp_path / "b.ogg").write_bytes(data if fault == "hole" else data[: middle + 100])
    found, source = read(tmp_path / "b.ogg")
    lost = (len(samples) - found.shape[1]) / RATE
    if fault == "hole" and lost > 0.2:  # what libsndfile does about it is its own
        assert f"only {found.shape[1] / RATE:.2f} of 12.0" in source.notices[0]
    assert lost < 0.2 or fault == "cut" or len(source.notices) == 1


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("codec", ["g726 -ar 8000", "adpcm_yamaha"])
def test_wav_of_a_kind_that_libsndfile_does_not_know(codec: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", SPEECH, RATE)
    command = f"ffmpeg -v error -i a.wav -c:a {codec} b.wav"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    found, source = read(tmp_path / "b.wav")
    assert found.shape[1] / source.sample_rate == pytest.approx(2.0, abs=0.4)
