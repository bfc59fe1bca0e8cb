"""Vector quantisation: a code is the nearest vector of a learned codebook (van den Oord et al. 2017, arXiv 1711.00937).

The nearest vector has no useful gradient. Two ways past that: copy the decoder's gradient to the encoder
(`straight_through`; the codebook then learns from a loss of its own), or put noise of the same length in the place of
the quantisation error (`noise_substitution`, NSVQ, Vali & Bäckström 2022): then encoder and codebook learn from the
decoder's loss alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


def straight_through(z: Tensor, z_q: Tensor) -> Tensor:
    """z_q going forward; going back, the gradient of z_q is given to z as it is (Bengio et al. 2013)."""
    return z + (z_q - z).detach()


def noise_substitution(z: Tensor, z_q: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """z + ‖z - z_q‖ v / ‖v‖, v ~ N(0, I), over the last dimension (NSVQ, eq. 3); differentiable in z and z_q."""
    noise = torch.randn(z.shape, dtype=z.dtype, generator=generator).to(z.device)
    direction = noise / noise.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(z.dtype).tiny)
    return z + (z - z_q).norm(dim=-1, keepdim=True) * direction


@dataclass(frozen=True)
class Quantized:
    """Indices (...) int64 into the codebook and the vectors there (..., D), with the gradient of the codebook."""

    indices: Tensor
    vectors: Tensor


class Codebook(nn.Module):
    """K vectors of D dimensions; `used` counts how often each was the nearest since the last `replace_dead`.

    >>> codebook = Codebook(2, 1)
    >>> _ = codebook.vectors.data.copy_(torch.tensor([[-1.0], [1.0]]))
    >>> codebook(torch.tensor([[0.3], [-5.0]])).indices
    tensor([1, 0])
    """

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(size, dim))
        self.register_buffer("used", torch.zeros(size), persistent=False)

    def forward(self, z: Tensor) -> Quantized:
        """The nearest vector of each z (..., D); in training mode it is counted."""
        flat = z.detach().flatten(0, -2)
        distance = self.vectors.detach().square().sum(1) - 2.0 * flat @ self.vectors.detach().T  # less ‖z‖², the same
        indices = distance.argmin(1)
        if self.training:
            self.used += torch.bincount(indices, minlength=len(self.vectors))
        indices = indices.view(z.shape[:-1])
        return Quantized(indices, self.vectors[indices])

    @torch.no_grad()
    def replace_dead(self, inputs: Tensor, generator: torch.Generator | None = None, least: float = 1.0) -> int:
        """Put inputs (N, D), drawn at random, in the place of vectors used less than `least` times; how many.

        A vector that is never the nearest never learns. The counts start anew.
        """
        dead = torch.nonzero(self.used < least)[:, 0]
        chosen = torch.randint(len(inputs), (len(dead),), generator=generator).to(inputs.device)
        self.vectors[dead] = inputs[chosen].to(self.vectors)
        self.used.zero_()
        return len(dead)


def codebook_loss(z: Tensor, quantized: Quantized, commitment: float = 0.25) -> Tensor:
    """‖sg(z) - e‖² + commitment ‖z - sg(e)‖² (the paper's eq. 3), mean over D; (..., D) -> (...).

    Of the nearest vectors themselves, before `straight_through`: after it there is no gradient left for them.
    """
    to_code = (z.detach() - quantized.vectors).square().mean(-1)
    return to_code + commitment * (z - quantized.vectors.detach()).square().mean(-1)


def code_perplexity(indices: Tensor, size: int) -> Tensor:
    """exp of the entropy of the codes' shares: as many codes, evenly used, as this would tell as much; scalar."""
    share = torch.bincount(indices.flatten(), minlength=size).to(torch.get_default_dtype()) / indices.numel()
    return torch.exp(-torch.special.xlogy(share, share).sum())


def uniform_code_nats(size: int) -> float:
    """What one code costs if all are equally likely, as the bound of a VQ autoencoder supposes; nats."""
    return math.log(size)
