"""Attributes of windows made by hand, and directions that move them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from midi_vae.music.attributes import ATTRIBUTES, measure
from midi_vae.music.melody import HOLD, OFF, ONSET, Melody
from midi_vae.training.attribute_directions import fit_directions


def window(notes: list[tuple[int, int, int]]) -> np.ndarray:
    return Melody.from_notes(notes, bars=2).tokens.astype(np.int64)


def attributes(notes: list[tuple[int, int, int]]) -> dict[str, float]:
    return dict(zip(ATTRIBUTES, measure(window(notes)[None])[0].tolist(), strict=True))


def test_density_height_and_range() -> None:
    found = attributes([(0, 8, 60), (8, 16, 67), (16, 24, 64), (24, 32, 55)])
    assert found["density"] == 4.0
    assert found["height"] == 61.5
    assert found["range"] == 12.0


def test_height_counts_notes_and_not_their_length() -> None:
    assert attributes([(0, 2, 72), (2, 32, 60)])["height"] == 66.0


@pytest.mark.parametrize(
    ("notes", "share"),
    [
        ([(0, 32, 60)], 1.0),
        ([(0, 8, 60), (16, 24, 62)], 0.5),
        ([(4 * i, 4 * i + 1, 60) for i in range(8)], 0.25),
        ([(8, 32, 60)], 1.0),  # rests before the first note are not staccato
        ([(8, 20, 60)], 0.5),
    ],
)
def test_legato_is_the_sounding_share(notes: list[tuple[int, int, int]], share: float) -> None:
    assert attributes(notes)["legato"] == share


@pytest.mark.parametrize(
    ("notes", "sum_of_gains"),
    [
        ([(0, 16, 60), (16, 32, 62)], 0),
        ([(4 * i, 4 * i + 4, 60) for i in range(8)], 0),
        ([(i, i + 1, 60) for i in range(32)], 0),  # sixteenths hold over nothing
        ([(0, 16, 60), (20, 32, 60)], 1),  # the second beat holds over the half bar
        ([(4, 12, 60)], 1),
        ([(12, 20, 60)], 2),  # the fourth beat over the bar line
        ([(14, 18, 60)], 3),  # an eighth before the bar line
        ([(15, 17, 60)], 4),  # a sixteenth before it
        ([(2, 6, 60)], 1),  # an off-beat eighth over the second beat
        ([(6, 9, 60)], 2),  # and over the half bar
        ([(6, 8, 60)], 0),  # which ends in time
        ([(1, 3, 60)], 1),  # a sixteenth over an eighth
        ([(14, 32, 60)], 3),  # however long it lasts
        ([(2, 6, 60), (6, 10, 62), (10, 14, 64), (14, 18, 65)], 1 + 2 + 1 + 3),
    ],
)
def test_syncopation_is_how_much_stronger_the_steps_held_over_are(
    notes: list[tuple[int, int, int]], sum_of_gains: int
) -> None:
    assert attributes(notes)["syncopation"] == pytest.approx(sum_of_gains / len(notes))


def test_silence_holds_over_nothing() -> None:
    assert attributes([(2, 4, 60), (22, 24, 62)])["syncopation"] == 0.0


def test_silence_has_attributes_too() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        silence = measure(np.zeros((2, 32), np.int64))
    assert silence.tolist() == [[0.0, 60.0, 0.0, 0.0, 1.0]] * 2


@given(st.lists(st.sampled_from([HOLD, HOLD, OFF, ONSET + 50, ONSET + 57, ONSET + 70]), min_size=32, max_size=32))
def test_attributes_agree_with_the_notes(symbols: list[int]) -> None:
    melody = Melody(np.array(symbols))
    notes = melody.notes()
    found = measure(melody.tokens[None])[0]
    assert np.isfinite(found).all()
    if not notes:
        return
    pitches = [pitch for _, _, pitch in notes]
    sounding = sum(end - start for start, end, _ in notes)
    expected = [
        len(notes),
        sum(pitches) / len(notes),
        max(pitches) - min(pitches),
        sounding / (32 - notes[0][0]),
    ]
    assert found[[0, 1, 2, 4]].tolist() == pytest.approx(expected)


@settings(max_examples=40)
@given(st.integers(-40, 40))
def test_transposition_moves_the_height_only(shift: int) -> None:
    rows = window([(2, 6, 60), (6, 10, 64), (12, 20, 67)])[None]
    moved = np.where(rows >= ONSET, rows + shift, rows)
    assert (measure(moved) - measure(rows))[0].tolist() == pytest.approx([0, shift, 0, 0, 0])


class Player:
    """A model with a latent space that is known: z = (number of notes, first pitch, interval), one to one.

    What it decodes: so many notes, two steps each and four apart, going up by the interval again and again.
    """

    def encode_windows(self, windows: np.ndarray) -> Tensor:
        onset = windows >= ONSET
        count, first = onset.sum(1), windows[:, 0] - ONSET
        last = windows[np.arange(len(windows)), 4 * (count - 1)] - ONSET
        return torch.from_numpy(np.stack([count, first, (last - first) / (count - 1)], 1)).float()

    def decode_windows(self, z: Tensor) -> np.ndarray:
        windows = np.zeros((len(z), 32), np.int64)
        for row, (count, first, interval) in zip(windows, z.tolist(), strict=True):
            for i in range(min(8, max(2, round(count)))):
                row[4 * i] = ONSET + min(127, max(0, round(first + i * interval)))
                row[4 * i + 2] = OFF
        return windows


def known_windows(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    z = np.stack([rng.integers(2, 9, count), rng.integers(45, 60, count), rng.integers(1, 4, count)], 1)
    return Player().decode_windows(torch.from_numpy(z))


@pytest.mark.parametrize("name", ["density", "height", "range"])
def test_a_direction_moves_its_attribute_by_a_standard_deviation(name: str) -> None:
    windows, player = known_windows(400), Player()
    directions = fit_directions(player, windows)
    assert directions.shape == (5, 3)
    z, index = player.encode_windows(windows), ATTRIBUTES.index(name)
    spread = measure(windows).std(0)
    moved = [measure(player.decode_windows(z + sign * directions[index])).mean(0) for sign in (1.0, -1.0)]
    effect = (moved[0] - moved[1])[:3] / (2 * spread[:3])
    assert effect[index] == pytest.approx(1.0, abs=0.35)
    others = [i for i in range(3) if i != index]
    assert (np.abs(effect[others]) < 0.6).all()


def test_height_goes_up_by_transposing() -> None:
    directions = fit_directions(Player(), known_windows(400))
    up = directions[ATTRIBUTES.index("height")]
    # all else held still, a higher melody starts on a higher note and has as many
    assert up[1] > 3.0
    assert up[:1].abs().max() < 0.3


def test_an_attribute_that_never_changes_has_no_direction() -> None:
    """All notes of `Player`'s windows are on the beat."""
    directions = fit_directions(Player(), known_windows(50))
    assert directions.isfinite().all()
    assert directions[ATTRIBUTES.index("syncopation")].abs().max() < 1e-4
    assert directions[ATTRIBUTES.index("height")].abs().max() > 1.0


def test_one_window_is_enough_to_go_nowhere() -> None:
    directions = fit_directions(Player(), known_windows(1))
    assert directions.isfinite().all()
    assert directions.abs().max() < 1e-4


def test_a_direction_that_does_little_is_not_stretched_without_end() -> None:
    class Deaf(Player):
        def decode_windows(self, z: Tensor) -> np.ndarray:
            return np.zeros((len(z), 32), np.int64)

    listening, deaf = (fit_directions(model, known_windows(400)) for model in (Player(), Deaf()))
    assert deaf.isfinite().all()
    assert (deaf.norm(dim=1) <= 5 * 2 * listening.norm(dim=1).clamp(min=1e-3)).all()
    assert not math.isclose(deaf.norm().item(), 0.0)
