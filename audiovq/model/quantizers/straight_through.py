"""Nearest neighbour with the straight-through estimator."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import SingleQuantizer

COMMITMENT = 0.25  # β of the paper


class StraightThrough(SingleQuantizer):
    """The vector quantizer of van den Oord et al. 2017 (arXiv 1711.00937, eq. 3).

    loss = ‖sg(z) - e‖² + β ‖z - sg(e)‖², means over vectors and dimensions: the first term moves the codebook, by
    gradients, the second holds the encoder to it. Both come from the code vector e itself, before the
    straight-through line makes it look like z.

    Args:
        dim: D.
        codes: K.
    """

    def __init__(self, dim: int, codes: int) -> None:
        super().__init__(nn.Parameter(torch.zeros(codes, dim)))

    def penalty(self, vectors: Tensor, chosen: Tensor) -> Tensor:
        return F.mse_loss(chosen, vectors.detach()) + COMMITMENT * F.mse_loss(vectors, chosen.detach())
