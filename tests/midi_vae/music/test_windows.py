"""Melodies <-> windows: where bars stand, that nothing is lost, what a partner in another metre becomes."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentmix.errors import InputError
from midi_vae.music.melody import HOLD, OFF, ONSET, Melody, steps_per_bar, tidy
from midi_vae.music.windows import (
    WINDOW_STEPS,
    each_from_windows,
    fold_pitches,
    from_windows,
    rebar,
    to_windows,
    window_layout,
    window_of,
)

# metre -> bars in a window, first window step of each of them
LAYOUTS = {
    (4, 4): (0, 16),
    (2, 2): (0, 16),
    (3, 4): (0, 16),
    (6, 8): (0, 16),
    (2, 4): (0, 8, 16, 24),
    (3, 8): (0, 6, 16, 22),
    (5, 8): (0, 16),
    (7, 8): (0, 16),
    (5, 16): (0, 5, 10, 16, 21, 26),
    (1, 16): tuple(range(32)),
    (9, 8): (0,),
    (5, 4): (0,),
    (12, 8): (0,),
    (4, 2): (0,),
}


@st.composite
def melodies(draw: st.DrawFn, metres: tuple[tuple[int, int], ...] = tuple(LAYOUTS)) -> Melody:
    metre = draw(st.sampled_from(metres))
    steps = draw(st.integers(1, 7)) * steps_per_bar(metre)
    symbol = st.one_of(st.just(HOLD), st.just(OFF), st.integers(ONSET, ONSET + 127))
    tokens = draw(st.lists(symbol, min_size=steps, max_size=steps))
    return Melody(np.array(tokens), metre, tempo=93.0, program=40, name="tune")


@pytest.mark.parametrize("metre", LAYOUTS)
def test_bars_stand_in_their_places(metre: tuple[int, int]) -> None:
    layout, size = window_layout(metre), steps_per_bar(metre)
    starts = LAYOUTS[metre]
    assert layout.bars == len(starts)
    assert layout.places.tolist() == [start + step for start in starts for step in range(size)]
    assert layout.places[-1] < WINDOW_STEPS


@pytest.mark.parametrize("metre", [(9, 4), (33, 16), (17, 8)])
def test_bars_longer_than_a_window_are_refused(metre: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"at most 32 sixteenths, found {metre[0]}/{metre[1]}"):
        window_layout(metre)


@given(melodies())
def test_windows_hold_all_of_a_melody(melody: Melody) -> None:
    windows = to_windows(melody)
    layout = window_layout(melody.metre)
    assert windows.dtype == np.int64
    assert windows.shape == (-(-melody.bars // layout.bars), WINDOW_STEPS)
    outside = np.setdiff1d(np.arange(WINDOW_STEPS), layout.places)
    assert not windows[:, outside].any()
    back = from_windows(windows, melody, melody.bars)
    assert back == melody
    assert (back.metre, back.tempo, back.program, back.name) == (melody.metre, 93.0, 40, "tune")


@given(melodies())
def test_what_fills_the_last_window_is_silence(melody: Melody) -> None:
    whole = from_windows(to_windows(melody), melody)
    assert whole.bars % window_layout(melody.metre).bars == 0
    assert whole.notes() == melody.notes()


def test_waltz_stands_bar_for_bar_where_a_march_does() -> None:
    waltz = Melody.from_notes([(0, 12, 60), (12, 18, 62), (20, 24, 64)], metre=(3, 4))
    expected = np.zeros(32, int)
    expected[[0, 16, 22, 24]] = 62, 64, OFF, 66
    assert to_windows(waltz).tolist() == [expected.tolist()]


def test_four_bars_of_two_four() -> None:
    polka = Melody.from_notes([(8 * bar, 8 * bar + 4, 60 + bar) for bar in range(5)], metre=(2, 4))
    windows = to_windows(polka)
    assert windows.shape == (2, 32)
    assert np.flatnonzero(windows[0] >= ONSET).tolist() == [0, 8, 16, 24]
    assert windows[1, 0] == 64 + ONSET
    assert np.flatnonzero(windows[1]).tolist() == [0, 4]


def test_a_bar_of_twelve_eight_has_a_window_to_itself() -> None:
    jig = Melody.from_notes([(0, 24, 60), (24, 48, 62)], metre=(12, 8))
    windows = to_windows(jig)
    assert [np.flatnonzero(row).tolist() for row in windows] == [[0], [0]]


def test_notes_tied_over_the_edge_of_a_window_go_on() -> None:
    tied = Melody.from_notes([(28, 36, 60), (40, 44, 62)], bars=4)
    windows = to_windows(tied)
    assert windows[1, 0] == HOLD
    assert windows[1, 4] == OFF
    assert from_windows(windows, tied).notes() == [(28, 36, 60), (40, 44, 62)]


def test_silence_at_the_start_of_a_window_keeps_its_note_off() -> None:
    melody = Melody.from_notes([(28, 32, 60), (40, 44, 62)], bars=4)
    windows = to_windows(melody)
    assert windows[1, 0] == OFF
    assert from_windows(windows, melody) == melody


def test_from_windows_gives_the_bars_wanted() -> None:
    windows = to_windows(Melody.from_notes([(0, 48, 60)], bars=4))
    like = Melody(np.zeros(32, int), tempo=77.0, program=9)
    three = from_windows(windows, like, bars=3)
    assert (three.bars, three.tempo, three.program) == (3, 77.0, 9)
    assert three.notes() == [(0, 48, 60)]


@given(melodies(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_many_melodies_at_once_are_those_made_one_by_one(like: Melody, count: int, random: random.Random) -> None:
    symbols = [HOLD, HOLD, OFF, OFF, ONSET, ONSET + 60, ONSET + 127]
    windows = np.array(random.choices(symbols, k=count * 2 * WINDOW_STEPS), np.int64).reshape(count, 2, WINDOW_STEPS)
    bars = 1 + random.randrange(2 * window_layout(like.metre).bars)
    places = window_layout(like.metre).places
    found = each_from_windows(windows, like, bars)
    assert found == [replace(like, tokens=each[:, places].reshape(-1)[: bars * like.steps_per_bar]) for each in windows]
    assert all(each.name == like.name and each.tokens.dtype == np.int16 for each in found)
    assert not any(each.tokens.flags.writeable for each in found)


@pytest.mark.parametrize(
    "tokens, said",
    [
        (np.full((2, 32), ONSET + 128), "tokens 0..129"),
        (np.full((2, 32), -1), "tokens 0..129"),
        (np.zeros((2, 30), int), "whole bars"),
        (np.zeros((2, 0), int), "shape"),
        (np.zeros(32, int), "shape"),
        (np.zeros((2, 32)), "whole numbers"),
    ],
)
def test_what_are_no_rows_of_melodies(tokens: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Melody.rows(tokens, Melody(np.zeros(16, np.int16)))


def test_a_single_window_is_at_most_two_bars_of_four_four() -> None:
    two, three = (Melody.from_notes([(0, 4, 60)], bars=n, name="air") for n in (2, 3))
    assert window_of([two, two]).shape == (2, 32)
    with pytest.raises(InputError, match="air: expected at most 2 bars of 4/4, found 3"):
        window_of([two, three])
    assert window_of([]).shape == (0, 32)


# rebar: what a partner in a mix becomes


@given(melodies(), st.integers(1, 5))
def test_rebar_keeps_a_melody_of_the_right_metre_and_repeats_it(melody: Melody, times: int) -> None:
    assert rebar(melody, melody.metre, len(melody.tokens)) == melody
    longer = rebar(melody, melody.metre, times * len(melody.tokens))
    size = len(melody.tokens)
    expected = [(s + size * k, e + size * k, p) for k in range(times) for s, e, p in melody.notes()]
    assert longer.notes() == expected


@given(melodies(), st.sampled_from(list(LAYOUTS)), st.integers(1, 6))
def test_rebar_gives_the_metre_and_length_asked_for(melody: Melody, metre: tuple[int, int], bars: int) -> None:
    out = rebar(melody, metre, bars * steps_per_bar(metre))
    assert (out.metre, out.bars, out.tempo, out.program) == (metre, bars, 93.0, 40)


def test_rebar_cuts_off_what_is_too_long() -> None:
    melody = Melody.from_notes([(0, 8, 60), (14, 20, 62), (24, 28, 64)], bars=2)
    assert rebar(melody, (4, 4), 16).notes() == [(0, 8, 60), (14, 16, 62)]


def test_rebar_lets_notes_follow_one_another_where_bars_are_multiples() -> None:
    polka = Melody.from_notes([(0, 8, 60), (8, 12, 62), (14, 18, 64), (20, 24, 65)], metre=(2, 4))
    assert rebar(polka, (4, 4), 32).notes()[:4] == polka.notes()
    assert rebar(polka, (4, 4), 32).notes()[4:] == [(24, 32, 60)]  # three bars of two, repeated
    march = Melody.from_notes([(0, 12, 60), (14, 18, 62), (30, 32, 64)])
    assert rebar(march, (2, 4), 32).notes() == march.notes()


def test_rebar_pads_short_bars_with_silence() -> None:
    waltz = Melody.from_notes([(0, 4, 60), (4, 12, 62), (12, 24, 64)], metre=(3, 4))
    assert rebar(waltz, (4, 4), 32).notes() == [(0, 4, 60), (4, 12, 62), (16, 28, 64)]


def test_rebar_cuts_the_ends_of_long_bars() -> None:
    march = Melody.from_notes([(0, 10, 60), (10, 16, 62), (16, 28, 64), (28, 32, 65)])
    assert rebar(march, (3, 4), 24).notes() == [(0, 10, 60), (10, 12, 62), (12, 24, 64)]


def test_a_rest_cut_off_with_the_end_of_a_bar_still_ends_its_note() -> None:
    march = Melody.from_notes([(8, 14, 60), (20, 24, 62)], bars=2)
    assert rebar(march, (3, 4), 24).notes() == [(8, 12, 60), (16, 20, 62)]


def test_a_note_cut_off_with_the_end_of_a_bar_does_not_lengthen_the_one_before() -> None:
    march = Melody.from_notes([(0, 12, 60), (12, 20, 65), (20, 24, 62)], bars=2)
    assert rebar(march, (3, 4), 24).notes() == [(0, 12, 60), (16, 20, 62)]


def test_a_tie_over_the_bar_line_survives_a_shorter_bar() -> None:
    march = Melody.from_notes([(8, 20, 60)], bars=2)
    assert rebar(march, (3, 4), 24).notes() == [(8, 16, 60)]


def test_a_repeat_that_starts_with_a_rest_ends_the_last_note() -> None:
    melody = Melody.from_notes([(4, 16, 60)])
    assert rebar(melody, (4, 4), 32).notes() == [(4, 16, 60), (20, 32, 60)]


# fold_pitches


@given(st.integers(0, 127), st.integers(0, 100), st.integers(12, 28))
def test_folded_pitches_are_the_nearest_octave_in_range(pitch: int, lowest: int, pitches: int) -> None:
    folded = int(fold_pitches(np.array([ONSET + pitch]), lowest, pitches)[0]) - ONSET
    assert lowest <= folded < lowest + pitches
    assert (folded - pitch) % 12 == 0
    if folded != pitch:  # no further than needed
        back = folded + (12 if pitch > folded else -12)
        assert not lowest <= back < lowest + pitches


def test_folding_leaves_rhythm_and_shape_alone() -> None:
    tokens = np.array([[HOLD, OFF, ONSET + 0], [ONSET + 127, ONSET + 60, HOLD]], np.int16)
    assert fold_pitches(tokens, 21, 88).tolist() == [[0, 1, ONSET + 24], [ONSET + 103, ONSET + 60, 0]]


@given(melodies())
def test_windows_are_tidy(melody: Melody) -> None:
    layout = window_layout(melody.metre)
    joined = to_windows(melody)[:, layout.places].reshape(-1)
    assert np.array_equal(joined, tidy(joined))
