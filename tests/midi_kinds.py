"""Made-up MIDI files, one for each rule of the readers: of Python, the plugins and the page without a server."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import raw_midi as raw

Played = Sequence[tuple[float, float, int]]  # start and end in beats, pitch
BEAT = 480  # ticks

TUNE = [(k / 2, k / 2 + 0.5, 60 + (7 * k) % 12) for k in range(32)]
QUARTERS = [(float(k), k + 1.0, 60 + (5 * k) % 13) for k in range(16)]
LOW = [(start, end, pitch - 15) for start, end, pitch in TUNE]
CHORDS = [(2.0 * k, 2.0 * k + 2, pitch) for k in range(8) for pitch in (48, 52, 55)]
BASS = [(k / 2, k / 2 + 0.5, (36, 43, 40, 43)[k % 4]) for k in range(32)]


def notes(played: Played, channel: int = 0) -> bytes:
    return raw.notes([(round(BEAT * start), round(BEAT * end), pitch) for start, end, pitch in played], channel)


def at_once(events: Sequence[tuple[float, bytes]]) -> bytes:
    """Events at beats, in the order in which they come."""
    out, now = bytearray(), 0
    for beat, event in events:
        out += raw.varying(round(BEAT * beat) - now) + event
        now = round(BEAT * beat)
    return bytes(out)


def later(played: Played, beats: float) -> list[tuple[float, float, int]]:
    return [(start + beats, end + beats, pitch) for start, end, pitch in played]


def swung(share: float, size: float = 1.0, count: int = 16) -> list[tuple[float, float, int]]:
    """Pairs of notes that share a beat, or less."""
    pairs = ((k * size, k * size + share * size, (k + 1) * size, 60 + k % 7) for k in range(count))
    return [each for a, b, c, pitch in pairs for each in ((a, b, pitch), (b, c, pitch + 4))]


def shaken(played: Played, beats: float, seed: int) -> list[tuple[float, float, int]]:
    """As people play: early and late by up to so much, and by more and more."""
    random = np.random.default_rng(seed)
    moved = [(start + 0.37 + start / 60 + random.uniform(0, beats), pitch) for start, _, pitch in played]
    return [(start, start + 0.3, pitch) for start, pitch in moved]


def lyrics(played: Played, late: float = 0.0) -> bytes:
    return at_once([(start + late, raw.meta(0x05, b"la ")[1:]) for start, _, _ in played])


def by_turns(channels: int, first: int = 0) -> bytes:
    """Sixteen notes, each on the next channel."""
    on = [bytes([0, 0x90 | first + k % channels, 60 + k, 90]) for k in range(16)]
    off = [raw.varying(BEAT) + bytes([0x80 | first + k % channels, 60 + k, 0]) for k in range(16)]
    return b"".join(a + b for a, b in zip(on, off, strict=True))


def sysex(content: bytes) -> bytes:
    return b"\0\xf0" + raw.varying(len(content) + 1) + content + b"\xf7"


def controls(channel: int, *pairs: tuple[int, int]) -> bytes:
    return b"".join(bytes([0, 0xB0 | channel, number, value]) for number, value in pairs)


def trill(start: float, low: int, high: int, count: int, step: float = 0.125) -> list[tuple[float, float, int]]:
    return [(start + k * step, start + (k + 1) * step, (low, high)[k % 2]) for k in range(count)]


def pair(name: str | bytes, other: str | bytes) -> bytes:
    """A tune under a name, below another part that is no less a tune."""
    names = [raw.meta(0x03, each if isinstance(each, bytes) else each.encode()) for each in (other, name)]
    return raw.file(raw.tempo(500_000), names[0] + notes(later(TUNE, 0.0)), names[1] + notes(LOW, 1))


PLAIN = raw.file(notes(TUNE))
ON = bytes([0x90, 60, 90])
OFF = bytes([0x80, 60, 0])
OTHER_ON, OTHER_OFF = bytes([0x90, 64, 90]), bytes([0x80, 64, 0])
GRACES = [(0.0, 0.09, 71), (0.09, 0.18, 72), *later(QUARTERS, 0.18)]
LONG = [(0.0, 0.5, 67), (0.5, 1.0, 69)]  # a pickup, then bars that are easy to tell
for _bar in range(12):
    LONG += later([(0.0, 1.5, 72), (1.5, 2.0, 71), (2.0, 3.0, 69), (3.0, 3.5, 67), (3.5, 4.0, 65)], 1.0 + 4 * _bar)
LONG += later([(0.0, 3.0, 60)], 49.0)

FILES = {
    "one track": PLAIN,
    "another tempo and instrument": raw.file(raw.tempo(500_000) + b"\0\xc0\x28" + notes(TUNE)),
    "from the third bar on": raw.file(notes(later(TUNE, 9))),
    "three quarters": raw.file(raw.metre(3, 2) + notes(TUNE)),
    "chords and a tune": raw.file(notes(CHORDS), notes(TUNE, 1)),
    "drums are none": raw.file(notes(TUNE, 9), notes([(0, 1, 60), (1, 2, 64), (2, 3, 67)])),
    "rests and long notes": raw.file(notes([(0, 0.25, 60), (1, 3.5, 64), (5, 5.25, 62), (6, 8, 59)])),
    "beside the grid": raw.file(notes([(s + 0.02 * (k % 3), e - 0.05, p) for k, (s, e, p) in enumerate(TUNE)])),
    "a note-off ends the oldest": raw.file(
        at_once([(0, ON), (1, ON), (1.5, OFF), (2, OFF), (3, OTHER_ON), (3.5, OTHER_OFF)])
    ),
    "an onset before the end of its tick": raw.file(
        at_once([(0, ON), (1, ON), (1, OFF), (2, ON), (2, OFF), (3, OFF), (3, OTHER_ON), (4, OTHER_OFF)])
    ),
    "started twice, ended once": raw.file(at_once([(0, ON), (1, ON), (2, OFF), (3, OTHER_ON), (4, OTHER_OFF)])),
    "never ended": raw.file(at_once([(0, ON), (1, OTHER_ON), (2, OTHER_OFF), (3, ON), (5, bytes([0xB0, 7, 9]))])),
    "all notes off": raw.file(at_once([(0, ON), (1, bytes([0xB0, 123, 0])), (2, OTHER_ON), (3, OTHER_OFF), (4, OFF)])),
    "all sound off in another chunk": raw.file(
        at_once([(0, ON), (3, OFF), (3, OTHER_ON), (4, OTHER_OFF)]), at_once([(1, bytes([0xB0, 120, 0]))])
    ),
    "drums by GS": raw.file(sysex(b"\x41\x10\x42\x12\x40\x12\x15\x01\x18") + notes(TUNE, 1), notes(LOW, 2)),
    "drums by XG": raw.file(sysex(b"\x43\x10\x4c\x08\x03\x07\x01") + notes(TUNE, 3), notes(LOW, 2)),
    "drums by GM2": raw.file(controls(4, (0, 120)) + notes(TUNE, 4), notes(LOW, 2)),
    "no drums by GM2": raw.file(controls(9, (0, 121)) + notes(TUNE, 9)),
    "a program from another chunk": raw.file(b"\0\xc2\x28", notes(TUNE, 2)),
    "a title is no claim": raw.file(raw.name("Melody of the Sea"), raw.name("Bells") + notes(LOW), notes(TUNE, 1)),
    "melody": pair("Melody", "Strings"),
    "lead before voice": pair("LeadVox", "Vocals 2"),
    "melodía": pair("Melodía", "Acordes"),
    "hauptstimme": pair("Hauptstimme", "Begleitung"),
    "Мелодия": pair("Мелодия", "Бас"),
    "Мелодия of Windows": pair("Мелодия".encode("cp1251"), "Бас".encode("cp1251")),
    "メロディ": pair("メロディ", "コーラス"),
    "メロディ in Shift-JIS": pair("メロディ".encode("shift_jis"), "ベース".encode("shift_jis")),
    "멜로디 in EUC-KR": pair("멜로디".encode("euc_kr"), "베이스".encode("euc_kr")),
    "mélodie in UTF-16": pair("Mélodie".encode("utf-16"), "Basse".encode("utf-16")),
    "mélodie in Latin-1": pair("Mélodie".encode("latin-1"), "Basse".encode("latin-1")),
    "R.H.": pair("Piano R.H.", "Piano L.H."),
    "violin 1": pair("Violino I", "Violino II"),
    "parts by number": pair("Part 1", "Part 2"),
    "sung": raw.file(lyrics(QUARTERS), raw.name("Lead") + notes(TUNE), raw.name("x") + notes(QUARTERS, 1)),
    "sung, the soprano on one staff with the alto": raw.file(
        lyrics(QUARTERS),
        raw.name(":soprano") + notes(sorted([*QUARTERS, *((k + 0.5, k + 0.75, 57) for k in (1, 5, 9))])),
        raw.name(":tenor") + notes(QUARTERS, 1),
    ),
    "sung, words shown early": raw.file(
        lyrics(later(QUARTERS, 1), -0.5), notes(CHORDS), notes(later(QUARTERS[:15], 1), 1)
    ),
    "chord names are not sung": raw.file(
        at_once([(k, raw.meta(0x01, b"Am7")[1:]) for k in range(1, 16)]), notes(QUARTERS), notes(TUNE, 1)
    ),
    "chord names as C ends its texts": raw.file(
        at_once([(k, raw.meta(0x01, b"Am7\0")[1:]) for k in range(1, 16)]), notes(QUARTERS), notes(TUNE, 1)
    ),
    "letters as C ends its texts": raw.file(
        at_once([(k, raw.meta(0x05, (b"l\0", b"a \0")[k % 2])[1:]) for k in range(1, 16)]),
        notes(TUNE),
        notes(QUARTERS, 1),
    ),
    "notes of no length at once": raw.file(
        b"".join(bytes([0, 0x90, pitch, 80, 0, 0x80, pitch, 0]) for pitch in (60, 72, 64)) + notes(later(TUNE, 1))
    ),
    "late by a constant": raw.file(notes(later(QUARTERS, 43 / 384))),
    "late by a tick": raw.file(notes(later(TUNE, 1 / 480))),
    "held back by nearly a sixteenth": raw.file(notes(later(QUARTERS, 0.2))),
    "pushed by grace notes": raw.file(notes(GRACES)),
    "pushed by grace notes of another part": raw.file(notes([(0.0, 0.15, 50)]), notes(later(TUNE, 0.15), 1)),
    "a pickup by its metre": raw.file(raw.metre(1, 2) + raw.metre(3, 2, BEAT), notes(QUARTERS)),
    "a pickup that LilyPond does not tell": raw.file(
        raw.meta(0x01, b"creator: ") + raw.meta(0x01, b"LilyPond 2.24.1") + raw.metre(4, 2), notes(LONG)
    ),
    "a metre a tick late": raw.file(raw.metre(3, 2) + raw.metre(4, 2, 6 * BEAT + 1), notes(TUNE)),
    "six eighths": raw.file(raw.metre(6, 3) + notes(TUNE)),
    "MMA": raw.file(raw.meta(0x01, b"Created by MMA") + raw.metre(6, 3), notes(QUARTERS)),
    "32nds": raw.file(notes([(k / 8, k / 8 + 0.125, 60 + (5 * k) % 13) for k in range(64)])),
    "triplets": raw.file(notes([(k / 3, (k + 1) / 3, 60 + (5 * k) % 13) for k in range(48)])),
    "swing": raw.file(notes(swung(2 / 3))),
    "swing of 62": raw.file(notes(swung(0.62))),
    "swing of 80 in sixteenths": raw.file(notes(swung(0.8, 0.5, 32))),
    "swing of 83 in sixteenths": raw.file(notes(swung(5 / 6, 0.5, 32))),
    "swing of 83 with rests": raw.file(notes([each for k, each in enumerate(swung(5 / 6, 0.5, 48)) if k % 7 != 4])),
    "triplets of 32nds": raw.file(notes([(k / 12, (k + 1) / 12, 60 + (5 * k) % 13) for k in range(96)])),
    "swing, late": raw.file(notes(later(swung(0.6), 0.15))),
    "two takes, late": raw.file(notes([(at + 0.15 + 0.1 * (at >= 6), *more) for at, *more in swung(0.5, 1.0, 40)])),
    "a trill": raw.file(notes([*QUARTERS[:4], *trill(4, 67, 65, 8), *later(QUARTERS, 5)])),
    "a trill with a turn": raw.file(
        notes([*QUARTERS[:4], *trill(4, 67, 65, 6), (4.75, 4.875, 64), (4.875, 5.0, 65), *later(QUARTERS, 5)])
    ),
    "mordents": raw.file(
        notes([x for k in range(12) for x in ((k, k + 0.1, 60), (k + 0.1, k + 0.2, 62), (k + 0.2, k + 1.0, 60))])
    ),
    "chords that are rolled": raw.file(
        notes([(k + 0.05 * i, k + 1.0, 60 + 4 * i + k % 3) for k in range(16) for i in range(3)])
    ),
    "played freely": raw.file(notes(shaken([*TUNE, *later(TUNE, 16)], 0.04, 1))),
    "played more freely": raw.file(notes(shaken([*TUNE, *later(TUNE, 16)], 0.09, 2))),
    "a bass in the rests": raw.file(notes([(s, e, p + 12) for s, e, p in TUNE if s % 4 < 2] + BASS)),
    "chords in the rests": raw.file(notes([(s, e, p + 12) for s, e, p in TUNE if s % 4 < 2] + CHORDS)),
    "the top line": raw.file(notes([*TUNE, *LOW])),
    "legato": raw.file(notes([(s, e + 0.1 * (k % 3 == 0), p) for k, (s, e, p) in enumerate(TUNE)])),
    "keyswitches": raw.file(notes([*TUNE, *((4.0 * k, 4 * k + 0.1, 12 + k) for k in range(4))])),
    "bent to a pitch": raw.file(
        at_once([(0, ON), (0.1, b"\xe0\0\x7f"), (2, b"\xe0\0\x40"), (2, OFF), (3, OTHER_ON), (4, OTHER_OFF)])
    ),
    "bent half way": raw.file(
        at_once([(0, ON), (1, b"\xe0\0\x7f"), (2, OFF), (2, b"\xe0\0\x40"), (3, OTHER_ON), (4, OTHER_OFF)])
    ),
    "a bend at a note of no length": raw.file(
        at_once([(0, b"\xe0\0\x7f"), (0, ON), (0, OFF), (1, b"\xe0\0\x40"), (1, OTHER_ON), (2, OTHER_OFF)])
    ),
    "a range of twelve": raw.file(
        controls(0, (101, 0), (100, 0), (6, 12)) + at_once([(0, b"\xe0\0\x60"), (0, ON), (2, OFF)])
    ),
    "hundredths of a range, told again and again": raw.file(
        controls(0, (101, 0), (100, 0), (6, 12), *[(38, 127)] * 300) + at_once([(0, b"\xe0\0\x60"), (0, ON), (2, OFF)])
    ),
    "two MPE zones that share channels, the upper one first": raw.file(
        controls(15, (101, 0), (100, 6), (6, 15)) + controls(0, (101, 0), (100, 6), (6, 15)) + b"\0\xcf\x28\0\xc0\x0a",
        by_turns(4, first=1),
    ),
    "an MPE zone": raw.file(
        controls(0, (101, 0), (100, 6), (6, 3)) + b"\0\xc0\x28",
        b"\0\xb0\x07\x64" + by_turns(3, first=1),
    ),
    "a channel a string": raw.file(b"".join(bytes([0, 0xC0 | channel, 25]) for channel in range(6)) + by_turns(6)),
    "the tempo of most of it": raw.file(raw.tempo(1_000_000) + raw.tempo(400_000, 240), notes(TUNE)),
    "sequences side by side": raw.file(
        raw.tempo(300_000) + raw.name("Bass") + notes(LOW), raw.tempo(700_000) + notes(QUARTERS, 1), kind=2
    ),
    "time code": raw.header(1).replace(b"\x01\xe0", b"\xe7\x28") + PLAIN[14:],
    "a header without ticks": raw.header(1, 0) + PLAIN[14:],
    "another type": raw.header(1, kind=5) + PLAIN[14:],
    "bytes before the header": b"\0\r" + PLAIN,
    "MacBinary": b"\0\x04Tune" + bytes(122) + PLAIN,
    "a longer header": PLAIN[:4] + struct.pack(">I", 8) + PLAIN[8:14] + b"\0\0" + PLAIN[14:],
    "tracks that are not there": PLAIN[:10] + b"\0\x07" + PLAIN[12:],
    "a track longer than it says": PLAIN[:18] + struct.pack(">I", len(PLAIN) - 30) + PLAIN[22:],
    "a track shorter than it says": PLAIN[:18] + struct.pack(">I", len(PLAIN)) + PLAIN[22:],
    "bytes after the end": PLAIN + b"Thank you\r\n",
    "data bytes above 127": PLAIN.replace(bytes([60, 80]), bytes([60, 208]), 1),
    "a time of five bytes": raw.file(b"\x80\x80\x80\x80\0" + ON + raw.varying(BEAT) + OFF + notes(TUNE[2:])),
    "a time before": raw.file(raw.varying(4 * BEAT) + b"\xb0\x07\x60\x8f\xff\xff\xf1\0" + ON + raw.varying(BEAT) + OFF),
    "a time before the start": raw.file(
        b"\x8f\xff\xff\xf1\0" + raw.tempo(400_000)[1:] + raw.varying(4 * BEAT) + notes(TUNE)[1:]
    ),
    "an end of track with two bytes of length": PLAIN[:18] + struct.pack(">I", 999) + PLAIN[22:-1] + b"\x80\0",
    "a track of four gigabytes, as it says": PLAIN[:18] + struct.pack(">I", 2**32 - 8) + PLAIN[22:],
    "RIFF with four gigabytes in it": b"RIFF" + struct.pack("<I", len(PLAIN) + 20) + b"RMIDDISP"
    + struct.pack("<I", 2**32 - 8) + PLAIN,
    "RIFF with more in it": b"RIFF" + struct.pack("<I", len(PLAIN) + 26) + b"RMIDDISP\5\0\0\0tune\0\0data"
    + struct.pack("<I", len(PLAIN)) + PLAIN,
}  # fmt: skip
REFUSED = {
    "a track that breaks off": PLAIN[:100],
    "a status that there is not": raw.file(b"\0\xf4" + notes(TUNE)),
    "an event without a status": raw.file(b"\0\x3c\x40" + notes(TUNE)),
    "no header": b"hello world, this is text",
    "far away": raw.file(raw.varying(2**28 - 1) + ON + raw.varying(9) + OFF),
}
