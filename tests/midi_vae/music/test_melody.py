from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import raw_midi as raw
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from latentmix.errors import InputError
from midi_vae.importing import read_melody, read_sections
from midi_vae.midi.score import NOTE
from midi_vae.music.bars import bar_sections
from midi_vae.music.grid import place
from midi_vae.music.melody import Melody
from midi_vae.music.phase import MIN_FOLLOWED
from midi_vae.music.skyline import top_line

STEP = 120  # ticks of a sixteenth at 480 a quarter


def voice(*notes: tuple[float, float, int]) -> np.ndarray:
    """Notes given by start beat, end beat and pitch, as a track holds them."""
    return np.array([(s, e, p, 80) for s, e, p in sorted(notes, key=lambda n: (n[0], -n[2]))], NOTE)


def steps(notes: np.ndarray, *metres: tuple[float, int, int]) -> list[tuple[int, int, int]]:
    line = place(notes, metres)
    return list(zip(line.start.tolist(), line.end.tolist(), line.pitch.tolist(), strict=True))


def tune(tmp_path: Path, notes: list[tuple[int, int, int]], *conductor: bytes, division: int = 480) -> Path:
    """A file of notes given by start step, end step and pitch."""
    ticks = division / 4
    played = [(round(s * ticks), round(e * ticks), p) for s, e, p in notes]
    path = tmp_path / "tune.mid"
    path.write_bytes(raw.file(b"".join(conductor), raw.notes(played), division=division))
    return path


# the dataclass


def test_tokens_are_tidied_and_read_only():
    given = np.array([1, 0, 62, 0, 1, 1, 64, 64] + [0] * 8)
    m = Melody(given)
    assert m.tokens.tolist() == [0, 0, 62, 0, 1, 0, 64, 64] + [0] * 8 and m.tokens.dtype == np.int16
    assert m.notes() == [(2, 4, 60), (6, 7, 62), (7, 16, 62)]
    assert given[0] == 1  # what was handed in stays as it is
    with pytest.raises(ValueError, match="read-only"):
        m.tokens[0] = 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tokens": np.zeros((2, 16), int)}, "shape"),
        ({"tokens": np.zeros(16)}, "whole numbers"),
        ({"tokens": np.zeros(0, int)}, "shape"),
        ({"tokens": np.full(16, 130)}, r"0\.\.129"),
        ({"tokens": np.full(16, -1)}, r"0\.\.129"),
        ({"tokens": np.zeros(15, int)}, "whole bars of 16 steps, found 15"),
        ({"metre": (3, 4)}, "whole bars of 12 steps, found 16"),
        ({"metre": (7, 32)}, "whole number of sixteenths, found 7/32"),
        ({"metre": (4, 3)}, "found 4/3"),
        ({"metre": (0, 4)}, "found 0/4"),
        ({"metre": (4, 0)}, "found 4/0"),
        ({"tempo": 0.0}, "tempo"),
        ({"tempo": float("nan")}, "tempo"),
        ({"tempo": float("inf")}, "tempo"),
        ({"program": 128}, "program"),
    ],
)
def test_what_is_no_melody(change: dict, said: str):
    with pytest.raises(ValueError, match=said):
        Melody(**{"tokens": np.zeros(16, int), **change})


def test_equality_and_hash():
    m = Melody.from_notes([(0, 4, 60)], tempo=117.3, name="a")
    same = Melody.from_notes([(0, 4, 60)], tempo=117.30001, name="b")
    assert m == same and hash(m) == hash(same) and len({m, same}) == 1
    others = [
        Melody.from_notes([(0, 5, 60)], tempo=117.3),
        Melody.from_notes([(0, 4, 60)], tempo=117.4),
        Melody.from_notes([(0, 4, 60)], tempo=117.3, program=1),
        Melody.from_notes([(0, 4, 60)], tempo=117.3, metre=(2, 2)),
        Melody.from_notes([(0, 4, 60)], tempo=117.3, bars=2),
    ]
    assert all(m != other for other in others) and m != "a"


