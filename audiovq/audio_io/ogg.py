"""Ogg files that are several on end (chained, RFC 3533 section 4): where each begins, and how long all should be."""

from __future__ import annotations

import itertools
from mmap import mmap

HEAD = 27  # bytes of a page's header
CONTINUES, BEGINS, ENDS = 1, 2, 4  # flags: with a packet of the page before; first page of a stream, last one
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


def ends_early(data: bytes | mmap) -> bool:
    """Whether a page of Opus says that it ends before its packets do, and is not the last of its stream.

    Remuxing WebM, whose times are whole milliseconds, makes such pages. All packets are good; libsndfile stops there.
    """
    offset, ahead, pages = 0, None, 0
    while (offset := data.find(b"OggS", offset)) >= 0 and offset + HEAD <= len(data):
        segments = data[offset + HEAD - 1]
        lacing = data[offset + HEAD : offset + HEAD + segments]
        body = offset + HEAD + segments
        pages = 0 if data[offset + 5] & BEGINS else pages + 1
        if not pages:
            ahead = None
            if data[body : body + 8] != b"OpusHead":
                return False
        elif pages > 1 or data[body : body + 8] != b"OpusTags":
            position = int.from_bytes(data[offset + 6 : offset + 14], "little", signed=True)
            length = _length(data, body, lacing, is_continued=bool(data[offset + 5] & CONTINUES))
            if position >= 0 and lacing:
                ahead = position if ahead is None else ahead + length
                if position < ahead and not data[offset + 5] & ENDS:
                    return True
                ahead = position
        offset = body + sum(lacing)
    return False


def _length(data: bytes | mmap, body: int, lacing: bytes, is_continued: bool) -> int:
    """Samples at 48 kHz of the packets that end in a page (RFC 6716, section 3.1)."""
    samples, size = 0, 0
    for value in lacing:
        size += value
        if value == 255:
            continue
        packet = data[body : body + 2]  # nothing of it, where the file is cut off
        if size and packet and not is_continued:
            samples += _duration(packet)
        body, size, is_continued = body + size, 0, False
    return samples


def _duration(packet: bytes) -> int:
    kind = packet[0] >> 3
    if kind < 12:
        frame = (480, 960, 1920, 2880)[kind % 4]
    elif kind < 16:
        frame = (480, 960)[kind % 2]
    else:
        frame = (120, 240, 480, 960)[kind % 4]
    count = (1, 2, 2)[packet[0] & 3] if packet[0] & 3 < 3 else (packet[1] & 63 if len(packet) > 1 else 0)
    return frame * count


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
