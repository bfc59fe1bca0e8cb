"""WAV through a pipe: the header and PCM samples, without going back and without knowing the length beforehand."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

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
MAX_BYTES = UNKNOWN - 64  # of samples that a header can speak of
MAX_BEFORE_DATA = 1 << 20  # bytes before the samples


@dataclass(frozen=True)
class WavFormat:
    """How samples are kept.

    Attributes:
        sample_rate: Hz.
        channels: C.
        kind: key of SAMPLES.
        size: bytes of samples that follow; None: until the end of the stream.
    """

    sample_rate: int
    channels: int
    kind: tuple[int, int]
    size: int | None

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


def _parse_format(body: bytes) -> WavFormat | None:
    if len(body) < 16:
        return None
    tag, channels, rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if tag == EXTENSIBLE and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    if (tag, bits) not in SAMPLES or frame_bytes != channels * bits // 8 or not channels:
        return None
    return WavFormat(rate, channels, (tag, bits), None)


def _sized(kind: WavFormat, size: int) -> WavFormat:
    """Writers into pipes leave 0 or a number near the largest as the size."""
    known = size if 0 < size < 0x7FFFF000 else None
    return WavFormat(kind.sample_rate, kind.channels, kind.kind, known)
