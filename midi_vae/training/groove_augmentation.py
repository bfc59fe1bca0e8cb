"""What is done to windows of drums before the autoencoder sees them.

It is to code whatever stands in its 288 cells, of which a few drummers play a small part: so hands and feet of one
window are joined with those of another, beats go round, the whole is played harder, softer, earlier, later, or
straight.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..drums.groove import MAX_OFFSET
from ..drums.windows import HIT, OFFSET, VELOCITY
from ..model.layers import BEATS
from .groove_dataset import GrooveBatch

STRAIGHT = 0.1  # share of windows that lose all feel
TURNED = 0.4  # share of windows that go round by some beats
JOINED = 0.5  # share of windows that take instruments from another
TAKEN = 0.35  # share of the instruments that those take
DROPPED = 0.04  # share of instruments that fall silent
MAX_SHIFT = 0.12  # of a sixteenth, of all hits of a window
SOFTER, HARDER = 0.75, 1.15


def augmented(batch: GrooveBatch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cells (B, 32, 3, 9), and which of their offsets count, (B, 32, 9); mean lags are taken out first."""
    cells, timed = batch.cells.clone(), batch.timed.clone()
    count, instruments = len(cells), cells.shape[3]

    def chance(share: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) < share

    other = torch.randperm(count, generator=generator)
    take = (chance(JOINED, 1) & chance(TAKEN, instruments))[:, None]
    cells[:, :, OFFSET] -= batch.lag[:, None, None]
    cells = torch.where(take[:, :, None], cells[other], cells)
    timed = torch.where(take, timed[other], timed)
    cells, timed = _turned(cells, timed, chance(TURNED), generator)

    hit = cells[:, :, HIT] * (~chance(DROPPED, 1, instruments)).float()
    hit = torch.where(hit.sum((1, 2), keepdim=True) > 0, hit, cells[:, :, HIT])
    velocity, offset = cells[:, :, VELOCITY], cells[:, :, OFFSET]
    gain = SOFTER + (HARDER - SOFTER) * torch.rand(count, 1, 1, generator=generator)
    velocity = torch.where(velocity < 1.0, velocity * gain, velocity).clamp(1 / 127, 1.0)
    shift = MAX_SHIFT * (2.0 * torch.rand(count, 1, 1, generator=generator) - 1.0)
    scale = 0.5 + 0.7 * torch.rand(count, 1, 1, generator=generator)
    offset = (scale * offset + shift).clamp(-MAX_OFFSET, MAX_OFFSET)
    straight = chance(STRAIGHT, 1, 1)
    level = 0.5 + 0.5 * torch.rand(count, 1, 1, generator=generator)
    velocity, offset = torch.where(straight, level, velocity), torch.where(straight, 0.0, offset)
    return torch.stack([hit, hit * velocity, hit * offset], 2), hit * torch.where(straight, 1.0, timed)


def _turned(cells: Tensor, timed: Tensor, which: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Some windows begun at another of their beats."""
    steps = cells.shape[1]
    by = torch.randint(BEATS, (len(cells),), generator=generator) * (steps // BEATS) * which
    at = (torch.arange(steps) + by[:, None]) % steps
    rows = torch.arange(len(cells))[:, None]
    return cells[rows, at], timed[rows, at]
