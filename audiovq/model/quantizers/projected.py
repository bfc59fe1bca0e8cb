"""Look-up in few dimensions, on the unit sphere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .base import Quantized, Quantizer
from .residual import ResidualQuantizer


class Projected(Quantizer):
    """A stack of quantizers between two projections: D -> few dimensions of length 1 -> its code vectors -> D.

    Codes that are far from all latents in many dimensions never win; in few they do, and on the sphere the nearest
    vector is the one of the greatest cosine (Yu et al. 2022, arXiv 2110.04627, sec. 3.2; DAC, Kumar et al. 2023). One
    pair of projections surrounds the whole stack, as in Moshi's Mimi (Défossez et al. 2024).

    Args:
        inner: a stack of `inner_dim` dimensions.
        dim: D.
        inner_dim: of the look-up.
        unit_length: whether latents are scaled to length 1 before it.
    """

    def __init__(self, inner: ResidualQuantizer, dim: int, inner_dim: int, unit_length: bool = True) -> None:
        super().__init__()
        self.inner = inner
        self.unit_length = unit_length
        self.down = nn.Conv1d(dim, inner_dim, 1)
        self.up = nn.Conv1d(inner_dim, dim, 1)

    def codebooks(self) -> Tensor:
        """The code vectors (Q, K, inner_dim) of the inner stack, without gradient."""
        return self.inner.codebooks()

    def draw_levels(self, examples: int, generator: torch.Generator | None = None) -> Tensor:
        """As `ResidualQuantizer.draw_levels`, of the inner stack."""
        return self.inner.draw_levels(examples, generator)

    def draw_only(self, numbers: Sequence[int]) -> None:
        """As `ResidualQuantizer.draw_only`, of the inner stack."""
        self.inner.draw_only(numbers)

    def project(self, z: Tensor) -> Tensor:
        """(B, D, N) -> (B, inner_dim, N)."""
        low = self.down(z)
        return F.normalize(low, dim=1) if self.unit_length else low

    @torch.jit.unused
    def forward(self, z: Tensor, generator: torch.Generator | None = None, levels: Tensor | None = None) -> Quantized:
        """As any quantizer; `levels` as that of `ResidualQuantizer`, for the inner stack."""
        with torch.autocast(z.device.type, enabled=False):
            low = self.project(z.float())
            out = self.inner(low, generator, levels)
            z_q, nearest = self.up(out.z_q), self.up(out.nearest).detach()
        return Quantized(z_q, out.codes, out.loss, nearest, out.usage, out.perplexity)

    @torch.jit.export
    def encode(self, z: Tensor, codebooks: int | None = None) -> Tensor:
        return self.inner.encode(self.project(z), codebooks)

    @torch.jit.export
    def decode(self, codes: Tensor) -> Tensor:
        return self.up(self.inner.decode(codes))

    def learn_after(self, batches: int) -> None:
        self.inner.learn_after(batches)

    def hold(self) -> None:
        self.inner.hold()
        self.up.requires_grad_(False)

    @torch.no_grad()
    def initialise(self, z: Tensor, generator: torch.Generator | None = None) -> None:
        self.inner.initialise(self.project(z.float()), generator)
