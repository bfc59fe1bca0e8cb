from __future__ import annotations

import os
import struct
from pathlib import Path

import mido
import numpy as np
import pytest
import raw_midi as raw

from latentmix.errors import InputError
from midi_vae.midi import reader
from midi_vae.midi.melody_track import choose_track
from midi_vae.midi.reader import read_tune
from midi_vae.midi.score import Track, Tune
from midi_vae.midi.writer import write_midi
from midi_vae.music.melody import Melody

SCALE = [(480 * i, 480 * i + 480, 60 + i) for i in range(8)]  # ticks


def read(path: Path, content: bytes) -> Tune:
    path.write_bytes(content)
    return read_tune(path)


def rows(track: Track) -> list[tuple[float, float, int]]:
    return [(float(n["start"]), float(n["end"]), int(n["pitch"])) for n in track.notes]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tune.mid"


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("division", [15, 96, 480, 1000, 32767])
def test_beats_whatever_the_resolution(path: Path, division: int, kind: int):
    tune = read(
        path,
        raw.file(raw.notes([(0, division, 60), (division, 3 * division, 62)]), division=division, kind=kind),
    )
    assert rows(tune.tracks[0]) == [(0.0, 1.0, 60), (1.0, 3.0, 62)]
    assert tune.resolution == division and tune.length == 3.0
    assert tune.tempi == ((0.0, 120.0),) and tune.metres == ()


def test_running_status_and_events_between(path: Path):
    track = b"\x00\x90\x3c\x50" + b"\x60\x3c\x00"  # a note-on of velocity 0 ends a note
    track += raw.meta(0x01, b"words") + b"\x00\xf0\x03\x01\x02\xf7" + b"\x00\xfe"  # kept up through all of these
    track += b"\x00\x3e\x50" + b"\x60\x3e\x00" + b"\x00\xc0\x28" + b"\x00\xe0\x00\x40"
    tune = read(path, raw.file(track, division=96, kind=0))
    assert rows(tune.tracks[0]) == [(0.0, 1.0, 60), (1.0, 2.0, 62)]
    assert tune.tracks[0].program == 40  # none was in force at the first note


def test_one_track_is_split_by_channel(path: Path):
    track = raw.name("Song") + b"\x00\xc1\x10" + raw.notes([(0, 480, 60)]) + raw.notes([(0, 480, 40)], 1)
    tune = read(path, raw.file(track + raw.notes([(0, 480, 38)], 9), kind=0))
    assert [(t.index, t.channel, t.name, t.program) for t in tune.tracks] == [
        (1, 0, "Song", 0),
        (2, 1, "Song", 16),
        (3, 9, "Song", 0),
    ]
    assert [t.is_drum for t in tune.tracks] == [False, False, True]


def test_tempo_and_metre_changes(path: Path):
    conductor = raw.metre(3, 2) + raw.tempo(500_000) + raw.tempo(1_000_000, 960) + raw.metre(6, 3, 480)
    tune = read(path, raw.file(conductor, raw.notes(SCALE)))
    assert tune.tempi == ((0.0, 120.0), (2.0, 60.0))
    assert tune.metres == ((0.0, 3, 4), (3.0, 6, 8))
    assert [tune.tempo_at(beat) for beat in (-1.0, 0.0, 1.99, 2.0, 99.0)] == [120, 120, 120, 60, 60]


def test_repeated_and_open_notes(path: Path):
    track = b"\x00\x90\x3c\x50" + b"\x60\x90\x3c\x50" + b"\x60\x90\x40\x50" + b"\x60\x80\x3c\x00" + b"\x60\xb0\x07\x40"
    tune = read(path, raw.file(track, division=96))
    assert rows(tune.tracks[0]) == [(0.0, 1.0, 60), (1.0, 3.0, 60), (2.0, 4.0, 64)]


def test_time_code_has_beats_of_half_a_second(path: Path):
    division = (256 - 25) << 8 | 40  # 25 frames of 40 ticks: 1000 a second
    tune = read(path, raw.file(raw.tempo(1_000_000) + raw.notes([(500, 1000, 60)]), division=division))
    assert rows(tune.tracks[0]) == [(1.0, 2.0, 60)] and tune.tempi == ((0.0, 120.0),)


