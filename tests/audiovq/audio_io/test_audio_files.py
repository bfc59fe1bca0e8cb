"""Audio files and pipes of every kind, in and out; resampling; files that are whole or not there."""

from __future__ import annotations

import io
import os
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiovq.audio_io import reader, wav
from audiovq.audio_io.reader import open_source
from audiovq.audio_io.writer import open_growing, open_sink
from audiovq.dsp.resampling import Resampler, resampled
from latentmix.errors import InputError
from latentmix.files import check_target, replacing

RATE = 16_000


def tone(hertz: float, rate: int, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)[None].astype(np.float32)


def read(path: Path | str) -> tuple[np.ndarray, int]:
    with open_source(path) as source:
        blocks = list(source.blocks)
        assert all(block.dtype == np.float32 and block.shape[0] == source.channels for block in blocks)
        return np.concatenate(blocks, 1), source.sample_rate


class Feed:
    """Stands for sys.stdin or sys.stdout."""

    def __init__(self, data: bytes = b"") -> None:
        self.buffer = io.BytesIO(data)


# resampling


def convert(x: np.ndarray, source: int, target: int, block: int | None = None) -> np.ndarray:
    block = block or x.shape[1]
    return np.concatenate(
        list(resampled((x[:, i : i + block] for i in range(0, x.shape[1], block)), source, target)), 1
    )


