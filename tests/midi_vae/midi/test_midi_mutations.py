"""Damaged MIDI files: each is read or refused with one line, whatever the damage, within bounds of memory."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import raw_midi as raw
from mutations import delete, double, flip, inserting, mutants, overwriting, truncate, unchanged

from latentmix.errors import InputError
from midi_vae.importing import read_melody, read_sections
from midi_vae.midi.reader import MAX_BEATS, MAX_BYTES
from midi_vae.music.melody import Melody

TUNE = [(240 * i, 240 * i + 230, 60 + 7 * i % 12) for i in range(24)]
CHORDS = [(960 * i, 960 * i + 960, pitch) for i in range(6) for pitch in (48, 55, 64)]
EDGES = (0x00, 0x7F, 0x80, 0x90, 0xC0, 0xF0, 0xF7, 0xFF, 0x2F, 0x51, 0x58)

SUNG = b"".join(raw.meta(0x05, "lä-".encode("utf-16"), 240 if i else 1) for i in range(24))
BENT = b"\x00\xb0\x65\x00\x00\xb0\x64\x00\x00\xb0\x06\x0c\x00\xe0\x00\x60" + raw.notes(TUNE) + b"\x00\xb0\x7b\x00"
GS_DRUMS = b"\x00\xf0\x0a\x41\x10\x42\x12\x40\x1b\x15\x01\x00\xf7"
KARAOKE = raw.file(
    raw.meta(0x59, b"\xfd\x01") + raw.meta(0x59, b"\x02\x00", 960) + SUNG,
    raw.name("Mélodie") + BENT,
    raw.meta(0x21, b"\x01") + GS_DRUMS + raw.notes(TUNE[:6], 11),
)


def riff(content: bytes) -> bytes:
    body = b"RMIDDISP\x06\x00\x00\x00\x01\x00\x00\x00la" + b"data" + struct.pack("<I", len(content)) + content
    return b"RIFF" + struct.pack("<I", len(body)) + body


SEEDS = (
    KARAOKE,
    riff(KARAOKE),
    raw.file(raw.name("tune") + raw.tempo(400_000) + raw.metre(4, 2) + raw.notes(TUNE), kind=0),
    raw.file(
        raw.metre(1, 2) + raw.metre(3, 2, 480) + raw.tempo(900_000, 480) + raw.metre(6, 3, 960) + raw.metre(7, 5, 1440),
        raw.name("Piano") + b"\x00\xc1\x05" + raw.notes(CHORDS, 1),
        raw.name("Melody") + raw.notes(TUNE, 2) + b"\x10\xb2\x40\x00\x00\xe2\x01\x40",
        raw.notes(TUNE[:6], 9),
    ),
    raw.file(b"\x00\x90" + b"".join(b"\x3c\x40\x18\x3c\x00\x00"[:6] for _ in range(20))[:-1], division=96),
    raw.file(b"\x00\xf0\x04\x43\x12\x00\xf7" + raw.notes(TUNE), division=0xE728),
    raw.header(1) + raw.chunk(b"XYZW", b"foreign") + raw.chunk(b"MTrk", raw.notes(TUNE) + raw.END),
    raw.file(raw.notes([(97 * i + 31, 97 * i + 120, 60 + i % 5) for i in range(24)]), division=384, kind=2),
)


def double_chunks(data: bytearray, rng: random.Random) -> None:
    """Repeat from the first track on, as far as a whole chunk and more."""
    start = max(data.find(b"MTrk"), 0)
    end = rng.randrange(start, len(data) + 1)
    at = rng.choice((end, rng.randrange(len(data) + 1)))
    data[at:at] = data[start:end]


def edit_length(data: bytearray, rng: random.Random) -> None:
    """Another size for a chunk, or another number of tracks or division in the header."""
    places = [i for i in range(len(data) - 8) if data[i : i + 4] in (b"MThd", b"MTrk")]
    at = rng.choice(places or [0])
    if data[:4] == b"RIFF" and rng.random() < 0.3:
        at = rng.choice((4, 16, 30))
        struct.pack_into("<I", data, min(at, len(data) - 4), rng.choice((0, 1, 2**31, 2**32 - 1, len(data))))
    elif data[at : at + 4] == b"MThd" and rng.random() < 0.6 and len(data) >= at + 14:
        struct.pack_into(
            ">H", data, at + rng.choice((8, 10, 12)), rng.choice((0, 1, 2, 7, 255, 0x7FFF, 0x8001, 0xFFFF))
        )
    elif len(data) >= at + 8:
        (size,) = struct.unpack_from(">I", data, at + 4)
        near = (size + rng.randrange(-9, 10)) % 2**32
        struct.pack_into(">I", data, at + 4, rng.choice((0, 2**31, 2**32 - 1, near)))


def delay(data: bytearray, rng: random.Random) -> None:
    """A huge time before an event: as long as a number can be, or just what is allowed."""
    after = [i + 1 for i in range(20, len(data) - 2) if data[i] & 0xF0 in (0x80, 0x90)]
    at = rng.choice(after or [len(data) - 1]) + 2
    data[at : at + 1] = rng.choice((b"\xff\xff\xff\x7f", raw.varying(int(MAX_BEATS) * 479), b"\x8f\xff\x7f"))
    repair_sizes(data)


def repair_sizes(data: bytearray) -> None:
    """Make the last chunk reach to the end of the file, so that what is in it gets read."""
    at = data.rfind(b"MTrk")
    if 0 <= at <= len(data) - 8:
        struct.pack_into(">I", data, at + 4, len(data) - at - 8)


MUTATORS = (
    flip,
    overwriting(EDGES),
    delete,
    inserting(EDGES, longest=12),
    truncate,
    double,
    double_chunks,
    edit_length,
    delay,
)


def damaged(rounds: int, seed: int) -> Iterator[bytes]:
    """Damaged files; of every second the last chunk reaches to the end of the file all the same."""
    for number, mutant in enumerate(mutants(SEEDS, MUTATORS, rounds, seed)):
        data = bytearray(mutant)
        if number % 2:
            repair_sizes(data)
        yield bytes(data)


def check_melody(melody: Melody) -> None:
    assert isinstance(melody, Melody) and len(melody.tokens) == melody.bars * melody.steps_per_bar > 0
    assert 0 <= melody.tokens.min() and melody.tokens.max() <= 129 and np.isfinite(melody.tempo)


def read_or_refuse(path: Path) -> bool:
    """Whether it was read. Anything but an InputError of one line that names the file ends the test."""
    try:
        melody, report = read_melody(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ") and "\n" not in str(error)
        return False
    check_melody(melody)
    assert report.notes > 0 and 0 <= report.mean_deviation_steps <= 0.5
    for section in read_sections(path):
        check_melody(section)
    return True


def test_the_seeds_are_good(tmp_path: Path):
    path = tmp_path / "seed.mid"
    for seed in SEEDS:
        path.write_bytes(seed)
        assert read_or_refuse(path)
        assert Melody.from_midi(path).notes()


@pytest.fixture
def hand_over(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Path]:
    """Makes some bytes the content of a file to read, without the disk: writing takes longer than reading."""
    content = [b""]
    monkeypatch.setattr("midi_vae.midi.reader._read_bytes", lambda path: content[0])

    def hand_over(data: bytes) -> Path:
        content[0] = data
        return Path("mutant.mid")

    return hand_over


def test_mutants_are_read_or_refused(hand_over: Callable[[bytes], Path]):
    read = [read_or_refuse(hand_over(data)) for data in damaged(rounds=10, seed=2)]
    assert 0.1 < np.mean(read) < 0.9  # or the damage was too small or too great to tell anything


def test_mutants_take_little_memory(hand_over: Callable[[bytes], Path]):
    tracemalloc.start()
    try:
        for data in damaged(rounds=2, seed=3):
            tracemalloc.reset_peak()
            read_or_refuse(hand_over(data))
            assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


NOTES = b"\x00\x90\x3c\x40" + b"\x00\x3c\x40" * 30_000  # running status, three bytes a note


@pytest.mark.parametrize(
    "content",
    [
        raw.file(NOTES),
        raw.file(raw.tempo(500_000) * 20_000),
        raw.file(raw.notes(TUNE) + raw.metre(1, 2, 1) * 2_000),
        raw.file(raw.meta(0x01, bytes(700_000)) + raw.notes(TUNE)),
        raw.header(0xFFFF) + raw.chunk(b"MTrk", b"\x00\x90\x3c\x40\x01\x91\x3c\x40\x01\x3c\x00") * 0xFFFF,
        raw.file(raw.notes([(0, 1, 60), (int(MAX_BEATS) * 480 - 1, int(MAX_BEATS) * 480, 60)]) + b"\x00\x90\x3c\x40"),
        bytes(MAX_BYTES // 4),
    ],
    ids=["notes", "tempi", "metres", "text", "tracks", "long", "zeros"],
)
def test_bombs_take_little_memory(hand_over: Callable[[bytes], Path], content: bytes):
    tracemalloc.start()
    try:
        read_or_refuse(hand_over(content))
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


def test_every_kind_of_damage_changes_something():
    assert unchanged(MUTATORS, SEEDS[1]) == []
