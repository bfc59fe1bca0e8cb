"""The bytes of a MIDI file -> its events.

Done here rather than by mido or pretty_midi because both build an object an event (a crafted file of 16 MB
would take gigabytes), stop at harmless oddities and raise a dozen kinds of exception. Here nothing is kept,
and every fault is an `InputError` (without the file's name, which this module does not know).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from latentmix.errors import InputError

# Data bytes that follow a channel status, and a system status that strays into files.
_CHANNEL_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_SYSTEM_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}
_SYSEX = (0xF0, 0xF7)
META = 0xFF
_SMPTE_RATES = {24: 24.0, 25: 25.0, 29: 30000 / 1001, 30: 30.0}  # frames a second


@dataclass(frozen=True)
class Chunks:
    """A MIDI file taken apart.

    Attributes:
        resolution: ticks a quarter note; ticks in half a second where the file counts time code.
        is_time_code: whether ticks are parts of a second, whatever the tempo.
        tracks: contents of the track chunks.
    """

    resolution: float
    is_time_code: bool
    tracks: list[bytes]


def split_chunks(data: bytes) -> Chunks:
    """Header and track chunks of a file; chunks of other kinds are skipped, a RIFF envelope is taken off.

    Raises:
        InputError: not a MIDI file, or one that is cut off.
    """
    start = 20 if data[:4] == b"RIFF" and data[8:12] == b"RMID" else 0
    if data[start : start + 4] != b"MThd":
        found = f"a file that starts with {data[:8]!r}" if data else "an empty file"
        raise InputError(f"expected a MIDI file, found {found}")
    if len(data) < start + 14:
        raise InputError("the file is truncated: its header is incomplete")
    size, kind, count, high, low = _numbers(data[start + 4 : start + 14], 4, 2, 2, 1, 1)
    if kind > 2 or size < 6:
        raise InputError(f"expected a MIDI file of type 0, 1 or 2, found type {kind} in a header of {size} bytes")
    is_time_code = high >= 0x80
    resolution = _SMPTE_RATES.get(256 - high, 0.0) * low / 2 if is_time_code else float(high << 8 | low)
    if not resolution:
        raise InputError("expected the ticks of a quarter note in the header, found none")
    tracks: list[bytes] = []
    place = start + 8 + size
    while len(tracks) < count:
        if place + 8 > len(data):
            raise InputError(f"the file is truncated: {count} tracks announced, {len(tracks)} found")
        (size,) = _numbers(data[place + 4 : place + 8], 4)
        end = place + 8 + size
        if end > len(data):
            raise InputError(f"the file is truncated: {end - len(data)} bytes are missing")
        if data[place : place + 4] == b"MTrk":
            tracks.append(data[place + 8 : end])
        place = end
    return Chunks(resolution, is_time_code, tracks)


def _numbers(data: bytes, *sizes: int) -> list[int]:
    """Unsigned big-endian numbers of so many bytes each, one after another."""
    values, place = [], 0
    for size in sizes:
        values.append(int.from_bytes(data[place : place + size], "big"))
        place += size
    return values


def read_events(track: bytes) -> Iterator[tuple[int, int, int, int | bytes]]:
    """The channel events and the meta events of a track chunk, running status resolved; others are skipped.

    Yields:
        (tick, status, first data byte, second or 0), or (tick, META, type, content).

    Raises:
        InputError: the chunk is damaged.
    """
    try:
        yield from _read_events(track)
    except IndexError:
        raise InputError("the file is damaged: a track ends in the middle of an event") from None


def _read_events(track: bytes) -> Iterator[tuple[int, int, int, int | bytes]]:
    place = tick = running = 0
    while place < len(track):
        delta, place = _varying(track, place)
        tick += delta
        status = track[place]
        if status < 0x80:
            status = running
        else:
            place += 1
        if status < 0xF0:
            if not status:
                raise InputError("the file is damaged: an event without a status")
            running = status  # kept through meta and system events, as careless writers expect
            has_two = _CHANNEL_BYTES[status & 0xF0] == 2
            first, second = track[place], track[place + 1] if has_two else 0
            if (first | second) >= 0x80:
                raise InputError("the file is damaged: a data byte above 127")
            place += 1 + has_two
            yield tick, status, first, second
        elif status == META or status in _SYSEX:
            kind = track[place]
            size, place = _varying(track, place + (status == META))
            if place + size > len(track):
                raise IndexError
            if status == META:
                yield tick, META, kind, track[place : place + size]
            place += size
        elif status in _SYSTEM_BYTES:
            place += _SYSTEM_BYTES[status]
        else:
            raise InputError(f"the file is damaged: status byte 0x{status:02X} is not defined")


def _varying(track: bytes, place: int) -> tuple[int, int]:
    """A number of one to four bytes, seven bits each, and the place after it."""
    value = 0
    for index in range(place, place + 4):
        byte = track[index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, index + 1
    raise InputError("the file is damaged: a number of more than four bytes")
