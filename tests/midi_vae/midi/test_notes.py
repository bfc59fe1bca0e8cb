"""How notes begin and end, at which pitch they sound, and which channels are one line, in files of many shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
import raw_midi as raw

from midi_vae.midi.reader import read_tune
from midi_vae.midi.score import Track, Tune


def read(tmp_path: Path, content: bytes) -> Tune:
    path = tmp_path / "tune.mid"
    path.write_bytes(content)
    return read_tune(path)


def events(*timed: tuple[int, bytes]) -> bytes:
    """A track of messages given with their ticks, in this order."""
    out, now = b"", 0
    for tick, message in timed:
        out += raw.varying(tick - now) + message
        now = tick
    return out


def on(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x90 | channel, pitch, 70])


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes([0x80 | channel, pitch, 0])


def rows(track: Track, beats: float = 1.0) -> list[tuple[float, float, int]]:
    return [(float(n["start"]) / beats, float(n["end"]) / beats, int(n["pitch"])) for n in track.notes]


@pytest.mark.parametrize("beat", [24, 96, 384, 1024])
def test_a_note_off_ends_the_oldest_note_of_its_pitch(tmp_path: Path, beat: int):
    late = max(beat // 12, 1)  # legato: each note is held into the repeat
    track = events(
        *[each for i in range(4) for each in ((i * beat, on(62)), (i * beat + late, off(62)))[: 2 if i else 1]],
        (4 * beat + late, off(62)),
    )
    notes = rows(read(tmp_path, raw.file(track, division=beat)).tracks[0])
    assert [start for start, _, _ in notes] == [0, 1, 2, 3]
    assert [end for _, end, _ in notes] == pytest.approx(
        [1 + late / beat, 2 + late / beat, 3 + late / beat, 4 + late / beat]
    )


@pytest.mark.parametrize("beat", [48, 480])
def test_an_onset_before_the_end_of_its_tick_is_a_repeat(tmp_path: Path, beat: int):
    track = events(
        (0, on(71)), (beat, on(71)), (beat, off(71)), (3 * beat, on(71)), (3 * beat, off(71)), (4 * beat, off(71))
    )
    assert rows(read(tmp_path, raw.file(track, division=beat)).tracks[0]) == [(0, 1, 71), (1, 3, 71), (3, 4, 71)]


def test_a_note_started_twice_and_ended_once_is_two_notes(tmp_path: Path):
    track = events((0, on(50)), (96, on(50)), (288, off(50)), (384, on(52)), (480, off(52)))
    assert rows(read(tmp_path, raw.file(track, division=96)).tracks[0]) == [(0, 1, 50), (1, 3, 50), (4, 5, 52)]


def test_note_offs_of_nothing_are_nothing(tmp_path: Path):
    track = events(
        (0, off(60)), (0, on(60)), (96, off(60)), (96, off(60)), (192, on(60)), (192, off(61)), (288, off(60))
    )
    assert rows(read(tmp_path, raw.file(track, division=96)).tracks[0]) == [(0, 1, 60), (2, 3, 60)]


def test_notes_that_never_end_give_way_to_the_next_of_their_voice(tmp_path: Path):
    one = [(96 * i, on(72 - i, 3)) for i in range(5)]
    other = [(96 * i + 48, message) for i in range(5) for message in (on(40, 4),)]
    track = events(*sorted([*one, *other], key=lambda each: each[0]), (480, b"\xb3\x07\x64"))
    tune = read(tmp_path, raw.file(track, division=96))
    assert rows(tune.tracks[0]) == [(i, i + 1, 72 - i) for i in range(5)]
    assert [end for _, end, _ in rows(tune.tracks[1])] == [1.5, 2.5, 3.5, 4.5, 5]


@pytest.mark.parametrize("controller", [120, 123])
def test_all_notes_off_ends_the_notes_of_its_channel(tmp_path: Path, controller: int):
    stop = bytes([0xB1, controller, 0])
    track = events(
        (0, stop), (0, on(60, 1)), (0, on(64, 1)), (0, on(48, 2)), (96, stop), (96, on(65, 1)), (144, off(60, 1)),
        (192, stop), (384, off(48, 2)),
    )  # fmt: skip
    tune = read(tmp_path, raw.file(track, division=96))
    assert rows(tune.tracks[0]) == [(0, 1, 64), (0, 1, 60), (1, 2, 65)] and rows(tune.tracks[1]) == [(0, 4, 48)]


@pytest.mark.parametrize("chunk", [0, 2])
def test_all_notes_off_in_another_chunk(tmp_path: Path, chunk: int):
    hanging = events(*[(96 * i, on(60 + i, 3)) for i in range(4)], (384, b"\xb3\x07\x64"))
    played = [hanging, events((0, on(40, 5)), (384, off(40, 5)))]
    played.insert(chunk, events(*[(96 * i + 48, b"\xb3\x7b\x00") for i in range(4)]))
    one, other = read(tmp_path, raw.file(*played, division=96)).tracks
    assert rows(one) == [(i, i + 0.5, 60 + i) for i in range(4)] and rows(other) == [(0, 4, 40)]
    alone = read(tmp_path, raw.file(*played, division=96, kind=2)).tracks[0]
    assert [end for _, end, _ in rows(alone)] == [1, 2, 3, 4]  # sequences of their own


# channels


def test_the_program_is_that_of_the_channel_whatever_chunk_has_set_it(tmp_path: Path):
    setup = events((0, b"\xc2\x28"), (0, b"\xc5\x47"), (960, b"\xc5\x49"))
    late = events((0, b"\xb2\x07\x50"), (480, on(60, 2)), (960, off(60, 2)))
    own = events((0, b"\xc5\x0a"), (960, on(62, 5)), (1440, off(62, 5)))
    tune = read(tmp_path, raw.file(setup, late, own))
    assert [track.program for track in tune.tracks] == [0x28, 0x49]  # the later change on channel 6 holds
    alone = read(tmp_path, raw.file(setup, late, own, kind=2))
    assert [track.program for track in alone.tracks] == [0, 0x0A]  # sequences of their own


GS_DRUMS = b"\xf0\x0a\x41\x10\x42\x12\x40\x1c\x15\x01\x00\xf7"  # part 12, counted 1 to 9, then 10 first: channel 13
XG_DRUMS = b"\xf0\x08\x43\x10\x4c\x08\x0a\x07\x01\xf7"  # channel 11


@pytest.mark.parametrize(
    ("setting", "channel", "is_drum"),
    [
        (GS_DRUMS, 12, True),
        (XG_DRUMS, 10, True),
        (b"\xb3\x00\x7f", 3, True),  # XG bank
        (b"\xf0\x08\x43\x10\x4c\x00\x00\x7e\x00\xf7\x00\xb5\x00\x7e", 5, True),  # XG on, and its bank of effects
        (b"\xb5\x00\x7e", 5, False),
        (b"\xb7\x00\x78", 7, True),  # GM2 bank of drums
        (b"\xb9\x00\x79", 9, False),  # GM2 bank of melodies
        (b"\xf0\x0a\x41\x10\x42\x12\x40\x10\x15\x00\x00\xf7", 9, False),  # GS: part 10 is a melody
        (b"\xb9\x07\x64", 9, True),
        (b"\xb3\x00\x01", 3, False),
    ],
)
def test_drum_parts_wherever_they_are(tmp_path: Path, setting: bytes, channel: int, is_drum: bool):
    track = b"\x00" + setting + raw.notes([(0, 480, 60), (480, 960, 62)], channel)
    assert read(tmp_path, raw.file(track, raw.notes([(0, 480, 60)], 0))).tracks[0].is_drum == is_drum


@pytest.mark.parametrize("first", [1, 8])
def test_a_channel_a_note_is_one_line(tmp_path: Path, first: int):
    """MPE: neighbouring notes on different channels, slightly overlapping."""
    played = [(240 * i, 240 * i + 250, 60 + i % 7, first + i % 4) for i in range(20)]
    timed = [(start, on(pitch, channel)) for start, _, pitch, channel in played]
    timed += [(end, off(pitch, channel)) for _, end, pitch, channel in played]
    track = events(*sorted(timed, key=lambda each: each[0]))
    (track_found,) = read(tmp_path, raw.file(track, kind=0)).tracks
    assert [pitch for _, _, pitch in rows(track_found)] == [60 + i % 7 for i in range(20)]


@pytest.mark.parametrize("main", [0, 15])
def test_chords_of_an_mpe_zone_are_one_line(tmp_path: Path, main: int):
    """The channels are those of a zone by the file, that of drums among them, with its main channel's program."""
    members = [channel for channel in range(16) if channel not in (0, 15)]
    setup = [(0, bytes([0xB0 | main, *pair])) for pair in ((101, 0), (100, 6), (6, 14))] + [
        (0, bytes([0xC0 | main, 80]))
    ]
    played = [(480 * i, 60 + i % 7 - 4 * voice, members[(3 * i + voice) % 14]) for i in range(20) for voice in range(3)]
    timed = [(start, on(pitch, channel)) for start, pitch, channel in played]
    timed += [(start + 470, off(pitch, channel)) for start, pitch, channel in played]
    other = [(480 * i, on(40, main)) for i in range(2)] + [(480 * i + 400, off(40, main)) for i in range(2)]
    track = events(*setup, *sorted(timed + other, key=lambda each: each[0]))
    tune = read(tmp_path, raw.file(track, kind=0))
    assert sorted(len(found.notes) for found in tune.tracks) == [2, 60]
    assert {found.program for found in tune.tracks} == {80} and not any(found.is_drum for found in tune.tracks)


