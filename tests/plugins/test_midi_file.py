"""MIDI files that are chosen in the plugin: which two bars of them are taken, beside `midi-vae`; and damaged ones."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sanitized import build, said_of

from midi_vae.importing import read_passage

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.mid"))
MUTATIONS = 2000
Reader = Callable[[list[bytes]], list[str]]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's reader; under sanitizers where there are some."""
    device = (f"device/{name}" for name in ("midi_file", "melody_file", "groove_file"))
    engine = (f"engine/{name}" for name in ("file", "groove", "melody"))
    return build("read_midi_files.cpp", [*device, *engine], tmp_path_factory.mktemp("midi_file"))


@pytest.fixture(scope="module")
def read(program: Path) -> Reader:
    """What the plugin says of files, a line each."""
    return partial(said_of, program)


def number(value: int) -> bytes:
    """Of variable length."""
    out = [value & 127]
    while value := value >> 7:
        out.insert(0, value & 127 | 128)
    return bytes(out)


def track(events: list[tuple[int, bytes]], name: str = "") -> bytes:
    """Events at ticks, in any order."""
    data, now = (b"\0\xff\x03" + number(len(name)) + name.encode()) if name else b"", 0
    for at, event in sorted(events, key=lambda each: each[0]):
        data += number(at - now) + event
        now = at
    data += b"\0\xff\x2f\0"
    return b"MTrk" + struct.pack(">I", len(data)) + data


def notes(played: list[tuple[float, float, int]], channel: int = 0) -> list[tuple[int, bytes]]:
    """(start, end, pitch) in beats of 480 ticks."""
    ends = [(round(480 * end), bytes([0x80 | channel, pitch, 0])) for _, end, pitch in played]
    return ends + [(round(480 * start), bytes([0x90 | channel, pitch, 90])) for start, _, pitch in played]


def midi(*tracks: bytes, division: int = 480) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), division) + b"".join(tracks)


TUNE = [(k / 2, k / 2 + 0.5, 60 + (7 * k) % 12) for k in range(16)]
CHORDS = [(2 * k, 2 * k + 2, pitch) for k in range(4) for pitch in (48, 52, 55)]
THREE_FOUR = (0, b"\xff\x58\x04\x03\x02\x18\x08")
FILES = {
    "one track": midi(track(notes(TUNE))),
    "another tempo and instrument": midi(track([(0, b"\xff\x51\x03\x07\xa1\x20"), (0, b"\xc0\x28"), *notes(TUNE)])),
    "from the third bar on": midi(track(notes([(s + 9, e + 9, p) for s, e, p in TUNE]))),
    "three quarters": midi(track([THREE_FOUR, *notes(TUNE)])),
    "chords and a tune": midi(track(notes(CHORDS)), track(notes(TUNE, 1))),
    "named": midi(track(notes(TUNE), "Bass"), track(notes([(s, e, p - 12) for s, e, p in TUNE], 1), "Melody")),
    "drums are none": midi(track(notes(TUNE, 9)), track(notes([(0, 1, 60), (1, 2, 64), (2, 3, 67)]))),
    "the top line": midi(track(notes(TUNE + [(s, e, p - 15) for s, e, p in TUNE]))),
    "rests and long notes": midi(track(notes([(0, 0.25, 60), (1, 3.5, 64), (5, 5.25, 62), (6, 8, 59)]))),
    "beside the grid": midi(track(notes([(s + 0.02 * (k % 3), e - 0.05, p) for k, (s, e, p) in enumerate(TUNE)]))),
}  # fmt: skip
PLAIN = FILES["one track"]
FILES["in a RIFF file"] = struct.pack("<4sI8sI", b"RIFF", len(PLAIN) + 12, b"RMIDdata", len(PLAIN)) + PLAIN


