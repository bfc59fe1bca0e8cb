"""Mixes of whole melodies: with a model whose codes are the tokens themselves, and with a real one."""

from __future__ import annotations

import math
from pathlib import Path

import melody_models
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from latentmix.errors import InputError
from midi_vae import interpolation
from midi_vae.evaluation import path_figures
from midi_vae.interpolation import lerp, slerp
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.model.latents.latent import Latent, LatentSizes
from midi_vae.music.melody import ONSET, Melody
from midi_vae.music.windows import to_windows
from midi_vae.vae import MelodyVAE

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Echo:
    """A model whose latents are the tokens of a window: what a mix does to codes can be read off the melody.

    Its prior gives windows of one whole note, of a pitch that counts up from the seed.
    """

    device = torch.device("cpu")
    latent = Latent(LatentSizes(32, 0, 0, 0))
    attribute_names = ("higher", "fuller")
    attribute_directions = torch.stack([torch.arange(32) % 4 == 0, torch.arange(32) % 16 == 4]).float()

    def __init__(self) -> None:
        self.decoded = 0

    def invert_windows(self, windows: np.ndarray) -> Tensor:
        return torch.from_numpy(windows).float()

    def decode_windows(self, z: Tensor, temperature: float = 0.0) -> np.ndarray:
        self.decoded += len(z)
        return (z + 1e-4).round().clamp(0, 129).long().numpy()

    def sample_latents(self, n: int, temperature: float = 1.0, seed: int | None = None) -> Tensor:
        z = torch.zeros(n, 32)
        z[:, 0] = ONSET + (seed or 0) + torch.arange(n)
        return z


def steady(pitch: int, bars: int = 2, metre: tuple[int, int] = (4, 4), **more) -> Melody:
    """Quarter notes of one pitch."""
    steps = bars * 16 * metre[0] // metre[1]
    return Melody.from_notes([(i, i + 4, pitch) for i in range(0, steps, 4)], bars, metre, **more)


def pitches(melody: Melody) -> list[int]:
    return [pitch for _, _, pitch in melody.notes()]


LOW, HIGH = steady(40, tempo=90.0, program=11, name="low"), steady(80, tempo=150.0, program=70, name="high")


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    return melody_models.random_model()


def random_melody(seed: int, bars: int = 2) -> Melody:
    rng = np.random.default_rng(seed)
    places = np.flatnonzero(rng.random(16 * bars) < 0.4)
    return Melody.from_notes([(int(i), int(i) + 2, int(rng.integers(48, 84))) for i in places], bars)


def test_the_random_model_tells_melodies_apart(model: MelodyVAE) -> None:
    line = interpolation.line(model, random_melody(0), random_melody(1), 9)
    assert len(set(line)) == 9  # else the tests below could not fail


# The ways from one code to another


def test_lerp_is_a_straight_line() -> None:
    a, b = torch.tensor([[0.0, 2.0]]), torch.tensor([[4.0, -2.0]])
    assert lerp(a, b, 0.25).tolist() == [[1.0, 1.0]]
    assert torch.equal(lerp(a, b, 0.0), a)
    assert torch.equal(lerp(a, b, 1.0), b)


