"""Inverse autoregressive flow: triangular, its determinant exact, and worth it where entries are correlated."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from midi_vae.model.latents import InverseAutoregressiveFlow
from midi_vae.model.latents.flow import FlowResult
from midi_vae.model.latents.gaussian import reparameterize
from midi_vae.model.latents.likelihoods import gaussian_log_likelihood


def rough_flow(
    reverse: bool = False, context_dim: int = 3, hidden: int = 20, std: float = 0.7
) -> InverseAutoregressiveFlow:
    """Weights far from their start, in double precision."""
    torch.manual_seed(0)
    flow = InverseAutoregressiveFlow(5, hidden, context_dim, 3, reverse=reverse).double()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return flow


def jacobian(flow: InverseAutoregressiveFlow, z: Tensor, context: Tensor | None) -> Tensor:
    return torch.func.jacrev(lambda one: flow(one[None], context).z[0])(z[0])


Z, CONTEXT = torch.randn(1, 5).double(), torch.randn(1, 3).double()


@pytest.mark.parametrize("hidden", [20, 3])
def test_the_flow_is_autoregressive(hidden: int) -> None:
    found = jacobian(rough_flow(hidden=hidden), Z, CONTEXT)
    assert torch.equal(found, found.tril())
    assert (found.diagonal() > 0).all()
    below = found[torch.tril_indices(5, 5, -1).unbind()]
    assert (below[:3] != 0).all()  # and each entry does hear of those before it


def test_each_step_is_autoregressive_where_the_order_turns() -> None:
    flow = rough_flow(reverse=True)
    for step in flow.steps:
        found = torch.func.jacrev(lambda one, step=step: step(one[None], CONTEXT).z[0])(Z[0])
        assert torch.equal(found, found.tril())
    assert (jacobian(flow, Z, CONTEXT).triu(1) != 0).any()


@pytest.mark.parametrize("reverse", [False, True])
def test_the_log_determinant_is_the_exact_one(reverse: bool) -> None:
    flow = rough_flow(reverse, std=0.3)
    result = flow(Z, CONTEXT)
    assert isinstance(result, FlowResult)
    exact = torch.linalg.slogdet(jacobian(flow, Z, CONTEXT)).logabsdet
    torch.testing.assert_close(result.log_det, exact[None])


def test_context_matters_and_may_be_left_out() -> None:
    flow = rough_flow()
    assert not torch.equal(flow(Z, CONTEXT).z, flow(Z, CONTEXT + 1.0).z)
    alone = rough_flow(context_dim=0)
    assert alone(Z).z.shape == (1, 5)
    torch.testing.assert_close(alone(Z).log_det, torch.linalg.slogdet(jacobian(alone, Z, None)).logabsdet[None])


def test_a_new_flow_does_little() -> None:
    torch.manual_seed(0)
    flow = InverseAutoregressiveFlow(4, 16, 2, 1)
    z = torch.randn(100, 4)
    gate = torch.sigmoid(torch.tensor(1.5))
    torch.testing.assert_close(flow(z, torch.randn(100, 2)).z, gate * z, rtol=0.0, atol=0.2)


@pytest.mark.parametrize("sizes", [(0, 4, 1, 1), (2, 0, 1, 1), (2, 4, -1, 1), (2, 4, 1, 0)])
def test_sizes_that_cannot_be(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"dim {sizes[0]}"):
        InverseAutoregressiveFlow(*sizes)


def test_it_closes_the_gap_of_a_correlated_posterior() -> None:
    """The bound's gap is KL(q ‖ p(z | x)): for a diagonal q at least -½ log(1 - ρ²), for the flow next to nothing."""
    rho = 0.95
    posterior = MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, rho], [rho, 1.0]]))
    least = -0.5 * math.log(1.0 - rho**2)

    def gap(flow: InverseAutoregressiveFlow | None, base: list[Tensor], count: int, draw: torch.Generator) -> Tensor:
        mean, log_variance = (each.expand(count, 2) for each in base)
        z = reparameterize(mean, log_variance, draw)
        log_q = gaussian_log_likelihood(z, mean, log_variance)
        if flow:
            result = flow(z)
            z, log_q = result.z, log_q - result.log_det
        return (log_q - posterior.log_prob(z)).mean()

    found = {}
    for name in ("diagonal", "flow"):
        torch.manual_seed(0)
        flow = InverseAutoregressiveFlow(2, 16, 0, 2) if name == "flow" else None
        base = [torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)]
        optimizer = torch.optim.Adam([*base, *(flow.parameters() if flow else ())], 2e-2)
        draw = torch.Generator().manual_seed(1)
        for step in range(500):
            optimizer.param_groups[0]["lr"] = 2e-2 * (1.0 - step / 500)
            loss = gap(flow, base, 256, draw)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            found[name] = float(gap(flow, base, 20_000, draw))
    assert found["diagonal"] == pytest.approx(least, rel=0.05)
    assert found["flow"] < 0.1 * least
