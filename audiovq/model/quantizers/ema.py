"""A codebook of running means."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import SingleQuantizer
from .processes import sum_over_processes
from .straight_through import COMMITMENT

DECAY = 0.99
SMOOTHING = 1e-3  # added to the usage of every code (mean 1), so that a rare one does not divide by nothing
FRESH = 0.1  # weight of a vector that a code was just moved to, so that its cell soon outweighs it


class EMACodebook(SingleQuantizer):
    """Each code is the exponential moving average of the latents that chose it (arXiv 1711.00937, app. A.1).

    With counts n and sums m of a batch: size <- γ size + (1 - γ) n, sum <- γ sum + (1 - γ) m, e = sum / size, the
    sizes Laplace-smoothed. No gradient reaches the codebook; the loss is the commitment β ‖z - sg(e)‖². Sizes are kept
    in units of their mean, so that batches of any number of vectors count alike.

    Args:
        dim: D.
        codes: K.
    """

    def __init__(self, dim: int, codes: int) -> None:
        super().__init__(nn.Buffer(torch.zeros(codes, dim)))
        self.sizes = nn.Buffer(torch.ones(codes))
        self.sums = nn.Buffer(torch.zeros(codes, dim))

    def penalty(self, vectors: Tensor, chosen: Tensor) -> Tensor:
        return COMMITMENT * F.mse_loss(vectors, chosen.detach())

    def learn(self, vectors: Tensor, indices: Tensor, counts: Tensor) -> None:
        scale = self.size / counts.sum()
        sums = torch.zeros_like(self.sums).index_add_(0, indices, vectors)
        self.sizes.lerp_(counts * scale, 1.0 - DECAY)
        self.sums.lerp_(sum_over_processes(sums) * scale, 1.0 - DECAY)
        total = self.sizes.sum()
        smoothed = (self.sizes + SMOOTHING) / (total + self.size * SMOOTHING) * total
        self.codebook.copy_(self.sums / smoothed[:, None])

    def _place(self, vectors: Tensor, where: Tensor) -> None:
        super()._place(vectors, where)
        self.sizes.copy_(torch.where(where, FRESH, self.sizes))
        self.sums.copy_(torch.where(where[:, None], FRESH * vectors, self.sums))
