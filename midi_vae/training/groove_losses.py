"""What a GrooveVAE is trained on; pure functions, per example (B,) and in nats unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..drums.feel import Played
from ..drums.network import GrooveLogits
from ..drums.windows import HIT, OFFSET, VELOCITY
from .mixes import SLOPE_TEMPERATURE, due, straight_through

HIGHEST = 1.0 - 0.5 / 127.0  # a velocity of 127 may have been harder: to say more than that is no error


def hit_loss(logits: Tensor, hit: Tensor) -> Tensor:
    """-log p of the hits (B, 32, 9); (B,)."""
    return F.binary_cross_entropy_with_logits(logits, hit, reduction="none").sum((1, 2))


def played_loss(said: Played | GrooveLogits, cells: Tensor, timed: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of the absolute errors of velocities (of full scale) and offsets (of a sixteenth) over the hits; (B,) each.

    Args:
        cells: (B, 32, 3, 9).
        timed: (B, 32, 9), 1.0 where an offset counts.
    """
    hit, velocity = cells[:, :, HIT], cells[:, :, VELOCITY]
    error = velocity - said.velocity
    error = torch.where(velocity > HIGHEST, error.clamp(min=0.0), error.abs())
    return (hit * error).sum((1, 2)), (timed * (cells[:, :, OFFSET] - said.offset).abs()).sum((1, 2))


@dataclass(frozen=True)
class GrooveMixTerms:
    """Each (B,); all are 0 for a perfect mix of two grooves.

    Attributes:
        stay: nats by which cells that both ends agree in are decided otherwise.
        evenness: squared difference of the share of the other cells that have changed and the share that is due.
        hit_error: squared difference of the number of hits and the one between the ends'.
    """

    stay: Tensor
    evenness: Tensor
    hit_error: Tensor


def mix_terms(logits: Tensor, a: Tensor, b: Tensor, position: Tensor) -> GrooveMixTerms:
    """How well a decoded mix lies between two grooves.

    Args:
        logits: (B, 32, 9) of the hits of the mixed latents.
        a, b: (B, 32, 9) hits of the ends.
        position: (B,) from 0 (a) to 1 (b).
    """
    wanted = due(position)
    differs = a != b
    agreed = F.binary_cross_entropy_with_logits(logits, a, reduction="none")
    stay = torch.where(differs, 0.0, agreed).sum((1, 2))
    towards = torch.where(b > a, logits, -logits)
    slope = torch.sigmoid(towards / SLOPE_TEMPERATURE)
    changed = straight_through((towards > 0).to(slope.dtype), slope)
    share = torch.where(differs, changed, 0.0).sum((1, 2)) / differs.sum((1, 2)).clamp(min=1)
    hits = torch.lerp(a.sum((1, 2)), b.sum((1, 2)), wanted)
    return GrooveMixTerms(stay, (share - wanted).square(), (logits.sigmoid().sum((1, 2)) - hits).square())
