"""Where MP3 files say less than they hold: without a header, or joined out of several.

An MP3 file is frames on end; how many they are stands, if anywhere, in a first frame without sound (Xing's and LAME's
"Xing" or "Info"), and decoders that estimate the length from the first frames' bit rate, or take the first of several
headers for the whole, stop early. Here the frames are counted (ISO/IEC 11172-3, 2.4.1.3 and 2.4.2.3; 13818-3).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from mmap import mmap
from typing import NamedTuple

BIT_RATES = (  # kbit/s of layer III by index, of version 1 and of versions 2 and 2.5
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
)
SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
MAX_GAP = 1 << 16  # bytes between two frames that are looked through
TAGS = (b"Xing", b"Info")


class Frame(NamedTuple):
    """What four bytes say of a frame.

    Attributes:
        size: bytes, the four included.
        sample_rate: Hz.
        channels: C.
        side: bytes from the start to where a tag would stand.
    """

    size: int
    sample_rate: int
    channels: int
    side: int


@dataclass
class Segment:
    """Frames that belong together.

    Attributes:
        frame: the first.
        spans: offsets in the file from and to which frames lie on end; between two is a tag, or something damaged.
        frames: with sound.
        has_header: whether the first frame is one without sound that counts the others rightly.
    """

    frame: Frame
    spans: list[tuple[int, int]]
    frames: int = 0
    has_header: bool = False
    promised: int = field(default=0, repr=False)


@lru_cache(maxsize=4096)
def parse_frame(head: bytes) -> Frame | None:
    """The frame of layer III that four bytes begin; None if they begin none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, rate = head[1] >> 3 & 3, head[2] >> 2 & 3
    bits = BIT_RATES[version != 3][head[2] >> 4]
    if version == 1 or rate == 3 or not bits:
        return None
    sample_rate, channels = SAMPLE_RATES[version][rate], 1 if head[3] >> 6 == 3 else 2
    size = (144 if version == 3 else 72) * bits * 1000 // sample_rate + (head[2] >> 1 & 1)
    side = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}[version == 3, channels]
    return Frame(size, sample_rate, channels, 4 + side)


def find_frames(data: bytes | mmap) -> Iterator[tuple[int, Frame]]:
    """Offsets of the frames in a file, and what they are; tags and what is damaged are passed over."""
    offset, end, expected = 0, len(data), -1
    while offset < end - 4:
        frame = parse_frame(bytes(data[offset : offset + 4]))
        after = offset + frame.size if frame else 0
        is_next = offset == expected or after >= end - 3  # what follows the last one may be anything
        if frame and (is_next or parse_frame(bytes(data[after : after + 4])) or tag_size(data, after)):
            yield offset, frame
            offset = expected = after
            continue
        tag = tag_size(data, offset)
        found = offset + tag if tag else data.find(b"\xff", offset + 1, offset + MAX_GAP)
        if found < 0:
            return
        offset = found


def has_frames(head: bytes) -> bool:
    """Whether three frames on end are in the first bytes of a file, which nothing else has.

    Of a stream that was cut out of a longer one the beginning of a frame may come before them, or zeros.
    """
    found = list(islice(find_frames(head), 8))
    return any(
        a + first.size == b and b + second.size == c
        for (a, first), (b, second), (c, _) in zip(found, found[1:], found[2:], strict=False)
    )


def find_segments(data: bytes | mmap) -> list[Segment]:
    """The segments of a file, in order; a new one begins with every header, and where a header's count is full."""
    segments: list[Segment] = []
    for offset, frame in find_frames(data):
        promised = _promised(data, offset, frame)
        last = segments[-1] if segments else None
        is_full = last is not None and last.promised and last.frames >= last.promised
        same = last is not None and (frame.sample_rate, frame.channels) == (last.frame.sample_rate, last.frame.channels)
        if last is None or promised is not None or is_full or not same:
            last = Segment(frame, [(offset, offset)], promised=promised or 0)
            segments.append(last)
        last.frames += promised is None
        start, end = last.spans[-1]
        if end == offset:
            last.spans[-1] = start, offset + frame.size
        else:
            last.spans.append((offset, offset + frame.size))
    for each in segments:
        each.has_header = bool(each.promised) and each.frames <= each.promised
    return [each for each in segments if each.frames]


def header_for(data: bytes | mmap, segment: Segment) -> bytes:
    """A frame to put before a segment that does not say itself how many frames it has; empty of one that does."""
    start = segment.spans[0][0]
    return b"" if segment.has_header else _header(bytes(data[start : start + 4]), segment.frames)


def put_right(data: bytes | mmap, segment: Segment) -> tuple[bytes, list[tuple[int, int]]]:
    """The same of a segment that is to be without what lies in between: its first frame, and offsets of the others."""
    if not segment.has_header:
        return header_for(data, segment), segment.spans
    (start, end), *others = segment.spans
    first = start + segment.frame.size
    spans = [(first, end), *others]
    head = bytearray(data[start:first])
    at = segment.frame.side
    if head[at : at + 4] in TAGS and head[at + 7] & 2:  # it tells the number of bytes too, which libmpg123 compares
        told = at + 8 + 4 * (head[at + 7] & 1)
        head[told : told + 4] = struct.pack(">I", len(head) + sum(end - start for start, end in spans))
    return bytes(head), spans


def find_strays(data: bytes | mmap, segments: Sequence[Segment]) -> list[int]:
    """Bytes that are neither of frames nor of tags, after each span of frames; the last is what follows them all.

    libmpg123 prints what it thinks of them, and gives up after a thousand.
    """
    spans = [span for segment in segments for span in segment.spans]
    nexts = [*(start for start, _ in spans[1:]), len(data)]
    return [_untagged(data, end, start) for (_, end), start in zip(spans, nexts, strict=True)]


def _untagged(data: bytes | mmap, start: int, end: int) -> int:
    """Bytes from there to there, but for tags that they begin with."""
    while start < end and (size := tag_size(data, start)):
        start += size
    return max(end - start, 0)


def _header(head: bytes, frames: int) -> bytes:
    """A frame without sound that says how many follow, like one that begins with `head`."""
    for index in range(1, 15):
        own = bytes([head[0], head[1] | 1, index << 4 | head[2] & 0x0C, head[3]])
        frame = parse_frame(own)
        if frame and frame.size >= frame.side + 12:
            return (own + bytes(frame.side - 4) + b"Info" + struct.pack(">II", 1, frames)).ljust(frame.size, b"\0")
    raise AssertionError("the largest frame of layer III holds a header")


def _promised(data: bytes | mmap, offset: int, frame: Frame) -> int | None:
    """How many frames a header says that there are, 0 where it does not; None of a frame with sound."""
    at = offset + frame.side
    if data[at : at + 4] in TAGS and len(data) >= at + 12:
        flags, count = struct.unpack(">II", data[at + 4 : at + 12])
        return count if flags & 1 else 0
    at = offset + 36  # Fraunhofer's
    if data[at : at + 4] == b"VBRI" and len(data) >= at + 18:
        return struct.unpack(">I", data[at + 14 : at + 18])[0]
    return None


def tag_size(data: bytes | mmap, offset: int) -> int:
    """Bytes of the tag (ID3 version 1 or 2, APE) that begins here; 0 if none does."""
    head = bytes(data[offset : offset + 32])
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        return 10 + size + (10 if head[5] & 0x10 else 0)
    if head[:3] == b"TAG":
        return 128
    if head[:8] == b"APETAGEX" and len(head) == 32:
        size, is_header = int.from_bytes(head[12:16], "little"), bool(head[23] & 0x20)
        return 32 + size if is_header else 32
    return 0