def test_envelopes_and_foreign_chunks(path: Path):
    content = raw.header(1) + raw.chunk(b"XFIH", b"abc") + raw.chunk(b"MTrk", raw.notes(SCALE) + raw.END)
    assert len(read(path, content).tracks[0].notes) == 8
    riff = b"RIFF" + struct.pack("<I", len(content) + 12) + b"RMIDdata" + struct.pack("<I", len(content)) + content
    assert len(read(path, riff).tracks[0].notes) == 8
    long_header = raw.chunk(b"MThd", struct.pack(">HHH", 1, 1, 480) + b"more")
    assert len(read(path, long_header + raw.chunk(b"MTrk", raw.notes(SCALE))).tracks[0].notes) == 8


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Flöte\n 1".encode(), "Flöte 1"),
        ("Flöte".encode("latin-1"), "Flöte"),
        (b"\x00\x1b[31mred\x7f", "[31mred"),
        (b"x" * 5000, "x" * 200),
        (b"\xe9", "é"),
        ("歌".encode("shift_jis"), "歌"),
        ("鼓".encode("gb18030"), "鼓"),
        ("x³".encode(), "x³"),
    ],
)
def test_names_are_one_line_of_text(path: Path, content: bytes, text: str):
    assert read(path, raw.file(raw.meta(0x03, content) + raw.notes(SCALE))).tracks[0].name == text


def test_agrees_with_mido(path: Path):
    """A file of another writer, with overlaps, controllers and a key signature."""
    file = mido.MidiFile(ticks_per_beat=220)
    track = file.add_track("Piano")
    track.append(mido.MetaMessage("key_signature", key="Eb"))
    track.append(mido.Message("program_change", program=4, channel=3))
    for i in range(20):
        track.append(mido.Message("note_on", note=50 + i, velocity=i + 1, channel=3, time=7 * i))
        track.append(mido.Message("control_change", control=64, value=i, channel=3, time=11))
    for i in range(20):
        track.append(mido.Message("note_off", note=50 + i, channel=3, time=13 * i))
    file.save(path)
    found = read_tune(path).tracks[0]
    starts = np.cumsum([7 * i + 11 for i in range(20)]) - 11
    ends = starts[-1] + 11 + np.cumsum([13 * i for i in range(20)])
    assert found.notes["start"].tolist() == (starts / 220).tolist()
    assert found.notes["end"].tolist() == (ends / 220).tolist()
    assert found.notes["velocity"].tolist() == list(range(1, 21))
    assert (found.name, found.program, found.channel) == ("Piano", 4, 3)


