"""What every kind of latent variable of a melody model has in common.

    features of the encoder (B, 8, heads * D/8) -> posterior, with its `mean` (B, D), the latent
    posterior -> `Draw`: the z (B, D) that the decoder is given in training, and what it costs

Encoding, mixing and playing use the mean alone; training uses draws. A kind that wants more than that overrides
`corrupt` (what the encoder is shown) or `slope_cost` (what its derivative costs).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LatentSizes:
    """What a kind of latent may need to know of its sizes.

    Attributes:
        latent_size: D.
        codes: K, vectors in the codebook.
        flow_width, flow_steps: of the inverse autoregressive flow.
    """

    latent_size: int
    codes: int
    flow_width: int
    flow_steps: int


@dataclass(frozen=True)
class Point:
    """A latent (B, D), and no doubt about it; what a latent knows besides is added by those below."""

    mean: Tensor


@dataclass(frozen=True)
class Draw:
    """z (B, D) for the decoder; cost (B,), the term of the loss that this kind of latent brings, without its weight."""

    z: Tensor
    cost: Tensor


class Latent(nn.Module):
    """One kind of latent variable; this base class is deterministic and costs nothing.

    Attributes:
        heads: features of the encoder for each latent dimension.
        term: the name of its cost in logs.
        weight: of its cost, if nobody asks for another.
        interpolates: whether there is anything between two latents.
        is_of_one_process: whether it learns, beside its gradients, from what the process sees: two would learn apart.
        codes: K where a code is 32 indices into a codebook, else 0.
    """

    heads: ClassVar[int] = 1
    term: ClassVar[str] = "cost"
    weight: ClassVar[float] = 0.0
    interpolates: ClassVar[bool] = True
    is_of_one_process: ClassVar[bool] = False

    def __init__(self, sizes: LatentSizes) -> None:
        super().__init__()
        self.sizes, self.codes = sizes, 0

    @classmethod
    def check(cls, sizes: LatentSizes) -> None:
        """Raise a ValueError where these sizes do not fit."""

    def posterior(self, features: Tensor) -> Point:
        """What the encoder says of z."""
        return Point(features.flatten(1))

    def draw(self, posterior: Any, generator: torch.Generator | None = None, free_nats: float = 0.0) -> Draw:
        """z for the decoder in training; `free_nats` of a KL term are free for each dimension."""
        return Draw(posterior.mean, posterior.mean.new_zeros(len(posterior.mean)))

    def corrupt(self, tokens: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """What the encoder is shown in training instead of tokens (B, 32)."""
        return tokens

    def slope_cost(
        self, encode: Callable[[Tensor], Tensor], inputs: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """Cost (B,) of the derivative of the latents; encode is inputs (B, 8, C) -> features."""
        return inputs.new_zeros(len(inputs))

    def heads_of(self, features: Tensor) -> tuple[Tensor, ...]:
        """features (B, 8, heads * D/8) -> so many of (B, D)."""
        return tuple(head.flatten(1) for head in features.chunk(self.heads, dim=2))