def test_strings_of_a_guitar_are_one_track_beside_others(tmp_path: Path):
    guitar = b"".join(b"\x00" + bytes([0xC0 | c, 25]) for c in range(6))
    guitar += raw.notes([(0, 1920, 40)], 0) + b"".join(raw.notes([(0, 1920, 45 + 5 * c)], c) for c in range(1, 6))
    tune = read(tmp_path, raw.file(guitar, raw.notes([(0, 480, 72)], 8)))
    assert [len(track.notes) for track in tune.tracks] == [6, 1]


@pytest.mark.parametrize(("program", "count"), [(25, 1), (33, 1), (52, 4)])
def test_strings_of_a_guitar_alone_in_a_file(tmp_path: Path, program: int, count: int):
    """Four channels of one voice each: the strings of a plucked instrument, but the voices of a choir."""
    timed = [(480 * i + 60 * c, on(40 + 5 * c + i % 3, c)) for i in range(8) for c in range(4)]
    timed += [(480 * i + 470 + 60 * c, off(40 + 5 * c + i % 3, c)) for i in range(8) for c in range(4)]
    setup = [(0, bytes([0xC0 | c, program])) for c in range(4)]
    track = events(*setup, *sorted(timed, key=lambda each: each[0]))
    assert len(read(tmp_path, raw.file(track, kind=0)).tracks) == count


