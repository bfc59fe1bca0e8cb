"""Where notes come to lie on the grid: exact, late, swung, ornamented rhythms, in files of many resolutions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import raw_midi as raw

from midi_vae import Melody
from midi_vae.importing import read_passage
from midi_vae.midi.score import NOTE
from midi_vae.music import grid
from midi_vae.music.grid import GridLine, place
from midi_vae.music.key import estimate_key
from midi_vae.music.skyline import skyline

QUARTERS = [(float(i), i + 1.0, 60 + i % 5) for i in range(8)]


def notes(*given: tuple[float, float, int]) -> np.ndarray:
    return np.array([(s, e, p, 80) for s, e, p in sorted(given, key=lambda n: (n[0], -n[2]))], NOTE)


def ticked(given: list[tuple[float, float, int]], division: int, late: int = 0) -> np.ndarray:
    """The same notes in a file of so many ticks a beat."""
    return notes(
        *[((round(s * division) + late) / division, (round(e * division) + late) / division, p) for s, e, p in given]
    )


def steps(line: GridLine) -> list[tuple[int, int]]:
    return list(zip(line.start.tolist(), line.pitch.tolist(), strict=True))


def run(first: float, count: int, length: float, lowest: int = 60) -> list[tuple[float, float, int]]:
    return [(first + i * length, first + (i + 1) * length, lowest + i) for i in range(count)]


def shifted(given: list[tuple[float, float, int]], beats: float) -> list[tuple[float, float, int]]:
    return [(start + beats, end + beats, pitch) for start, end, pitch in given]


FIGURES = {  # four beats of something fast or uneven
    "32nds": run(0, 32, 1 / 8, 50),
    "64ths": run(0, 64, 1 / 16, 40),
    "triplets": run(0, 12, 1 / 3),
    "sextuplets": run(0, 24, 1 / 6, 50),
    "quarter triplets": run(0, 6, 2 / 3),
    "four in the time of three": [*run(0, 4, 3 / 4), *run(3, 1, 1, 70)],
    "swing 2:1": [(b + o, b + o + 0.3, 60 + b) for b in range(4) for o in (0, 2 / 3)],
    "swing 58 %": [(b + o, b + o + 0.3, 60 + b) for b in range(4) for o in (0, 0.58)],
    "a trill": [(i / 8, (i + 1) / 8, 60 + 2 * (i % 2)) for i in range(32)],
    "a tremolo": [(i / 8, (i + 1) / 8, 60) for i in range(32)],
}


@pytest.mark.parametrize("division", [96, 120, 384, 480, 960])
@pytest.mark.parametrize("figure", FIGURES)
def test_what_follows_an_exact_figure_stays_on_its_beats(figure: str, division: int):
    for repeats in (1, 4):
        tune = [note for i in range(repeats) for note in shifted(FIGURES[figure], 4 * i)]
        line = place(ticked([*tune, *shifted(QUARTERS, 4 * repeats)], division), ())
        assert not line.report.free
        assert line.start[-8:].tolist() == [16 * repeats + 4 * i for i in range(8)]


@pytest.mark.parametrize("division", [48, 96, 480, 1920])
def test_of_several_notes_on_a_step_the_one_on_the_beat_wins(division: int):
    pitches = (60, 62, 64, 65, 67, 69, 71, 72)
    line = place(ticked([(i / 8, (i + 1) / 8, p) for i, p in enumerate(pitches)] + shifted(QUARTERS, 1), division), ())
    assert steps(line)[:4] == [(0, 60), (1, 64), (2, 67), (3, 71)] and line.report.dropped == 4


def test_dropped_notes_are_counted_where_they_lie(tmp_path: Path):
    ticks = [(40 * i, 40 * i + 40, 60 + i % 12) for i in range(96)]  # sextuplets: 96 in 32 quarters of a beat
    path = tmp_path / "tune.mid"
    path.write_bytes(
        raw.file(raw.notes([*ticks, *[(3840 + 480 * i, 4200 + 480 * i, 60) for i in range(8)]]), division=240)
    )
    passage = read_passage(str(path))
    assert (passage.grid.notes, passage.grid.dropped) == (104, 32)  # six notes on four steps
    assert passage.melody.bars == 2 and passage.dropped == 16 and len(passage.melody.notes()) == 32


@pytest.mark.parametrize("ratio", [0.5, 0.55, 0.6, 2 / 3, 0.7, 0.75, 0.8, 0.86])
@pytest.mark.parametrize("division", [96, 480])
def test_swung_off_beats_stay_in_their_beat(ratio: float, division: int):
    tune = [(b + o, b + o + 0.2, 60 + b % 5) for b in range(12) for o in (0, ratio)]
    line = place(ticked(tune, division), ())
    assert (line.start // 4).tolist() == [b for b in range(12) for _ in range(2)] and line.report.dropped == 0


@pytest.mark.parametrize("ratio", [0.54, 0.6, 2 / 3, 0.75, 0.8, 0.83, 5 / 6])
def test_swung_sixteenths_stay_in_their_eighth(ratio: float):
    """Also where the second of a pair is nearer to the step of the next pair."""
    tune = [(b / 2 + o / 2, b / 2 + o / 2 + 0.1, 60 + b % 5) for b in range(24) for o in (0, ratio)]
    line = place(ticked(tune, 480), ())
    assert line.start.tolist() == list(range(48)) and line.report.dropped == 0


@pytest.mark.parametrize("ratio", [0.6, 2 / 3, 0.7])
@pytest.mark.parametrize("late", [10, 20, 72, 90])  # of 480
def test_swung_notes_may_all_be_late(ratio: float, late: int):
    tune = [(b + o, b + o + 0.2, 60 + b % 5) for b in range(16) for o in (0, ratio)]
    line = place(ticked(tune, 480, late), ())
    assert line.start[::2].tolist() == [4 * b for b in range(16)] and line.report.dropped == 0


def test_off_beats_alone_stay_in_their_beat():
    line = place(ticked([(b + 2 / 3, b + 1, 60 + b % 5) for b in range(20)], 480), ())
    assert (line.start // 4).tolist() == list(range(20))


@pytest.mark.parametrize(("graces", "length"), [(1, 43 / 384), (2, 54 / 480), (3, 1 / 12), (1, 0.2), (4, 1 / 8)])
def test_grace_notes_before_the_first_bar_push_nothing(graces: int, length: float):
    late = graces * length
    tune = run(0, graces, length, 70) + shifted(QUARTERS * 1, late)
    line = place(notes(*tune), ((0.0, 4, 4),))
    assert line.report.lateness_beats == pytest.approx(late) and not line.report.free
    assert steps(line) == [(4 * i, 60 + i % 5) for i in range(8)] and line.bars == 2


@pytest.mark.parametrize(("graces", "length"), [(3, 21 / 384), (2, 1 / 12), (4, 1 / 24)])
def test_grace_notes_push_all_to_a_triplets_place(graces: int, length: float):
    """As LilyPond's three sixteenths do; after them come eighths, of which half are on no beat."""
    tune = run(0, graces, length, 70) + shifted(run(0, 24, 0.5, 60), graces * length)
    line = place(notes(*tune), ((0.0, 6, 8),))
    assert line.report.lateness_beats == pytest.approx(graces * length) and line.report.triplets == 0
    assert line.start.tolist() == [2 * i for i in range(24)]


