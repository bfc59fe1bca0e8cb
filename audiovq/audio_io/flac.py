"""FLAC files that do not say how long they are, as they come out of pipes: the length, from their last frame.

RFC 9639: the streaminfo block (8.2), frame headers (9.1) with their CRC-8, frame footers with their CRC-16 (9.3).
"""

from __future__ import annotations

import re
from mmap import mmap

SEARCHED = 1 << 18  # bytes before the end, more than a frame can have of eight channels of 24 bits and 4608 samples
TOTAL = 8 + 13  # offset of the byte whose lower half begins the number of samples
BLOCK_SIZES = {1: 192, **{i: 576 << (i - 2) for i in range(2, 6)}, **{i: 256 << (i - 8) for i in range(8, 16)}}


def is_of_unknown_length(head: bytes) -> bool:
    """Whether the first 26 bytes or more of a file are those of a FLAC file with 0 as its number of samples."""
    return head[:4] == b"fLaC" and len(head) >= 26 and not (head[TOTAL] & 0x0F or any(head[TOTAL + 1 : TOTAL + 5]))


def find_joined(data: bytes | mmap) -> list[int]:
    """Where files begin that were put one after another: at the mark, and a streaminfo block of the length it has."""
    return [found.start() for found in re.finditer(rb"fLaC[\x00\x80]\x00\x00\x22", data)] or [0]


def find_length(data: bytes | mmap) -> int:
    """Samples of each channel up to the end of the last whole frame; 0 if none is found."""
    fixed = int.from_bytes(data[10:12], "big")  # samples of a block
    searched = bytes(data[-SEARCHED:])
    if searched[-128:-125] == b"TAG":
        searched = searched[:-128]
    starts, offset = [], 0
    while (offset := searched.find(b"\xff", offset)) >= 0:
        found = _frame_end(searched, offset, fixed)
        if found:
            starts.append((offset, found))
        offset += 1
    for number in range(len(starts) - 1, -1, -1):
        offset, end = starts[number]
        for stop in (*(each for each, _ in starts[number + 1 :]), len(searched)):
            if _crc(searched[offset : stop - 2], 0x8005, 16) == int.from_bytes(searched[stop - 2 : stop], "big"):
                return end
    return 0


def with_length(head: bytes, samples: int) -> bytes:
    """The first bytes of a file, with its number of samples."""
    number = (head[TOTAL] & 0xF0) << 32 | samples
    return head[:TOTAL] + number.to_bytes(5, "big") + head[TOTAL + 5 :]


def _frame_end(data: bytes, offset: int, fixed: int) -> int:
    """The number of the sample after the frame that begins here; 0 if none does."""
    if len(data) < offset + 8 or data[offset + 1] & 0xFE != 0xF8:
        return 0
    variable, size_code, rate_code = data[offset + 1] & 1, data[offset + 2] >> 4, data[offset + 2] & 15
    first = data[offset + 4]
    more = 0
    while first & 0x80 >> more and more < 8:
        more += 1
    if more in (1, 8) or not size_code or rate_code == 15:
        return 0
    number, at = first & 0x7F >> more, offset + 5
    for byte in data[at : at + max(more - 1, 0)]:
        number = number << 6 | byte & 0x3F
    at += max(more - 1, 0)
    extra = {6: 1, 7: 2}.get(size_code, 0)
    size = 1 + int.from_bytes(data[at : at + extra], "big") if extra else BLOCK_SIZES[size_code]
    at += extra + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(data) or _crc(data[offset:at], 0x07, 8) != data[at]:
        return 0
    return (number if variable else number * fixed) + size


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    """Cyclic redundancy check, the highest bit first, from 0."""
    table = _TABLES.setdefault(polynomial, [_of_byte(byte, polynomial, bits) for byte in range(256)])
    value, shift, mask = 0, bits - 8, (1 << bits) - 1
    for byte in data:
        value = (value << 8 ^ table[value >> shift ^ byte]) & mask
    return value


_TABLES: dict[int, list[int]] = {}


def _of_byte(byte: int, polynomial: int, bits: int) -> int:
    value = byte << bits - 8
    for _ in range(8):
        value = value << 1 ^ (polynomial if value >> bits - 1 else 0)
        value &= (1 << bits) - 1
    return value
