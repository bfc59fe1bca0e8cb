"""AIFF, AU and RF64 files whose writer never came to fill in how long they are: their headers, put right.

What a recorder writes first says 0, or the length of nothing; it comes back to it at the end, unless it is killed.
"""

from __future__ import annotations

from mmap import mmap

UNKNOWN = b"\xff" * 4  # of AU: until the end of the file
AT_MOST = 1 << 16  # bytes before the samples


def with_lengths(data: bytes | mmap) -> tuple[bytes, int] | None:
    """The bytes before the samples as they should be, and how many those are in the file; None of any other file."""
    kind = bytes(data[:4])
    if kind == b".snd":
        return _au(data)
    if kind == b"FORM" and bytes(data[8:12]) in (b"AIFF", b"AIFC"):
        return _aiff(data)
    return _rf64(data) if kind == b"RF64" else None


def _au(data: bytes | mmap) -> tuple[bytes, int] | None:
    start = int.from_bytes(data[4:8], "big")
    if data[8:12] != bytes(4) or not 24 <= start <= AT_MOST or len(data) <= start:
        return None
    return bytes(data[:8]) + UNKNOWN + bytes(data[12:start]), start


def _aiff(data: bytes | mmap) -> tuple[bytes, int] | None:
    common, sound = _chunk(data, b"COMM", "big"), _chunk(data, b"SSND", "big")
    if not common or not sound:
        return None
    start = sound + 16  # after the sizes of an offset and of a block
    channels, bits = (int.from_bytes(data[common + at : common + at + 2], "big") for at in (8, 14))
    frame = channels * -(-bits // 8)
    claimed = int.from_bytes(data[sound + 4 : sound + 8], "big")
    if claimed not in (0, 8) or not frame or len(data) - start < frame or _is_chunk(data[start : start + 4]):
        return None
    header = bytearray(data[:start])
    for at, value in (
        (4, len(data) - 8),
        (sound + 4, len(data) - sound - 8),
        (common + 10, (len(data) - start) // frame),
    ):
        header[at : at + 4] = value.to_bytes(4, "big")
    return bytes(header), start


def _rf64(data: bytes | mmap) -> tuple[bytes, int] | None:
    sizes, sound = _chunk(data, b"ds64", "little"), _chunk(data, b"data", "little")
    if not sizes or not sound or any(data[sizes + 16 : sizes + 24]) or len(data) <= sound + 8:
        return None
    header = bytearray(data[: sound + 8])
    header[sizes + 8 : sizes + 24] = (len(data) - 8).to_bytes(8, "little") + (len(data) - sound - 8).to_bytes(
        8, "little"
    )
    return bytes(header), sound + 8


def _chunk(data: bytes | mmap, name: bytes, order: str) -> int:
    """Where a chunk begins; 0: there is none before the samples."""
    at = 12
    while at + 8 <= min(len(data), AT_MOST):
        if data[at : at + 4] == name:
            return at
        size = int.from_bytes(data[at + 4 : at + 8], "big" if order == "big" else "little")
        at += 8 + size + size % 2
    return 0


def _is_chunk(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)