@pytest.mark.parametrize(("graces", "length"), [(2, 1 / 12), (3, 21 / 384), (2, 1 / 8), (3, 1 / 5)])
def test_grace_notes_of_another_part_push_all(tmp_path: Path, graces: int, length: float):
    late = round(graces * length * 480)
    piano = [(round(480 * s), round(480 * e), p) for s, e, p in run(0, graces, length, 50)]
    piano += [(late + 960 * i, late + 960 * (i + 1), 48) for i in range(4)]
    tune = [(late + 480 * i, late + 480 * (i + 1), 60 + i % 5) for i in range(8)]
    path = tmp_path / "song.mid"
    path.write_bytes(raw.file(raw.name("Melody") + raw.notes(tune), raw.name("Piano") + raw.notes(piano, 1)))
    melody = Melody.from_midi(path, bars=None, start_bar=0)
    assert [start for start, _, _ in melody.notes()] == [4 * i for i in range(8)]


def test_a_run_of_another_part_pushes_nothing():
    """The tune is syncopated; what accompanies it stays on the beats."""
    others = np.array([0, 1 / 8, 1 / 4, 3 / 8, *range(1, 12)])
    line = place(notes(*shifted(QUARTERS, 0.5)), ((0.0, 4, 4),), others)
    assert line.start.tolist() == [4 * i + 2 for i in range(8)] and not line.report.lateness_beats


