"""Vector quantisation: gradients, noise substitution, codebooks; and the two directions of a KL divergence."""

from __future__ import annotations

import math

import pytest
import torch
from random_numbers import seeded

from midi_vae.model.latents import noise_substitution, straight_through
from midi_vae.model.latents.divergences import TwoModes, fit_forward, fit_reverse
from midi_vae.model.latents.quantized import Codebook, Quantized, code_perplexity, codebook_loss, uniform_code_nats


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=seeded(seed), dtype=torch.float64).requires_grad_()


def test_gradients_are_copied_straight_through() -> None:
    z, z_q = some(4, 3), some(4, 3, seed=1)
    out = straight_through(z, z_q)
    torch.testing.assert_close(out, z_q, rtol=0.0, atol=1e-15)
    weights = some(4, 3, seed=2).detach()
    (out * weights).sum().backward()
    assert torch.equal(z.grad, weights)
    assert z_q.grad is None


def test_noise_substitution_has_the_length_of_the_error_and_any_direction() -> None:
    z, z_q = some(2000, 6), some(2000, 6, seed=1)
    out = noise_substitution(z, z_q, seeded(2))
    torch.testing.assert_close((out - z).norm(dim=1), (z - z_q).norm(dim=1))
    noise = torch.randn(2000, 6, generator=seeded(2), dtype=torch.float64)
    wanted = z + (z - z_q).norm(dim=1, keepdim=True) * noise / noise.norm(dim=1, keepdim=True)
    torch.testing.assert_close(out, wanted)
    direction = ((out - z) / (out - z).norm(dim=1, keepdim=True)).detach()
    assert direction.mean(0).norm() < 0.1
    assert torch.equal(out, noise_substitution(z, z_q, seeded(2)))


def test_noise_substitution_teaches_the_codebook() -> None:
    z, z_q = some(5, 3), some(5, 3, seed=1)
    assert torch.autograd.gradcheck(lambda a, b: noise_substitution(a, b, seeded()), (z, z_q))
    noise_substitution(z, z_q, seeded()).square().sum().backward()
    assert z_q.grad.abs().sum() > 0


def test_an_exact_code_gives_no_nan() -> None:
    z = some(3, 2)
    out = noise_substitution(z, z.detach().clone(), seeded())
    out.sum().backward()
    assert torch.equal(out, z)
    assert z.grad.isfinite().all()


def test_the_nearest_vector_is_found() -> None:
    codebook = Codebook(16, 4)
    z = torch.randn(3, 8, 4, generator=seeded())
    found = codebook(z)
    assert torch.equal(found.indices, torch.cdist(z, codebook.vectors.detach()[None]).argmin(-1))
    assert torch.equal(found.vectors, codebook.vectors[found.indices])


def test_replacement_revives_dead_codes() -> None:
    codebook = Codebook(8, 2)
    z = torch.randn(400, 2, generator=seeded())
    assert codebook.replace_dead(z, seeded()) == 8  # nothing was ever used: it starts out from the data
    with torch.no_grad():
        codebook.vectors[1:] = 1e3  # far away from everything
    for _ in range(300):
        codebook.count(codebook(z).indices)
    assert codebook.share[0] > 0.9
    assert codebook.share[1:].max() < 0.1 / 8
    assert codebook.replace_dead(z, seeded(1)) == 7
    assert len(codebook(z).indices.unique()) == 8
    assert codebook.replace_dead(z, seeded()) == 0  # new ones are given time


def test_each_half_of_the_codebook_loss_teaches_one_side() -> None:
    z, vectors = torch.tensor([[1.0, 0.0]], requires_grad=True), torch.tensor([[0.0, 2.0]], requires_grad=True)
    loss = codebook_loss(z, Quantized(torch.tensor([0]), vectors), commitment=0.5)
    assert loss.tolist() == [2.5 + 0.5 * 2.5]
    loss.sum().backward()
    torch.testing.assert_close(vectors.grad, torch.tensor([[-1.0, 2.0]]))
    torch.testing.assert_close(z.grad, 0.5 * torch.tensor([[1.0, -2.0]]))


def test_perplexity_counts_codes() -> None:
    assert code_perplexity(torch.tensor([[0, 1], [2, 3]]), 8).item() == pytest.approx(4.0)
    assert code_perplexity(torch.tensor([5, 5, 5]), 8).item() == pytest.approx(1.0)
    assert uniform_code_nats(4) == pytest.approx(math.log(4.0))


def test_forward_kl_covers_both_modes() -> None:
    fit = fit_forward(TwoModes(3.0, 0.5))
    assert fit.mean == 0.0
    assert fit.deviation**2 == pytest.approx(9.25)
    # Its divergence: the entropy of N(0, 9.25) less that of p, log 2 plus that of one mode where they do not overlap
    assert fit.divergence == pytest.approx(0.5 * math.log(9.25 / 0.25) - math.log(2.0), abs=1e-6)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_reverse_kl_sits_on_one_mode(side: float) -> None:
    fit = fit_reverse(TwoModes(3.0, 0.5), side)
    assert fit.mean == pytest.approx(3.0 * side, abs=1e-3)
    assert fit.deviation == pytest.approx(0.5, abs=1e-3)
    assert fit.divergence == pytest.approx(math.log(2.0), abs=1e-5)


def test_reverse_kl_covers_modes_that_nearly_touch() -> None:
    fit = fit_reverse(TwoModes(3.0, 1.2))
    assert fit.mean == pytest.approx(0.0, abs=1e-3)
    assert fit.divergence < math.log(2.0) - 0.1
    assert fit.deviation < fit_forward(TwoModes(3.0, 1.2)).deviation


def test_the_fits_agree_where_there_is_one_mode() -> None:
    forward, reverse = fit_forward(TwoModes(0.0, 0.8)), fit_reverse(TwoModes(0.0, 0.8))
    for fit in (forward, reverse):
        assert (fit.mean, fit.deviation, fit.divergence) == pytest.approx((0.0, 0.8, 0.0), abs=1e-4)