def test_from_notes():
    m = Melody.from_notes([(20, 30, 64), (2, 9, 60), (4, 6, 62)])
    assert m.bars == 2 and m.notes() == [(2, 4, 60), (4, 6, 62), (20, 30, 64)]
    assert Melody.from_notes([(2, 9, 60), (20, 30, 64)], bars=1).notes() == [(2, 9, 60)]
    assert Melody.from_notes([(2, 99, 60)], bars=1).notes() == [(2, 16, 60)]
    assert Melody.from_notes([]).bars == 1
    for wrong in ((-1, 2, 60), (2, 2, 60), (0, 1, 128)):
        with pytest.raises(ValueError, match="0 <= start < end"):
            Melody.from_notes([wrong])


def test_transpose():
    m = Melody.from_notes([(0, 2, 0), (2, 4, 120)])
    assert m.transpose(7).notes() == [(0, 2, 7), (2, 4, 127)] and m.transpose(7).transpose(-7) == m
    for semitones in (-1, 8, 40_000):
        with pytest.raises(ValueError, match=r"pitch|0\.\.129"):
            m.transpose(semitones)


@pytest.mark.parametrize(
    ("metre", "size"),
    [((4, 4), 16), ((2, 2), 16), ((3, 4), 12), ((6, 8), 12), ((5, 8), 10), ((12, 8), 24), ((1, 16), 1)],
)
def test_bars_of_all_metres(metre: tuple[int, int], size: int):
    m = Melody(np.zeros(3 * size, int), metre)
    assert (m.steps_per_bar, m.bars) == (size, 3)


# files and back


@st.composite
def melodies(draw: st.DrawFn) -> Melody:
    metre = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (5, 4), (2, 2), (7, 8), (12, 8), (3, 16)]))
    size = 16 * metre[0] // metre[1]
    count = draw(st.integers(1, 4)) * size
    tokens = draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 50, 62, 62, 64, 129]), min_size=count, max_size=count))
    return Melody(
        np.array([*tokens[:-1], draw(st.integers(2, 129))]),  # one note at least, and up to the end
        metre,
        draw(st.floats(4, 1000)),
        draw(st.integers(0, 127)),
        draw(st.text(max_size=20)),
    )


@examples(max_examples=60)
@given(original=melodies())
def test_what_is_written_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, original: Melody):
    path = tmp_path_factory.getbasetemp() / "round.mid"
    original.to_midi(path)
    assert Melody.from_midi(path, bars=None, start_bar=0) == original
    assert Melody.from_midi(path, bars=original.bars, start_bar=0) == original
    whole, report = read_melody(path)
    assert whole == original and report.notes == len(original.notes())
    assert report.mean_deviation_steps == 0.0 and not report.free
    assert read_sections(path) == [original]


def test_silence_at_both_ends_comes_back_where_asked_for(tmp_path: Path):
    original = Melody.from_notes([(18, 20, 60)], bars=5)
    original.to_midi(tmp_path / "a.mid")
    assert Melody.from_midi(tmp_path / "a.mid", bars=5, start_bar=0) == original
    assert Melody.from_midi(tmp_path / "a.mid", bars=None).notes() == [(2, 4, 60)]


@pytest.mark.parametrize("division", [15, 96, 480, 1000])
def test_the_same_tokens_at_every_resolution(tmp_path: Path, division: int):
    notes = [(i, i + 1, 60 + i % 5) for i in range(0, 32, 1)]
    m = Melody.from_midi(tune(tmp_path, notes, division=division))
    assert m.notes() == notes


# passages

BEAT = [(4 * i, 4 * i + 4, 60 + i) for i in range(32)]  # a note a beat for 8 bars


def test_passages(tmp_path: Path):
    path = tune(tmp_path, BEAT)
    assert Melody.from_midi(path).notes() == BEAT[:8]
    assert Melody.from_midi(path, bars=1, start_bar=7).notes() == [(s - 112, e - 112, p) for s, e, p in BEAT[28:]]
    assert Melody.from_midi(path, bars=None).bars == 8 and Melody.from_midi(path, bars=None, start_bar=5).bars == 3
    assert read_melody(path)[0].notes() == BEAT


@pytest.mark.parametrize(
    ("bars", "start"), [(1, 8), (9, 0), (2, 7), (None, 8), (0, 0), (2, -1), (-1, 3), (0, None), (10**9, None)]
)
def test_passages_outside_the_tune(tmp_path: Path, bars: int | None, start: int | None):
    path = tune(tmp_path, BEAT)
    with pytest.raises(InputError, match=r"tune\.mid: expected a passage within bars 1 to 8, found bars"):
        Melody.from_midi(path, bars, start)