@pytest.mark.parametrize("late", [0.13, 0.15, 1 / 6, 0.1875, 0.2])
@pytest.mark.parametrize("length", [1.0, 0.5, 0.25])
def test_what_is_late_throughout_is_not_a_step_late(length: float, late: float):
    line = place(notes(*shifted(run(4, 24, length), late)), ((0.0, 4, 4),))
    assert line.report.lateness_beats == pytest.approx(late) and not line.report.free
    assert line.start.tolist() == [round(4 * (4 + i * length)) for i in range(24)]


def test_what_is_nearly_a_step_late_is_meant():
    line = place(notes(*shifted(QUARTERS, 0.24)), ())
    assert line.start.tolist() == [4 * i + 1 for i in range(8)]


def test_off_beats_made_to_sound_human_stay_off_the_beat():
    """As notation programs play them, up to a twentieth of a beat late or early: the file's beats are known."""
    off = np.random.default_rng(0).uniform(-0.05, 0.05, 64)
    tune = [(i + 0.5 + off[i], i + 0.9, 60 + i % 5) for i in range(64)]
    line = place(notes(*tune), ((0.0, 4, 4),))
    assert line.start.tolist() == [4 * i + 2 for i in range(64)] and not line.report.free


@pytest.mark.parametrize("late", [1, 2, 5])
def test_a_tick_late_is_not_late(late: int):
    line = place(ticked(QUARTERS * 1, 480, late), ((0.0, 4, 4),))
    assert steps(line) == [(4 * i, 60 + i % 5) for i in range(8)] and line.bars == 2


@pytest.mark.parametrize("apart", [10 / 480, 30 / 480, 65 / 480])
@pytest.mark.parametrize("pitches", [(60, 64, 67), (67, 64, 60), (48, 55, 60, 64, 72)])
def test_a_rolled_chord_is_one_chord(apart: float, pitches: tuple[int, ...]):
    if apart * len(pitches) > 0.5:
        pytest.skip("as long as that it is no chord")
    chord = [(1 + i * apart, 2.0, pitch) for i, pitch in enumerate(pitches)]
    line = place(notes((0, 1, 62), *chord, (2, 3, 65), (3, 4, 64)), ())
    assert steps(line) == [(0, 62), (4, max(pitches)), (8, 65), (12, 64)]


@pytest.mark.parametrize("pitches", [(60, 64, 67), (48, 55, 60, 64)])
@pytest.mark.parametrize("before", [20 / 480, 120 / 480])
def test_a_chord_rolled_before_its_beat(pitches: tuple[int, ...], before: float):
    chord = [(1 - before * (1 - i / (len(pitches) - 1)), 2.0, pitch) for i, pitch in enumerate(pitches)]
    line = place(notes((0, 0.5, 62), *chord, (2, 3, 65), (3, 4, 64)), ())
    assert steps(line) == [(0, 62), (4, max(pitches)), (8, 65), (12, 64)]


@pytest.mark.parametrize("above", [1, 2])
@pytest.mark.parametrize("starts_above", [False, True])
@pytest.mark.parametrize("length", [1 / 8, 1 / 6, 1 / 12])
def test_a_trill_is_its_written_note(above: int, starts_above: bool, length: float):
    trill = [(i * length, (i + 1) * length, 67 + above * ((i + starts_above) % 2)) for i in range(round(2 / length))]
    line = place(notes(*trill, (2, 3, 72), (3, 4, 71)), ())
    assert steps(line) == [(0, 67), (8, 72), (12, 71)] and line.end[0] == 8
    assert line.report.dropped == len(trill) - 1


