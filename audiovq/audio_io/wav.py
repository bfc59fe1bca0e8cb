"""WAV through a pipe: the header and PCM samples, without going back and without knowing the length beforehand."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from mmap import mmap
from typing import BinaryIO

import numpy as np

from .channels import LAYOUTS, layout_of_mask

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
# (format, bits a sample) -> how numpy reads it, what is silence, what is full scale; 24 bits are read apart
SAMPLES = {
    (PCM, 8): ("<u1", 128, 128),
    (PCM, 16): ("<i2", 0, 1 << 15),
    (PCM, 24): ("<i4", 0, 1 << 31),
    (PCM, 32): ("<i4", 0, 1 << 31),
    (FLOAT, 32): ("<f4", 0, 1),
    (FLOAT, 64): ("<f8", 0, 1),
}
UNKNOWN = 0xFFFFFFFF  # size of a chunk that is not known beforehand
NOT_A_SIZE = 0x7FFFF000  # from here on no writer knew how long the samples would be
MAX_BYTES = UNKNOWN - 64  # of samples that a header can speak of
MAX_BEFORE_DATA = 1 << 20  # bytes before the samples
BLOCK_BYTES = 1 << 16  # that are read at once


@dataclass(frozen=True)
class WavFormat:
    """How samples are kept.

    Attributes:
        sample_rate: Hz.
        channels: C.
        kind: key of SAMPLES.
        size: bytes of samples that follow; None: until the end of the stream.
        layout: the loudspeaker of each channel, as `channels` names them; None where nobody says.
    """

    sample_rate: int
    channels: int
    kind: tuple[int, int]
    size: int | None
    layout: tuple[str, ...] | None = None

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.kind[1] // 8

    def samples(self, data: bytes) -> np.ndarray:
        """Whole frames of bytes -> (C, n) float32."""
        dtype, silence, scale = SAMPLES[self.kind]
        if self.kind == (PCM, 24):
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            values = wide.view(dtype)[:, 0]
        else:
            values = np.frombuffer(data, dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # what is out of range is refused where samples are checked
            scaled = ((values.astype(np.float64) - silence) / scale).astype(np.float32)
        return np.ascontiguousarray(scaled.reshape(-1, self.channels).T)


def pack_header(sample_rate: int, channels: int, samples: int | None) -> bytes:
    """The 44 bytes before 16-bit samples; `samples` of each channel, None where that is not known yet."""
    size = UNKNOWN if samples is None else 2 * channels * samples
    whole = UNKNOWN if samples is None else size + 36
    form = struct.pack("<IHHIIHH", 16, PCM, channels, sample_rate, 2 * channels * sample_rate, 2 * channels, 16)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)


def read_header(stream: BinaryIO) -> tuple[WavFormat | None, bytes]:
    """Read a stream up to its samples.

    Returns:
        the format, None if this is something else than a WAV of a kind in SAMPLES; and the bytes read.
    """
    read = stream.read(12)
    kind = None
    if read[:4] != b"RIFF" or read[8:12] != b"WAVE":
        return None, read
    while len(read) < MAX_BEFORE_DATA:
        head = stream.read(8)
        read += head
        if len(head) < 8:
            break
        (size,) = struct.unpack_from("<I", head, 4)
        if head[:4] == b"data":
            return (kind and _sized(kind, size)), read
        body = stream.read(min(size + size % 2, MAX_BEFORE_DATA))
        read += body
        if head[:4] == b"fmt ":
            kind = _parse_format(body)
    return None, read


def read_blocks(stream: BinaryIO, form: WavFormat) -> Iterator[np.ndarray]:
    """Samples (C, n) as they come, so that nobody waits for a block to be full."""
    left, rest = form.size, b""
    read = getattr(stream, "read1", stream.read)
    while left is None or left > 0:
        data = read(BLOCK_BYTES if left is None else min(BLOCK_BYTES, left))
        if not data:
            return
        left = None if left is None else left - len(data)
        data = rest + data
        whole = len(data) // form.frame_bytes * form.frame_bytes
        rest = data[whole:]
        if whole:
            yield form.samples(data[:whole])


def is_unfinished(stream: BinaryIO, read: bytes, size: int) -> bool:
    """Whether a file of `size` bytes that begins with `read`, up to its samples, has some though its header says 0.

    Samples are what does not read as chunks up to the end.
    """
    return read[:4] == b"RIFF" and read[-8:] == b"data" + bytes(4) and _no_chunks(stream, len(read), size) < size


def find_beyond(stream: BinaryIO, read: bytes, size: int) -> int:
    """Bytes of a file, as of `is_unfinished`, after the samples its header tells of that read as no other chunks.

    A recorder that is killed leaves them which came back to its header now and then.
    """
    claimed = int.from_bytes(read[-4:], "little")
    if read[:4] != b"RIFF" or read[-8:-4] != b"data" or not 0 < claimed < NOT_A_SIZE:
        return 0
    return max(0, size - _no_chunks(stream, len(read) + claimed + claimed % 2, size))


def _no_chunks(stream: BinaryIO, place: int, size: int) -> int:
    """Where from a place on a file no longer reads as chunks up to its end; its size where it does."""
    while place < size:
        stream.seek(place)
        head = stream.read(8)
        if len(head) < 8 or head[:4] == b"data" or not all(32 <= byte < 127 for byte in head[:4]):
            return place
        (length,) = struct.unpack_from("<I", head, 4)
        if place + 8 + length + length % 2 > size + 1:
            return place
        place += 8 + length + length % 2
    return size


def find_missing(read: bytes, size: int) -> float:
    """The share of the samples that a file of `size` bytes lacks though its header, `read`, speaks of them."""
    claimed = int.from_bytes(read[-4:], "little")
    if read[:4] != b"RIFF" or read[-8:-4] != b"data" or not 0 < claimed < NOT_A_SIZE:
        return 0.0
    return max(0.0, 1.0 - (size - len(read)) / claimed)


def find_joined(data: bytes | mmap) -> list[int]:
    """Where WAV files begin that were put one after another."""
    starts = [0]
    while True:
        size = int.from_bytes(data[starts[-1] + 4 : starts[-1] + 8], "little")
        end = starts[-1] + 8 + size + size % 2
        if data[end : end + 4] != b"RIFF" or data[end + 8 : end + 12] != b"WAVE":
            return starts
        starts.append(end)


def with_length(read: bytes, size: int) -> bytes:
    """The bytes before the samples of a WAV file of `size` bytes, with its lengths filled in."""
    whole, rest = min(size - 8, UNKNOWN), min(size - len(read), UNKNOWN)
    fact = read.find(b"fact", 12)
    if fact >= 0 and read[fact + 8 : fact + 12] == bytes(4):  # of samples, which nobody counted: libsndfile does
        read = read[:fact] + b"junk" + read[fact + 4 :]
    return read[:4] + struct.pack("<I", whole) + read[8:-4] + struct.pack("<I", rest)


def layout_of(stream: BinaryIO) -> tuple[str, ...] | None:
    """The loudspeakers of the channels as a WAV file in a stream that can seek names them, if it is one and does."""
    form, _ = read_header(stream)
    stream.seek(0)
    return form.layout if form else None


def _parse_format(body: bytes) -> WavFormat | None:
    if len(body) < 16:
        return None
    tag, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
    layout = LAYOUTS.get(channels)
    if tag == EXTENSIBLE and len(body) >= 26:
        mask, tag = struct.unpack_from("<IH", body, 20)
        layout = layout_of_mask(mask, channels) or layout
    if (tag, bits) not in SAMPLES or frame_bytes != channels * bits // 8 or not channels:
        return None
    return WavFormat(rate, channels, (tag, bits), None, layout)


def _sized(kind: WavFormat, size: int) -> WavFormat:
    """Writers into pipes leave 0 or a number near the largest as the size."""
    known = size if 0 < size < NOT_A_SIZE else None
    return replace(kind, size=known)
