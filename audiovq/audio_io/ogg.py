"""Ogg files that are several on end (chained, RFC 3533 section 4): where each begins, and how long all should be."""

from __future__ import annotations

import itertools
from mmap import mmap

HEAD, BEGINS = 27, 2  # bytes of a page's header; flag of the first page of a stream
OPUS_RATE = 48_000  # Hz, of the positions in Opus, whatever its original had (RFC 7845)
FROM_THE_START = 2.0  # seconds: a stream whose first page ends later was cut out of a longer one


def find_links(data: bytes | mmap) -> list[int]:
    """Offsets at which the links of a chain begin; one of a file that is none."""
    links, offset, was_beginning = [], 0, False
    while (offset := data.find(b"OggS", offset)) >= 0 and offset + HEAD <= len(data):
        begins = bool(data[offset + 5] & BEGINS)
        if begins and not was_beginning:
            links.append(offset)
        was_beginning = begins
        segments = data[offset + HEAD - 1]
        offset += HEAD + segments + sum(data[offset + HEAD : offset + HEAD + segments])
    return links


def find_seconds(data: bytes | mmap) -> float:
    """Seconds by the positions that pages of Vorbis and Opus have, damaged or not; 0 where there are none."""
    links = [*find_links(data), len(data)]
    return sum(_seconds(data, start, end) for start, end in itertools.pairwise(links))


def _seconds(data: bytes | mmap, start: int, end: int) -> float:
    body = start + HEAD + data[start + HEAD - 1] if start + HEAD <= end else end
    head = bytes(data[body : body + 20])
    if head[:8] == b"OpusHead":
        rate, first = OPUS_RATE, int.from_bytes(head[10:12], "little")
    elif head[:7] == b"\x01vorbis":
        rate, first = int.from_bytes(head[12:16], "little"), 0
    else:
        return 0.0
    positions, offset = [], start
    while (offset := data.find(b"OggS", offset, end)) >= 0:
        position = int.from_bytes(data[offset + 6 : offset + 14], "little", signed=True)
        if position > 0:
            positions.append(position)
        offset += 4
    if not rate or not positions:
        return 0.0
    first = positions[0] if positions[0] > FROM_THE_START * rate else first
    return max(0, positions[-1] - first) / rate
