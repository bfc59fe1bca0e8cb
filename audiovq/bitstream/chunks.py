"""Records of an .avq file <-> codes of all channels, chunk by chunk. Knows no model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from latentmix.errors import InputError

from .container import RECORD_BYTES, Reader, Record, Writer
from .header import CODER_BYTES, Header
from .packing import Coder, Packing

MISSING = -1  # in place of a code that is lost, or of a codebook that a chunk does without
TOGETHER = 32  # chunks of a file that are unpacked together; of a pipe each at once, so that it is heard


@dataclass(frozen=True)
class Chunk:
    """Codes of about a second.

    Attributes:
        codes: (C, Q, n) int16; MISSING in all of a channel that is lost, and in codebooks that a channel does without.
        is_lost: (C,) bool.
        levels: (C,) uint8, how loud each channel was (`codec.levels`), as the encoder has it; 0 where that is unknown.
    """

    codes: np.ndarray
    is_lost: np.ndarray
    levels: np.ndarray


@dataclass
class Damage:
    """What was found to be wrong with a file while it was read.

    Attributes:
        chunks: how many there are, lost ones included.
        spans: first and last + 1 of lost chunks, in any channel.
        is_cut_off: whether the end is missing or damaged, so that the exact length is not known.
        stray_bytes: that belong to nothing, so that something was damaged even if nothing seems lost.
    """

    chunks: int = 0
    spans: list[tuple[int, int]] = field(default_factory=list)
    is_cut_off: bool = False
    stray_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.spans or self.is_cut_off or self.stray_bytes)

    @property
    def lost(self) -> int:
        return sum(end - start for start, end in self.spans)

    def add(self, number: int) -> None:
        if self.spans and self.spans[-1][1] == number:
            self.spans[-1] = (self.spans[-1][0], number + 1)
        else:
            self.spans.append((number, number + 1))

    def describe(self, header: Header) -> str:
        """A line for people."""
        told = []
        if self.spans:
            step = header.seconds_a_chunk
            places = ", ".join(f"{a * step:g} to {b * step:g} s" for a, b in self.spans[:5])
            more = f" and {len(self.spans) - 5} more places" if len(self.spans) > 5 else ""
            told.append(f"{self.lost} of {self.chunks} chunks are damaged ({places}{more})")
        if self.is_cut_off:
            told.append("the end is missing or damaged")
        if self.stray_bytes and not told:
            told.append(f"{self.stray_bytes} bytes do not belong there")
        return "; ".join(told)


def packing_of(header: Header, coder: Coder | None) -> Packing:
    """How the payloads of a file are read, with the coder at hand.

    Raises:
        InputError: the file needs another one.
    """
    if header.coder == bytes(CODER_BYTES):
        return Packing(header.codes)
    found = short_fingerprint(coder)
    if found != header.coder:
        at_hand = found.hex() if coder else "none"
        raise InputError(
            f"expected the entropy coder {header.coder.hex()} that the file was made with, found {at_hand}; "
            "name the weights it was made with by --model"
        )
    return Packing(header.codes, coder)


def short_fingerprint(coder: Coder | None) -> bytes:
    """As it stands in a header; zeros for none."""
    return bytes(CODER_BYTES) if coder is None else bytes(coder.fingerprint)[:CODER_BYTES].ljust(CODER_BYTES, b"\1")


def write_chunk(
    writer: Writer, packing: Packing, codes: np.ndarray, levels: np.ndarray, sure: int, budget: float
) -> None:
    """Write a chunk of codes, (C, Q, n): all of them, or only those of the first `sure` codebooks.

    Of codebooks from the first on in which a code is MISSING nothing is written.

    Args:
        levels: (C,) uint8, how loud each channel is.
        sure: codebooks that are written whatever they cost.
        budget: bytes that the file may have after this chunk, for the others to be written too.
    """
    codes = codes[:, : max(int((codes != MISSING).all((0, 2)).cumprod().sum()), 1)]
    payloads = [packing.pack(channel) for channel in codes]
    after = writer.size + sum(map(len, payloads)) + len(payloads) * (RECORD_BYTES + 1)
    if after > budget and codes.shape[1] > sure:
        payloads = [packing.pack(channel) for channel in codes[:, :sure]]
    for payload, level in zip(payloads, levels.tolist(), strict=True):
        writer.write(join_payload(level, payload, writer.header), codes.shape[2])


def read_chunks(reader: Reader, packing: Packing, damage: Damage, first: int = 0, together: int = 1) -> Iterator[Chunk]:
    """The chunks of a file from its `first` on, to which the reader has been brought; damage is noted down.

    Args:
        together: chunks that are read ahead and unpacked together, which is quicker.
    """
    groups, number = _by_chunk(reader, damage), first
    while waiting := list(islice(groups, together)):
        for chunk in _unpack(waiting, reader.header, packing):
            damage.chunks = number + 1
            if chunk.is_lost.any():
                damage.add(number)
            yield chunk
            number += 1


def _by_chunk(reader: Reader, damage: Damage) -> Iterator[list[Record]]:
    """Chunk after chunk, the records of all its channels."""
    channels, waiting = reader.header.channels, []
    for record in reader:
        waiting.append(record)
        if len(waiting) == channels:
            yield waiting
            waiting = []
    damage.is_cut_off = reader.end is None
    damage.stray_bytes = reader.skipped
    if waiting:
        missing = [Record(waiting[0].number, waiting[0].frames, None)] * (channels - len(waiting))
        yield waiting + missing


def _unpack(chunks: list[list[Record]], header: Header, packing: Packing) -> list[Chunk]:
    """Codes of chunks, those of equal length together."""
    made: list[Chunk] = []
    places: dict[int, list[tuple[int, int, bytes]]] = {}  # by frames: which chunk, which channel, what it holds
    for number, records in enumerate(chunks):
        frames = next((record.frames for record in records if record.payload is not None), records[0].frames)
        codes = np.full((len(records), header.codebooks, frames), MISSING, np.int16)
        made.append(Chunk(codes, np.ones(len(records), bool), np.zeros(len(records), np.uint8)))
        for channel, record in enumerate(records):
            if record.payload is not None and record.frames == frames:
                level, payload = split_payload(record.payload, header)
                places.setdefault(frames, []).append((number, channel, payload))
                made[number].levels[channel] = level
    for frames, found in places.items():
        unpacked = packing.unpack_all([payload for *_, payload in found], header.codebooks, frames)
        for (number, channel, _), codes_or_error in zip(found, unpacked, strict=True):
            if not isinstance(codes_or_error, InputError):  # else sound bytes that mean nothing: lost as well
                made[number].codes[channel, : len(codes_or_error)] = codes_or_error
                made[number].is_lost[channel] = False
    for chunk in made:
        chunk.levels[chunk.is_lost] = 0
    return made


def join_payload(level: int, payload: bytes, header: Header) -> bytes:
    """What `split_payload` takes apart."""
    return payload[:1] + bytes([level]) + payload[1:] if header.has_levels else payload


def split_payload(payload: bytes, header: Header) -> tuple[int, bytes]:
    """The level of a record's payload, 0 where there is none, and the payload without it, as `packing` knows it."""
    if not header.has_levels:
        return 0, payload
    return payload[1] if len(payload) > 1 else 0, payload[:1] + payload[2:]