@pytest.mark.parametrize(("source", "target"), [(8000, 16000), (44100, 16000), (48000, 16000), (16000, 44100)])
def test_a_tone_below_the_cut_off_stays(source: int, target: int):
    made = convert(tone(1000, source), source, target)
    assert made.shape == (1, target)
    inner = slice(target // 20, -target // 20)
    assert np.abs(made - tone(1000, target))[0, inner].max() < 1e-4


@pytest.mark.parametrize("source", [44_100, 48_000, 192_000])
def test_a_tone_above_the_cut_off_goes(source: int):
    made = convert(tone(8_700, source), source, RATE)
    assert np.abs(made[0, 800:-800]).max() < 5e-5


@pytest.mark.parametrize(
    ("source", "target"),
    [(8000, 16000), (44100, 16000), (192000, 16000), (16000, 44100), (22051, 16000), (383_999, 16000)],
)
def test_resampled_in_blocks_is_resampled_whole(source: int, target: int):
    x = np.random.default_rng(0).uniform(-1, 1, (2, min(source // 3, 20_000))).astype(np.float32)
    whole = convert(x, source, target)
    assert whole.shape == (2, -(-x.shape[1] * target // source))
    for block in (x.shape[1] // 7, 997) + (1,) * (source == 8000):
        assert np.array_equal(convert(x, source, target, block), whole)


def test_an_impulse_stays_where_it_is():
    x = np.zeros((1, 44_100), np.float32)
    x[0, 22_050] = 1
    assert convert(x, 44_100, 16_000)[0].argmax() == 8_000


def test_silence_stays_silent_and_the_rate_may_stay():
    assert not convert(np.zeros((1, 1000), np.float32), 44_100, 16_000).any()
    x = tone(440, RATE)
    assert Resampler(RATE, RATE).push(x) is x


# reading


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff", "au", "caf", "w64", "mp3"])
@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_files_of_many_kinds_are_read(tmp_path: Path, suffix: str, rate: int):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.concatenate([tone(440, rate), tone(880, rate)]).T, rate)
    samples, found = read(path)
    assert found == rate and samples.shape[0] == 2 and abs(samples.shape[1] - rate) <= (suffix == "mp3") * 3000
    if suffix != "mp3":
        assert np.abs(samples[0] - tone(440, rate)[0])[500:].mean() < 0.02


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (192_000, 1), (16_000, 8), (1_000, 64), (384_000, 2)])
def test_rates_and_channels(tmp_path: Path, rate: int, channels: int):
    soundfile.write(tmp_path / "a.wav", np.full((100, channels), 0.25), rate)
    samples, found = read(tmp_path / "a.wav")
    assert found == rate and samples.shape == (channels, 100) and (samples == 0.25).all()


def test_one_sample_is_read_and_none_is_refused(tmp_path: Path):
    for count in (0, 1):
        soundfile.write(tmp_path / "a.wav", np.zeros((count, 1)), RATE)
        if count:
            assert read(tmp_path / "a.wav")[0].tolist() == [[0.0]]
        else:
            with pytest.raises(InputError, match=r"a.wav: expected audio, found 0 samples"):
                read(tmp_path / "a.wav")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30, 32_768.0])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_that_are_none_are_refused_with_their_place(tmp_path: Path, bad: float, subtype: str):
    samples = np.zeros((RATE * 6, 1))
    samples[RATE * 5] = bad
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype=subtype)
    with pytest.raises(InputError, match=r"a.wav: expected samples between -1 and 1, found .* at 5.000 s"):
        read(tmp_path / "a.wav")


def test_samples_a_little_too_loud_are_clipped(tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", np.array([[0.5], [1.5], [-3.0]]), RATE, subtype="FLOAT")
    assert read(tmp_path / "a.wav")[0].tolist() == [[0.5, 1.0, -1.0]]


@pytest.mark.parametrize("content", [b"", b"hello, this is text\n" * 9, b"RIFF\0\0\0\0WAVE", bytes(5000), b"\x89AVQ\1"])
@pytest.mark.parametrize("name", ["a.wav", "a.txt", "a.raw", "a"])
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes, name: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: expected audio") as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("rate", "channels"), [(999, 1), (384_001, 1), (16_000, 65)])
def test_unusual_formats_are_refused(tmp_path: Path, rate: int, channels: int):
    soundfile.write(tmp_path / "a.wav", np.zeros((10, channels)), rate)
    with pytest.raises(InputError, match="expected 1000 to 384000 Hz and at most 64 channels"):
        read(tmp_path / "a.wav")


def test_what_cannot_be_opened_is_refused(tmp_path: Path):
    for path, reason in ((tmp_path / "none.wav", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=reason):
            read(path)
    with pytest.raises(InputError, match="null"):
        read("a\0.wav")


# pipes


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_wav_through_a_pipe_is_read_as_it_comes(monkeypatch: pytest.MonkeyPatch, subtype: str, channels: int):
    samples = np.random.default_rng(0).uniform(-1, 1, (3000, channels))
    out = io.BytesIO()
    soundfile.write(out, samples, 44_100, subtype, format="WAV" if channels < 3 else "WAVEX")
    expected = soundfile.read(io.BytesIO(out.getvalue()), dtype="float32", always_2d=True)[0].T
    monkeypatch.setattr(sys, "stdin", Feed(out.getvalue()))
    found, rate = read("-")
    assert rate == 44_100 and np.abs(found - expected).max() < 1e-7


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_wav_of_unknown_length(monkeypatch: pytest.MonkeyPatch, size: int):
    data = bytearray(wav.pack_header(RATE, 1, None) + struct.pack("<4h", 1, 2, 3, 4) + b"\1")
    data[40:44] = struct.pack("<I", size)
    monkeypatch.setattr(sys, "stdin", Feed(bytes(data)))
    assert (read("-")[0] * 32768).tolist() == [[1, 2, 3, 4]]


def test_what_follows_the_samples_is_no_sound(monkeypatch: pytest.MonkeyPatch):
    data = wav.pack_header(RATE, 1, 2) + struct.pack("<2h", 1, 2) + b"LIST" + struct.pack("<I", 4) + b"abcd"
    monkeypatch.setattr(sys, "stdin", Feed(data))
    assert read("-")[0].shape == (1, 2)


@pytest.mark.parametrize("form", ["FLAC", "OGG", "AIFF", "W64"])
def test_other_formats_through_a_pipe(monkeypatch: pytest.MonkeyPatch, form: str):
    out = io.BytesIO()
    soundfile.write(out, tone(440, RATE).T, RATE, format=form)
    monkeypatch.setattr(sys, "stdin", Feed(out.getvalue()))
    samples, rate = read("-")
    assert rate == RATE and samples.shape == (1, RATE)


@pytest.mark.parametrize("data", [b"", b"text", b"RIFF", wav.pack_header(RATE, 1, None)[:30]])
def test_no_audio_through_a_pipe(monkeypatch: pytest.MonkeyPatch, data: bytes):
    monkeypatch.setattr(sys, "stdin", Feed(data))
    with pytest.raises(InputError, match="standard input: expected audio"):
        read("-")


def test_a_fifo_is_a_pipe(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    data = wav.pack_header(RATE, 1, None) + bytes(2000)
    code = f"import sys; open(sys.argv[1], 'wb').write({data!r})"
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "pipe"]):
        assert read(tmp_path / "pipe")[0].shape == (1, 1000)


# writing


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".WAV"])
@pytest.mark.parametrize(("rate", "channels", "samples"), [(16_000, 1, 1), (44_100, 2, 70_001), (192_000, 1, 5000)])
def test_written_audio_has_its_length(tmp_path: Path, suffix: str, rate: int, channels: int, samples: int):
    path = tmp_path / f"a{suffix}"
    x = 0.5 * np.sin(np.arange(samples) / 50)[None].repeat(channels, 0).astype(np.float32)
    with open_sink(path, rate, channels) as sink:
        for start in range(0, samples, 1000):
            sink.write(x[:, start : start + 1000])
    assert sink.samples == samples and os.listdir(tmp_path) == [path.name]
    found, found_rate = soundfile.read(path, always_2d=True)
    assert found_rate == rate and found.shape == (samples, channels)
    assert np.abs(found.T - x).max() < (0.2 if suffix == ".ogg" else 1 / 32768)
    assert soundfile.info(path).subtype == ("VORBIS" if suffix == ".ogg" else "PCM_16")


