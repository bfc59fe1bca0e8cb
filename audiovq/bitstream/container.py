"""The .avq format: bytes <-> header, records and end, as docs/avq-format.md describes it. Knows no model.

Writing needs no seeking and reading none either, so both work through a pipe. Reading finds its place again
after damage, by the checksum of a record, which depends on the record's number and on the header.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .header import CRC_BYTES, END, MAX_HEADER, SIZE_BYTES, End, Header, read_varint, varint

# first byte of a record: up to 191 it is the size of the payload, from 192 to 253 the next byte counts too
TWO_BYTES, SHORT = 0xC0, 0xFE
MAX_PREFIX = 5  # bytes before the payload
RECORD_BYTES = 2 + CRC_BYTES  # around the payload of a whole chunk, at most
INDEX_EVERY = 16  # chunks from one offset in the index to the next
MAX_END = 1 << 20  # bytes of the end that are read
MAX_LOST = 1_000  # records in a row that damage may take away; beyond, what looks like a record is chance
# A record's number is spread over all bits before the checksum is combined with it: were the number itself taken,
# a damaged checksum would look like the sound one of a record a little further on.
SPREAD = 0x9E3779B1
GATHER = pow(SPREAD, -1, 1 << 32)
BLOCK = 1 << 16


@dataclass(frozen=True)
class Record:
    """A chunk of one channel.

    Attributes:
        number: from 0; chunk after chunk, in each the channels in order.
        frames: code frames in it.
        payload: its bytes; None if they are lost.
    """

    number: int
    frames: int
    payload: bytes | None


class Writer:
    """Writes a file, record by record, without ever going back.

    Args:
        stream: with `write`.
        header: what to begin with; written at once.
    """

    def __init__(self, stream: BinaryIO, header: Header) -> None:
        packed = header.pack()
        self.header = header
        self.size = len(packed)  # bytes so far
        self._stream, self._start, self._seed = stream, len(packed), zlib.crc32(packed)
        self._number = self._frames = 0
        self._offsets: list[int] = []
        stream.write(packed)

    def write(self, payload: bytes, frames: int) -> None:
        """The next record; `frames` is below `chunk_frames` in the last chunk only."""
        channels = self.header.channels
        if self._number and self._number % (INDEX_EVERY * channels) == 0:
            self._offsets.append(self.size - self._start)
        is_short = frames != self.header.chunk_frames
        content = (bytes([SHORT]) + varint(frames) if is_short else b"") + _size(len(payload)) + payload
        checksum = zlib.crc32(content, self._seed) ^ self._number * SPREAD & 0xFFFFFFFF
        self._put(content + checksum.to_bytes(CRC_BYTES, "big"))
        if self._number % channels == 0:
            self._frames += frames
        self._number += 1

    def finish(self, samples: int) -> None:
        """The end; `samples` is the length of a channel at the original rate."""
        self._put(End(samples, self._frames, tuple(self._offsets)).pack(self._seed))

    def _put(self, data: bytes) -> None:
        self._stream.write(data)
        self.size += len(data)


class Reader:
    """Reads a file once, from its start to its end; iterating gives every record, lost ones too, in order.

    Args:
        stream: with `read`; memory does not depend on its length.

    Attributes:
        header: of the file.
        end: None until the end has been read, and for good if it is lost or damaged.
        size: bytes read so far.
        skipped: bytes so far that belong to nothing that could be read.

    Raises:
        InputError: at once, if the header cannot be used; after that no damage raises anything.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.end: End | None = None
        self.size = self.skipped = 0
        self._stream = stream
        self._forget()
        self._has(MAX_HEADER)
        self.header, self._start = Header.unpack(bytes(self._buffer[:MAX_HEADER]))
        self._seed = zlib.crc32(self._buffer[: self._start])
        self._offset, self._number = self._start, 0

    def seek(self, chunk: int, end: End) -> int:
        """Go to the last chunk in the index that is not after `chunk`, in a stream that can seek; its number.

        To be called before iterating; `end` is from `read_end`.
        """
        entry = min(chunk // INDEX_EVERY, len(end.offsets))
        if entry:
            self._stream.seek(self._start + end.offsets[entry - 1])
            self._forget()
            self._number = entry * INDEX_EVERY * self.header.channels
        return entry * INDEX_EVERY

    def __iter__(self) -> Iterator[Record]:
        while self._has(1):
            record, size = self._record(lost=0)
            if record is not None:
                self._offset += size
                self._number += 1
                yield record
            elif self._is_end():
                break
            else:
                yield from self._recover()
        yield from self._missing()

    def _recover(self) -> Iterator[Record]:
        """After damage: goes on to where sound bytes follow; the records lost until there."""
        while self._has(1) and not self._is_end():
            record, _ = self._record(lost=MAX_LOST)
            if record is not None:
                for number in range(self._number, record.number):
                    yield Record(number, self.header.chunk_frames, None)
                self._number = record.number
                return
            self._offset += 1
            self.skipped += 1

    def _missing(self) -> Iterator[Record]:
        """Records that the end speaks of and that were not there."""
        channels, whole = self.header.channels, self.header.chunk_frames
        chunks, rest = divmod(self.end.frames if self.end else 0, whole)
        total = (chunks + (rest > 0)) * channels
        for number in range(self._number, min(total, self._number + MAX_LOST)):
            yield Record(number, rest if number // channels == chunks else whole, None)

    def _record(self, lost: int) -> tuple[Record | None, int]:
        """The record that starts here, if at most so many are lost before it, and its size."""
        self._has(MAX_PREFIX + self.header.max_payload + CRC_BYTES)
        data, offset, frames = self._buffer, self._offset, self.header.chunk_frames
        try:
            if data[offset] == SHORT:
                frames, offset = read_varint(data, offset + 1)
                if not 0 < frames < self.header.chunk_frames:
                    return None, 0
            size, offset = _read_size(data, offset)
        except IndexError:
            return None, 0
        stop = offset + size
        if size > self.header.max_payload_of(frames) or len(data) < stop + CRC_BYTES:
            return None, 0
        checksum = zlib.crc32(memoryview(data)[self._offset : stop], self._seed)
        spread = checksum ^ int.from_bytes(data[stop : stop + CRC_BYTES], "big")
        ahead = (spread * GATHER - self._number) & 0xFFFFFFFF
        if ahead > lost:
            return None, 0
        return Record(self._number + ahead, frames, bytes(data[offset:stop])), stop + CRC_BYTES - self._offset

    def _is_end(self) -> bool:
        """Whether all that is left is the end; reads it then."""
        if self._buffer[self._offset] != END or self._has(MAX_END + 1):
            return False
        size = len(self._buffer) - self._offset
        if int.from_bytes(self._buffer[-SIZE_BYTES - CRC_BYTES : -CRC_BYTES], "big") != size:
            return False
        self.end = End.unpack(bytes(self._buffer[self._offset :]), self._seed)
        if self.end is not None:
            self._offset = len(self._buffer)
        return self.end is not None

    def _forget(self) -> None:
        self._buffer, self._offset, self._is_over = bytearray(), 0, False

    def _has(self, count: int) -> bool:
        """Whether there are so many bytes from the offset on; reads them if need be."""
        while len(self._buffer) - self._offset < count and not self._is_over:
            if self._offset > BLOCK:
                del self._buffer[: self._offset]
                self._offset = 0
            # of a pipe whatever is there, so that sound comes out while more is on its way
            block = getattr(self._stream, "read1", self._stream.read)(BLOCK)
            self._buffer += block
            self.size += len(block)
            self._is_over = not block
        return len(self._buffer) - self._offset >= count


def read_end(stream: BinaryIO) -> End | None:
    """The end of a file in a stream that can seek, which is left at the start; None if it is lost or damaged.

    Raises:
        InputError: the header cannot be used.
    """
    stream.seek(0)
    header, size = Header.unpack(stream.read(MAX_HEADER))
    length = stream.seek(0, io.SEEK_END)
    stream.seek(max(size, length - MAX_END))
    end = End.unpack(stream.read(), zlib.crc32(header.pack()))
    stream.seek(0)
    return end


def _size(size: int) -> bytes:
    """
    >>> _size(191).hex(), _size(192).hex(), _size(700).hex()
    ('bf', 'c000', 'c1fc')
    """
    if size < TWO_BYTES:
        return bytes([size])
    return (size - TWO_BYTES + (TWO_BYTES << 8)).to_bytes(2, "big")


def _read_size(data: bytes | bytearray, offset: int) -> tuple[int, int]:
    """A size and the offset after it; IndexError if there is none."""
    first = data[offset]
    if first < TWO_BYTES:
        return first, offset + 1
    if first >= SHORT:
        raise IndexError
    return TWO_BYTES + ((first - TWO_BYTES) << 8 | data[offset + 1]), offset + 2