def test_leading_rests_and_short_tunes(tmp_path: Path):
    path = tune(tmp_path, [(16 * 3 + 6, 16 * 3 + 10, 60)])
    assert Melody.from_midi(path).notes() == [(6, 10, 60)]  # from bar 3 on, and filled up
    assert Melody.from_midi(path).bars == 2
    assert Melody.from_midi(path, bars=4, start_bar=0).notes() == [(54, 58, 60)]
    assert read_melody(path)[0].bars == 4


def test_a_note_from_before_the_passage_is_left_out(tmp_path: Path):
    path = tune(tmp_path, [(0, 20, 60), (24, 28, 62)])
    assert Melody.from_midi(path, bars=1, start_bar=1).tokens.tolist() == [0] * 8 + [64] + [0] * 3 + [1] + [0] * 3


def test_a_tempo_change_is_no_change_of_rhythm(tmp_path: Path):
    path = tune(tmp_path, BEAT, raw.tempo(500_000), raw.tempo(1_000_000, 4 * 480), raw.tempo(750_000, 4 * 480))
    assert read_melody(path)[0].notes() == BEAT
    assert [Melody.from_midi(path, 1, bar).tempo for bar in range(4)] == [120, 60, 80, 80]


def test_defaults_without_tempo_and_metre(tmp_path: Path):
    m = Melody.from_midi(tune(tmp_path, BEAT))
    assert (m.tempo, m.metre, m.program, m.name) == (120.0, (4, 4), 0, "tune")


def test_program_and_track(tmp_path: Path):
    path = tmp_path / "two.mid"
    path.write_bytes(raw.file(b"\x00\xc0\x20" + raw.notes([(0, 480, 40)]), raw.notes([(0, 480, 60)], 1)))
    assert Melody.from_midi(path, track=1).program == 32 and Melody.from_midi(path, track=2).program == 0
    with pytest.raises(InputError, match="no track 3"):
        Melody.from_midi(path, track=3)


# metre


