"""The measures of a mix, on lines and melodies small enough to count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi_vae.evaluation import MAX_INTERVAL, VOCABULARY, IntervalModel, distance, middle_figures, path_figures
from midi_vae.music.melody import HOLD, OFF, ONSET


def tokens(*notes: int, steps: int = 10) -> np.ndarray:
    """The first symbols of a melody, the rest held."""
    return np.array([*notes, *[HOLD] * (steps - len(notes))])


def test_distance_is_the_share_of_differing_steps() -> None:
    assert distance(tokens(62, 1, 64), tokens(62, 0, 65)) == 0.2
    assert distance(tokens(62), tokens(62)) == 0.0


# Paths: in lines of 10 steps, letters of a word are pitches


def line(*words: str) -> np.ndarray:
    return np.array([[ONSET + ord(letter) for letter in word] for word in words])


def test_an_even_path_is_ideal() -> None:
    figures = path_figures([line("aaaaaaaaaa", "aaaaaaaabb", "aaaaaabbbb", "aaaabbbbbb", "aabbbbbbbb")])
    assert figures.path == pytest.approx(1.0)
    assert figures.max_jump == pytest.approx(1 / 4)
    assert (figures.distinct, figures.lines) == (5, 1)


def test_a_path_that_wanders_off_and_jumps() -> None:
    # hops of 2, 5, 5 and 4 steps; the ends differ in 4
    wander = line("aaaaaaaaaa", "xxaaaaaaaa", "aaaaaaaxxx", "aaaaaaaaxb", "bbbaaaaaab")
    figures = path_figures([wander])
    assert figures.path == pytest.approx((2 + 5 + 2 + 4) / 4)
    assert figures.max_jump == pytest.approx(5 / 4)
    assert figures.distinct == 5


def test_a_path_that_stands_still_and_then_jumps() -> None:
    figures = path_figures([line("aaaaaaaaaa", "aaaaaaaaaa", "bbbbaaaaaa")])
    assert figures.path == pytest.approx(1.0)
    assert figures.max_jump == pytest.approx(1.0)
    assert figures.distinct == 2


def test_figures_are_means_over_the_lines_whose_ends_differ() -> None:
    even = line("aaaaaaaaaa", "aaaaaaaaab", "aaaaaaaabb")
    jump = line("aaaaaaaaaa", "aaaaaaaaaa", "aaaaaaaabb")
    loop = line("aaaaaaaaaa", "bbbbbbbbbb", "aaaaaaaaaa")
    figures = path_figures([even, loop, jump])
    assert figures.lines == 2
    assert figures.max_jump == pytest.approx((0.5 + 1.0) / 2)
    assert figures.distinct == 2.5


def test_ends_that_differ_in_a_tenth_count_and_in_less_do_not() -> None:
    assert path_figures([line("aaaaaaaaaa", "aaaaaaaaab")]).lines == 1
    longer = [np.concatenate([each, line("cc", "cc")], 1) for each in [line("aaaaaaaaaa", "aaaaaaaaab")]]
    assert path_figures(longer).lines == 0


def test_no_line_has_no_figures() -> None:
    figures = path_figures([])
    assert figures.lines == 0
    assert math.isnan(figures.path)


# The interval model


def test_symbols_are_hold_off_and_clipped_intervals() -> None:
    model = IntervalModel()
    melody = np.array([HOLD, 62, OFF, 65, 65, 40, 129])
    up, down = 100 + MAX_INTERVAL, 100 - MAX_INTERVAL
    assert model._padded(melody) == ["start"] * 4 + [0, 100, 1, 103, 100, down, up]


def test_witten_bell_by_hand() -> None:
    """Order 2; it has seen two melodies, of symbols start 100 0 0 and start 100 1 100."""
    model = IntervalModel(order=2).fit([np.array([62, 0, 0]), np.array([62, 1, 62])])
    half = VOCABULARY / 2

    def unigram(count: int) -> float:
        return (count + 0.5) / (6 + half)

    # seen: 100 three times, 0 twice, 1 once; after 100: 0 and 1; after start: 100 twice; after 0: 0
    after_start = (2 + 1 * unigram(3)) / (2 + 1)
    hold_after_onset = (1 + 2 * unigram(2)) / (2 + 2)
    hold_after_hold = (1 + 1 * unigram(2)) / (1 + 1)
    onset_after_hold = (0 + 1 * unigram(3)) / (1 + 1)
    expected = -sum(map(math.log, (after_start, hold_after_onset, hold_after_hold, onset_after_hold)))
    assert model.nats_a_step(np.array([70, 0, 0, 70])) == pytest.approx(expected / 4)
    # an interval never seen, after a note off; what follows it has no context and is a unigram's
    off_after_onset = (1 + 2 * unigram(1)) / (2 + 2)
    fifth_after_off = (0 + 1 * unigram(0)) / (1 + 1)
    expected = -sum(map(math.log, (after_start, off_after_onset, fifth_after_off, unigram(2))))
    assert model.nats_a_step(np.array([70, 1, 77, 0])) == pytest.approx(expected / 4)


def test_an_empty_model_finds_everything_equally_likely() -> None:
    assert IntervalModel().nats_a_step(tokens(62, 1, 99)) == pytest.approx(math.log(VOCABULARY))


def test_all_symbols_after_any_context_have_a_probability_of_at_most_1_together() -> None:
    rng = np.random.default_rng(0)
    model = IntervalModel().fit(rng.integers(0, 70, (5, 32)))
    symbols = [0, 1, *range(100 - MAX_INTERVAL, 100 + MAX_INTERVAL + 1)]
    for context in ((0, 0, 1, 100), ("start",) * 4, (7, 7, 7, 7)):
        total = sum(model._probability(context, symbol) for symbol in symbols)
        assert 0.5 < total <= 1.0
        assert all(model._probability(context, symbol) > 0 for symbol in symbols)


@settings(max_examples=30)
@given(st.lists(st.sampled_from([HOLD, OFF, 50, 52, 59, 62]), min_size=8, max_size=32), st.integers(-40, 40))
def test_a_transposed_melody_is_as_likely(symbols: list[int], shift: int) -> None:
    melody = np.array(symbols)
    moved = np.where(melody >= ONSET, melody + shift, melody)
    model = IntervalModel().fit([np.array([62, 0, 64, 0] * 8), np.array([55, 1, 52, 0, 50, 0, 0, 0] * 4)])
    assert model.nats_a_step(moved) == model.nats_a_step(melody)
    refitted = IntervalModel().fit([moved])
    assert refitted.counts == IntervalModel().fit([melody]).counts


def test_what_was_seen_is_likelier() -> None:
    tune = np.array([62, 0, 64, 0, 66, 0, 67, 0] * 4)
    model = IntervalModel().fit([tune])
    strange = tune.copy()
    strange[12] = 100
    assert model.nats_a_step(tune) < model.nats_a_step(strange) < IntervalModel().nats_a_step(tune)


def test_asking_leaves_the_model_as_it_was() -> None:
    model = IntervalModel().fit([tokens(62, 0, 64)])
    before = {context: dict(counts) for context, counts in model.counts.items()}
    model.nats_a_step(tokens(40, 90, 1, 33))
    assert {context: dict(counts) for context, counts in model.counts.items()} == before


# The middle


def test_the_middle_s_onsets_are_held_against_the_mean_of_the_ends() -> None:
    a, b = tokens(62, 63, 64, 65), tokens(62, 63)
    silent, full = tokens(), tokens(62, 62, 62, 62, 62)
    other = tokens(70)  # what is not the middle does not count
    figures = middle_figures(IntervalModel(), [np.array([a, other, silent, other, b])])
    assert figures.onset_gap == 3.0
    figures = middle_figures(IntervalModel(), [np.array([a, silent, b]), np.array([a, full, b])])
    assert figures.onset_gap == (3.0 + 2.0) / 2
    assert middle_figures(IntervalModel(), [np.array([a, tokens(62, 62, 62), b])]).onset_gap == 0.0


def test_the_likelihood_gap_is_the_middle_s_nats_less_the_mean_of_the_ends() -> None:
    a, b, odd = tokens(62, 0, 64, 0), tokens(60, 0, 65, 0), tokens(62, 1, 99, 1)
    model = IntervalModel().fit([a, b])
    figures = middle_figures(model, [np.array([a, odd, b]), np.array([b, a, a])])
    nats = {name: model.nats_a_step(m) for name, m in (("a", a), ("b", b), ("odd", odd))}
    gaps = [nats["odd"] - (nats["a"] + nats["b"]) / 2, nats["a"] - (nats["b"] + nats["a"]) / 2]
    assert figures.likelihood_gap == pytest.approx(sum(gaps) / 2)
    assert gaps[0] > 0.5
