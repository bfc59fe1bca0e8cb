"""Contractive autoencoders: latents that change little when the input does (Rifai et al. 2011, ICML).

The penalty is λ ‖∂f/∂x‖²_F. Reconstruction pulls the other way along the data's manifold, where inputs have to be told
apart; what remains is that f is flat across it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacrev, vjp, vmap

from .latent import Latent

Encoder = Callable[[Tensor], Tensor]


def contractive_penalty(f: Encoder, x: Tensor, lam: float) -> Tensor:
    """λ ‖∂f/∂x‖²_F of each example, exact; (B,), with gradients for what f has to learn.

    Costs a backward pass for each output of f; `contractive_penalty_estimate` costs one for each probe.

    Args:
        f: (B, ...) -> (B, ...), each example by itself.
        x: (B, ...).
    """
    jacobians = vmap(jacrev(lambda one: f(one[None])[0]))(x)
    return lam * jacobians.flatten(1).square().sum(1)


def contractive_penalty_estimate(
    f: Encoder, x: Tensor, lam: float, probes: int, generator: torch.Generator | None = None
) -> Tensor:
    """The same, estimated without bias; (B,), with gradients.

    For v of independent signs E[v vᵀ] = I, so E‖Jᵀv‖² = tr(J Jᵀ) = ‖J‖²_F (Hutchinson 1990): the mean over so many v.

    Args:
        f, x: as in `contractive_penalty`.
        probes: at least 1.

    Raises:
        ValueError: no probes.
    """
    if probes < 1:
        raise ValueError(f"{probes} probes; an estimate takes at least 1")
    y, pull_back, *_ = vjp(f, x)
    total = x.new_zeros(len(x))
    for _ in range(probes):
        signs = torch.randint(0, 2, y.shape, generator=generator).to(y) * 2.0 - 1.0
        (row,) = pull_back(signs)
        total = total + row.flatten(1).square().sum(1)
    return lam / probes * total


class Contractive(Latent):
    """A latent that minds changes of the embedded steps as little as it can; its weight is λ."""

    term, weight, probes = "contraction", 0.01, 1

    def slope_cost(self, encode: Encoder, inputs: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return contractive_penalty_estimate(lambda x: encode(x).flatten(1), inputs, 1.0, self.probes, generator)


def directional_sensitivity(f: Encoder, x: Tensor, directions: Tensor) -> Tensor:
    """‖J u‖ of each example along its unit direction u; x and directions (B, n), latents (B, d) -> (B,)."""
    jacobians = vmap(jacrev(lambda one: f(one[None])[0]))(x)
    return (jacobians @ directions[..., None])[..., 0].norm(dim=1)
