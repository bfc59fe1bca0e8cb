"""Memory that reading takes: at most 64 times the file, and 16 MB, whatever fills the file."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
import raw_midi as raw

from latentmix.errors import InputError
from midi_vae.midi.reader import read_tune

pytestmark = pytest.mark.slow  # each allocation is traced
FACTOR, MORE = 64, 16 * 2**20  # as `read_tune` says
SIZE = 400_000  # bytes, of which 64 times as many are far more than what comes on top

NOTE = b"\x00\x90\x3c\x40\x01\x3c\x00"
CASES = {
    "notes": NOTE + b"\x01\x3c\x40\x01\x3c\x00" * (SIZE // 6),
    "notes at once": NOTE + b"\x00\x3c\x40\x00\x40\x40" * (SIZE // 6),
    "controllers": NOTE + b"\x00\xb0\x07\x40" + b"\x00\x07\x40" * (SIZE // 3),
    "bends": NOTE + b"\x00\xe0\x00\x40" + b"\x01\x00\x7f" * (SIZE // 3),
    "programs": NOTE + b"\x00\xc0\x05" + b"\x00\x05" * (SIZE // 2),
    "aftertouch": NOTE + b"\x00\xd0\x05" + b"\x00\x05" * (SIZE // 2),
    "tempi": NOTE + b"\x01\xff\x51\x03\x07\xa1\x20" * (SIZE // 7),
    "texts": NOTE + b"\x01\xff\x01\x01a" * (SIZE // 5),
    "lyrics": b"\x01\xff\x05\x01a" * (SIZE // 5) + NOTE,
    "messages": NOTE + b"\x00\xf0\x01\xf7" * (SIZE // 4),
    "a long text": NOTE + raw.meta(1, b"a" * SIZE),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_memory_is_bounded_by_the_size_of_a_file(tmp_path: Path, what: str):
    path = tmp_path / "file.mid"
    path.write_bytes(raw.file(CASES[what]))
    tracemalloc.start()
    try:
        read_tune(path)
    except InputError as error:
        assert "expected at most" in str(error)
    finally:
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    size = path.stat().st_size
    assert used <= FACTOR * size + MORE


def test_more_program_changes_than_bounded_memory_has_room_for_are_refused(tmp_path: Path):
    (tmp_path / "file.mid").write_bytes(raw.file(CASES["programs"]))
    with pytest.raises(InputError, match=r"expected at most .* program changes"):
        read_tune(tmp_path / "file.mid")
