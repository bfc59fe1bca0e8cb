"""A MIDI file -> its header and the contents of its track chunks; what does not fit is read where there is no doubt."""

from __future__ import annotations

from dataclasses import dataclass, field

from latentmix.errors import InputError

MAX_CHUNKS = 20_000  # of any kind
MAX_LEADING = 1024  # bytes before the header: a MacBinary header has 128, the rest is what mail and editors add
_KINDS = {  # what people hand in instead, by how it starts
    b"ID3": "an MP3 file", b"\xff\xfb": "an MP3 file", b"fLaC": "a FLAC file", b"OggS": "an Ogg file",
    b"FORM": "an AIFF file", b"PK\3\4": "a ZIP archive (a compressed score?)", b"<?xml": "an XML file (MusicXML?)",
    b"%PDF": "a PDF",
}  # fmt: skip
END_EVENT = b"\xff\x2f\x00"  # of a track
_FRAMES = 24, 25, 29, 30  # a second
_DROP_FRAMES = 29, 30000 / 1001  # what stands for it in a header, and its frames a second
_USUAL_RESOLUTION, _USUAL_CODE = 480, 500  # ticks a quarter note, and in half a second, where the header has none


@dataclass(frozen=True)
class TrackChunk:
    """The content of one track chunk.

    Attributes:
        content: what is there of it.
        missing: bytes that were announced and are not there; None where its length fits.
    """

    content: bytes
    missing: int | None = None


@dataclass(frozen=True)
class Chunks:
    """A MIDI file taken apart.

    Attributes:
        kind: type 0, 1 or 2.
        resolution: ticks a quarter note; ticks in half a second where the file counts time code.
        is_time_code: whether ticks are parts of a second, whatever the tempo.
        tracks: in the order of the file.
        remarks: what was wrong and read all the same.
    """

    kind: int
    resolution: float
    is_time_code: bool
    tracks: list[TrackChunk]
    remarks: list[str] = field(default_factory=list)


def split_chunks(data: bytes) -> Chunks:
    """Header and track chunks of a file; chunks of other kinds are skipped, a RIFF envelope is taken off.

    Raises:
        InputError: not a MIDI file, or one without anything to read.
    """
    remarks: list[str] = []
    data, start = _unwrapped(data, remarks)
    if len(data) < start + 14:
        raise InputError("the file is truncated: its header is incomplete")
    size, kind, count, high, low = _numbers(data[start + 4 : start + 14], 4, 2, 2, 1, 1)
    if not 6 <= size <= len(data):
        raise InputError(f"expected a MIDI file of type 0, 1 or 2, found type {kind} in a header of {size} bytes")
    if kind > 2:
        meant = kind & 0xFF if kind & 0xFF <= 2 else 1  # two bytes, of which the first is always 0
        remarks.append(f"a file of type {kind}, read as type {meant}")
        kind = meant
    is_time_code = high >= 0x80
    resolution = _resolution(high, low, remarks)
    place = start + 8 + size
    tracks = _tracks(data, place, count, remarks)
    if not tracks and count:
        raise InputError(f"the file is truncated: {count} tracks announced, 0 found")
    if len(tracks) != count:
        remarks.append(f"{count} track{'s' * (count != 1)} announced, {len(tracks)} found")
    return Chunks(kind, resolution, is_time_code, tracks, remarks)


def _resolution(high: int, low: int, remarks: list[str]) -> float:
    """Ticks a quarter note, or in half a second of time code, by the two bytes of a header that tell them.

    >>> _resolution(1, 224, []), _resolution(256 - 25, 40, []), _resolution(0, 0, [])
    (480.0, 500.0, 480.0)
    """
    if high < 0x80:
        found, usual, unit = float(high << 8 | low), _USUAL_RESOLUTION, "a quarter note"
    else:
        frames = 256 - high
        if frames not in _FRAMES:
            remarks.append(f"time code of {frames} frames a second, which is none")
        rate = _DROP_FRAMES[1] if frames == _DROP_FRAMES[0] else frames
        found, usual, unit = rate * low / 2, _USUAL_CODE, "half a second"
    if not found:
        remarks.append(f"a header without the ticks of {unit}, read as {usual}")
    return found or float(usual)


