"""Files that other programs read though something is wrong, and those that nobody reads."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import raw_midi as raw

from latentmix.errors import InputError
from midi_vae.midi.reader import read_tune
from midi_vae.midi.score import Tune

SCALE = raw.notes([(96 * i, 96 * i + 90, 60 + i) for i in range(8)])


def read(tmp_path: Path, content: bytes) -> Tune:
    path = tmp_path / "tune.mid"
    path.write_bytes(content)
    return read_tune(path)


def sized(content: bytes, size: int, kind: bytes = b"MTrk") -> bytes:
    return kind + struct.pack(">I", size) + content


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"RMID" + b"".join(
        kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2) for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


GOOD = raw.file(SCALE)
TRACK = SCALE + raw.END
READ_ALL_THE_SAME = {
    "a controller above 127": (raw.file(b"\x00\xb0\x0a\xe0" + SCALE), "data byte above 127"),
    "a program above 127": (raw.file(b"\x00\xc0\x90" + SCALE), "data byte above 127"),
    "a negative time": (raw.file(SCALE + b"\x8f\xff\xff\xfe\x00\xb0\x07\x40"), "more than four bytes"),
    "a time of six bytes": (
        raw.file(b"\x80\x80\x80\x80\x83\x60\xb0\x07\x40" + SCALE),
        "1 time of more than four bytes",
    ),
    "a negative time of 64 bits": (
        raw.file(SCALE + b"\x81" + 8 * b"\xff" + b"\x7f\xb0\x07\x40"),
        "1 time of more than four",
    ),
    "a length of six bytes": (
        raw.file(b"\x00\xff\x01" + 5 * b"\x80" + b"\x03abc" + SCALE),
        "1 length of more than four",
    ),
    "no ticks of a quarter note": (raw.file(SCALE, division=0), "of a quarter note, read as 480"),
    "no ticks of a frame": (raw.file(SCALE, division=0xE700), "of half a second, read as 500"),
    "time code of no kind": (raw.file(SCALE, division=0xE928), "23 frames a second"),
    "the last track is shorter": (raw.header(1) + sized(TRACK, len(TRACK) + 9), "has fewer"),
    "a gigantic track": (raw.header(1) + sized(TRACK, 3_000_000_000), "has fewer"),
    "the last track is longer": (raw.header(1) + sized(TRACK, 40), "longer than it says"),
    "the last track is a byte longer": (raw.header(1) + sized(TRACK, len(TRACK) - 1), "longer than it says"),
    "the first track is longer": (
        raw.header(2) + sized(TRACK, len(TRACK) - 6) + sized(TRACK, len(TRACK)),
        "longer than it says",
    ),
    "no lengths at all": (raw.header(2) + 2 * sized(TRACK, 0), "longer than it says"),
    "a track that announces the next one too": (
        raw.header(2) + sized(TRACK, len(TRACK) + 30) + sized(TRACK, len(TRACK)),
        "has fewer",
    ),
    "fewer tracks": (raw.header(9) + sized(TRACK, len(TRACK)), "9 tracks announced, 1 found"),
    "more tracks": (raw.header(1) + 2 * sized(TRACK, len(TRACK)), "1 track announced, 2 found"),
    "bytes between tracks": (
        raw.header(2) + sized(TRACK, len(TRACK)) + b"\x00\xb1\x0a\x00\x7f\x7f\x7f\x7f\x01" + sized(TRACK, len(TRACK)),
        "9 bytes that are no chunk",
    ),
    "a type that is none": (GOOD[:8] + b"\x74" + GOOD[9:], "type 29697, read as type 1"),
    "a type to come": (GOOD[:9] + b"\x03" + GOOD[10:], "type 3, read as type 1"),
    "a byte before": (b"\x0a" + GOOD, "1 byte before the header"),
    "a MacBinary header": (b"\x00\x08tune.mid" + bytes(118) + GOOD, "128 bytes before the header"),
}
NOTHING_WRONG = {
    "RIFF": riff((b"data", GOOD)),
    "RIFF in another order": riff(
        (b"LIST", b"INFOINAM\x05\x00\x00\x00tune\x00"), (b"data", GOOD), (b"DISP", b"\x01\x00\x00\x00x")
    ),
    "bytes after": GOOD + b"by somebody\r\n\x1a",
    "padding": GOOD + bytes(300),
    "a chunk of another kind": raw.header(1) + sized(b"\x01\x02\x03", 3, b"\x02\x00ab") + sized(TRACK, len(TRACK)),
    "no end of track": raw.header(1) + sized(SCALE, len(SCALE)),
    "a curve of tempi": raw.file(b"".join(raw.tempo(400_000 + 3 * i, 0 if i % 3 else 1) for i in range(30_000)), SCALE),
}


@pytest.mark.parametrize("kind", READ_ALL_THE_SAME)
def test_what_is_wrong_is_read_and_said_in_one_line(tmp_path: Path, kind: str):
    content, said = READ_ALL_THE_SAME[kind]
    tune = read(tmp_path, content)
    assert [int(pitch) for pitch in tune.tracks[0].notes["pitch"]] == list(range(60, 68))
    assert sum(said in remark for remark in tune.remarks) == 1 and all("\n" not in remark for remark in tune.remarks)


@pytest.mark.parametrize("kind", NOTHING_WRONG)
def test_what_is_right_is_read_without_a_remark(tmp_path: Path, kind: str):
    tune = read(tmp_path, NOTHING_WRONG[kind])
    assert len(tune.tracks[0].notes) == 8 and tune.remarks == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD[:-3], "truncated: 3 bytes are missing"),
        (GOOD[: len(GOOD) // 2], "bytes are missing"),
        (raw.header(2) + sized(SCALE, 12) + sized(TRACK, len(TRACK)), "does not end where it says"),
        (raw.file(b"\x00\xf0\x7f\x01\x02" + SCALE), "in the middle of an event"),
        (raw.file(b"\x00\xfd" + SCALE), "status byte 0xFD"),
        (bytes(5000), "starts with"),
        (riff((b"data", b"no music")), "starts with the bytes 52 49 46 46"),
        (b"x" * 2000 + GOOD, "starts with 'xxxx"),
        (raw.file(b"\xff\xff\xff\x7f\x90\x40\x40" + SCALE), "at most 100000 beats"),
    ],
)
def test_what_no_reader_takes_is_refused(tmp_path: Path, content: bytes, said: str):
    with pytest.raises(InputError) as error:
        read(tmp_path, content)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_data_byte_above_127_spoils_no_note(tmp_path: Path):
    track = b"\x00\x90\xc8\x40" + b"\x00\x90\x3c\xc8" + b"\x60\x80\x3c\x00"
    tune = read(tmp_path, raw.file(track, division=96))
    assert [(int(n["pitch"]), int(n["velocity"]), float(n["end"])) for n in tune.tracks[0].notes] == [(60, 127, 1.0)]
    assert tune.remarks == ("2 events with a data byte above 127",)
