"""Which quantizer a model has, as it stands in a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .base import SingleQuantizer
from .ema import EMACodebook
from .nsvq import NSVQ
from .projected import Projected
from .residual import ResidualQuantizer
from .straight_through import StraightThrough

KINDS: dict[str, Callable[[int, int], SingleQuantizer]] = {
    "straight_through": StraightThrough,
    "ema": EMACodebook,
    "nsvq": NSVQ,
}


@dataclass(frozen=True)
class QuantizerConfig:
    """A residual stack.

    Attributes:
        kind: how codebooks learn, one of `KINDS`.
        dim: D.
        codebooks: Q.
        codes: K.
        lookup_dim: dimensions of the look-up; 0 looks up in all D, without projections.
        unit_length: whether a projected look-up is on the unit sphere.
        dropout: share of the training examples that keep a random number of codebooks.
    """

    kind: str = "ema"
    dim: int = 256
    codebooks: int = 6
    codes: int = 1024
    lookup_dim: int = 0
    unit_length: bool = True
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r}; it is one of {', '.join(KINDS)}")
        if min(self.dim, self.codebooks, self.codes) < 1 or self.lookup_dim < 0 or not 0.0 <= self.dropout <= 1.0:
            raise ValueError(f"{self}; sizes are at least 1, lookup_dim at least 0 and dropout is 0 to 1")


def make_quantizer(config: QuantizerConfig) -> ResidualQuantizer | Projected:
    """The quantizer of a configuration, not yet started."""
    dim = config.lookup_dim or config.dim
    stack = ResidualQuantizer([KINDS[config.kind](dim, config.codes) for _ in range(config.codebooks)], config.dropout)
    return Projected(stack, config.dim, dim, config.unit_length) if config.lookup_dim else stack