@pytest.mark.parametrize(
    ("metre", "size"), [((3, 2), 12), ((6, 3), 12), ((5, 2), 20), ((7, 3), 14), ((2, 1), 16), ((9, 4), 9)]
)
def test_bars_of_the_metre(tmp_path: Path, metre: tuple[int, int], size: int):
    m = Melody.from_midi(tune(tmp_path, BEAT, raw.metre(*metre)), bars=1, start_bar=1)
    assert m.metre == (metre[0], 2 ** metre[1]) and len(m.tokens) == size
    assert m.notes()[0][2] == 60 + -(-size // 4)


def test_changes_of_metre(tmp_path: Path):
    """Two bars of 4/4, two of 3/4, then 6/8."""
    path = tune(tmp_path, BEAT, raw.metre(4, 2), raw.metre(3, 2, 8 * 480), raw.metre(6, 3, 6 * 480))
    pieces = [Melody.from_midi(path, 1, bar) for bar in range(6)]
    assert [m.metre for m in pieces] == [(4, 4)] * 2 + [(3, 4)] * 2 + [(6, 8)] * 2
    assert [m.notes()[0][2] - 60 for m in pieces] == [0, 4, 8, 11, 14, 17]
    across = Melody.from_midi(path, bars=2, start_bar=1)
    assert across.metre == (4, 4) and [p - 60 for _, _, p in across.notes()] == list(range(4, 12))
    assert [(m.metre, m.bars, m.notes()[0][2] - 60) for m in read_sections(path)] == [
        ((4, 4), 2, 0),
        ((3, 4), 2, 8),
        ((6, 8), 6, 14),
    ]
    whole, _ = read_melody(path)
    assert whole.metre == (4, 4) and whole.notes() == BEAT


def test_an_upbeat_ends_a_whole_bar(tmp_path: Path):
    """A bar of 1/4, then 3/4: the first three beats of bar 0 are not in the file."""
    path = tune(tmp_path, BEAT, raw.metre(1, 2), raw.metre(3, 2, 480))
    m = Melody.from_midi(path)
    assert m.metre == (3, 4) and m.notes()[:2] == [(8, 12, 60), (12, 16, 61)]
    assert Melody.from_midi(path, 1, 1).notes()[0] == (0, 4, 61)


def test_an_upbeat_of_no_whole_number_of_steps(tmp_path: Path):
    """5/32, then 2/4: bars start at 2.5 sixteenths, and that is where the grid is."""
    notes = [(0, 1, 70), (1, 2.5, 71)] + [(2.5 + 2 * i, 4.5 + 2 * i, 60 + i) for i in range(12)]
    m = Melody.from_midi(tune(tmp_path, notes, raw.metre(5, 5), raw.metre(2, 2, 300)), bars=2, start_bar=1)
    assert m.metre == (2, 4) and m.notes() == [(2 * i, 2 * i + 2, 60 + i) for i in range(8)]


def test_a_bar_that_does_not_fit_the_grid(tmp_path: Path):
    """4/4, a bar of 7/32, 4/4 again: that bar cannot be taken, the others can, each from its own bar line."""
    notes = BEAT[:4] + [(16, 18, 80)] + [(19.5 + 4 * i, 23.5 + 4 * i, 60 + i) for i in range(8)]
    path = tune(tmp_path, notes, raw.metre(4, 2), raw.metre(7, 5, 4 * 480), raw.metre(4, 2, 420))
    with pytest.raises(
        InputError, match="bar 2: expected a metre whose bar is a whole number of sixteenths, found 7/32"
    ):
        Melody.from_midi(path, 1, 1)
    assert Melody.from_midi(path, 2, 2).notes() == BEAT[:8]
    assert [m.metre for m in read_sections(path)] == [(4, 4), (4, 4)]


def test_only_such_bars(tmp_path: Path):
    path = tune(tmp_path, BEAT, raw.metre(7, 5))
    with pytest.raises(InputError, match=r"bar 1: .*7/32; choose other bars"):
        read_melody(path)
    assert read_sections(path) == []


def test_a_metre_of_one_beat_is_none():
    assert [s.metre for s in bar_sections([(0.0, 1, 4)])] == [(4, 4)]
    assert [s.metre for s in bar_sections([(0.0, 3, 4), (0.0, 1, 4)])] == [(3, 4)]
    one = bar_sections([(0.0, 4, 4), (8.0, 1, 4), (9.0, 4, 4)])  # but a single bar of it is one
    assert [(s.bar, s.step, s.metre) for s in one] == [(0, 0, (4, 4)), (2, 32, (1, 4)), (3, 36, (4, 4))]


def test_a_metre_just_after_the_start_is_that_of_the_start():
    assert [(s.beat, s.metre) for s in bar_sections([(0.01, 3, 4)])] == [(0.0, (3, 4))]


# the grid


def test_notes_go_to_the_nearest_step():
    line = place(voice((0.02, 0.97, 60), (1.1, 1.9, 62), (1.9, 2.03, 64)), ())
    assert list(zip(line.start, line.end, line.pitch, strict=True)) == [(0, 4, 60), (4, 8, 62), (8, 9, 64)]
    assert line.report.mean_deviation_steps == pytest.approx((0.08 + 0.4 + 0.4) / 3)
    assert line.report.notes == 3 and line.report.triplets == 0 and not line.report.free


def test_triplets_are_snapped_and_counted():
    beat = [(i / 3, (i + 1) / 3, 60 + i) for i in range(3)]  # of a beat: places 0, 1.33, 2.67
    half = [(1 + i / 6, 1 + (i + 1) / 6, 70 + i) for i in range(3)]  # of half a beat: 4, 4.67, 5.33
    plain = [(2 + i / 4, 2.25 + i / 4, 80 + i) for i in range(8)]
    line = place(voice(*beat, *half, *plain), ())
    assert line.report.triplets == 4 and line.report.notes == 14
    assert line.start.tolist() == [0, 1, 3, 4, 5, *range(8, 16)]  # two of the last triplet come to step 5
    assert place(voice(*plain), ()).report.triplets == 0


def test_a_grace_note_gives_way_to_its_main_note():
    assert steps(voice((0, 0.9, 60), (0.9, 1.02, 72), (1.02, 2, 62))) == [(0, 4, 60), (4, 8, 62)]


@pytest.mark.parametrize(
    ("notes", "line"),
    [
        ([(0, 1, 60), (0, 1, 64), (0, 1, 67)], [(0, 1, 67)]),  # a chord
        (
            [(0, 4, 48), (0, 1, 60), (1, 2, 62), (2, 4, 64)],
            [(0, 1, 60), (1, 2, 62), (2, 4, 64)],
        ),  # a held bass
        ([(0, 4, 72), (1, 2, 60), (2, 3, 62)], [(0, 4, 72)]),  # a lower voice beneath
        ([(0, 2, 60), (1, 2, 72)], [(0, 1, 60), (1, 2, 72)]),  # a higher note comes in
        ([(0, 1.1, 72), (1, 2, 60)], [(0, 1, 72), (1, 2, 60)]),  # legato downwards
        ([(0, 1, 60), (0.5, 1.5, 60), (2, 3, 60)], [(0, 0.5, 60), (0.5, 1.5, 60), (2, 3, 60)]),
        ([(0, 1, 60), (1, 2, 55)], [(0, 1, 60), (1, 2, 55)]),
        ([(1, 1, 60)], [(1, 1, 60)]),
    ],
)
def test_top_line(notes: list, line: list):
    found = top_line(voice(*notes))
    assert [(float(n["start"]), float(n["end"]), int(n["pitch"])) for n in found] == line


@examples(max_examples=100)
@given(
    st.lists(
        st.tuples(st.floats(0, 20, width=32), st.floats(0, 6, width=32), st.integers(0, 127)),
        min_size=1,
        max_size=60,
    ),
    st.lists(
        st.tuples(st.floats(0, 20, width=32), st.integers(1, 9), st.sampled_from([1, 2, 4, 8, 32])),
        max_size=4,
    ),
)
def test_whatever_is_played_one_note_at_a_time_is_left(played: list, metres: list):
    notes = voice(*[(start, start + length, pitch) for start, length, pitch in played])
    line = place(notes, sorted(metres))
    assert len(line.start) and line.start[0] >= 0
    assert np.all(line.start < line.end) and np.all(line.end[:-1] <= line.start[1:])
    assert 0 <= line.report.mean_deviation_steps <= 0.5 and line.report.notes >= len(line.start)
    assert line.bars >= 1 and line.bar_start(line.bars - 1)[0] < line.end[-1]


# played freely

RHYTHM = np.cumsum([0] + [4, 2, 2, 4, 4, 2, 2, 4, 8, 4, 2, 2, 4, 1, 1, 2, 4, 4] * 3) / 4  # beats


def played(onsets: np.ndarray) -> np.ndarray:
    return voice(*[(s, s + 0.2, 60 + i % 9) for i, s in enumerate(onsets)])


def test_a_steady_hand_stays_on_the_files_grid():
    jitter = np.random.default_rng(0).normal(0, 0.03, len(RHYTHM))  # beats: 15 ms at 120
    line = place(played(np.maximum(RHYTHM + jitter, 0)), ())
    assert not line.report.free and (line.start / 4).tolist() == RHYTHM.tolist()
    assert 0.05 < line.report.mean_deviation_steps < 0.15


@pytest.mark.parametrize("late", [0.1, 0.45, -0.3, 17.62])
def test_another_phase_is_followed(late: float):
    line = place(played(RHYTHM + 8 + late / 4), ())
    assert line.report.free != bool(line.report.lateness_beats) and line.report.mean_deviation_steps < 1e-6
    assert line.report.file_deviation_steps == pytest.approx(abs(late - round(late)))
    assert np.diff(line.start).tolist() == (np.diff(RHYTHM) * 4).tolist()
    assert np.sum(line.start % 4 == 0) >= np.sum(line.start % 4 == 2) > np.sum(line.start % 2)


def test_drift_and_takes_are_followed():
    cuts = [(0.05, 20), (0.05, 30), *((late, cut) for late in (0.14, 0.16, 0.2) for cut in (20, 30, 40))]
    takes = [late + 0.1 * (RHYTHM > RHYTHM[cut] - 0.1) for late, cut in cuts]
    for onsets in (RHYTHM * 1.01 + 0.07, *(RHYTHM + late for late in takes)):
        line = place(played(onsets), ())
        assert line.report.free and line.report.mean_deviation_steps < 0.05
        assert np.diff(line.start).tolist() == (np.diff(RHYTHM) * 4).tolist()


def test_a_few_notes_or_no_grid_at_all_are_not_followed():
    assert not place(played(RHYTHM[: MIN_FOLLOWED - 1] + 0.1), ()).report.free
    line = place(played(np.sort(np.random.default_rng(1).uniform(0, 60, 200))), ())
    assert not line.report.free and line.report.mean_deviation_steps == pytest.approx(0.25, abs=0.03)