@pytest.mark.parametrize("t", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_slerp_goes_over_angle_and_length_evenly(t: float) -> None:
    a = torch.tensor([3.0, 0.0, 0.0])
    b = torch.tensor([5 * math.cos(2.0), 5 * math.sin(2.0), 0.0])
    length, angle = 3 + 2 * t, 2.0 * t
    expected = torch.tensor([length * math.cos(angle), length * math.sin(angle), 0.0])
    torch.testing.assert_close(slerp(a, b, t), expected, atol=1e-5, rtol=1e-5)


def test_slerp_of_equal_opposite_and_zero_vectors_is_the_straight_line() -> None:
    v, zero = torch.tensor([1.0, -2.0, 3.0]), torch.zeros(3)
    for a, b in ((v, v), (v, 2 * v), (v, -v), (v, -3 * v), (v, zero), (zero, v), (zero, zero)):
        for t in (0.0, 0.3, 1.0):
            torch.testing.assert_close(slerp(a, b, t), lerp(a, b, t))


def test_slerp_takes_each_vector_of_a_batch_for_itself() -> None:
    a = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
    b = torch.tensor([[[0.0, 1.0], [-1.0, 0.0]], [[2.0, 0.0], [1.0, 0.0]]])
    half = math.sqrt(0.5)
    expected = torch.tensor([[[half, half], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]])
    torch.testing.assert_close(slerp(a, b, 0.5), expected)


@given(st.floats(0, math.pi), st.floats(0, 1))
def test_slerp_is_finite_and_has_no_jump_at_any_angle(angle: float, t: float) -> None:
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([math.cos(angle), math.sin(angle)])
    point = slerp(a, b, t)
    assert point.isfinite().all()
    if angle < math.pi - 0.01:
        assert point.norm().item() == pytest.approx(1.0, abs=1e-3)
        torch.testing.assert_close(point, torch.tensor([math.cos(t * angle), math.sin(t * angle)]), atol=2e-3, rtol=0)


# Partners


def test_partners_have_the_metre_of_the_first_and_the_length_of_the_longest() -> None:
    waltz, march, polka = steady(60, 3, (3, 4)), steady(62, 5), steady(64, 4, (2, 4))
    together = interpolation.partners([waltz, march, polka])
    assert [(m.metre, m.bars) for m in together] == [((3, 4), 5)] * 3
    assert pitches(together[0]) == [60] * 15
    together = interpolation.partners([march, polka])
    assert [(m.metre, m.bars) for m in together] == [((4, 4), 5)] * 2
    together = interpolation.partners([steady(60, 1, (2, 4)), steady(62, 2)])
    assert [(m.metre, m.bars) for m in together] == [((2, 4), 4)] * 2
    together = interpolation.partners([steady(60, 1), steady(62, 3, (2, 4))])
    assert [(m.metre, m.bars) for m in together] == [((4, 4), 2)] * 2


def test_a_shorter_partner_is_repeated() -> None:
    scale = Melody.from_notes([(0, 8, 60), (8, 16, 62)])
    together = interpolation.partners([steady(40, 3), scale])
    assert pitches(together[1]) == [60, 62] * 3


@pytest.mark.parametrize("count", [0, 1, 9])
def test_two_to_eight_melodies_are_mixed(count: int) -> None:
    with pytest.raises(InputError, match=f"expected 2 to 8 melodies to mix, found {count}"):
        interpolation.partners([LOW] * count)
    assert len(interpolation.partners([LOW] * 8)) == 8


def test_bars_longer_than_a_window_are_refused() -> None:
    with pytest.raises(InputError, match="at most 32 sixteenths, found 9/4"):
        interpolation.partners([steady(60, 1, (9, 4)), LOW])
    assert interpolation.partners([LOW, steady(60, 1, (9, 4))])[1].metre == (4, 4)  # cut off to fit the first


# Lines


def test_a_line_goes_evenly_from_one_to_the_other() -> None:
    line = interpolation.line(Echo(), LOW, HIGH, 9, straight=True)
    assert [set(pitches(m)) for m in line] == [{p} for p in range(40, 81, 5)]
    assert all(len(m.notes()) == 8 for m in line)


def test_a_line_sounds_as_its_first_melody() -> None:
    for exact in (True, False):
        line = interpolation.line(Echo(), LOW, HIGH, 5, exact_ends=exact, straight=True)
        assert {(m.tempo, m.program, m.metre, m.bars) for m in line} == {(90.0, 11, (4, 4), 2)}


def test_exact_ends_are_the_melodies_themselves(model: MelodyVAE) -> None:
    a, b = random_melody(0), random_melody(1)
    exact, decoded = (interpolation.line(model, a, b, 5, exact_ends=flag) for flag in (True, False))
    assert exact[0] == a
    assert exact[-1] == b
    assert decoded[0] == interpolation.reconstruct(model, a) != a
    assert decoded[-1] == interpolation.reconstruct(model, b) != b
    assert exact[1:-1] == decoded[1:-1]


def test_ends_are_exact_unless_told_otherwise(model: MelodyVAE) -> None:
    a, b = random_melody(0), random_melody(1)
    assert interpolation.line(model, a, b, 3) == interpolation.line(model, a, b, 3, exact_ends=True)


@pytest.mark.parametrize("steps", [2, 3, 1000])
def test_a_line_has_as_many_steps_as_asked_for(steps: int) -> None:
    line = interpolation.line(Echo(), LOW, HIGH, steps, straight=True)
    assert len(line) == steps
    assert pitches(line[0])[0] == 40
    assert pitches(line[-1])[0] == 80


@pytest.mark.parametrize("steps", [-3, 0, 1, 1001])
def test_other_numbers_of_steps_are_refused(steps: int) -> None:
    echo = Echo()
    for do in (
        lambda: interpolation.line(echo, LOW, HIGH, steps),
        lambda: interpolation.journey(echo, [LOW, HIGH], steps),
        lambda: interpolation.grid(echo, [LOW] * 4, steps, 3),
        lambda: interpolation.grid(echo, [LOW] * 4, 3, steps),
    ):
        with pytest.raises(InputError, match=f"expected 2 to 1000 steps, found {steps}"):
            do()
    assert echo.decoded == 0


def test_a_line_between_equal_melodies_stands_still(model: MelodyVAE) -> None:
    a = random_melody(2)
    for way in ({}, {"straight": True}, {"spherical": True}):
        line = interpolation.line(model, a, a, 5, exact_ends=False, **way)
        assert set(line) == {interpolation.reconstruct(model, a)}


def test_a_line_between_melodies_of_other_metres_and_lengths() -> None:
    line = interpolation.line(Echo(), steady(40, 3, (3, 4)), steady(60, 1), 3, straight=True)
    assert [(m.metre, m.bars) for m in line] == [((3, 4), 3)] * 3
    assert [pitches(m) for m in line] == [[40] * 9, [50] * 9, [60] * 9]


def test_a_leading_rest_stays_a_rest() -> None:
    late = Melody.from_notes([(16, 32, 60)], bars=2)
    line = interpolation.line(Echo(), late, Melody.from_notes([(16, 32, 64)], bars=2), 3, straight=True)
    assert [m.notes() for m in line] == [[(16, 32, 60)], [(16, 32, 62)], [(16, 32, 64)]]


def test_a_spherical_line_keeps_to_the_arc(model: MelodyVAE) -> None:
    a, b = random_melody(0), random_melody(1)
    z = model.encode([a, b])
    points = torch.stack([slerp(z[0], z[1], k / 4) for k in range(5)])
    spherical = interpolation.line(model, a, b, 5, spherical=True, exact_ends=False)
    assert spherical == model.decode(points)
    assert spherical != interpolation.line(model, a, b, 5, exact_ends=False)


def test_long_melodies_are_mixed_window_by_window(model: MelodyVAE) -> None:
    a, b = random_melody(3, bars=5), random_melody(4, bars=5)
    line = interpolation.line(model, a, b, 4, exact_ends=False, straight=True)
    z = [model.invert_windows(to_windows(melody)) for melody in (a, b)]
    assert z[0].shape == (3, 16)
    for k, melody in enumerate(line):
        assert melody == Melody(model.decode_windows(lerp(*z, k / 3)).reshape(-1)[:80])
    heads = [Melody(melody.tokens[:32]) for melody in (a, b)]
    alone = interpolation.line(model, *heads, 4, exact_ends=False, straight=True)
    assert [melody.tokens[:32].tolist() for melody in line] == [melody.tokens.tolist() for melody in alone]


def test_notes_tied_over_windows_stay_tied() -> None:
    tied = Melody.from_notes([(0, 8, 60), (24, 40, 62), (48, 52, 64)], bars=4)
    assert interpolation.reconstruct(Echo(), tied) == tied
    line = interpolation.line(Echo(), tied, tied.transpose(2), 3, straight=True)
    assert line[1] == tied.transpose(1)


def test_shift_is_added_to_every_code_but_not_to_exact_ends() -> None:
    shift = torch.zeros(32)
    shift[0] = 3.0
    a, b = steady(40, 4), steady(50, 4)
    line = interpolation.line(Echo(), a, b, 3, shift=shift, straight=True)
    assert line[0] == a
    assert line[2] == b
    assert pitches(line[1]) == [48, *[45] * 7] * 2
    line = interpolation.line(Echo(), a, b, 3, exact_ends=False, shift=shift, straight=True)
    assert [pitches(m)[0] for m in line] == [43, 48, 53]


# Journeys


def test_a_journey_passes_each_melody_once() -> None:
    stops = [LOW, HIGH, steady(60, tempo=200.0, program=5)]
    journey = interpolation.journey(Echo(), stops, 5, straight=True)
    assert [pitches(m)[0] for m in journey] == [40, 50, 60, 70, 80, 75, 70, 65, 60]
    assert {(m.tempo, m.program) for m in journey} == {(90.0, 11)}


def test_a_journey_of_two_is_a_line(model: MelodyVAE) -> None:
    a, b = random_melody(0), random_melody(1)
    for options in ({}, {"exact_ends": False}, {"spherical": True}, {"shift": torch.ones(16)}):
        assert interpolation.journey(model, [a, b], 5, **options) == interpolation.line(model, a, b, 5, **options)


def test_a_journey_s_stops_are_of_one_length() -> None:
    journey = interpolation.journey(Echo(), [steady(40, 1), steady(50, 2), steady(60, 5, (2, 4))], 3, straight=True)
    assert [(m.metre, m.bars) for m in journey] == [((4, 4), 3)] * 5
    assert [pitches(m) for m in journey] == [[p] * 12 for p in (40, 45, 50, 55, 60)]


# Blends


def test_a_blend_is_the_weighted_mean() -> None:
    echo, three = Echo(), [steady(40), steady(60), steady(70)]
    assert pitches(interpolation.blend(echo, three, [0.5, 0.3, 0.2])) == [52] * 8
    assert pitches(interpolation.blend(echo, three, [2, 2, 1]))[0] == 54
    assert pitches(interpolation.blend(echo, three, [3, 0, 3]))[0] == 55
    assert pitches(interpolation.blend(echo, [LOW, HIGH], [1, 3]))[0] == 70


def test_a_blend_sounds_as_its_first_melody() -> None:
    out = interpolation.blend(Echo(), [LOW, HIGH], [0, 1])
    assert (out.tempo, out.program) == (90.0, 11)


@pytest.mark.parametrize("spherical", [False, True])
@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_all_weight_on_one_melody_is_its_reconstruction(model: MelodyVAE, chosen: int, spherical: bool) -> None:
    melodies = [random_melody(seed) for seed in range(3)]
    weights = [5.0 if i == chosen else 0.0 for i in range(3)]
    out = interpolation.blend(model, melodies, weights, spherical=spherical)
    assert out == interpolation.reconstruct(model, melodies[chosen])


def test_a_spherical_blend_has_the_mean_direction_and_the_mean_length() -> None:
    class Plane(Echo):
        """Two melodies at right angles, of lengths 3 and 4."""

        def invert_windows(self, windows: np.ndarray) -> Tensor:
            z = torch.zeros(len(windows), 32)
            z[0, 0], z[1, 1] = 3.0, 4.0
            return z

        def decode_windows(self, z: Tensor, temperature: float = 0.0) -> np.ndarray:
            self.seen = z[0]
            return super().decode_windows(z, temperature)

    plane = Plane()
    interpolation.blend(plane, [LOW, HIGH], [4, 3], spherical=True)
    length = (4 * 3 + 3 * 4) / 7
    assert plane.seen[:2].tolist() == pytest.approx([length * math.sqrt(0.5)] * 2)
    interpolation.blend(plane, [LOW, HIGH], [4, 3])
    assert plane.seen[:2].tolist() == pytest.approx([12 / 7] * 2)


@pytest.mark.parametrize(
    "weights", [[1.0], [1, 1, 1], [], [0, 0], [-1, 2], [math.nan, 1], [math.inf, 1], [-math.inf, 1]]
)
def test_bad_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(InputError, match="expected 2 weights of at least 0, one of them above, found"):
        interpolation.blend(Echo(), [LOW, HIGH], weights)


@pytest.mark.parametrize("count", [1, 9])
def test_a_blend_is_of_two_to_eight(count: int) -> None:
    with pytest.raises(InputError, match=f"expected 2 to 8 melodies to mix, found {count}"):
        interpolation.blend(Echo(), [LOW] * count, [1.0] * count)
    assert pitches(interpolation.blend(Echo(), [LOW] * 8, [1.0] * 8))[0] == 40


def test_a_blend_is_shifted() -> None:
    assert pitches(interpolation.blend(Echo(), [LOW, HIGH], [1, 1], shift=Echo.attribute_directions[0])) == [61] * 8


# Grids


def test_a_grid_goes_over_from_corner_to_corner() -> None:
    corners = [steady(p, tempo=60.0 + p, program=p) for p in (40, 52, 64, 88)]
    rows = interpolation.grid(Echo(), corners, 3, 4, straight=True)
    assert [[pitches(m)[0] for m in row] for row in rows] == [
        [40, 44, 48, 52],
        [52, 58, 64, 70],
        [64, 72, 80, 88],
    ]
    assert {(m.tempo, m.program) for row in rows for m in row} == {(100.0, 40)}


def test_a_grid_s_corners_are_exact_unless_told_otherwise(model: MelodyVAE) -> None:
    corners = [random_melody(seed) for seed in range(4)]
    exact = interpolation.grid(model, corners, 2, 3)
    assert [exact[0][0], exact[0][-1], exact[-1][0], exact[-1][-1]] == corners
    decoded = interpolation.grid(model, corners, 2, 3, exact_ends=False)
    assert [decoded[r][c] for r in (0, -1) for c in (0, -1)] == [interpolation.reconstruct(model, m) for m in corners]
    assert exact[0][1] == decoded[0][1]


def test_the_sides_of_a_grid_are_lines_where_it_is_asked_for(model: MelodyVAE) -> None:
    corners = [random_melody(seed) for seed in range(4)]
    for way in ({"spherical": True}, {"straight": True}):
        rows = interpolation.grid(model, corners, 4, 5, **way)
        top = interpolation.line(model, corners[0], corners[1], 5, **way)
        right = interpolation.line(model, corners[1], corners[3], 4, **way)
        assert rows[0] == top
        assert [row[-1] for row in rows] == right


def test_rows_and_columns_of_a_grid_change_evenly() -> None:
    model = MelodyVAE.from_pretrained()
    names = ("lively", "lyrical", "jig", "waltz")
    corners = [Melody.from_midi(EXAMPLES / f"{name}.mid", bars=2) for name in names]
    rows = [interpolation.grid(model, corners, 5, 4, straight=straight) for straight in (False, True)]
    figures = [
        path_figures([np.stack([melody.tokens for melody in line]) for line in [*made, *zip(*made, strict=True)]])
        for made in rows
    ]
    assert figures[0].path < 1.1 < figures[1].path and figures[0].max_jump < figures[1].max_jump
    assert rows[0] == interpolation.grid(model, corners, 5, 4)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_grid_has_four_corners(count: int) -> None:
    with pytest.raises(InputError, match=f"expected 4 melodies at the corners of a grid, found {count}"):
        interpolation.grid(Echo(), [LOW] * count)


# Variations


def test_no_amount_is_the_reconstruction_and_the_whole_a_new_melody() -> None:
    melody = steady(60, tempo=77.0, program=3)
    still = interpolation.vary(Echo(), melody, 0.0, 3, seed=50)
    assert still == [melody] * 3
    new = interpolation.vary(Echo(), melody, 1.0, 3, seed=50)
    assert [m.notes() for m in new] == [[(0, 32, p)] for p in (50, 51, 52)]
    assert {(m.tempo, m.program) for m in still + new} == {(77.0, 3)}


def test_an_amount_is_that_share_of_the_way() -> None:
    quarter, half = (interpolation.vary(Echo(), steady(60), amount, 1, seed=40)[0] for amount in (0.25, 0.5))
    assert pitches(quarter)[0] == 55
    assert pitches(half)[0] == 50


def test_variations_of_a_long_melody_vary_every_window() -> None:
    out = interpolation.vary(Echo(), steady(60, 5), 1.0, 2, seed=50)
    assert [pitches(m) for m in out] == [[50, 51, 52], [53, 54, 55]]
    assert [m.bars for m in out] == [5, 5]


def test_variations_repeat_with_their_seed(model: MelodyVAE) -> None:
    melody = random_melody(0)
    assert interpolation.vary(model, melody, 0.7, 4, seed=1) == interpolation.vary(model, melody, 0.7, 4, seed=1)
    assert interpolation.vary(model, melody, 0.7, 4, seed=1) != interpolation.vary(model, melody, 0.7, 4, seed=2)
    assert len(interpolation.vary(model, melody, 0.7, 6, seed=1)) == 6


@pytest.mark.parametrize("amount", [-0.01, 1.01, math.nan, math.inf])
def test_amounts_outside_0_to_1_are_refused(amount: float) -> None:
    with pytest.raises(InputError, match="expected an amount from 0 to 1, found"):
        interpolation.vary(Echo(), LOW, amount)


@pytest.mark.parametrize("n", [0, -2])
def test_less_than_one_variation_is_refused(n: int) -> None:
    with pytest.raises(InputError, match="expected at least 1"):
        interpolation.vary(MelodyVAE(MelodyVAEConfig(8, 8, 8)), LOW, 0.5, n)


# Reconstruction and attributes


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (2, 4), (12, 8)])
@pytest.mark.parametrize("bars", [1, 2, 3, 7])
def test_reconstruction_keeps_metre_and_length(metre: tuple[int, int], bars: int) -> None:
    melody = steady(60, bars, metre, tempo=55.0, program=8, name="tune")
    out = interpolation.reconstruct(Echo(), melody)
    assert out == melody
    assert out.name == "tune"


def test_attribute_shift_adds_directions_by_their_amounts() -> None:
    echo = Echo()
    higher, fuller = echo.attribute_directions
    assert torch.equal(interpolation.attribute_shift(echo, {}), torch.zeros(32))
    assert torch.equal(interpolation.attribute_shift(echo, {"fuller": -2}), -2 * fuller)
    assert torch.equal(interpolation.attribute_shift(echo, {"fuller": 0.5, "higher": 3.0}), 3 * higher + 0.5 * fuller)
    up = interpolation.reconstruct(echo, LOW, interpolation.attribute_shift(echo, {"higher": 5}))
    assert pitches(up) == [45] * 8


@pytest.mark.parametrize(
    ("amounts", "found"),
    [
        ({"louder": 1.0}, "louder=1.0"),
        ({"higher": math.nan}, "higher=nan"),
        ({"fuller": math.inf}, "fuller=inf"),
    ],
)
def test_unknown_attributes_and_amounts_are_refused(amounts: dict[str, float], found: str) -> None:
    with pytest.raises(InputError, match=f"a name out of higher, fuller, found {found}"):
        interpolation.attribute_shift(Echo(), amounts)
