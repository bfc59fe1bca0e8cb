"""MIDI files byte by byte, so that the tests know what is in them."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def varying(value: int) -> bytes:
    """A number as MIDI files write it: seven bits a byte, all but the last marked."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes(reversed(out))


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack(">I", len(content)) + content


def header(tracks: int, division: int = 480, kind: int = 1) -> bytes:
    return chunk(b"MThd", struct.pack(">HHH", kind, tracks, division))


def meta(kind: int, content: bytes, delta: int = 0) -> bytes:
    return varying(delta) + bytes([0xFF, kind]) + varying(len(content)) + content


END = meta(0x2F, b"")


def name(text: str) -> bytes:
    return meta(0x03, text.encode())


def metre(numerator: int, power: int, delta: int = 0) -> bytes:
    """The denominator is 2 to the power."""
    return meta(0x58, bytes([numerator, power, 24, 8]), delta)


def tempo(microseconds: int, delta: int = 0) -> bytes:
    return meta(0x51, microseconds.to_bytes(3, "big"), delta)


def notes(played: Sequence[tuple[int, int, int]], channel: int = 0) -> bytes:
    """Notes given by start tick, end tick and pitch; an end comes before a start on the same tick."""
    events = [(start, 1, bytes([0x90 | channel, pitch, 80])) for start, _, pitch in played]
    events += [(end, 0, bytes([0x80 | channel, pitch, 0])) for _, end, pitch in played]
    out, now = bytearray(), 0
    for tick, _, event in sorted(events):
        out += varying(tick - now) + event
        now = tick
    return bytes(out)


def file(*tracks: bytes, division: int = 480, kind: int = 1) -> bytes:
    """A file of these track contents, each ended here."""
    return header(len(tracks), division, kind) + b"".join(chunk(b"MTrk", track + END) for track in tracks)
