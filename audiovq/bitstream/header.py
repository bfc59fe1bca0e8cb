"""What an .avq file says of itself at its start and its end, as docs/avq-format.md describes it: bytes <-> numbers."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from latentmix.errors import InputError

from .packing import max_payload_bytes

MAGIC = b"\x89AVQ"
OLDEST, WITH_GAIN, WITH_LEVELS = 2, 3, 4  # versions: the first, with one more field, with a byte more in each payload
VERSION = WITH_LEVELS  # that is written
FINGERPRINT_BYTES, CODER_BYTES, CRC_BYTES, SIZE_BYTES = 8, 4, 4, 3
# numbers of the header in order: name, least, most
FIELDS = (
    ("sample_rate", 1_000, 384_000),
    ("hop", 1, 65_536),
    ("codebooks", 1, 64),
    ("codes", 2, 32_768),
    ("channels", 1, 64),
    ("chunk_frames", 1, 4_096),
    ("original_rate", 1_000, 384_000),
)
GAIN = ("gain", 0, 120)  # the field that there is after those from version 3 on
MAX_PAYLOAD = 16_063  # bytes; what the size of a record can say, see container.py
END = 0xFF  # first byte of the end


@dataclass(frozen=True)
class Header:
    """What a file says of itself at its start.

    Attributes:
        model: fingerprint of the weights that codes and audio depend on, 8 bytes.
        coder: fingerprint of the entropy coder, 4 bytes; zeros: the codes are plain bits.
        sample_rate: of the model, in Hz.
        hop: samples a code frame, at `sample_rate`.
        codebooks: Q, codes a frame at most; every chunk says how many it has.
        codes: K, codes in a codebook.
        channels: C.
        chunk_frames: code frames in a chunk, the last one excepted.
        original_rate: of the audio that was compressed, in Hz.
        gain: dB by which it was made louder before it was encoded; what is decoded is made quieter by it.
        version: of the format.
    """

    model: bytes
    coder: bytes
    sample_rate: int
    hop: int
    codebooks: int
    codes: int
    channels: int
    chunk_frames: int
    original_rate: int
    gain: int = 0
    version: int = VERSION

    def __post_init__(self) -> None:
        if len(self.model) != FINGERPRINT_BYTES or len(self.coder) != CODER_BYTES:
            raise InputError(f"expected fingerprints of {FINGERPRINT_BYTES} and {CODER_BYTES} bytes")
        for name, least, most in (*FIELDS, GAIN, ("version", OLDEST, VERSION)):
            if not least <= getattr(self, name) <= most:
                raise InputError(f"expected {name} from {least} to {most}, found {getattr(self, name)}")
        if self.max_payload > MAX_PAYLOAD:
            raise InputError(f"expected chunks of at most {MAX_PAYLOAD} bytes, found {self.max_payload}")

    @property
    def max_payload(self) -> int:
        """Bytes of the largest payload: plain bits."""
        return self.max_payload_of(self.chunk_frames)

    def max_payload_of(self, frames: int) -> int:
        """Bytes of the largest payload of so many code frames."""
        return max_payload_bytes(self.codebooks, frames, self.codes) + self.has_levels

    @property
    def has_levels(self) -> bool:
        """Whether payloads say how loud the original was."""
        return self.version >= WITH_LEVELS

    @property
    def seconds_a_chunk(self) -> float:
        return self.chunk_frames * self.hop / self.sample_rate

    def pack(self) -> bytes:
        """The bytes at the start of a file."""
        numbers = b"".join(varint(getattr(self, name)) for name, _, _ in _fields(self.version))
        content = MAGIC + bytes([self.version]) + self.model + self.coder + numbers
        return content + zlib.crc32(content).to_bytes(CRC_BYTES, "big")

    @classmethod
    def unpack(cls, data: bytes) -> tuple[Header, int]:
        """The header that bytes start with, and its size.

        Raises:
            InputError: not an .avq file, one of a newer version, or a damaged or incomplete header.
        """
        if data[: len(MAGIC)] != MAGIC:
            found = f"a file that starts with {bytes(data[:8])!r}" if data else "an empty file"
            raise InputError(f"expected an .avq file, found {found}")
        version = data[len(MAGIC)] if len(data) > len(MAGIC) else VERSION
        if not OLDEST <= version <= VERSION:
            release = "a newer" if version > VERSION else "an older"
            raise InputError(
                f"expected .avq version {OLDEST} to {VERSION}, found version {version}; "
                f"use {release} release of latentmix"
            )
        offset, numbers = len(MAGIC) + 1 + FINGERPRINT_BYTES + CODER_BYTES, dict[str, int]()
        try:
            for name, _, _ in _fields(version):
                numbers[name], offset = read_varint(data, offset)
        except IndexError:
            raise InputError("the file is cut off: its header is incomplete") from None
        size = offset + CRC_BYTES
        if len(data) < size:
            raise InputError("the file is cut off: its header is incomplete")
        if int.from_bytes(data[offset:size], "big") != zlib.crc32(data[:offset]):
            raise InputError("the file is damaged: the checksum of its header does not fit")
        coder = len(MAGIC) + 1 + FINGERPRINT_BYTES
        model, coder_print = bytes(data[len(MAGIC) + 1 : coder]), bytes(data[coder : coder + CODER_BYTES])
        return cls(model, coder_print, **numbers, version=version), size


def _fields(version: int) -> tuple[tuple[str, int, int], ...]:
    return (*FIELDS, GAIN) if version >= WITH_GAIN else FIELDS


@dataclass(frozen=True)
class End:
    """What a file says of itself at its end.

    Attributes:
        samples: of each channel, at the original rate.
        frames: code frames of each channel.
        offsets: of every `INDEX_EVERY`th chunk but the first, in bytes after the header.
    """

    samples: int
    frames: int
    offsets: tuple[int, ...] = ()

    def pack(self, seed: int) -> bytes:
        """The bytes at the end of a file whose header has the checksum `seed`."""
        steps = [b - a for a, b in zip((0, *self.offsets), self.offsets, strict=False)]
        content = bytes([END]) + b"".join(map(varint, (self.samples, self.frames, *steps)))
        content += (len(content) + SIZE_BYTES + CRC_BYTES).to_bytes(SIZE_BYTES, "big")
        return content + zlib.crc32(content, seed).to_bytes(CRC_BYTES, "big")

    @classmethod
    def unpack(cls, data: bytes, seed: int) -> End | None:
        """The end that `data` ends with; None if there is no sound one."""
        size = int.from_bytes(data[-SIZE_BYTES - CRC_BYTES : -CRC_BYTES], "big")
        content = data[-size:-CRC_BYTES]
        if not SIZE_BYTES + CRC_BYTES < size <= len(data) or content[0] != END:
            return None
        if zlib.crc32(content, seed) != int.from_bytes(data[-CRC_BYTES:], "big"):
            return None
        numbers, offset, limit = [], 1, len(content) - SIZE_BYTES
        try:
            while offset < limit:
                number, offset = read_varint(content, offset)
                numbers.append(number)
        except IndexError:
            return None
        if len(numbers) < 2:
            return None
        offsets, total = [], 0
        for step in numbers[2:]:
            total += step
            offsets.append(total)
        return cls(numbers[0], numbers[1], tuple(offsets))


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last byte have their highest bit set.

    >>> varint(0).hex(), varint(300).hex()
    ('00', 'ac02')
    """
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def read_varint(data: bytes | bytearray, offset: int) -> tuple[int, int]:
    """A number of at most nine bytes and the offset after it; IndexError beyond that or beyond the data."""
    value = 0
    for shift in range(0, 63, 7):
        byte = data[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
    raise IndexError


MAX_HEADER = (
    len(MAGIC)
    + 1
    + FINGERPRINT_BYTES
    + CODER_BYTES
    + sum(len(varint(most)) for *_, most in (*FIELDS, GAIN))
    + CRC_BYTES
)