@pytest.mark.parametrize("below", [1, 2])
@pytest.mark.parametrize("starts_above", [False, True])
@pytest.mark.parametrize("length", [1 / 8, 1 / 6, 1 / 12])
def test_a_trill_that_closes_with_a_turn(below: int, starts_above: bool, length: float):
    """The note below and the main note once more, before the next one."""
    count = round(2 / length)
    pitches = [67 + 2 * ((i + starts_above) % 2) for i in range(count - 2)] + [67 - below, 67]
    trill = [(1 + i * length, 1 + (i + 1) * length, pitch) for i, pitch in enumerate(pitches)]
    line = place(notes((0, 1, 64), *trill, (3, 4, 69), (4, 5, 71)), ())
    assert steps(line) == [(0, 64), (4, 67), (12, 69), (16, 71)] and line.end[1] == 12


@pytest.mark.parametrize("starts_above", [False, True])
@pytest.mark.parametrize("length", [1 / 8, 1 / 6, 1 / 12])
@pytest.mark.parametrize("written", [(72, 71, 69), (69, 71, 72), (72, 69, 72), (71, 69, 67)])
def test_trill_after_trill(written: tuple[int, ...], starts_above: bool, length: float):
    """One that begins a step below is no closing turn of the one before."""
    pitches = [p + 2 * ((i + starts_above) % 2) for p in written for i in range(round(1 / length))]
    trills = [(1 + i * length, 1 + (i + 1) * length, pitch) for i, pitch in enumerate(pitches)]
    line = place(notes((0, 1, 64), *trills, (4, 5, 65), (5, 6, 60)), ())
    assert steps(line) == [(0, 64), *[(4 + 4 * i, pitch) for i, pitch in enumerate(written)], (16, 65), (20, 60)]


def test_a_mordent_is_its_written_note():
    line = place(notes((0, 1 / 8, 67), (1 / 8, 1 / 4, 69), (1 / 4, 1, 67), (1, 2, 72)), ())
    assert steps(line) == [(0, 67), (4, 72)]


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8)])
@pytest.mark.parametrize("off", [1 / 480, -1 / 480, 0.1])
def test_a_metre_event_a_tick_off_makes_no_bar_of_its_own(metre: tuple[int, int], off: float):
    beats = 4 * metre[0] / metre[1]
    tune = [(float(i), i + 1.0, 60) for i in range(24)]
    line = place(notes(*tune), ((0.0, *metre), (2 * beats + off, 2, 4)))
    assert [(s.bar, s.metre) for s in line.sections] == [(0, metre), (2, (2, 4))]
    assert line.sections[1].step == round(8 * beats)


# one voice


@pytest.mark.parametrize("low", [36, 43, 48])
def test_the_tune_of_a_piano_has_rests_where_it_rests(low: int):
    bass = [(i / 2, i / 2 + 0.45, low + (7 if i % 2 else 0)) for i in range(32)]
    tune = [(float(b), b + 0.4, 72 + b % 6) for b in range(16) if b % 4 != 3]
    line = skyline(notes(*bass, *tune))
    assert line["start"].tolist() == [start for start, _, _ in tune] and line["pitch"].min() >= 72


def test_a_held_bass_does_not_end_the_tune():
    bass = [(4.0 * i + 1.5, 4.0 * i + 4, 40) for i in range(4)]
    tune = [(4.0 * i + j, 4.0 * i + j + (1.9 if j else 1), 74 + j) for i in range(4) for j in (0, 1, 3)]
    line = skyline(notes(*bass, *tune))
    assert 40 not in line["pitch"]


def test_one_line_played_legato_is_left_alone():
    tune = [(i / 2, i / 2 + 0.6, 60 + (i * 7) % 24) for i in range(32)]
    assert len(skyline(notes(*tune))) == 32


@pytest.mark.parametrize("held", [0.3, 1.0])
def test_a_note_held_into_a_lower_one_ends_with_it(held: float):
    """One line, in which a few notes sound on: none of those below is an accompaniment."""
    tune = [(float(i), i + 1 + held * (i % 5 == 4), 72 - i % 3 - 4 * (i % 5 == 0)) for i in range(20)]
    line = skyline(notes(*tune))
    assert line["start"].tolist() == [start for start, _, _ in tune]
    assert np.all(line["end"][:-1] <= line["start"][1:])


