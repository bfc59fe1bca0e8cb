"""Noise substitution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import SingleQuantizer

TINY = 1e-12


class NSVQ(SingleQuantizer):
    """Noise substitution in vector quantization (Vali & Bäckström 2022, IEEE Access 10, eq. 4).

    In training the quantization error is replaced by noise of its length, z_q = z + ‖z - e‖ · v / ‖v‖ with
    v ~ N(0, I): gradients reach the encoder and, through the length, the codebook, so no further loss is needed.

    Args:
        dim: D.
        codes: K.
    """

    def __init__(self, dim: int, codes: int) -> None:
        super().__init__(nn.Parameter(torch.zeros(codes, dim)))

    def substitute(self, vectors: Tensor, chosen: Tensor, generator: torch.Generator | None) -> Tensor:
        noise = torch.randn(vectors.shape, dtype=vectors.dtype, generator=generator).to(vectors.device)
        direction = noise / noise.norm(dim=-1, keepdim=True).clamp(min=TINY)
        # the root's slope at 0 is infinite: a vector that is a code already would turn every gradient to NaN
        length = (vectors - chosen).square().sum(-1, keepdim=True).clamp(min=TINY).sqrt()
        return vectors + length * direction

    def carry(self, chosen: Tensor) -> Tensor:
        """With the gradient: in a stack the length of what is left at the end teaches every level."""
        return chosen
