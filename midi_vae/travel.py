"""Even travel: where the latent goes while a knob turns from one melody to another.

On the straight line between two codes what is decoded stands still and then changes at a stroke. Here the way is made
of places that are searched so that the melody changes evenly: the middle of the way first, then the middles of its
halves, and so on. A place is found in three steps.

1. What the decoder says on the straight line and a little aside of it is taken as proposals.
2. Each is bent until it stands half-way: every step has the symbol of either end of its piece, half of those that
   differ have changed, all over the window, and no onset is lost or gained; the critic says which of the changes that
   would do so sound most like music (`model.critic`, one look at all of them, then two changes at a time).
3. The best is encoded, and what is decoded from there is an end of the next, smaller pieces.

So the places are codes of melodies, near the straight line but not on it; between them the way is straight.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .model.network import MelodyNetwork
from .music.melody import ONSET

MAX_AT_ONCE = 32  # windows searched in one go; bounds the memory of long tunes
LEVELS = 3  # of halving: 8 pieces
PROPOSALS = (8, 4, 4)  # of each place, at each level
ROUNDS = 4  # of two changes each
LINE_POINTS = 33  # of the straight line that are decoded for proposals
ASIDE = 0.15  # of the way, by which beats go ahead or lag behind in the proposals aside of the line
LIKELIHOOD = 1.2  # for each nat by which a window is less likely than its ends, by the critic
ONSETS = 3.5  # for each onset lost or gained
EVENNESS = 600.0  # for the squared share of changed steps too many or too few
SPREAD = 1.0  # the same within each half bar, for each step there
HALF_BAR = 8  # steps
MARGIN = 6.0  # nats by which a place is to be likelier than its ends, for a critic that chooses is flattered


@dataclass(frozen=True)
class Travel:
    """A way from one melody to another.

    Attributes:
        places: (K, W, D) latents, evenly spaced for the knob; the first and the last are the codes of the melodies.
    """

    places: Tensor

    def at(self, share: float) -> Tensor:
        """The latents (W, D) at a share 0..1 of the way."""
        where = min(max(share, 0.0), 1.0) * (len(self.places) - 1)
        before = min(int(where), len(self.places) - 2)
        return torch.lerp(self.places[before], self.places[before + 1], where - before)


@torch.inference_mode()
def even_travel(model: MelodyNetwork, a: Tensor, b: Tensor) -> Travel:
    """The way from latents a to b, (W, D) each; every window is searched for itself.

    About a tenth of a second of one thread for a window. The same on every call. Any thread may call it, also while
    others use the model.
    """
    parts = zip(a.split(MAX_AT_ONCE), b.split(MAX_AT_ONCE), strict=True)
    return Travel(torch.cat([_search(model, *part) for part in parts], 1))


def _search(model: MelodyNetwork, a: Tensor, b: Tensor) -> Tensor:
    """`Travel.places` of some windows."""
    pieces = 2**LEVELS
    codes = {0: a, pieces: b}
    heard = {at: _symbols(model, model.tokens(z)) for at, z in codes.items()}
    search = _Search(model, heard[0], heard[pieces], *_proposals(model, a, b))
    for level, few in enumerate(PROPOSALS):
        half = pieces >> (level + 1)
        middles = range(half, pieces, 2 * half)
        left, right = (torch.stack([heard[at + side] for at in middles]) for side in (-half, half))
        found = search.halfway(left, right, torch.tensor([at / pieces for at in middles]), few)
        z = _codes(model, found.flatten(0, 1)).unflatten(0, found.shape[:2])
        between = torch.stack([torch.lerp(codes[at - half], codes[at + half], 0.5) for at in middles])
        z = torch.where((left == right).all(-1, keepdim=True), between, z)  # where nothing is to change
        again = _symbols(model, model.tokens(z.flatten(0, 1))).view_as(found)
        for at, symbols, code in zip(middles, again, z, strict=True):
            heard[at], codes[at] = symbols, code
    return torch.stack([codes[at] for at in range(pieces + 1)])


def _codes(model: MelodyNetwork, symbols: Tensor) -> Tensor:
    """Latents (B, D) of symbols (B, 32)."""
    tokens = torch.where(symbols >= ONSET, symbols + model.config.lowest_pitch, symbols)
    return model.inverted(tokens)


def _symbols(model: MelodyNetwork, tokens: Tensor) -> Tensor:
    """As the critic counts them: onsets from the lowest pitch on."""
    return torch.where(tokens >= ONSET, tokens - model.config.lowest_pitch, tokens)


def _proposals(model: MelodyNetwork, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of the way (P,) and what is decoded there, (P, W, 32) symbols: on the straight line and aside of it.

    Aside, some beats of the latent are ahead and as many behind; which, is fixed.
    """
    line = torch.linspace(0.0, 1.0, LINE_POINTS)[1:-1]
    some = line[1::4]
    beats = model.config.latent_size // 8
    patterns = torch.tensor([[1, -1] * 4, [1, 1, -1, -1] * 2, [-1, 1, 1, -1] * 2, [-1, 1] * 4])
    ahead = ASIDE * patterns.float().repeat_interleave(beats, 1)
    aside = (some[:, None, None] + (4 * some * (1 - some))[:, None, None] * ahead).clamp(0.0, 1.0)
    shares = torch.cat([line[:, None].expand(-1, ahead.shape[1]), aside.flatten(0, 1)])
    z = torch.lerp(a, b, shares.to(a.device)[:, None])
    tokens = torch.cat([model.tokens(part) for part in z.flatten(0, 1).split(64)])
    where = torch.cat([line, some.repeat_interleave(len(patterns))])
    return where, _symbols(model, tokens).unflatten(0, z.shape[:2])