def test_two_hands_on_two_channels_stay_two_tracks(tmp_path: Path):
    left = [(480 * i, 480 * i + 480, 48 + i % 5) for i in range(8)]
    right = [(start, end, pitch + 24) for start, end, pitch in left]
    timed = [(start, 1, on(p, c)) for c, hand in enumerate((right, left)) for start, _, p in hand]
    timed += [(end, 0, off(p, c)) for c, hand in enumerate((right, left)) for _, end, p in hand]
    tune = read(tmp_path, raw.file(events(*[(tick, message) for tick, _, message in sorted(timed)]), kind=0))
    assert [track.channel for track in tune.tracks] == [0, 1]


# pitch bend


def bend(semitones: float, channel: int = 0, full: float = 2.0) -> bytes:
    value = min(round(8192 + 8192 * semitones / full), 16383)
    return bytes([0xE0 | channel, value & 0x7F, value >> 7])


def test_a_note_sounds_where_it_is_bent_to(tmp_path: Path):
    track = events(
        (0, bend(-1)), (0, on(60)), (480, off(60)),  # held a semitone lower
        (480, bend(-1)), (480, on(64)), (600, bend(0)), (960, off(64)),  # a scoop
        (960, bend(0.3)), (960, on(65)), (1080, bend(-0.3)), (1440, off(65)),  # vibrato
        (1440, bend(0)), (1440, on(67)), (1680, bend(1)), (1690, bend(2)), (1920, off(67)),  # struck, then bent up
    )  # fmt: skip
    notes = rows(read(tmp_path, raw.file(track)).tracks[0])
    assert [pitch for _, _, pitch in notes] == [59, 64, 65, 67, 69]
    assert notes[3][1] == notes[4][0] == pytest.approx(1690 / 480)