@pytest.mark.parametrize("long", [1, 2, 4])
def test_long_notes_of_the_bass_are_none_of_the_tune(long: int):
    """A melody that rests for four beats and stops before the bass does, over notes longer than two of its own."""
    tune = [(float(i), i + 0.8, 72 + i % 5) for i in (*range(8), *range(12, 20))]
    bass = [(float(i), i + long - 0.1, 40 + i % 7) for i in range(0, 28, long)]
    line = place(notes(*tune, *bass), ())
    assert steps(line) == [(4 * int(start), pitch) for start, _, pitch in tune]


CHORD = (52, 55, 60)


@pytest.mark.parametrize(
    "pattern",
    [
        [(48, 52, 55)] * 4,
        [(36,), CHORD, (43,), CHORD],
        [(36,), CHORD, CHORD, (36,), CHORD, CHORD],
        [(40,), (47,), (52,), (59,)],
    ],
)
@pytest.mark.parametrize("phrase", [1, 8])
def test_chords_in_the_rests_of_the_tune_are_none_of_it(pattern: list[tuple[int, ...]], phrase: int):
    """A tune that rests for a beat, or for eight, while the left hand plays on, as high as it does under the tune."""
    tune = [(float(b), b + 0.9, 72 + b * 3 % 8) for b in range(64) if b // phrase % 2 == 0]
    hand = [(i / 2, i / 2 + 0.4, pitch) for i in range(128) for pitch in pattern[i % len(pattern)]]
    line = skyline(notes(*tune, *hand))
    assert list(zip(line["start"].tolist(), line["pitch"].tolist(), strict=True)) == [(s, p) for s, _, p in tune]


@pytest.mark.parametrize("late", [0.0, 0.01])
def test_a_long_note_over_short_chords_is_of_the_tune(late: float):
    """Chords off the beat lie under it for half of its length, or a little less where they come late."""
    tune = [
        (8.0 * i + at, 8.0 * i + at + length, 72 + i + at) for i in range(4) for at, length in ((0, 2), (2, 1), (3, 1))
    ]
    chords = [(i + 0.5 + late, i + 1.0, pitch) for i in range(32) for pitch in (52, 55, 59)]
    assert skyline(notes(*tune, *chords))["start"].tolist() == [start for start, _, _ in tune]


def test_a_bass_of_few_notes_is_none_of_the_tune():
    tune = [(8.0 * i + j, 8.0 * i + j + 0.9, 72 + i + j % 3) for i in range(4) for j in range(8) if (i, j) != (2, 0)]
    line = skyline(notes(*tune, *[(8.0 * i, 8.0 * i + 1, 41) for i in range(4)]))
    assert 41 not in line["pitch"] and len(line) == len(tune)


def test_a_low_note_of_a_hymn_is_of_the_tune():
    """All voices move together, so that a leap down by an octave is no chord of an accompaniment."""
    tops = [72, 74, 76, 77, 76, 74, 62, 64, 65, 76, 77, 79] * 3
    chords = [(i, i + 1, top - under) for i, top in enumerate(tops) for under in (0, 4, 8, 15)]
    assert skyline(notes(*chords))["pitch"].tolist() == tops


def test_notes_between_chords_are_of_the_tune():
    """Close chords now and then, as an accordion has them: what stands alone is no lower voice."""
    tune = [79, 74, 76, 77, 86, 76, 77, 76, 74, 72, 81, 74] * 2
    played = [(float(i), i + 1.0, p) for i, p in enumerate(tune)]
    chords = [(s, e, p - gap) for s, e, p in played if p >= 79 for gap in (3, 7)]
    assert skyline(notes(*played, *chords))["pitch"].tolist() == tune


def test_basses_between_chords_are_none_of_the_tune():
    chords = [(2 * i + 1.0, 2 * i + 2.0, 72 + i % 5 - gap) for i in range(16) for gap in (0, 4, 7)]
    bass = [(2.0 * i, 2 * i + 1.0, 45 + i % 3) for i in range(16)]
    assert skyline(notes(*chords, *bass))["pitch"].tolist() == [72 + i % 5 for i in range(16)]


def test_keyswitches_are_none_of_the_tune():
    tune = [(float(i), i + 0.9, 67 + i % 6) for i in range(16)]
    switches = [(4.0 * i - (0.1 if i else 0), 4.0 * i + 0.1, 24 + i) for i in range(4)]
    line = skyline(notes(*tune, *switches))
    assert line["pitch"].min() >= 67 and len(line) == 16


# tempo and key


def written(tmp_path: Path, conductor: bytes, ticks: list[tuple[int, int, int]]) -> Path:
    path = tmp_path / "tune.mid"
    path.write_bytes(raw.file(conductor, raw.notes(ticks)))
    return path


def test_the_tempo_is_the_one_at_which_most_sounds(tmp_path: Path):
    ticks = [(480 * i, 480 * i + 480, 60) for i in range(16)]
    ritardando = b"".join(raw.tempo(500_000 + 40_000 * i, 240) for i in range(8))
    assert Melody.from_midi(written(tmp_path, raw.tempo(400_000) + raw.tempo(800_000, 1), ticks)).tempo == 75
    assert Melody.from_midi(written(tmp_path, raw.tempo(400_000) + raw.tempo(800_000, 2880), ticks)).tempo == 150
    assert 70 < Melody.from_midi(written(tmp_path, ritardando, ticks)).tempo < 120


@pytest.mark.parametrize("bpm", [75.0, 96.0, 140.0])
def test_the_tempo_can_be_told(tmp_path: Path, bpm: float):
    """As sound-to-MIDI programs write: seconds in a file of 120 a minute."""
    seconds = 60 / bpm
    ticks = [(round(960 * seconds * i), round(960 * seconds * (i + 0.9)), 60 + i % 5) for i in range(16)]
    melody = Melody.from_midi(written(tmp_path, b"", ticks), bars=None, start_bar=0, bpm=bpm)
    assert [start for start, _, _ in melody.notes()] == [4 * i for i in range(16)] and melody.tempo == bpm


@pytest.mark.parametrize(("sharps", "minor", "key"), [(2, 0, "D:maj"), (0, 0, "estimate"), (-5, 1, "estimate")])
def test_a_key_signature_that_fits_better_is_taken(tmp_path: Path, sharps: int, minor: int, key: str):
    pitches = (69, 73, 76, 69, 71, 73, 74, 76, 69, 67, 69, 76, 74, 73, 71, 69)
    ticks = [(480 * i, 480 * i + 480, pitch) for i, pitch in enumerate(pitches)]
    passage = read_passage(str(written(tmp_path, raw.meta(0x59, bytes([sharps % 256, minor])), ticks)))
    estimate = str(estimate_key([Melody.from_midi(passage.path, None)]))
    assert str(passage.key()) == (estimate if key == "estimate" else key) and estimate == "A:maj"


def test_what_is_exact_is_placed_as_all_else_is(monkeypatch: pytest.MonkeyPatch):
    """Lines on steps under bar lines on steps and off them, with chords, pickups and changes of metre."""
    rng = np.random.default_rng(5)
    metres = [(), ((0.0, 3, 4),), ((0.0, 1, 4), (1.0, 3, 4)), ((0.0, 7, 32), (0.875, 4, 4)), ((0.0, 3, 8), (9.1, 2, 4))]
    exact = 0
    for number in range(200):
        starts = np.sort(rng.choice(120, 24, replace=number % 8 == 0)) / 4
        ends = starts + rng.choice([0.01, 0.2, 0.25, 0.375, 1.0, 2.5], 24)
        rows = zip(starts.tolist(), ends.tolist(), rng.integers(60, 72, 24).tolist(), strict=True)
        given = notes(*rows)
        fast = place(given, metres[number % 5])
        with monkeypatch.context() as patch:
            patch.setattr(grid, "_place_exact", lambda *_: None)
            slow = place(given, metres[number % 5])
        for name in ("start", "end", "pitch", "dropped"):
            one, other = getattr(fast, name), getattr(slow, name)
            assert one.dtype == other.dtype and one.tolist() == other.tolist()
        assert (fast.sections, fast.report) == (slow.sections, slow.report)
        exact += fast.report.file_deviation_steps == 0
    assert exact > 100