class _Search:
    """Places between the melodies a and b, (W, 32) symbols each."""

    def __init__(self, model: MelodyNetwork, a: Tensor, b: Tensor, where: Tensor, proposals: Tensor) -> None:
        self.critic, self.where, self.proposals = model.critic, where, proposals
        self.steps = (a != b).sum(-1).clamp(min=1)  # that differ
        self.surprise = torch.stack([model.critic.surprise_of(end) for end in (a, b)])
        self.onsets = torch.stack([(end >= ONSET).sum(-1) for end in (a, b)]).float()

    def halfway(self, left: Tensor, right: Tensor, at: Tensor, few: int) -> Tensor:
        """Between left and right, (N, W, 32) each, at shares (N,) of the whole way; (N, W, 32)."""
        differs = left != right
        near = (self.where - at[:, None]).abs().argsort(dim=1, stable=True)[:, : 4 * few]  # (N, P)
        proposed = self.proposals[near].transpose(0, 1)  # (P, N, W, 32)
        nearer = torch.where(at < 0.5, 0, 1).to(left.device)[:, None, None]
        x = torch.where((proposed == left) | (proposed == right), proposed, torch.where(nearer == 0, left, right))
        task = _Task(
            left.flatten(0, 1),
            right.flatten(0, 1),
            differs.flatten(0, 1),
            self._between(self.surprise, at) - MARGIN,
            self._between(self.onsets, at),
            self.steps.repeat(len(at)),
        )
        x = x.flatten(1, 2).transpose(0, 1)  # (N W, P, 32)
        first = task.cost(x, None).argsort(dim=1, stable=True)[:, :few]
        x = x.gather(1, first[..., None].expand(-1, -1, x.shape[2]))
        return task.best(x, self.critic).view_as(left)

    def _between(self, of_ends: Tensor, at: Tensor) -> Tensor:
        return torch.lerp(of_ends[0], of_ends[1], at.to(of_ends.device)[:, None]).flatten()