GOOD = raw.file(raw.notes(SCALE))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"Dear reader, this is a letter.", "a file that starts with 'Dear rea'"),
        (GOOD[:10], "truncated: its header"),
        (GOOD[:17], "truncated: 1 tracks announced, 0 found"),
        (GOOD[:-1], "truncated: 1 bytes are missing"),
        (raw.header(1) + raw.chunk(b"MTrk", raw.notes(SCALE)[:-1]), "in the middle of an event"),
        (raw.header(1) + raw.chunk(b"MTrk", b"\x00\x3c\x50"), "without a status"),
        (raw.file(b"\x00\xf4"), "status byte 0xF4"),
        (raw.file(10 * b"\x81" + b"\x7f\x90\x3c\x40"), "a time of more than 10 bytes"),
        (raw.file(b"\x00\xff\x01" + 10 * b"\x80" + b"\x00" + raw.notes(SCALE)), "a length of more than 10 bytes"),
        (
            raw.header(2) + raw.chunk(b"MTrk", raw.notes(SCALE))[:-20] + raw.chunk(b"MTrk", raw.notes(SCALE)),
            "bytes are missing",
        ),
        (raw.header(1) + raw.chunk(b"MTrk", b"\x00\xff\x01\x7fabc"), "in the middle of an event"),
        (b"MThd\0\0\0\x05\0\x01\0\x01\x01\xe0", "found type 1 in a header of 5 bytes"),
        (raw.file(raw.name("empty")), "no notes"),
        (raw.header(0), "no notes"),
        (raw.file(raw.notes([(2**27, 2**27 + 480, 60)]), division=480), "at most 100000 beats"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(path: Path, content: bytes, said: str):
    with pytest.raises(InputError) as error:
        read(path, content)
    message = str(error.value)
    assert message.startswith(f"{path}: ") and said in message and "\n" not in message


def test_what_is_no_file(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.mid")
    for name in ("missing.mid", "pipe.mid", "", "nul\0.mid", "x" * 300):
        with pytest.raises(InputError, match="cannot read the MIDI file"):
            read_tune(f"{tmp_path}/{name}")


def test_bounds(path: Path, monkeypatch: pytest.MonkeyPatch):
    with open(path, "wb") as file:
        file.truncate(reader.MAX_BYTES + 1)  # sparse
    with pytest.raises(InputError, match="at most 16 MB"):
        read_tune(path)
    monkeypatch.setattr(reader, "MAX_NOTES", 7)
    with pytest.raises(InputError, match="at most 7 notes"):
        read(path, GOOD)
    monkeypatch.undo()
    monkeypatch.setattr(reader, "MAX_TRACKS", 2)
    with pytest.raises(InputError, match="in 2 tracks"):
        read(path, raw.file(*[raw.notes(SCALE)] * 3))
    monkeypatch.setattr(reader, "MAX_CHANGES", 3)
    with pytest.raises(InputError, match="at most 3 changes"):
        read(path, raw.file(raw.tempo(500_000) * 2 + raw.metre(3, 2) * 2))


def test_three_hours(path: Path):
    """Two notes a beat for three hours at 120 beats a minute."""
    tune = read(path, raw.file(raw.notes([(240 * i, 240 * i + 120, 60 + i % 7) for i in range(2 * 120 * 180)])))
    assert len(tune.tracks[0].notes) == 43_200 and tune.length == 21_600 - 0.25
    assert Melody.from_midi(path, bars=None).bars == 5_400
    assert Melody.from_midi(path, bars=2, start_bar=5_398).notes()[0] == (0, 1, 60 + 8 * 5_398 % 7)


# which track


def track_of(path: Path, *tracks: bytes, wanted: int | str | None = None) -> tuple[int, str]:
    choice = choose_track(read(path, raw.file(*tracks)), wanted)
    return choice.track.index, choice.reason


CHORDS = raw.notes([(960 * i, 960 * i + 960, pitch) for i in range(8) for pitch in (60, 64, 67, 72)])
BASS = raw.notes([(480 * i, 480 * i + 240, 36 + i % 5) for i in range(16)], 1)
MELODY = raw.notes([(480 * i, 480 * i + 400, 60 + i * 5 % 12) for i in range(16)], 2)
DRUMS = raw.notes([(240 * i, 240 * i + 120, 36 + i % 12) for i in range(32)], 9)


def test_the_most_melodic_track(path: Path):
    index, reason = track_of(path, CHORDS, BASS, MELODY, DRUMS)
    assert index == 3 and "most melodic" in reason


@pytest.mark.parametrize("name", ["Melody", "LEAD GUITAR", "vocals 1", "Mélodie", "voice_main", "Singer's part"])
def test_a_track_named_so_wins(path: Path, name: str):
    assert track_of(path, raw.name("Strings") + MELODY, raw.name(name) + BASS) == (2, f"it is named {name!r}")


@pytest.mark.parametrize("name", ["Backing vocals", "Bass voice", "Misled", "leader", ""])
def test_other_names_do_not(path: Path, name: str):
    assert track_of(path, MELODY, raw.name(name) + BASS)[0] == 1


def test_of_several_named_so_the_most_melodic(path: Path):
    index, reason = track_of(path, raw.name("voice 1") + BASS, raw.name("voice 2") + MELODY, CHORDS)
    assert index == 2 and "2 named so" in reason


def test_drums_are_skipped(path: Path):
    assert track_of(path, raw.name("lead") + DRUMS, MELODY) == (2, "the only track with pitched notes")
    with pytest.raises(InputError, match="only drums"):
        track_of(path, DRUMS)
    with pytest.raises(InputError, match="track 1 holds drums"):
        track_of(path, DRUMS, MELODY, wanted=1)


@pytest.mark.parametrize(
    ("wanted", "index"), [(2, 2), ("2", 2), ("piano", 1), ("OBO", 2), (" oboe ", 2), ("oboe 2", 3)]
)
def test_a_track_asked_for(path: Path, wanted: int | str, index: int):
    tracks = raw.name("Piano") + CHORDS, raw.name("Oboe") + BASS, raw.name("Second Oboe 2") + MELODY
    if wanted == "OBO":
        with pytest.raises(InputError, match=r"2 tracks match 'OBO'.*2 'Oboe', 3 'Second Oboe 2'"):
            track_of(path, *tracks, wanted=wanted)
    else:
        assert track_of(path, *tracks, wanted=wanted) == (index, "asked for")


@pytest.mark.parametrize("wanted", [0, 4, -1, "flute", "", "3.0"])
def test_a_track_that_is_not_there(path: Path, wanted: int | str):
    with pytest.raises(InputError, match=r"no track .*1 'Piano', 2 ''"):
        track_of(path, raw.name("Piano") + CHORDS, MELODY, wanted=wanted)


# writing


def melody(*pitches: int, **other) -> Melody:
    return Melody.from_notes([(4 * i, 4 * i + 4, pitch) for i, pitch in enumerate(pitches)], **other)


def test_several_melodies_with_gaps_and_labels(path: Path):
    first = melody(60, 62, tempo=90.0, program=40, name="Süße Töne")
    second, third = melody(64, tempo=90.0, program=40), melody(65, metre=(3, 4), tempo=100.0)
    write_midi(path, [first, second, third], gap_bars=1, labels=["A", "½", "B\udc80"])
    tune = read_tune(path)
    assert rows(tune.tracks[0]) == [(0, 1, 60), (1, 2, 62), (8, 9, 64), (16, 17, 65)]
    assert tune.length == 19 and tune.metres == ((0, 4, 4), (16, 3, 4))
    assert tune.tempi == ((0, pytest.approx(90)), (16, pytest.approx(100)))
    assert tune.tracks[0].name == "Süße Töne" and tune.tracks[0].program == 40
    file = mido.MidiFile(path, charset="utf-8")
    ticks = np.cumsum([m.time for m in file.tracks[0]])
    markers = {m.text: int(t) // 480 for t, m in zip(ticks, file.tracks[0], strict=True) if m.type == "marker"}
    assert markers == {"A": 0, "½": 8, "B?": 16}
    assert [m.program for m in file.tracks[0] if m.type == "program_change"] == [40, 0]


@pytest.mark.parametrize("tempo", [1e-300, 0.5, 119.99, 6e7, 1e300])
def test_tempo_is_kept_within_what_a_file_holds(path: Path, tempo: float):
    original = melody(60, tempo=tempo)
    original.to_midi(path)
    assert 3.57 < read_tune(path).tempo_at(0) <= 6e7
    assert Melody.from_midi(path, bars=1) == original


def test_no_melodies_or_labels(path: Path):
    with pytest.raises(ValueError, match="a label for each"):
        write_midi(path, [])
    with pytest.raises(ValueError, match="a label for each"):
        write_midi(path, [melody(60)], labels=["A", "B"])
    assert not path.exists()


def test_places_that_cannot_be_written(tmp_path: Path):
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "file").write_text("kept")
    for name in ("missing/a.mid", "file/a.mid", "folder.mid", "x" * 300, "nul\0", ""):
        with pytest.raises(InputError, match=r"cannot write the file|expected the name of a file to write") as error:
            melody(60).to_midi(f"{tmp_path}/{name}")
        assert "\n" not in str(error.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.mid"]
    with pytest.raises(InputError, match="something other than a file"):
        melody(60).to_midi(os.devnull)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        melody(60).to_midi(tmp_path / "a.mid")


def test_a_file_is_replaced_whole_or_not_at_all(path: Path, monkeypatch: pytest.MonkeyPatch):
    melody(60).to_midi(path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="No space left on device"):
        melody(61).to_midi(path)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]
