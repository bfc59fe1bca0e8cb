"""GrooveVAE with its shipped weights: what it codes, mixes and gives feel to; and what holds of every model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from latentmix.errors import InputError
from midi_vae.drums import mixing, reference
from midi_vae.drums.config import GrooveVAEConfig
from midi_vae.drums.evaluation import FEW, HitModel, StyleTemplate, coded_figures, distance, middle_figures
from midi_vae.drums.feel import Heard
from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import KICK
from midi_vae.drums.network import expected_hits, hits_of, sets_of
from midi_vae.drums.reference import feel_after
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.travel import even_travel
from midi_vae.drums.vae import GrooveVAE
from midi_vae.drums.windows import HIT, OFFSET, VELOCITY, repeated, to_cells
from midi_vae.evaluation import path_figures

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "drums"


@pytest.fixture(scope="module")
def model() -> GrooveVAE:
    return GrooveVAE.from_pretrained()


@pytest.fixture(scope="module")
def grooves(model: GrooveVAE) -> list[Groove]:
    """Two of our own and some out of chance."""
    return [read_drums(EXAMPLES / f"{name}.mid").excerpt() for name in ("backbeat", "toms")] + model.sample(4, seed=3)


@pytest.fixture(scope="module")
def lines(model: GrooveVAE, grooves: list[Groove]) -> np.ndarray:
    """From each to the next, as decoded; (5, 9, 32, 3, 9)."""
    cells = np.concatenate([to_cells(groove) for groove in grooves])
    way = even_travel(model, cells[:-1], cells[1:])
    return np.stack([model.decode_cells(way.at(k / 8)) for k in range(9)], 1)


def test_grooves_are_coded(model: GrooveVAE, grooves: list[Groove]):
    cells = np.concatenate([to_cells(groove) for groove in grooves])
    of_means, of_codes = (
        coded_figures(cells, model.decode_cells(z)) for z in (model.encode_cells(cells), model.invert_cells(cells))
    )
    assert of_codes.hits_f1 == 1.0 and of_codes.velocity_error < 0.006 and of_codes.offset_error < 0.008
    assert of_codes.velocity_error < of_means.velocity_error and of_codes.offset_error < of_means.offset_error


def test_what_is_hard_to_code_is_not_made_worse(model: GrooveVAE):
    """Random hits, which no drummer plays: the means are often decoded otherwise."""
    hits = torch.rand(30, 32, 9, generator=torch.Generator().manual_seed(1)) < 0.15
    cells = torch.stack([hits, hits * 0.6, hits * 0.1], 2).float().numpy()
    wrong = [
        (model.decode_cells(z)[:, :, HIT] != cells[:, :, HIT]).sum((1, 2))
        for z in (model.encode_cells(cells), model.invert_cells(cells))
    ]
    assert (wrong[1] <= wrong[0]).all() and wrong[1].sum() < wrong[0].sum()
    assert model.invert_cells(cells[:0]).shape == (0, model.config.latent_size)


def test_samples_are_the_grooves_that_were_drawn(model: GrooveVAE):
    drawn = hits_of(model.drawn_symbols(40, 1.0, 5, "groove")).numpy()
    heard = model.decode_cells(model.sample_latents(40, seed=5))[:, :, HIT]
    assert (heard == drawn).all((1, 2)).mean() > 0.9


def test_a_line_is_even_and_keeps_hits_and_kicks(lines: np.ndarray):
    path = path_figures(list(lines), distance, 4.0)
    middle = middle_figures(HitModel().fit(lines[:, 0]), list(lines))
    assert path.path < 1.1 and path.max_jump < 0.22
    assert middle.hit_gap <= 1.5 and middle.kickless == 0


def test_the_way_is_the_same_again_and_alone(model: GrooveVAE, grooves: list[Groove]):
    a, b = (to_cells(groove) for groove in grooves[:2])
    again = [even_travel(model, a, b).places for _ in range(2)]
    both = even_travel(model, np.concatenate([a, b]), np.concatenate([b, a])).places
    assert torch.equal(*again) and not again[0].requires_grad
    assert torch.allclose(both[:, :1], again[0], atol=1e-3)


def test_a_line_between_equal_grooves_stays(model: GrooveVAE, grooves: list[Groove]):
    made = mixing.line(model, grooves[0], grooves[0], 5)
    assert all(np.array_equal(each.hits, grooves[0].hits) for each in made)


def test_lines_and_journeys_have_their_ends(model: GrooveVAE, grooves: list[Groove]):
    made = mixing.journey(model, grooves[:3], 4)
    assert len(made) == 7 and made[0] == grooves[0]
    for at, groove in ((3, grooves[1]), (6, grooves[2])):
        assert np.array_equal(made[at].velocities, groove.velocities) and made[at].tempo == grooves[0].tempo
    straight = mixing.line(model, *grooves[:2], 3, straight=True, exact_ends=False)
    assert np.array_equal(straight[0].hits, mixing.reconstruct(model, grooves[0]).hits)


def test_variations_go_from_the_groove_to_new_ones(model: GrooveVAE, grooves: list[Groove]):
    none, some, all_new = (
        [
            distance(to_cells(grooves[0])[0], to_cells(each)[0])
            for each in mixing.vary(model, grooves[0], share, 3, seed=1)
        ]
        for share in (0.0, 0.3, 1.0)
    )
    assert max(none) < 4 < min(all_new) and max(none) < np.mean(some) < np.mean(all_new)


def test_a_seed_gives_the_same_grooves(model: GrooveVAE):
    first, again, other = (model.sample(3, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert all(8 < groove.hits.sum() < 120 and groove.hits[:, KICK].any() for groove in first)


def test_feel_leaves_hits_and_goes_by_the_amount(model: GrooveVAE, grooves: list[Groove]):
    straight = grooves[0].straight()
    none, half, full = (mixing.humanise(model, straight, amount) for amount in (0.0, 0.5, 1.0))
    assert none == straight and np.array_equal(full.hits, straight.hits)
    assert 0 < np.abs(half.lateness).sum() < np.abs(full.lateness).sum()
    played = full.velocities[full.hits]
    assert played.std() > 8 and np.abs(full.lateness).max() < 0.5
    styles = model.config.styles
    assert mixing.humanise(model, straight, 1.0, styles[0]) != mixing.humanise(model, straight, 1.0, styles[-1])


def test_feel_hears_the_piece(model: GrooveVAE, grooves: list[Groove]):
    """A bar is played as its piece says, and a loop as the same loop said twice."""
    beat = grooves[0].straight()
    fill = replace(grooves[2].straight(), tempo=beat.tempo)
    both = [np.concatenate([getattr(each, name) for each in (beat, beat, fill)]) for name in ("velocities", "lateness")]
    piece = replace(beat, velocities=both[0], offsets=both[1])
    alone, within = mixing.humanise(model, fill), mixing.humanise(model, piece)
    end = slice(-len(alone.hits), None)
    assert np.array_equal(within.hits[end], alone.hits)
    assert np.abs(within.lateness[end] - alone.lateness).max() > 0.01
    long = repeated(beat, 2 * len(beat.hits))
    twice, once = mixing.humanise(model, long), repeated(mixing.humanise(model, beat), len(long.hits))
    assert np.abs(twice.velocities.astype(int) - once.velocities).max() <= 1
    np.testing.assert_allclose(twice.lateness, once.lateness, rtol=0, atol=1e-5)


def test_what_a_window_hears_of_its_piece():
    hits = torch.zeros(3, 32, 9)
    hits[0, 0, KICK] = hits[0, 16, KICK] = hits[1, 16, KICK] = hits[2, 4, 1] = 1.0
    heard = Heard.in_turn(hits)  # of six half windows two are silent
    assert heard.usual[1, 0, KICK] == 0.75 and heard.usual[2, 4, 1] == 0.25 and heard.usual[0].sum() == 1.0
    alone = Heard.alone(hits)
    assert all(
        torch.equal(a, b[None]) for a, b in zip(Heard.in_turn(hits[:1]), (each[0] for each in alone), strict=True)
    )
    assert alone.usual[1, 0, KICK] == 1.0
    for nothing in (Heard.in_turn(torch.zeros(2, 32, 9)), Heard.alone(torch.zeros(2, 32, 9))):
        assert all(not each.any() for each in nothing)


def test_a_model_of_before_plays_as_it_did(tmp_path: Path):
    """It heard each window alone; what has been added since counts nothing."""
    config = GrooveVAEConfig(width=16, across=16, latent_size=16, feel_width=16, feel_blocks=1, prior_width=16)
    written = GrooveVAE(config)
    written.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    kept = {name: each for name, each in tensors.items() if not name.startswith("feel.piece.")}
    kept["feel.enter.weight"] = kept["feel.enter.weight"][:, :9].contiguous()
    save_file(kept, tmp_path / "model.safetensors")
    model = GrooveVAE.from_pretrained(tmp_path)
    hits = (torch.rand(5, 32, 9, generator=torch.Generator().manual_seed(0)) < 0.2).float()
    ways = [model.feel_of(each, 100.0) for each in (Heard.in_turn(hits), Heard.alone(hits))]
    assert torch.equal(*ways) and torch.equal(model.feel.enter.weight[:, :9], written.feel.enter.weight[:, :9])


def test_a_groove_is_played_as_what_was_heard(model: GrooveVAE, grooves: list[Groove]):
    """Hard and late is hard and late on other hits too; what was played itself comes back nearly."""
    straight, other = grooves[2].straight(), grooves[0].straight()
    late = replace(straight, offsets=0.25 * straight.hits, velocities=(120 * straight.hits).astype(np.uint8))
    own, theirs = (feel_after(model, each, late) for each in (straight, other))
    assert np.array_equal(own.hits, straight.hits) and np.array_equal(theirs.hits, other.hits)
    for made, alone in ((own, mixing.humanise(model, straight)), (theirs, mixing.humanise(model, other))):
        velocity, lateness = (
            [np.abs(np.asarray(what(each))[made.hits].astype(float) - goal).mean() for each in (made, alone)]
            for what, goal in ((lambda x: x.velocities, 120), (lambda x: x.lateness, 0.25))
        )
        assert velocity[0] < 0.5 * velocity[1] and lateness[0] < 0.5 * lateness[1]


def test_a_swing_that_was_heard_holds_for_other_drums_and_what_is_unlike_is_left_to_the_model(model: GrooveVAE):
    hats, ride = (np.zeros((32, 9), np.uint8) for _ in range(2))
    hats[::2, 2], ride[::2, 8] = 90, 90
    swung = Groove(hats, np.where(np.arange(32)[:, None] % 4 == 2, 0.3, 0.0) * (hats > 0))
    made = feel_after(model, Groove(ride), swung).lateness[:, 8]
    alone = mixing.humanise(model, Groove(ride)).lateness[:, 8]
    assert (made[2::4] - made[::4]).mean() > (alone[2::4] - alone[::4]).mean() + 0.1
    none = feel_after(model, Groove(ride), Groove(np.zeros((32, 9), np.uint8)))
    assert none == mixing.humanise(model, Groove(ride))
    assert feel_after(model, Groove(np.zeros((16, 9), np.uint8)), swung).hits.sum() == 0


def test_only_so_many_hits_are_heard_and_played_at_once(
    monkeypatch: pytest.MonkeyPatch, model: GrooveVAE, grooves: list[Groove]
):
    straight, source = grooves[0].straight(), grooves[2]
    whole = feel_after(model, straight, source)
    monkeypatch.setattr(reference, "AT_ONCE", 5)
    parts = feel_after(model, straight, source)
    assert np.abs(parts.velocities.astype(int) - whole.velocities).max() <= 1
    np.testing.assert_allclose(parts.lateness, whole.lateness, rtol=0, atol=1e-5)
    monkeypatch.setattr(reference, "MAX_HEARD", 0)
    assert feel_after(model, straight, source) == mixing.humanise(model, straight)


@pytest.mark.parametrize("amount", [-0.1, 2.1, float("nan")])
def test_an_amount_that_cannot_be_is_refused(model: GrooveVAE, grooves: list[Groove], amount: float):
    with pytest.raises(InputError, match="amount"):
        mixing.humanise(model, grooves[0], amount)
    with pytest.raises(InputError, match="amount"):
        feel_after(model, grooves[0], grooves[1], amount)


def test_what_the_model_cannot_do_is_refused_in_a_line(model: GrooveVAE, grooves: list[Groove]):
    for call, says in (
        (lambda: mixing.humanise(model, grooves[0], 1.0, "polka"), "style"),
        (lambda: mixing.line(model, *grooves[:2], 1), "steps"),
        (lambda: mixing.blend(model, grooves[:2], [0.0, 0.0]), "weights"),
        (lambda: model.decode(torch.full((1, model.config.latent_size), float("nan"))), "NaN"),
        (lambda: model.decode(torch.zeros(1, 3)), "latents"),
        (lambda: model.sample(0), "at least 1"),
        (lambda: GrooveVAE.from_pretrained("melody_2bar"), "name a model of this kind"),
    ):
        with pytest.raises(InputError, match=says):
            call()


@pytest.mark.parametrize("given", [{"latent_size": 12}, {"width": 0}, {"styles": (1,)}])
def test_sizes_that_cannot_be_are_refused(given: dict):
    with pytest.raises(ValueError):
        GrooveVAEConfig(**given)


def test_as_many_cells_are_struck_as_are_expected():
    logits = torch.full((1, 32, 9), -20.0)
    logits[0, :4, 0] = 0.1  # four of about one half each
    logits[0, 8, 1] = 20.0
    hits = expected_hits(logits)
    assert hits.sum() == 3 and hits[0, 8, 1] == 1


def test_sets_of_instruments_are_numbers_and_back():
    hits = (torch.rand(5, 32, 9, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    assert torch.equal(hits_of(sets_of(hits)), hits) and sets_of(hits).max() < 512


def test_distance_counts_cells_and_half_of_what_is_played_otherwise():
    a = np.zeros((32, 3, 9), np.float32)
    a[0, :, 0] = 1.0, 0.5, 0.1
    b = a.copy()
    b[0, VELOCITY, 0], b[4, HIT, 1] = 0.7, 1.0
    assert distance(a, b) == pytest.approx(1.1) and distance(a, a) == 0.0


def test_a_rhythm_is_likelier_than_the_same_hits_strewn_about():
    beat = np.zeros((32, 3, 9), np.float32)
    beat[::4, HIT, KICK] = 1.0
    strewn = beat.copy()
    strewn[:, HIT, KICK] = np.random.default_rng(0).permutation(beat[:, HIT, KICK])
    likelihood = HitModel().fit([beat] * 4)
    assert likelihood.nats_a_step(beat) < 0.3 < likelihood.nats_a_step(strewn)


def test_templates_are_medians_of_a_style() -> None:
    """One value for a drum and a step; or, for all drums, accents of steps and a swing of what lies beside the beat."""
    cells = np.zeros((FEW, 32, 3, 9), np.float32)
    cells[:, ::2, HIT, [2]], cells[:, ::8, HIT, [0]] = 1.0, 1.0
    cells[:, ::2, VELOCITY, 2], cells[:, ::8, VELOCITY, 0] = 0.25, 0.75
    cells[:, 2::4, OFFSET, 2] = 0.3
    style, hits = np.zeros(FEW, int), cells[:, :, HIT]
    np.testing.assert_allclose(StyleTemplate().fit(cells, style, 2).play(hits, style), cells, atol=1e-6)
    alike = StyleTemplate(by_drum=False).fit(cells, style, 2)
    assert alike.velocity[0, 0].tolist() == [0.5] * 9 and alike.velocity[0, 2].tolist() == [0.25] * 9
    for number in (0, 1, 2):  # a style without hits is played as all are
        np.testing.assert_allclose(alike.offset[number, [0, 2, 6, 12], 0], [0.0, 0.3, 0.3, 0.0], atol=1e-6)
