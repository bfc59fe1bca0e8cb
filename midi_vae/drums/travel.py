"""From one groove to another so that it changes evenly, keeps its hits and its kick, as places in the latent space.

As in `midi_vae.travel` a straight line at even steps is not what a knob should do: it thins out half-way and changes
at a stroke. The middle of the way is searched first, then the middles of its halves, three times:

1. Of the cells in which the ends of a piece differ half go over, half of those that come and half of those that go, so
   that no hit is lost or gained; first those that the decoder takes up or gives up earliest along the straight line.
2. One to three cells that have gone over change places with as many that have not, as long as that makes the groove
   likelier by the model's prior of hits, or spreads the change more evenly over the half bars, for halves of two
   grooves joined are no mix. Which are tried, the prior guides: how much likelier a step would be with a cell changed
   is known of all cells from the pass that judged the groove, and drums take turns in being tried as a whole. (Pairs
   of cells by chance come there too, in four times the time.) A bar keeps a kick if both ends have one.
3. Where both ends strike, velocity and offset go over evenly; where one does, they are those of that end. The place is
   encoded by `GrooveNetwork.inverted`, from which the decoder says that groove.

So what is heard is always decoded from a latent; between the nine places the way is straight.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..music.windows import HALF, WINDOW_STEPS
from ..travel import Travel
from .kit import INSTRUMENTS, KICK
from .network import GrooveNetwork, sets_of
from .windows import HIT, VELOCITY

LEVELS = 3  # of halving: 9 places
ROUNDS = (12, 6, 2)  # of changed places, at each level
PROPOSALS = 12  # in each round, of cells that come and as many of cells that go
SWAPPED = (1, 2, 3)  # cells that change places in a proposal, each as often
GUESS, DRUM_GUESS = 1.0, 2.0  # nats of chance in what is tried: of a cell, and at most of all cells of a drum
SPREAD = 1.0  # nats for the squared number of cells too many or too few in a half bar, for each cell there
HALF_BAR = 8  # steps
KICKLESS = 50.0  # nats for a bar that loses its kick
MAX_AT_ONCE = 8  # windows searched in one go; some 100 MB


def even_travel(model: GrooveNetwork, a: np.ndarray, b: np.ndarray) -> Travel:
    """The way between windows (W, 32, 3, 9), each for itself.

    The same on every call. Any thread may call it, also while others use the model.
    """
    ends = torch.from_numpy(np.stack([a, b]).astype(np.float32)).to(model.device)
    parts = [_places(model, part) for part in ends.split(MAX_AT_ONCE, 1)]
    return Travel(torch.cat(parts, 1))


@torch.inference_mode()
def _places(model: GrooveNetwork, ends: Tensor) -> Tensor:
    """`Travel.places` between the ends (2, W, 32, 3, 9)."""
    pieces = 2**LEVELS
    z = model.inverted(ends.flatten(0, 1)).unflatten(0, (2, -1))
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
    codes = model.inverted(cells.flatten(0, 1)).unflatten(0, cells.shape[:2])
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
        generator, rows = torch.Generator().manual_seed(0), torch.arange(len(left), device=left.device)
        judged = self._judged(at(flipped[:, None]), flipped[:, None], differs, kicks)
        lowest, gains = judged[0][:, 0], judged[1][:, 0]
        for _ in range(rounds):
            tried = torch.cat([_swapped(flipped, group, gains, generator) for group in (comes, goes)], 1)
            cost, gain = self._judged(at(tried), tried, differs, kicks)
            least, which = cost.min(1)
            better = least < lowest
            flipped = torch.where(better[:, None], tried[rows, which], flipped)
            gains = torch.where(better[:, None], gain[rows, which], gains)
            lowest = torch.where(better, least, lowest)
        return self._with_kicks(at(flipped[:, None])[:, 0], logit, differs, kicks)

    def _judged(self, x: Tensor, flipped: Tensor, differs: Tensor, kicks: Tensor) -> tuple[Tensor, Tensor]:
        """Of hits (M, P, 32, 9): their cost (M, P) in nats, and by how many nats their steps would be likelier with a
        cell struck otherwise, (M, P, 288)."""
        sets = sets_of(x)
        log_p = self.prior(sets.flatten(0, 1)).log_softmax(-1).unflatten(0, x.shape[:2])
        nats = -log_p.gather(3, sets[..., None])
        others = sets[..., None] ^ (1 << torch.arange(x.shape[3], device=x.device))
        gains = (log_p.gather(3, others) + nats).flatten(2)
        extra = torch.where(differs.flatten(1)[:, None], flipped.float() - 0.5, 0.0).view(x.shape)
        size = differs.unflatten(1, (-1, HALF_BAR)).sum((2, 3)).clamp(min=1)[:, None]
        spread = (extra.unflatten(2, (-1, HALF_BAR)).sum((3, 4)).square() / size).sum(2)
        lost = (kicks[:, None] & ~_kicks(x)).sum(2)
        return nats.sum((2, 3)) + SPREAD * spread + KICKLESS * lost, gains

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


def _swapped(flipped: Tensor, group: Tensor, gains: Tensor, generator: torch.Generator) -> Tensor:
    """Candidates (M, P, 288) in which some cells of a group have changed places: as many that have gone over as not.

    Those with the largest gains (M, 288) and chance, which is the same for all M: each is searched for itself.
    """
    on, off = group & flipped, group & ~flipped
    possible = torch.minimum(on.sum(1), off.sum(1))[:, None]
    wanted = torch.tensor(SWAPPED, device=group.device).repeat_interleave(PROPOSALS // len(SWAPPED))
    count = torch.minimum(possible, wanted)[..., None]  # (M, P, 1)
    changed = flipped[:, None].expand(-1, PROPOSALS, -1)
    for among in (on, off):
        of_drum = DRUM_GUESS * torch.rand((PROPOSALS, 1, len(INSTRUMENTS)), generator=generator)
        of_cell = torch.rand((PROPOSALS, WINDOW_STEPS, len(INSTRUMENTS)), generator=generator).clamp(1e-6, 1 - 1e-6)
        chance = (of_drum - GUESS * torch.log(-torch.log(of_cell))).flatten(1).to(gains.device)  # of a cell Gumbel's
        key = torch.where(among[:, None], gains[:, None] + chance, -torch.inf)
        most = key.topk(max(SWAPPED), 2).indices
        picked = torch.arange(max(SWAPPED), device=most.device) < count
        changed = changed ^ torch.zeros_like(changed).scatter(2, most, picked)
    return changed