@pytest.mark.parametrize("full", [12, 24])
def test_the_range_of_a_bend_is_what_the_file_says(tmp_path: Path, full: int):
    setup = ((0, b"\xb0\x65\x00"), (0, b"\xb0\x64\x00"), (0, bytes([0xB0, 0x06, full])))
    track = events(*setup, (0, bend(5, full=full)), (0, on(60)), (480, off(60)))
    assert rows(read(tmp_path, raw.file(track)).tracks[0]) == [(0, 1, 65)]


def test_the_range_of_a_bend_may_be_set_in_another_chunk(tmp_path: Path):
    setup = events((0, b"\xb4\x65\x00"), (0, b"\xb4\x64\x00"), (0, b"\xb4\x06\x0c"))
    track = events((0, bend(5, 4, full=12)), (0, on(60, 4)), (480, off(60, 4)))
    assert rows(read(tmp_path, raw.file(setup, track)).tracks[0]) == [(0, 1, 65)]


def test_a_note_of_no_length_where_a_bend_begins(tmp_path: Path):
    """Players let it pass; it was an error of ours."""
    path = tmp_path / "bent.mid"
    both = b"\0\xe0\0\x7f" + bytes([0, 0x90, 60, 80, 0, 0x80, 60, 0]) + b"\x60\xe0\0\x40" + raw.notes([(0, 480, 64)])
    path.write_bytes(raw.file(both))
    assert read_tune(path).tracks[0].notes["pitch"].tolist() == [62, 64]


def test_sequences_of_type_2_have_their_own_time(tmp_path: Path):
    first = raw.tempo(1_000_000) + raw.metre(3, 2) + raw.notes([(0, 480, 60)])
    second = raw.tempo(250_000) + raw.metre(2, 2) + raw.notes([(0, 480, 62)])
    tune = read(tmp_path, raw.file(first, second, kind=2))
    assert [track.timeline.tempi for track in tune.tracks] == [((0.0, 60.0),), ((0.0, 240.0),)]
    assert [track.timeline.metres for track in tune.tracks] == [((0.0, 3, 4),), ((0.0, 2, 4),)]


def test_a_drum_that_is_tuned_by_a_bend_is_that_drum(tmp_path: Path):
    """On its channel a melody is bent all the same."""
    kit = [(0, bend(-2, 9)), *[(240 * i, bytes([0x99, (36, 42, 38, 42)[i % 4], 90])) for i in range(8)]]
    kit += [(240 * i + 120, bytes([0x89, (36, 42, 38, 42)[i % 4], 0])) for i in range(8)]
    tune = [
        (0, bend(-2, 9)),
        (0, b"\x99\x43\x50"),
        (240, b"\x89\x43\x00"),
        (240, b"\x99\x47\x50"),
        (480, b"\x89\x47\x00"),
    ]
    found = []
    for rows in (kit, tune):
        (tmp_path / "drums.mid").write_bytes(raw.file(events(*sorted(rows))))
        found.append(read_tune(tmp_path / "drums.mid").tracks[0].notes["pitch"].tolist())
    assert found == [[36, 42, 38, 42] * 2, [65, 69]]
