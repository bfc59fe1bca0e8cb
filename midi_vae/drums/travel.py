"""From one groove to another so that it changes evenly, keeps its hits and its kick, as places in the latent space.

As in `midi_vae.travel` a straight line at even steps is not what a knob should do: it thins out half-way and changes
at a stroke. The middle of the way is searched first, then the middles of its halves, three times:

1. Of the cells in which the ends of a piece differ half go over, half of those that come and half of those that go, so
   that no hit is lost or gained; first those that the decoder takes up or gives up earliest along the straight line.
2. Two cells change places as long as that makes the groove likelier by the model's prior of hits, or spreads the change
   more evenly over the half bars, for halves of two grooves joined are no mix. A bar keeps a kick if both ends have
   one.
3. Where both ends strike, velocity and offset go over evenly; where one does, they are those of that end. The place is
   encoded, and its code corrected until the decoder says that groove.

So what is heard is always decoded from a latent; between the nine places the way is straight.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..music.windows import HALF
from ..travel import Travel
from .kit import KICK
from .network import GrooveNetwork, sets_of
from .windows import HIT, OFFSET, VELOCITY

LEVELS = 3  # of halving: 9 places
ROUNDS = (12, 6, 2)  # of changed places, at each level
PROPOSALS = 12  # in each round, of cells that come and as many of cells that go
SPREAD = 1.0  # nats for the squared number of cells too many or too few in a half bar, for each cell there
HALF_BAR = 8  # steps
KICKLESS = 50.0  # nats for a bar that loses its kick
CORRECTIONS = 12  # steps of Adam (Kingma & Ba 2015) on a code
STEP_SIZE = 0.05
FEEL = 20.0  # nats for full scale of velocity, and for a sixteenth of offset
MAX_AT_ONCE = 16  # windows searched in one go


def even_travel(model: GrooveNetwork, a: np.ndarray, b: np.ndarray) -> Travel:
    """The way between windows (W, 32, 3, 9), each for itself.

    The same on every call. Any thread may call it, also while others use the model.
    """
    ends = torch.from_numpy(np.stack([a, b]).astype(np.float32)).to(model.device)
    parts = [_places(model, part) for part in ends.split(MAX_AT_ONCE, 1)]
    return Travel(torch.cat(parts, 1))


def corrected(model: GrooveNetwork, z: Tensor, cells: Tensor) -> Tensor:
    """Latents (B, D) moved so that the decoder says cells (B, 32, 3, 9) more exactly."""
    with torch.inference_mode(False), torch.enable_grad():
        z, cells = z.clone().requires_grad_(True), cells.clone()
        mean, square = torch.zeros_like(z), torch.zeros_like(z)
        hit = cells[:, :, HIT]
        for step in range(1, CORRECTIONS + 1):
            said = model.logits(z)
            missed = (said.velocity - cells[:, :, VELOCITY]).abs() + (said.offset - cells[:, :, OFFSET]).abs()
            cost = F.binary_cross_entropy_with_logits(said.hit, hit, reduction="sum") + FEEL * (hit * missed).sum()
            (slope,) = torch.autograd.grad(cost, z)
            mean, square = torch.lerp(slope, mean, 0.9), torch.lerp(slope.square(), square, 0.999)
            move = mean / (1 - 0.9**step) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
            z = (z - STEP_SIZE * move).detach().requires_grad_(True)
    return z.detach()


def _places(model: GrooveNetwork, ends: Tensor) -> Tensor:
    """`Travel.places` between the ends (2, W, 32, 3, 9)."""
    pieces = 2**LEVELS
    with torch.inference_mode():
        z = model.posterior(ends.flatten(0, 1)).mean
    z = corrected(model, z, ends.flatten(0, 1)).unflatten(0, (2, -1))
    with torch.inference_mode():
        line = torch.stack([torch.lerp(z[0], z[1], at / pieces) for at in range(pieces + 1)])
        logit = model.logits(line.flatten(0, 1)).hit.unflatten(0, line.shape[:2])
        search = _Search(model, ends[:, :, :, HIT], logit.mean(0))
        hits = {0: ends[0, :, :, HIT], pieces: ends[1, :, :, HIT]}
        for level, rounds in enumerate(ROUNDS):
            half = pieces >> (level + 1)
            middles = range(half, pieces, 2 * half)
            left, right = (torch.cat([hits[at + side] for at in middles]) for side in (-half, half))
            found = search.halfway(left, right, rounds).unflatten(0, (len(middles), -1))
            hits |= dict(zip(middles, found, strict=True))
        cells = torch.stack([_played(ends, hits[at], at / pieces) for at in range(1, pieces)])
        codes = model.posterior(cells.flatten(0, 1)).mean
    codes = corrected(model, codes, cells.flatten(0, 1)).unflatten(0, cells.shape[:2])
    return torch.cat([z[:1], codes, z[1:]])


def _played(ends: Tensor, hits: Tensor, share: float) -> Tensor:
    """Cells (W, 32, 3, 9) of hits (W, 32, 9) at a share of the way."""
    of_a, of_b = ends[0, :, :, None, HIT] > 0.5, ends[1, :, :, None, HIT] > 0.5
    a, b = ends[0, :, :, VELOCITY:], ends[1, :, :, VELOCITY:]
    feel = torch.where(of_a & of_b, torch.lerp(a, b, share), torch.where(of_a, a, b))
    return torch.cat([hits[:, :, None], hits[:, :, None] * feel], 2)


class _Search:
    """Hits between those of both ends (2, W, 32, 9), where the decoder gives each cell a logit (W, 32, 9)."""

    def __init__(self, model: GrooveNetwork, ends: Tensor, logit: Tensor) -> None:
        self.prior, self.ends, self.logit = model.prior, ends, logit
        self.kicks = _kicks(ends[0]) & _kicks(ends[1])  # (W, 2)

    def halfway(self, left: Tensor, right: Tensor, rounds: int) -> Tensor:
        """Half-way between left and right, (M, 32, 9) each, M a multiple of W; (M, 32, 9)."""
        often = len(left) // len(self.kicks)
        logit, kicks = self.logit.repeat(often, 1, 1), self.kicks.repeat(often, 1)
        comes, goes = (right > left).flatten(1), (left > right).flatten(1)
        flipped = _first_half(comes, logit.flatten(1)) | _first_half(goes, -logit.flatten(1))
        differs = (comes | goes).view_as(left)
        at = lambda f: torch.where(f.view(*f.shape[:-1], *left.shape[1:]), right[:, None], left[:, None])  # noqa: E731
        generator = torch.Generator().manual_seed(0)
        best = flipped[:, None]
        lowest = self._cost(at(best), best, differs, kicks)
        for _ in range(rounds):
            tried = torch.cat([_swapped(best, group, generator) for group in (comes, goes)], 1)
            cost = self._cost(at(tried), tried, differs, kicks)
            least, which = cost.min(1, keepdim=True)
            better = least < lowest
            chosen = tried.gather(1, which[..., None].expand(-1, -1, tried.shape[2]))
            best, lowest = torch.where(better[..., None], chosen, best), torch.where(better, least, lowest)
        return self._with_kicks(at(best)[:, 0], logit, differs, kicks)

    def _cost(self, x: Tensor, flipped: Tensor, differs: Tensor, kicks: Tensor) -> Tensor:
        """Nats of hits (M, P, 32, 9); (M, P)."""
        sets = sets_of(x.flatten(0, 1))
        nats = F.cross_entropy(self.prior(sets).transpose(1, 2), sets, reduction="none").sum(1).view(x.shape[:2])
        extra = torch.where(differs.flatten(1)[:, None], flipped.float() - 0.5, 0.0).view(x.shape)
        size = differs.unflatten(1, (-1, HALF_BAR)).sum((2, 3)).clamp(min=1)[:, None]
        spread = (extra.unflatten(2, (-1, HALF_BAR)).sum((3, 4)).square() / size).sum(2)
        lost = (kicks[:, None] & ~_kicks(x)).sum(2)
        return nats + SPREAD * spread + KICKLESS * lost

    def _with_kicks(self, x: Tensor, logit: Tensor, differs: Tensor, kicks: Tensor) -> Tensor:
        """Hits (M, 32, 9) with the kick that the decoder likes best in a bar that would lose its last one."""
        lost = (kicks & ~_kicks(x)).repeat_interleave(HALF, 1)  # (M, 32)
        liked = torch.where(differs[:, :, KICK] & lost, logit[:, :, KICK], -torch.inf)
        bars = liked.unflatten(1, (-1, HALF))
        first = F.one_hot(bars.argmax(2), HALF).flatten(1) > 0
        x = x.clone()
        x[:, :, KICK] = torch.where(first & lost, 1.0, x[:, :, KICK])
        return x


def _kicks(hits: Tensor) -> Tensor:
    """Which bars of hits (..., 32, 9) have a kick; (..., 2) bool."""
    return (hits[..., KICK] > 0.5).unflatten(-1, (-1, HALF)).any(-1)


def _first_half(group: Tensor, key: Tensor) -> Tensor:
    """Half of each row of a group (M, 288), those with the highest keys; of an odd number one more."""
    count = (group.sum(1, keepdim=True) + 1) // 2
    rank = torch.where(group, key, -torch.inf).argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return group & (rank < count)


def _swapped(best: Tensor, group: Tensor, generator: torch.Generator) -> Tensor:
    """Candidates (M, P, 288) in which two cells of a group have changed places: one that has gone over, one not."""
    shape = (len(group), PROPOSALS, group.shape[1])
    noise = torch.rand(shape[1:], generator=generator).to(best.device)  # the same for all: each is searched for itself
    on, off = group[:, None] & best, group[:, None] & ~best
    possible = (on.any(2) & off.any(2))[..., None]
    cells = torch.arange(shape[2], device=best.device)
    changed = best.expand(shape)
    for among in (on, off):
        pick = torch.where(among, noise, -1.0).argmax(2, keepdim=True)
        changed = changed ^ ((cells == pick) & possible)
    return changed