@dataclass(frozen=True)
class _Task:
    """M places to be found, each half-way between two melodies.

    Attributes:
        left, right: (M, 32) symbols.
        differs: where they do, (M, 32).
        surprise, onsets: what is due there, (M,).
        steps: in which the ends of the whole way differ, (M,).
    """

    left: Tensor
    right: Tensor
    differs: Tensor
    surprise: Tensor
    onsets: Tensor
    steps: Tensor

    def cost(self, x: Tensor, surprise: Tensor | None) -> Tensor:
        """Of candidates (M, P, 32) with their surprise (M, P), which counts nothing if None; (M, P)."""
        extra, onsets = self._excess(x), (x >= ONSET).sum(-1) - self.onsets[:, None]
        parts = ONSETS * onsets.abs() + EVENNESS * (extra.sum(-1) / self.steps[:, None]).square() + self._spread(extra)
        return parts if surprise is None else parts + LIKELIHOOD * (surprise - self.surprise[:, None]).clamp(min=0)

    def best(self, x: Tensor, critic: torch.nn.Module) -> Tensor:
        """The best that candidates (M, P, 32) become by changes of two steps at a time; (M, 32)."""
        costs, seen = [], []
        for turn in range(ROUNDS + 1):
            log_p = critic(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            now = log_p.gather(3, x[..., None])[..., 0]
            surprise = -now.sum(-1)
            costs.append(self.cost(x, surprise))
            seen.append(x)
            if turn < ROUNDS:
                x = self._changed(x, now, log_p, surprise)
        at = torch.cat(costs, 1).argmin(1)
        return torch.cat(seen, 1)[torch.arange(len(at), device=at.device), at]

    def _changed(self, x: Tensor, now: Tensor, log_p: Tensor, surprise: Tensor) -> Tensor:
        """Each candidate with the one or two changes that its cost falls most by, if it falls at all.

        What two changes do to the likelihood is taken as the sum of what each does.
        """
        other = torch.where(x == self.right[:, None], self.left[:, None], self.right[:, None])
        worse = now - log_p.gather(3, other[..., None])[..., 0]  # (M, P, 32) nats
        worse = torch.where(self.differs[:, None], worse, torch.inf)
        onsets = (other >= ONSET).float() - (x >= ONSET).float()
        extra = self._excess(x)
        flip = torch.where(extra > 0, -1.0, 1.0)  # what a change does to the count of changed steps
        before = self._spread(extra)
        halves = extra.unflatten(2, (-1, HALF_BAR)).sum(-1).repeat_interleave(HALF_BAR, 2)
        size = self.differs.unflatten(1, (-1, HALF_BAR)).sum(-1).repeat_interleave(HALF_BAR, 1)[:, None].clamp(min=1)
        spread = SPREAD * ((halves + flip).square() - halves.square()) / size
        due = (x >= ONSET).sum(-1) - self.onsets[:, None]
        over = surprise - self.surprise[:, None]
        share = extra.sum(-1) / self.steps[:, None]

        single = torch.eye(x.shape[2], dtype=torch.bool, device=x.device)
        pair = lambda each: each[..., :, None] + torch.where(single, 0.0, each[..., None, :])  # noqa: E731
        wide = lambda each: each[..., None, None]  # noqa: E731
        cost = (
            LIKELIHOOD * (wide(over) + pair(worse)).clamp(min=0.0)
            + ONSETS * (wide(due) + pair(onsets)).abs()
            + EVENNESS * (wide(share) + pair(flip) / self.steps[:, None, None, None]).square()
            + pair(spread)
            + wide(before)
        )
        lowest, which = cost.flatten(2).min(-1)
        better = lowest < self.cost(x, surprise)
        for step in (which // x.shape[2], which % x.shape[2]):
            here = (torch.arange(x.shape[2], device=x.device) == step[..., None]) & better[..., None]
            x = torch.where(here, other, x)
        return x

    def _excess(self, x: Tensor) -> Tensor:
        """½ for each step that has changed, -½ for each that is still to, so that 0 is half-way; (M, P, 32)."""
        return torch.where(self.differs[:, None], torch.where(x == self.right[:, None], 0.5, -0.5), 0.0)

    def _spread(self, extra: Tensor) -> Tensor:
        size = self.differs.unflatten(1, (-1, HALF_BAR)).sum(-1)[:, None].clamp(min=1)
        return SPREAD * (extra.unflatten(2, (-1, HALF_BAR)).sum(-1).square() / size).sum(-1)
