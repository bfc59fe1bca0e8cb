"""Even travel: with the shipped model on tunes of our own, and with a random one for what holds of every model."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import melody_models
import numpy as np
import pytest
import torch

from midi_vae import MelodyVAE, interpolation
from midi_vae.evaluation import distance, path_figures
from midi_vae.importing import read_melody
from midi_vae.music.melody import ONSET, Melody
from midi_vae.travel import Travel, even_travel

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def shipped() -> MelodyVAE:
    return MelodyVAE.from_pretrained()


@pytest.fixture(scope="module")
def windows(shipped: MelodyVAE) -> np.ndarray:
    """The first two bars of tunes in 4/4, and melodies out of chance."""
    tunes = [read_melody(EXAMPLES / f"{name}.mid")[0] for name in ("lively", "lyrical")]
    return np.stack([tune.tokens[:32].astype(np.int64) for tune in tunes + shipped.sample(6, seed=5)])


@pytest.fixture(scope="module")
def lines(shipped: MelodyVAE, windows: np.ndarray) -> dict[str, list[np.ndarray]]:
    """From each to the next in nine points, by the straight line and by even travel; as decoded, but for the ends."""
    melodies = [Melody(window) for window in windows]
    pairs = list(pairwise(melodies))
    return {
        way: [
            np.stack([m.tokens for m in interpolation.line(shipped, a, b, 9, straight=way == "straight")])
            for a, b in pairs
        ]
        for way in ("straight", "even")
    }


def test_travel_is_shorter_and_more_even_than_the_straight_line(lines: dict[str, list[np.ndarray]]) -> None:
    even, straight = path_figures(lines["even"]), path_figures(lines["straight"])
    assert even.path < 1.06
    assert even.max_jump < 0.24
    assert even.path < straight.path
    assert even.max_jump < 0.75 * straight.max_jump


def test_no_notes_are_lost_on_the_way(lines: dict[str, list[np.ndarray]]) -> None:
    def lost(line: np.ndarray) -> float:
        onsets = (line >= ONSET).sum(1)
        return float(np.abs(onsets - np.linspace(onsets[0], onsets[-1], len(line))).mean())

    assert np.mean([lost(line) for line in lines["even"]]) < np.mean([lost(line) for line in lines["straight"]])


def test_travel_mixes_all_over_the_window_and_does_not_cut(lines: dict[str, list[np.ndarray]]) -> None:
    apart = []
    for line in lines["even"]:
        differs = line[0] != line[-1]
        from_b = (line[4] != line[0])[differs]
        assert np.count_nonzero(np.diff(from_b)) > 1  # two halves joined have one change of source
        first, second = np.array_split(from_b, 2)
        apart.append(abs(first.mean() - second.mean()))
    assert np.mean(apart) < 0.4


def test_any_number_of_steps_goes_the_same_way(shipped: MelodyVAE, windows: np.ndarray) -> None:
    a, b = Melody(windows[0]), Melody(windows[1])
    nine, three = (interpolation.line(shipped, a, b, steps) for steps in (9, 3))
    assert three == [nine[0], nine[4], nine[8]]
    many = [melody.tokens for melody in interpolation.line(shipped, a, b, 65)]
    assert max(distance(p, q) for p, q in pairwise(many)) < 0.25 * distance(many[0], many[-1])


# Of every model


@pytest.fixture(scope="module")
def random_model() -> MelodyVAE:
    return melody_models.random_model()


def test_the_ends_are_the_codes_themselves(random_model: MelodyVAE) -> None:
    a, b = torch.randn(2, 3, 16, generator=torch.Generator().manual_seed(1))
    travel = even_travel(random_model, a, b)
    assert travel.places.shape == (9, 3, 16)
    assert torch.equal(travel.at(0.0), a)
    assert torch.equal(travel.at(1.0), b)
    assert torch.equal(travel.at(-1.0), a)
    assert torch.equal(travel.at(7.0), b)


def test_each_window_travels_for_itself(random_model: MelodyVAE) -> None:
    a, b = torch.randn(2, 40, 16, generator=torch.Generator().manual_seed(2))
    together = even_travel(random_model, a, b).places
    alone = torch.cat([even_travel(random_model, a[i : i + 1], b[i : i + 1]).places for i in (0, 31, 32, 39)], 1)
    torch.testing.assert_close(together[:, [0, 31, 32, 39]], alone, atol=1e-5, rtol=1e-5)


def test_where_nothing_is_to_change_nothing_changes(random_model: MelodyVAE) -> None:
    a = torch.randn(1, 16, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(even_travel(random_model, a, a).places, a.expand(9, 1, 16))


def test_between_the_places_the_way_is_straight() -> None:
    travel = Travel(torch.tensor([0.0, 1.0, 5.0])[:, None, None])
    assert [travel.at(share).item() for share in (0.0, 0.25, 0.5, 0.75, 1.0)] == [0.0, 0.5, 1.0, 3.0, 5.0]