def test_samples_are_rounded_and_clipped(tmp_path: Path):
    with open_sink(tmp_path / "a.wav", RATE, 1) as sink:
        sink.write(np.array([[0.0, 1.0, -1.0, 2.0, -2.0, 1.6 / 32768]], np.float32))
    assert soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tolist() == [0, 32767, -32768, 32767, -32768, 2]


def test_wav_on_standard_output(monkeypatch: pytest.MonkeyPatch):
    for samples in (3, None):
        feed = Feed()
        monkeypatch.setattr(sys, "stdout", feed)
        with open_sink("-", RATE, 1, samples) as sink:
            sink.write(np.array([[0.25, 0.5, 0.75]], np.float32))
        monkeypatch.undo()
        data = feed.buffer.getvalue()
        assert data[40:44] == struct.pack("<I", 6 if samples else 0xFFFFFFFF)
        assert soundfile.read(io.BytesIO(data))[0].tolist() == [0.25, 0.5, 0.75]


@pytest.mark.parametrize("name", ["a.mp3", "a", "a.wav.txt"])
def test_other_suffixes_are_refused(tmp_path: Path, name: str):
    with pytest.raises(InputError, match=r"ends in .wav, .flac or .ogg"), open_sink(tmp_path / name, RATE, 1):
        pass


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"), [(".flac", 16_000, 9), (".ogg", 384_000, 1), (".ogg", 16_000, 65)]
)
def test_formats_that_cannot_hold_it_are_refused(tmp_path: Path, suffix: str, rate: int, channels: int):
    with (
        pytest.raises(InputError, match=r"expected at most .* Hz and .* channels for"),
        open_sink(tmp_path / f"a{suffix}", rate, channels),
    ):
        pass
    assert not list(tmp_path.iterdir())


# files that are whole or not there


def test_a_file_is_replaced_at_the_end_only(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, InputError, ZeroDivisionError])
def test_a_fault_leaves_what_was_there(tmp_path: Path, fault: type):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(fault), replacing(path) as file:
        file.write(b"new")
        raise fault
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["nowhere/a.wav", "file/a.wav", "folder", "", "a\0.wav", "n" * 300 + ".wav"])
def test_places_that_cannot_be_written(tmp_path: Path, name: str):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    path = f"{tmp_path}/{name}"
    with pytest.raises(InputError, match="folder" if name in ("folder", "") else "cannot write the file"):
        with replacing(path) as file:
            file.write(b"x")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


def test_a_device_is_not_replaced():
    with pytest.raises(InputError, match="something other than a file"):
        check_target("/dev/null")


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: to a program the same as a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
@pytest.mark.parametrize("seconds", [1, 20])
def test_a_full_disk_is_one_line_and_no_file(tmp_path: Path, suffix: str, seconds: int):
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).uniform(-1, 1, (1, RATE)).astype(np.float32)
    with full_disk(4000), pytest.raises(InputError, match=rf"a{suffix}: cannot write the file: File too large"):
        with open_sink(path, RATE, 1) as sink:
            for _ in range(seconds):
                sink.write(noise)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_all_of_a_growing_file_that_had_room(tmp_path: Path):
    path, noise = tmp_path / "a.wav", np.random.default_rng(0).uniform(-1, 1, (1, 3000)).astype(np.float32)
    with full_disk(4001), pytest.raises(InputError, match=r"a.wav: cannot write the file: File too large"):
        with open_growing(path, RATE, 1) as sink:
            sink.write(noise[:, :1000])
            sink.write(noise[:, 1000:])
    written = soundfile.read(path, dtype="float32")[0]
    assert len(written) == 1000 and np.abs(written - noise[0, :1000]).max() <= 1 / 32768


def test_ctrl_c_while_soundfile_writes_is_not_lost(tmp_path: Path):
    noise = np.random.default_rng(0).uniform(-1, 1, (1, RATE * 60)).astype(np.float32)
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), open_sink(tmp_path / "a.ogg", RATE, 1) as sink:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            for _ in range(20):
                sink.write(noise)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert not list(tmp_path.iterdir())


def test_known_suffixes_can_be_read(tmp_path: Path):
    formats = {name.lower() for name in soundfile.available_formats()}
    same = {"wave": "wav", "bwf": "wav", "bw64": "rf64", "mp2": "mp3", "mpga": "mp3", "aif": "aiff", "aifc": "aiff"}
    same |= {"snd": "au", "oga": "ogg", "opus": "ogg", "sph": "nist", "sf": "ircam", "8svx": "svx"}
    same |= {"gsm": "raw"}  # without a header; libsndfile goes by the name
    assert {same.get(suffix[1:], suffix[1:]) for suffix in reader.SUFFIXES} <= formats
