"""Bars by their accents: notes that abc2midi has held under fermatas, and pickups that no event tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import raw_midi as raw

from midi_vae.midi.reader import read_tune
from midi_vae.music.bars import bar_sections

EIGHTH = 240  # ticks
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
NOTE_TRACK = raw.meta(0x01, b"note track")
Bar = Sequence[int]  # lengths of notes in eighths; below 0 a note under a fermata


def voice(bars: Sequence[Bar], channel: int = 0, levels: tuple[int, int] = (105, 80), is_chord: bool = False) -> bytes:
    """Bars as abc2midi plays them: a tick late, the first note of each accented, a held one twice as long."""
    events: list[tuple[int, int, bytes]] = []
    tick = number = 0
    for bar in bars:
        for index, length in enumerate(bar):
            end = tick + EIGHTH * (2 * -length if length < 0 else length)
            for pitch in [SCALE[number % 8] + 4 * i for i in range(1 + 2 * is_chord)]:
                events.append((tick + 1, 1, bytes([0x90 | channel, pitch, levels[index > 0]])))
                events.append((end, 0, bytes([0x80 | channel, pitch, 0])))
            tick, number = end, number + 1
    return in_order(events)


def in_order(events: Sequence[tuple[int, int, bytes]]) -> bytes:
    out, now = bytearray(), 0
    for at, _, event in sorted(events):
        out += raw.varying(at - now) + event
        now = at
    return bytes(out)


def write(path: Path, metre: bytes, *voices: bytes, is_abc: bool = True) -> Path:
    head = (NOTE_TRACK if is_abc else b"") + raw.tempo(600_000) + metre
    path.write_bytes(raw.file(head + voices[0], *voices[1:]))
    return path


def written(bars: Sequence[Bar]) -> list[tuple[float, float]]:
    """Onset and length of each note in quarters."""
    lengths = np.abs([length for bar in bars for length in bar]) / 2
    return list(zip((np.cumsum(lengths) - lengths).tolist(), lengths.tolist(), strict=True))


def found(path: Path, track: int = 0) -> list[tuple[float, float]]:
    notes = read_tune(path).tracks[track].notes
    notes = notes[np.unique(np.round(notes["start"] * 8), return_index=True)[1]]
    onsets, ends = (np.round(notes[key] * 8) / 8 for key in ("start", "end"))
    return list(zip(onsets.tolist(), (ends - onsets).tolist(), strict=True))


IN_THREE = raw.metre(3, 2)
IN_FOUR = raw.metre(4, 2)
IN_SIX = raw.metre(6, 3)
WALTZ = [(2,), (2, 2, -2), (4, 2), (2, 2, 2), (-4, 2), (2, 4), (2, 2, -2), (6,)]
MARCH = [(2, 2, -2, 2), (4, 4), (2, 2, -4), (2, 2, 2, 1, 1), (1, 1, 2, 4), (-2, 6), (2, 2, 2, 2), (8,)]
JIG = [(1,), (2, 1, 2, 1), (1, 1, 1, -3), (3, 2, 1), (2, 1, 3), (1, 1, 1, 2, -1), (2, 1, 2, 1), (3, 2)]


@pytest.mark.parametrize(
    ("bars", "metre", "pickup"),
    [(WALTZ, IN_THREE, 1.0), (MARCH, IN_FOUR, 0.0), (JIG[:5] + JIG[6:], IN_SIX, 0.5), (2 * WALTZ[1:], IN_THREE, 0.0)],
)
@pytest.mark.parametrize("is_chord", [False, True])
def test_held_notes_have_their_written_length(
    tmp_path: Path, bars: Sequence[Bar], metre: bytes, pickup: float, is_chord: bool
):
    path = write(tmp_path / "held.mid", metre, voice(bars, is_chord=is_chord))
    assert found(path) == written(bars)
    tune = read_tune(path)
    held = sum(length < 0 for bar in bars for length in bar)
    notes = f"{held} note{'s' * (held > 1)} played longer than written"
    assert tune.remarks == (f"{notes}, as abc2midi plays fermatas, by the accents of the bars",)
    first = bar_sections(tune.metres)[0]
    assert first.beat == (pickup - 4 * first.metre[0] / first.metre[1] if pickup else 0.0)


def test_each_voice_has_its_own(tmp_path: Path):
    """A fermata where the other voice has none, and one that all have."""
    bass = [(2,), (-6,), (4, 2), (6,), (-4, 2), (6,), (4, -2), (6,)]
    path = write(tmp_path / "two.mid", IN_THREE, voice(WALTZ), voice(bass, channel=1))
    assert found(path) == written(WALTZ)
    starts = [start for start, _ in found(path, 1)]
    assert starts[0] == 0 and starts[2:] == [start + 3 for start, _ in written(bass)][2:]  # a bar is whole, though long


def test_tempo_and_key_go_with_the_notes(tmp_path: Path):
    bars = [(2, 2, -2, 2), (4, 4), (2, 2, 2, 2), (8,), (2, 2, 2, 2), (8,)]
    events = raw.tempo(500_000, 18 * EIGHTH) + raw.meta(0x59, b"\x02\x00")
    path = write(tmp_path / "moved.mid", IN_FOUR, voice(bars), events)
    tune = read_tune(path)
    assert found(path) == written(bars)
    assert [beat for beat, _ in tune.tempi] == [0.0, 8.0] and tune.timeline.keys == ((8.0, 2, False),)


def test_a_pickup_is_told_by_the_accents(tmp_path: Path):
    bars = [tuple(abs(length) for length in bar) for bar in WALTZ]
    tune = read_tune(write(tmp_path / "pickup.mid", IN_THREE, voice(bars)))
    assert bar_sections(tune.metres)[0].beat == -2 and tune.remarks == ()
    assert [start for start, _ in found(tmp_path / "pickup.mid")] == [start for start, _ in written(bars)]


def test_bars_begin_anew_where_nothing_explains_a_long_one(tmp_path: Path):
    bars = [(2, 2, 2), (4, 2), (2, 2, 2), (3, 3, 1), (4, 2), (2, 2, 2), (4, 2), (2, 2, 2), (4, 2), (6,)]
    tune = read_tune(write(tmp_path / "long.mid", IN_THREE, voice(bars)))
    assert found(tmp_path / "long.mid") == written(bars) and tune.remarks == ()
    assert tune.metres == ((0.0, 3, 4), (12.5, 3, 4))


@pytest.mark.parametrize("levels", [(80, 80), (64, 65), (105, 80), (100, 60)])
def test_what_has_no_such_pattern_stays(tmp_path: Path, levels: tuple[int, int]):
    """Another program's file, whose loud notes stand anywhere: every third one here."""
    chosen = np.random.default_rng(1).permutation([3, 1, 2, 2, 4, 2, 2, 1, 1, 6] * 6).tolist()
    bars = [chosen[index : index + 3] for index in range(0, 60, 3)]
    path = write(tmp_path / "other.mid", IN_FOUR, voice(bars, levels=levels), is_abc=False)
    tune = read_tune(path)
    assert found(path) == written(bars) and tune.metres == ((0.0, 4, 4),) and tune.remarks == ()


