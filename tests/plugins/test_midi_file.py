"""MIDI files that are chosen in the plugin: its two bars are those of `midi-vae`, and damaged files do no harm."""

from __future__ import annotations

import os
import runpy
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import midi_kinds
import numpy as np
import pytest
import raw_midi as raw
from sanitized import build, said_of

from latentmix.errors import InputError
from midi_vae.importing import read_passage
from realtime.plugins import sources

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.mid"))
MUTATIONS = 2000
Reader = Callable[[list[bytes]], list[str]]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin's reader; under sanitizers where there are some."""
    midi = (f"midi/{source.path.stem}" for source in sources.midi())
    engine = (f"engine/{name}" for name in ("file", "groove", "line", "maths", "melody", "order"))
    return build("read_midi_files.cpp", [*midi, "device/groove_file", *engine], tmp_path_factory.mktemp("midi_file"))


@pytest.fixture(scope="module")
def read(program: Path) -> Reader:
    """What the plugin says of files, a line each."""
    return partial(said_of, program)


TUNE = midi_kinds.notes(midi_kinds.TUNE)
NINE_FOUR = raw.metre(9, 2)
MANY = bytes([0, 0x90, 64, 64, 1, 0x80, 64, 0])


@pytest.fixture(scope="module")
def of_kinds(read: Reader) -> dict[str, str]:
    """What the plugin says of each made-up file."""
    return dict(zip(midi_kinds.FILES, read(list(midi_kinds.FILES.values())), strict=True))


@pytest.mark.parametrize("name", midi_kinds.FILES)
def test_the_two_bars_are_those_of_midi_vae(name: str, of_kinds: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "one.mid"
    path.write_bytes(midi_kinds.FILES[name])
    assert_same(path, of_kinds[name])


@pytest.mark.parametrize("name", midi_kinds.REFUSED)
def test_what_midi_vae_refuses_is_refused(name: str, read: Reader, tmp_path: Path) -> None:
    path = tmp_path / "one.mid"
    path.write_bytes(midi_kinds.REFUSED[name])
    with pytest.raises(InputError) as error:
        read_passage(str(path))
    (said,) = read([midi_kinds.REFUSED[name]])
    assert said.startswith("no ") and said.split(":")[0].split()[1] in str(
        error.value
    )  # expected, or the file is damaged


def test_names_of_parts_are_those_of_midi_vae() -> None:
    """The table of words in C++ is made of Python's; to make it anew: scripts/make/make_plugin_words.py."""
    made = runpy.run_path(str(ROOT / "scripts" / "make" / "make_plugin_words.py"))
    assert made["OUT"].read_text(encoding="ascii") == made["table"]()


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
        (raw.file(b""), "expected notes, found none"),
        (raw.file(midi_kinds.notes(midi_kinds.TUNE, 9)), "expected a melody, found only drums"),
        (raw.file(NINE_FOUR + TUNE), "at most 32 sixteenths, found 9/4"),
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
    path.write_bytes(midi_kinds.PLAIN)
    done = subprocess.run([program, path], capture_output=True, text=True, timeout=120)
    assert done.stdout == "\n", done.stdout + done.stderr


def test_as_many_notes_and_tracks_as_are_said(read: Reader) -> None:
    """500,000 notes are taken, one more is not; nor are more than 1,000 tracks with notes, or 20,000 with nothing."""
    many = [raw.file(MANY * count) for count in (500_000, 500_001)]
    tracks = [raw.file(*[MANY] * count) for count in (1_000, 1_001)]
    nothing = [raw.header(1) + raw.chunk(b"MTrk", b"") * count + midi_kinds.PLAIN[14:] for count in (19_998, 20_000)]
    said = read([*many, *tracks, *nothing])
    assert [line.startswith("no ") for line in said] == [False, True] * 3
    assert "at most 500,000 notes" in said[1] and "in 1,000 tracks" in said[3] and "at most 20,000 chunks" in said[5]


BENDS = b"\x00\xe0\x00\x40" + b"\x01\x00\x7f\x01\x00\x40\x01\x00\x60" * 30_000
STRIKES = b"".join(bytes([0, 0x90, pitch, 64]) for pitch in range(60, 100)) * 100
BACK = b"\x88\x80\x80\x80\x00\xb0\x07\x60" * 500  # half of all times that there are, before the start
LONG = {
    "bends under notes": raw.file(STRIKES + BENDS + raw.notes([(10, 490, 60)])),
    "notes that another chunk stops": raw.file(b"\x01\xb0\x7b\x00" + b"\x01\x7b\x00" * 100_000, *[TUNE] * 500),
    "before the start": raw.file(BACK + midi_kinds.notes(midi_kinds.shaken(midi_kinds.TUNE, 0.04, 1))),
    "stops and lyrics": raw.file(b"\x01\xff\x05\x02la" * 100_000 + TUNE),
    "programs": raw.file(b"\x00\xc0\x05" + b"\x01\x05" * 90_000, *[TUNE] * 500),
    "keys": raw.file(raw.meta(0x59, b"\x02\x00", 1) * 100_000 + TUNE),
}


@pytest.mark.parametrize("what", LONG)
def test_time_is_that_of_the_size_whatever_fills_a_file(what: str, read: Reader, tmp_path: Path) -> None:
    """Not that of notes times bends, tracks times stops, or of how far back a file goes: that would be hours."""
    path = tmp_path / "long.mid"
    path.write_bytes(LONG[what])
    assert_same(path, read([LONG[what]])[0])


def test_keys_are_changes_too(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "keys.mid").write_bytes(data := raw.file(raw.meta(0x59, b"\x02\x00", 1) * 100_001 + TUNE))
    with pytest.raises(InputError, match="at most 100000 changes"):
        read_passage(str(tmp_path / "keys.mid"))
    assert "at most 100,000 changes" in read([data])[0]


def test_mutated_files_under_sanitizers(read: Reader) -> None:
    """Each is read to a melody or refused with a line, whatever it says of lengths and places."""
    random, whole = np.random.default_rng(4), [*midi_kinds.FILES.values(), *(path.read_bytes() for path in EXAMPLES)]
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