@pytest.mark.parametrize("name", FILES)
def test_the_two_bars_are_those_of_midi_vae(name: str, read: Reader, tmp_path: Path) -> None:
    path = tmp_path / "one.mid"
    path.write_bytes(FILES[name])
    assert_same(path, read([FILES[name]])[0])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(path: Path, read: Reader) -> None:
    assert_same(path, read([path.read_bytes()])[0])


def assert_same(path: Path, said: str) -> None:
    melody = read_passage(str(path)).melody
    numerator, denominator, tempo, program, *tokens = said.split()
    assert (int(numerator), int(denominator), int(program)) == (*melody.metre, melody.program)
    assert float(tempo) == pytest.approx(melody.tempo, abs=0.01)
    assert [int(token) for token in tokens] == melody.tokens.tolist()


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "expected a MIDI file"),
        (b"RIFF" + bytes(40), "expected a MIDI file"),
        (midi(track([])), "expected notes, found none"),
        (midi(track(notes(TUNE, 9))), "expected a melody, found only drums"),
        (midi(track(notes(TUNE)), division=0), "expected a MIDI file"),
        (midi(track([(0, b"\xff\x58\x04\x09\x02\x18\x08"), *notes(TUNE)])), "at most 32 sixteenths, found 9/4"),
    ],
)
def test_what_cannot_be_taken_is_said_in_a_line(data: bytes, line: str, read: Reader) -> None:
    (said,) = read([data])
    assert said.startswith("no ") and line in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_does_not_keep_the_worker_waiting(program: Path, tmp_path: Path) -> None:
    """Nobody will ever write into it."""
    pipe = tmp_path / "pipe.mid"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, tmp_path / "none.mid"):
        done = subprocess.run([program, path], capture_output=True, text=True, timeout=120)
        assert done.stdout == f"{path.name}: expected a file that can be read, found none\n"


def test_names_of_files_are_utf_8(program: Path, tmp_path: Path) -> None:
    path = tmp_path / "Lied für Zoë ♪.mid"
    path.write_bytes(PLAIN)
    done = subprocess.run([program, path], capture_output=True, text=True, timeout=120)
    assert done.stdout == "\n", done.stdout + done.stderr


def test_as_many_notes_and_tracks_as_are_said(read: Reader) -> None:
    """200,000 notes are taken, one more is not; of tracks without anything not more than a header can say."""
    note = bytes([0, 0x90, 64, 64, 1, 0x80, 64, 0])
    many = [b"MTrk" + struct.pack(">I", len(note) * count) + note * count for count in (200_000, 200_001)]
    head, nothing = PLAIN[:14], b"MTrk" + bytes(4)
    said = read([*(head + each for each in many), *(head + nothing * count + PLAIN[14:] for count in (65_534, 65_535))])
    assert [line.startswith("no ") for line in said] == [False, True, False, True]
    assert "at most 200,000 notes, found more" in said[1] and "at most 65,535 tracks, found more" in said[3]


def test_mutated_files_under_sanitizers(read: Reader) -> None:
    """Each is read to a melody or refused with a line, whatever it says of lengths and places."""
    random, whole = np.random.default_rng(4), [*FILES.values(), *(path.read_bytes() for path in EXAMPLES)]
    files = []
    for _ in range(MUTATIONS):
        bad = bytearray(whole[int(random.integers(len(whole)))])
        for _ in range(int(random.integers(1, 5))):
            at = int(random.integers(len(bad)))
            kind = int(random.integers(4))
            if kind == 0:
                bad[at] = int(random.integers(256))
            elif kind == 1:
                bad[at : at + 4] = int(random.choice([0, 1, 127, 2**31, 2**32 - 1])).to_bytes(4, "big")
            elif kind == 2 and len(bad) > 40:
                del bad[at : at + int(random.integers(1, 40))]
            else:
                bad[at:at] = bytes(random.integers(0, 256, int(random.integers(1, 20)), np.uint8))
        files.append(bytes(bad))
    said = read(files)
    assert len(said) == len(files)
    refused = sum(line.startswith("no ") for line in said)
    assert refused > 50 and len(said) - refused > 500
