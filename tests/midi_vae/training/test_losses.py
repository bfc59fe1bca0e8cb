"""The bound and the terms on mixed codes, against torch's own distributions and against hand-made mixes."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Normal, kl_divergence

from midi_vae.model.latents.gaussian import Posterior
from midi_vae.model.steps import StepFields, StepLogits
from midi_vae.music.melody import HOLD, OFF, ONSET
from midi_vae.training import losses, mixes

PITCHES = 12
SURE = 30.0  # a logit that leaves nothing to the others


def fields(rhythm: list[int], pitch: list[int]) -> StepFields:
    """One window of one row, short windows filled up with holds of the last pitch."""
    fill = 32 - len(rhythm)
    return StepFields(torch.tensor([rhythm + [HOLD] * fill]), torch.tensor([pitch + [pitch[-1]] * fill]))


def certain(of: StepFields) -> StepLogits:
    """Logits that leave no doubt about a melody."""
    one_hot = torch.nn.functional.one_hot
    return StepLogits(
        (SURE * one_hot(of.rhythm, 3).float()).requires_grad_(),
        (SURE * one_hot(of.pitch, PITCHES).float()).requires_grad_(),
    )


def between(a: StepFields, b: StepFields, steps_of_b: list[int]) -> StepLogits:
    """Logits that are certain of b on some steps and of a on the others."""
    of_b = torch.zeros(1, 32, dtype=torch.bool)
    of_b[0, steps_of_b] = True
    return certain(StepFields(torch.where(of_b, b.rhythm, a.rhythm), torch.where(of_b, b.pitch, a.pitch)))


def random_logits(seed: int, batch: int = 3) -> StepLogits:
    generator = torch.Generator().manual_seed(seed)
    return StepLogits(
        torch.randn(batch, 32, 3, generator=generator), torch.randn(batch, 32, PITCHES, generator=generator)
    )


def random_fields(seed: int, batch: int = 3) -> StepFields:
    generator = torch.Generator().manual_seed(seed)
    return StepFields(
        torch.randint(3, (batch, 32), generator=generator),
        torch.randint(PITCHES, (batch, 32), generator=generator),
    )


A = fields([ONSET, HOLD, HOLD, HOLD, ONSET, HOLD, OFF, HOLD], [0, 0, 0, 0, 5, 5, 5, 5])
B = fields([ONSET, HOLD, ONSET, HOLD, ONSET, ONSET, ONSET, HOLD], [0, 0, 2, 2, 5, 7, 8, 8])
DIFFERING = [2, 5, 6]  # the pitch of a held step is not heard


def test_reconstruction_is_the_cross_entropy_of_rhythm_and_pitch() -> None:
    logits, wanted = random_logits(0), random_fields(1)
    rhythm = -Categorical(logits=logits.rhythm).log_prob(wanted.rhythm)
    pitch = -Categorical(logits=logits.pitch).log_prob(wanted.pitch)
    onset = wanted.rhythm == ONSET
    expected = rhythm.sum(1) + (pitch * onset).sum(1) + losses.HELD_PITCH_WEIGHT * (pitch * ~onset).sum(1)
    torch.testing.assert_close(losses.reconstruction(logits, wanted), expected)


def test_reconstruction_of_an_even_guess() -> None:
    even = StepLogits(torch.zeros(1, 32, 3), torch.zeros(1, 32, PITCHES))
    expected = 32 * math.log(3) + (2 + losses.HELD_PITCH_WEIGHT * 30) * math.log(PITCHES)  # A has two onsets
    assert losses.reconstruction(even, A).item() == pytest.approx(expected, rel=1e-5)


def test_reconstruction_of_a_sure_guess() -> None:
    assert losses.reconstruction(certain(A), A).item() == pytest.approx(0.0, abs=1e-4)
    wrong = (B.rhythm != A.rhythm).sum() + torch.where(
        B.pitch != A.pitch, torch.where(B.rhythm == ONSET, 1.0, losses.HELD_PITCH_WEIGHT), 0.0
    ).sum()
    assert losses.reconstruction(certain(A), B).item() == pytest.approx(wrong.item() * SURE, rel=1e-5)


def posterior(seed: int, batch: int = 5, size: int = 7) -> Posterior:
    generator = torch.Generator().manual_seed(seed)
    return Posterior(torch.randn(batch, size, generator=generator), torch.randn(batch, size, generator=generator))


def as_normal(q: Posterior) -> Normal:
    return Normal(q.mean, torch.exp(0.5 * q.log_variance))


def test_gaussian_kl_is_that_of_torch() -> None:
    q = posterior(0)
    expected = kl_divergence(as_normal(q), Normal(torch.zeros(()), torch.ones(()))).sum(1)
    torch.testing.assert_close(losses.gaussian_kl(q), expected)


def test_gaussian_kl_is_the_mean_log_ratio_of_samples() -> None:
    q, torch_seed = posterior(1, batch=1, size=3), torch.Generator().manual_seed(0)
    many = Posterior(q.mean.expand(100_000, -1), q.log_variance.expand(100_000, -1))
    z = many.sample(torch_seed)
    ratio = (as_normal(many).log_prob(z) - Normal(torch.zeros(()), torch.ones(())).log_prob(z)).sum(1)
    assert ratio.mean().item() == pytest.approx(losses.gaussian_kl(q).item(), abs=4 * ratio.std().item() / 316)


def test_gaussian_kl_of_the_prior_is_nothing() -> None:
    assert losses.gaussian_kl(Posterior(torch.zeros(2, 4), torch.zeros(2, 4))).tolist() == [0.0, 0.0]


def test_free_nats_are_a_floor_for_each_dimension() -> None:
    mean = torch.tensor([[0.0, 3.0], [0.0, 1.0]], requires_grad=True)
    kl = losses.gaussian_kl(Posterior(mean, torch.zeros(2, 2)), free_nats=0.5)
    # the first dimension costs nothing and is charged 0.5; the second costs (4.5 + 0.5) / 2 on the mean
    assert kl.tolist() == pytest.approx([3.0, 3.0])
    kl.sum().backward()
    assert mean.grad[:, 0].tolist() == [0.0, 0.0]
    assert mean.grad[:, 1].tolist() == pytest.approx([3.0, 1.0])


def test_free_nats_below_the_cost_change_only_who_pays() -> None:
    q = posterior(2)
    assert losses.gaussian_kl(q, 1e-6).mean().item() == pytest.approx(losses.gaussian_kl(q).mean().item())


def test_free_nats_keep_small_codes_from_the_pull() -> None:
    mean = torch.full((4, 3), 0.1, requires_grad=True)
    losses.gaussian_kl(Posterior(mean, torch.zeros(4, 3)), free_nats=0.05).sum().backward()
    assert not mean.grad.any()
    losses.gaussian_kl(Posterior(mean, torch.zeros(4, 3)), free_nats=0.0).sum().backward()
    assert mean.grad.gt(0).all()


@pytest.mark.parametrize(
    ("progress", "expected"), [(0.0, 0.0), (0.01, 0.1), (0.025, 0.25), (0.05, 0.5), (0.5, 0.5), (1.0, 0.5)]
)
def test_beta_rises_in_a_line_and_stays(progress: float, expected: float) -> None:
    assert losses.beta_at(progress, 0.5, warm_up=0.05) == pytest.approx(expected)


def test_beta_is_warm_early() -> None:
    assert losses.beta_at(0.0, 0.2) == 0.0
    assert losses.beta_at(0.1, 0.2) == 0.2


def test_standard_normal_repeats_with_its_seed() -> None:
    like = torch.zeros(2, 3, dtype=torch.float64)
    first, again, other = (losses.standard_normal(like, torch.Generator().manual_seed(s)) for s in (3, 3, 4))
    assert (first.shape, first.dtype) == (like.shape, torch.float64)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# Terms on mixed codes


def mix(logits: StepLogits, due: float, a: StepFields = A, b: StepFields = B) -> dict[str, float]:
    """The terms at the position where a share of the differing steps is due to have changed."""
    position = mixes.MARGIN + due * (1 - 2 * mixes.MARGIN)
    terms = losses.mix_terms(logits, a, b, torch.tensor([position]))
    return {name: getattr(terms, name).item() for name in terms.__dataclass_fields__}


PERFECT = pytest.approx(dict.fromkeys(("stay", "evenness", "indecision", "onset_error"), 0.0), abs=1e-4)


@pytest.mark.parametrize("inside", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("melody", "end", "inwards"), [(A, 0.0, 1), (B, 1.0, -1)])
def test_each_end_is_the_perfect_mix_within_its_margin(
    melody: StepFields, end: float, inwards: int, inside: float
) -> None:
    position = torch.tensor([end + inwards * inside * mixes.MARGIN])
    terms = losses.mix_terms(certain(melody), A, B, position)
    assert {name: getattr(terms, name).item() for name in terms.__dataclass_fields__} == PERFECT


def test_within_the_margin_of_an_end_the_other_one_is_strange() -> None:
    for melody, position in ((A, 1.0), (B, 0.0)):
        logits = certain(melody)
        terms = losses.mix_terms(logits, A, B, torch.tensor([position]))
        assert terms.stay.item() > 2.5 * SURE  # three steps differ
        assert terms.evenness.item() == pytest.approx(1.0, abs=1e-5)
        terms.stay.backward()
        assert logits.rhythm.grad.isfinite().all()
        assert logits.rhythm.grad[0, DIFFERING].abs().gt(0.5).any(1).all()


def test_between_the_margins_either_end_may_stay() -> None:
    for melody in (A, B):
        assert mix(certain(melody), 0.01)["stay"] == pytest.approx(0.0, abs=1e-4)
        assert mix(certain(melody), 0.99)["stay"] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("changed", [[2], [2, 5]])
def test_a_mix_that_has_changed_as_much_as_its_position_says_is_perfect(changed: list[int]) -> None:
    # every changed step brings an onset: 2 + 3 * position of them
    assert mix(between(A, B, changed), len(changed) / 3) == PERFECT


def test_evenness_counts_the_steps_that_have_changed() -> None:
    for changed in ([], [5], [2, 6], DIFFERING):
        terms = mix(between(A, B, changed), 0.5)
        assert terms["evenness"] == pytest.approx((len(changed) / 3 - 0.5) ** 2, abs=1e-5)
        assert terms["onset_error"] == pytest.approx((2 + len(changed) - 3.5) ** 2, abs=1e-4)
        assert terms["stay"] == pytest.approx(0.0, abs=1e-4)


def test_steps_where_the_ends_agree_do_not_count_as_changed() -> None:
    everything = list(range(32))
    assert mix(between(A, B, everything), 0.5)["evenness"] == pytest.approx(0.25, abs=1e-5)
    assert mix(certain(A), 0.3, A, A)["evenness"] == pytest.approx(0.09, abs=1e-6)


def test_stay_is_the_nats_of_symbols_of_neither_end() -> None:
    strange = fields([OFF, *A.rhythm[0, 1:].tolist()], A.pitch[0].tolist())
    assert mix(certain(strange), 0.0)["stay"] == pytest.approx(SURE, rel=1e-3)
    even = StepLogits(torch.zeros(1, 32, 3), torch.zeros(1, 32, PITCHES))
    alike = 27 * math.log(3) + 2 * math.log(3 * PITCHES)  # A and B share two onsets, 27 holds
    at_2 = at_5 = -math.log(1 / 3 + 1 / 3 / PITCHES)  # hold or an onset of one pitch
    at_6 = -math.log(1 / 3 + 1 / 3 / PITCHES)  # note off or an onset of one pitch
    assert mix(even, 0.5)["stay"] == pytest.approx(alike + at_2 + at_5 + at_6, rel=1e-5)


def test_indecision_is_one_for_each_step_in_the_balance() -> None:
    logits = certain(A)
    rhythm, pitch = logits.rhythm.detach().clone(), logits.pitch.detach().clone()
    rhythm[0, 2] = torch.tensor([SURE, 0.0, SURE])  # hold as likely as an onset
    pitch[0, 2] = SURE * torch.nn.functional.one_hot(torch.tensor(2), PITCHES)
    assert mix(StepLogits(rhythm, pitch), 0.0)["indecision"] == pytest.approx(1.0, abs=1e-3)
    rhythm[0, 2, ONSET] = SURE + math.log(3)  # three to one: 4 * 1/4 * 3/4
    assert mix(StepLogits(rhythm, pitch), 0.0)["indecision"] == pytest.approx(0.75, abs=1e-3)


def test_mix_terms_are_each_example_s_own() -> None:
    logits, a, b = random_logits(5), random_fields(6), random_fields(7)
    position = torch.tensor([0.1, 0.5, 0.8])
    together = losses.mix_terms(logits, a, b, position)
    for i in range(3):
        alone = losses.mix_terms(
            StepLogits(logits.rhythm[i : i + 1], logits.pitch[i : i + 1]),
            StepFields(a.rhythm[i : i + 1], a.pitch[i : i + 1]),
            StepFields(b.rhythm[i : i + 1], b.pitch[i : i + 1]),
            position[i : i + 1],
        )
        for name in together.__dataclass_fields__:
            assert getattr(together, name).shape == (3,)
            torch.testing.assert_close(getattr(together, name)[i : i + 1], getattr(alone, name))


def gradient_of(name: str, logits: StepLogits, position: float) -> tuple[Tensor, Tensor]:
    rhythm, pitch = (t.detach().clone().requires_grad_() for t in (logits.rhythm, logits.pitch))
    terms = losses.mix_terms(StepLogits(rhythm, pitch), A, B, torch.tensor([position]))
    getattr(terms, name).sum().backward()
    return rhythm.grad, pitch.grad if pitch.grad is not None else torch.zeros_like(pitch)


def test_counts_of_chosen_symbols_pass_the_gradient_of_their_probabilities() -> None:
    logits = StepLogits(0.1 * certain(A).rhythm, 0.1 * certain(A).pitch)
    rhythm, pitch = gradient_of("evenness", logits, 0.9)  # too little has changed: towards B
    assert all(rhythm[0, step, ONSET] < 0 for step in DIFFERING)
    assert all(pitch[0, step, B.pitch[0, step]] < 0 for step in DIFFERING)
    alike = [step for step in range(32) if step not in DIFFERING]
    assert not rhythm[0, alike].any()
    rhythm, pitch = gradient_of("onset_error", logits, 0.9)  # too few onsets: everywhere more
    assert (rhythm[0, :, ONSET] < 0).all()
    assert not pitch.any()


def test_expected_onsets_counts_the_chosen_ones_with_the_slope_of_the_expected() -> None:
    logits = random_logits(8)
    rhythm = logits.rhythm.clone().requires_grad_()
    counted = losses.expected_onsets(StepLogits(rhythm, logits.pitch))
    chosen = (logits.rhythm.argmax(-1) == ONSET).sum(1)
    assert counted.tolist() == pytest.approx(chosen.tolist(), abs=1e-5)
    counted.sum().backward()
    expected = logits.rhythm.clone().requires_grad_()
    expected.softmax(-1)[..., ONSET].sum().backward()
    torch.testing.assert_close(rhythm.grad, expected.grad)


def test_symbol_probabilities_are_those_of_rhythm_and_pitch() -> None:
    logits = random_logits(9)
    p = losses.symbol_probabilities(logits)
    assert p.shape == (3, 32, ONSET + PITCHES)
    torch.testing.assert_close(p.sum(-1), torch.ones(3, 32))
    torch.testing.assert_close(p[..., :ONSET], logits.rhythm.softmax(-1)[..., :ONSET])
    one = logits.rhythm[1, 7].softmax(0)[ONSET] * logits.pitch[1, 7].softmax(0)[4]
    assert p[1, 7, ONSET + 4].item() == pytest.approx(one.item())