def _unwrapped(data: bytes, remarks: list[str]) -> tuple[bytes, int]:
    """The bytes that hold the file and where its header begins in them."""
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        place = 12
        while place + 8 <= len(data) and data[place : place + 4] != b"data":
            size = int.from_bytes(data[place + 4 : place + 8], "little")
            place += 8 + size + size % 2
        if data[place + 8 : place + 12] == b"MThd":
            size = int.from_bytes(data[place + 4 : place + 8], "little")
            return data[place + 8 : place + 8 + size] if place + 8 + size <= len(data) else data[place + 8 :], 0
    start = 0 if data[:4] == b"MThd" else data.find(b"MThd\x00\x00\x00", 0, MAX_LEADING + 7)
    if start < 0:
        raise InputError(f"expected a MIDI file, found {_kind(data)}")
    if start:
        remarks.append(f"{start} byte{'s' * (start > 1)} before the header")
    return data, start


def _kind(data: bytes) -> str:
    """What a file is that is no MIDI file, in words.

    >>> _kind(b"ID3\\x04"), _kind(b"RIFF\\0\\0\\0\\0WAVE"), _kind(b"hello world"), _kind(b"\\0\\1")
    ('an MP3 file', 'a WAV file', "a file that starts with 'hello wo'", 'a file that starts with the bytes 00 01')
    """
    if not data:
        return "an empty file"
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "a WAV file"
    for start, kind in _KINDS.items():
        if data.startswith(start):
            return kind
    text = data[:8].decode("ascii", "replace")
    if text.isprintable() and text.isascii():
        return f"a file that starts with {text!r}"
    return f"a file that starts with the bytes {data[:8].hex(' ')}"


def _tracks(data: bytes, place: int, count: int, remarks: list[str]) -> list[TrackChunk]:
    tracks: list[TrackChunk] = []
    for _ in range(MAX_CHUNKS):
        if place + 8 <= len(data) and not _may_begin(data, place):
            place = _next_track(data, place, remarks)
        if place + 8 > len(data):
            return tracks
        (size,) = _numbers(data[place + 4 : place + 8], 4)
        end = place + 8 + size
        if len(tracks) >= count and (data[place : place + 4] != b"MTrk" or end > len(data)):
            return tracks  # what follows the last track that was announced is none
        missing = None
        if not _ends(data, end):
            end, missing = _true_end(data, place, end)
            remarks.append(
                f"a track announces {size} bytes and has fewer" if missing else "a track is longer than it says"
            )
        if data[place : place + 4] == b"MTrk":
            tracks.append(TrackChunk(data[place + 8 : end], missing))
        place = end
    raise InputError(f"expected at most {MAX_CHUNKS} chunks, found more")


def _true_end(data: bytes, place: int, end: int) -> tuple[int, int | None]:
    """Where a chunk ends whose announced end is none, and how many bytes it is short of that.

    Raises:
        InputError: its end is anybody's guess.
    """
    following = data.find(b"MTrk", place + 8)
    if 0 <= following < end:
        return following, end - following
    if following >= 0:
        if data[following - 3 : following] == END_EVENT:
            return following, 0
        raise InputError("the file is damaged: a track does not end where it says")
    return len(data), max(end - len(data), 0)


def _next_track(data: bytes, place: int, remarks: list[str]) -> int:
    """Where the next track begins whose length fits; the end of the file if there is none."""
    following = data.find(b"MTrk", place)
    while 0 <= following and following + 8 + _numbers(data[following + 4 : following + 8], 4)[0] > len(data):
        following = data.find(b"MTrk", following + 4)
    following = len(data) if following < 0 else following
    remarks.append(f"{following - place} byte{'s' * (following - place > 1)} that are no chunk")
    return following


def _ends(data: bytes, end: int) -> bool:
    """Whether a chunk may end here: after an end-of-track event, or where another begins, or the file ends."""
    if data[end - 3 : end] == END_EVENT:
        return True
    return _may_begin(data, end) and not (len(data) - 8 < end < len(data) and data.endswith(END_EVENT))


def _may_begin(data: bytes, place: int) -> bool:
    """Whether a chunk may begin here, or the file ends, but for some bytes that are no chunk."""
    if _is_tag(data[place : place + 4]) or not data[place : place + 512].strip(b"\x00\x1a\r\n"):
        return place <= len(data)
    return len(data) - place < 8 or place + 8 + _numbers(data[place + 4 : place + 8], 4)[0] <= len(data)


def _is_tag(tag: bytes) -> bool:
    return tag == b"MTrk" or (len(tag) == 4 and all(0x20 <= byte < 0x7F for byte in tag))


def _numbers(data: bytes, *sizes: int) -> list[int]:
    """Unsigned big-endian numbers of so many bytes each, one after another."""
    values, place = [], 0
    for size in sizes:
        values.append(int.from_bytes(data[place : place + size], "big"))
        place += size
    return values
