"""How mixes of latents are trained, of melodies and of grooves: when they come in, and how much of the way is due."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

SLOPE_TEMPERATURE = 3.0  # of the share of changed steps: one that has been decided can still be moved
MARGIN = 0.06  # of the way from one end to the other belongs to each: there it must be that melody, or groove, still


@dataclass(frozen=True)
class MixSchedule:
    """When mixes come in; what has weights of its terms besides knows their weighted sum.

    Attributes:
        mixing_from, mixing_full: share of the training after which mixes come in, and count in full.
    """

    mixing_from: float = 0.05
    mixing_full: float = 0.15

    def ramp(self, progress: float) -> float:
        """Above 0 where there are mixes, from 1 on where they count in full."""
        return (progress - self.mixing_from) / (self.mixing_full - self.mixing_from)

    def of_mixes(
        self, terms: Any, ramp: float, more: Mapping[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the terms on mixes add to the loss, and their means by name.

        Args:
            terms: a dataclass of (B,) each, whose weights are attributes of the same names.
            more: further scalars that are weighted so.
        """
        parts = {name: getattr(terms, name).mean() for name in terms.__dataclass_fields__} | dict(more or {})
        weighted = (getattr(self, name) * part for name, part in parts.items())
        return min(1.0, ramp) * functools.reduce(operator.add, weighted), parts


def due(position: Tensor) -> Tensor:
    """The share of the way that is to have been gone at a position from 0 to 1; (B,)."""
    return ((position - MARGIN) / (1.0 - 2.0 * MARGIN)).clamp(0.0, 1.0)


def straight_through(value: Tensor, slope: Tensor) -> Tensor:
    """The value going forward, the gradient of the slope going back (Bengio et al. 2013, arXiv 1308.3432)."""
    return slope + (value - slope).detach()