def test_two_held_notes_of_a_bar(tmp_path: Path):
    bars = [(2, 2, 2), (2, 2, 2), (-2, -2, 2), (4, 2), (2, 2, 2), (-2, -2, 2), (6,)]
    assert found(write(tmp_path / "held.mid", IN_THREE, voice(bars))) == written(bars)


@pytest.mark.parametrize("graces", [1, 2, 3])
def test_grace_notes_are_taken_from_a_held_note(tmp_path: Path, graces: int):
    """Together they are twice as long as it is written: abc2midi takes grace notes from the note that follows."""
    bars = [(2, 2, 2), (2, 2, 2), (4, 2), (2, -2, 2), (2, 2, 2), (4, 2), (6,)]
    tick, events = 0, []
    for number, bar in enumerate(bars):
        for index, length in enumerate(bar):
            end = tick + EIGHTH * (2 * -length if length < 0 else length)
            starts = [tick + 60 * k for k in range(graces + 1)] if length < 0 else [tick]
            for at, stop in zip(starts, [*starts[1:], end], strict=True):
                events.append((at + 1, stop, 60 + number + index, 105 if index == 0 else 80))
            tick = end
    track = [(at, 1, bytes([0x90, pitch, velocity])) for at, _, pitch, velocity in events]
    track += [(stop, 0, bytes([0x80, pitch, 0])) for _, stop, pitch, _ in events]
    path = write(tmp_path / "graces.mid", IN_THREE, in_order(track))
    assert [at for at, _ in found(path) if at >= 12] == [at for at, _ in written(bars) if at >= 12]
    assert len(read_tune(path).remarks) == 1


@pytest.mark.parametrize("every", [2, 3])
def test_bars_of_another_metre_are_not_explained_by_two_held_notes_each(tmp_path: Path, every: int):
    """Five quarters now and then under a signature of 4/4, as folk songs have them: two of them held a little too long
    would make four, but all over the tune."""
    bars: list[Bar] = [(2, 2, 2, 2, 2) if bar % every == 1 else (2, 2, 2, 2) for bar in range(16)]
    path = write(tmp_path / "mixed.mid", IN_FOUR, voice(bars))
    assert found(path) == written(bars) and read_tune(path).remarks == ()


def test_held_notes_of_another_program(tmp_path: Path):
    """Two velocities, all bars but one as they should be."""
    bars = [(2, 2, 2), (4, 2), (2, 2, -2), *[(4, 2), (2, 2, 2)] * 6]
    path = write(tmp_path / "other.mid", IN_THREE, voice(bars, levels=(100, 70)), is_abc=False)
    assert found(path) == written(bars)


@pytest.mark.parametrize("division", [1, 2, 24, 32767])
@pytest.mark.parametrize("metre", [(1, 6), (255, 6), (1, 0), (255, 0)])
def test_odd_metres_and_resolutions_are_read(tmp_path: Path, division: int, metre: tuple[int, int]):
    path = tmp_path / "odd.mid"
    head = NOTE_TRACK + raw.metre(*metre) + raw.metre(3, 2, 1)
    path.write_bytes(raw.file(head + voice(MARCH), division=division))
    assert sum(len(track.notes) for track in read_tune(path).tracks) == sum(map(len, MARCH))


@pytest.mark.parametrize("second", [3, 4, 5])
def test_a_rhythm_with_two_accents_a_bar_tells_no_pickup(tmp_path: Path, second: int):
    """A bass that is struck harder on its first and third note of each bar, beside a tune, by any program."""
    bars = [[second, 8 - second], [2, 2, 2, 2]] * 8
    bass = voice([bar for _ in range(8) for bar in ([1] * second, [1] * (8 - second))], channel=1, levels=(81, 31))
    path = write(tmp_path / "rhythm.mid", IN_FOUR, voice(bars, levels=(102, 102)), bass, is_abc=False)
    tune = read_tune(path)
    assert tune.pickup == 0 and not tune.remarks
    assert [section.beat for section in bar_sections(tune.timeline.metres)] == [0.0]
