"""A chart of the plane among melodies: where the latent goes while a puck moves over a pad.

`travel` makes the way between two melodies even; this is the same for all places of a pad at once. Each step of the
window is given a place of its own in the race for it: at shares w of the melodies it takes the symbol of the melody i
with the least e_i / w_i, where e is the step's own vector of exponential variates, so that about a share w_i of the
steps is melody i's (it is the draw from a distribution by exponential clocks, with the clocks held still). The vectors
are spread evenly over the steps and over each half bar, so that steps change over one after another on whatever way
the puck goes; and because they are held still, a step that has changed stays so, and the same place sounds the same.
Which step of a half bar has which of its vectors is searched: exchanges that the critic likes best (`model.critic`), at
some places of the pad together.

What stands at the places of a grid is encoded, and what is heard is decoded from there; between them it goes straight.
The search is on the CPU, wherever the model is: it is many small steps, and only the critic's look is large.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .model.network import MelodyNetwork
from .music.melody import ONSET
from .music.windows import WINDOW_STEPS

HALF_BAR = 8  # steps
ROUNDS = 14  # of looks of the critic, each followed by an exchange in each half bar
TRIED, STARTS = 64, 3  # sets of vectors, of which the most even are searched
ONSETS = 3.5  # nats for each onset lost or gained at a place
MIN_GAIN = 1e-3  # nats: what is less is rounding, which differs from machine to machine
MOST_PLACES = 24  # of the pad that the critic looks at
WINDOWS_AT_ONCE = 4  # searched in one go


@torch.inference_mode()
def chart_codes(model: MelodyNetwork, z: Tensor, shares: Tensor) -> Tensor:
    """Codes for places of a pad.

    Args:
        z: (M, W, D) latents of the melodies.
        shares: (P, M) of them at each place, with the sum 1.

    Returns:
        (P, W, D) latents; where one melody has it all, its own.

    The same on every call. Any thread may call it, also while others use the model.
    """
    shares = shares.to("cpu", z.dtype)
    parts = [_window_codes(model, part, shares) for part in z.split(WINDOWS_AT_ONCE, 1)]
    found = torch.cat(parts, 1)
    alone = shares.max(1).values >= 1.0 - 1e-6
    found[alone] = z[shares[alone].argmax(1)]
    return found


def _window_codes(model: MelodyNetwork, z: Tensor, shares: Tensor) -> Tensor:
    tokens = model.tokens(z.flatten(0, 1)).cpu()
    lowest = model.config.lowest_pitch
    symbols = torch.where(tokens >= ONSET, tokens - lowest, tokens).unflatten(0, z.shape[:2]).transpose(0, 1)
    places = shares[_looked_at(shares)]
    best: list[Tensor] = []
    for heard in symbols:  # (M, 32) of one window
        races = _searched(model, heard, places)
        best.append(heard.gather(0, _sources(races, shares)))
    made = torch.stack(best, 1)  # (P, W, 32)
    made = torch.where(made >= ONSET, made + lowest, made)
    flat = made.flatten(0, 1)
    codes = torch.cat([model.inverted(part.to(z.device)) for part in flat.split(256)])
    return codes.unflatten(0, made.shape[:2])


def _looked_at(shares: Tensor) -> Tensor:
    """Indices of places, evenly taken, at which more than one melody is heard."""
    mixed = torch.nonzero(shares.max(1).values < 0.95)[:, 0]
    if not len(mixed):
        return mixed
    return mixed[torch.linspace(0, len(mixed) - 1, min(MOST_PLACES, len(mixed))).round().long().unique()]


def _sources(races: Tensor, shares: Tensor) -> Tensor:
    """Which melody a step is, (P, 32), of races (32, M) at shares (P, M)."""
    return (races / shares.clamp(min=1e-9)[:, None]).argmin(2)


def _vectors(count: int, melodies: int, start: int) -> Tensor:
    """`count` vectors (count, M) of exponential variates, evenly spread (a Kronecker sequence)."""
    root = 2.0
    for _ in range(30):  # the positive root of x^(M + 1) = x + 1
        root = (1.0 + root) ** (1.0 / (melodies + 1))
    steps = torch.arange(1, count + 1, dtype=torch.float64)[:, None] + 17.0 * start
    alpha = root ** -torch.arange(1, melodies + 1, dtype=torch.float64)
    return -torch.log1p(-((0.5 + steps * alpha) % 1.0).clamp(1e-6, 1 - 1e-6)).float()


def _even_vectors(count: int, shares: Tensor) -> Tensor:
    """The sets of vectors (R, count, M) by which the melodies have most nearly their shares (P, M) of the steps."""
    melodies = shares.shape[1]
    sets = torch.stack([_vectors(count, melodies, start) for start in range(TRIED)])
    sources = torch.stack([_sources(each, shares) for each in sets])  # (TRIED, P, count)
    counts = torch.stack([(sources == number).float().mean(2) for number in range(melodies)], 2)
    return sets[(counts - shares).square().mean((1, 2)).argsort(stable=True)[:STARTS]]


def _dealt(differs: Tensor) -> Tensor:
    """Steps (n,) in which melodies differ, half bars in turn."""
    steps = torch.nonzero(differs)[:, 0]
    half = steps // HALF_BAR
    sizes = torch.bincount(half, minlength=WINDOW_STEPS // HALF_BAR)
    rank = torch.cat([torch.arange(int(size)) for size in sizes])
    return steps[torch.argsort((rank + 0.5) / sizes[half], stable=True)]


def _searched(model: MelodyNetwork, heard: Tensor, places: Tensor) -> Tensor:
    """Races (32, M) of a window that M melodies (M, 32) share, good at shares (P, M)."""
    melodies = len(heard)
    order = _dealt((heard != heard[:1]).any(0))
    races = torch.ones(STARTS, WINDOW_STEPS, melodies)
    if not len(places) or not len(order):
        return races[0]
    races[:, order] = _even_vectors(len(order), places)
    task = _Task(model, heard, places, order)
    costs, seen = [], []
    for turn in range(ROUNDS + 1):
        cost, gains = task.look(races)
        costs.append(cost)
        seen.append(races)
        if turn < ROUNDS:
            races = task.exchanged(races, gains)
    cost = torch.cat(costs)
    return torch.cat(seen)[int(torch.nonzero(cost <= cost.min() + MIN_GAIN)[0])]  # of those as good the first


@dataclass(frozen=True)
class _Task:
    """One window of melodies (M, 32) at shares (P, M), and the steps in which they differ."""

    model: MelodyNetwork
    heard: Tensor
    places: Tensor
    order: Tensor

    def look(self, races: Tensor) -> tuple[Tensor, Tensor]:
        """Of races (R, 32, M) the cost (R,), and how good each step would be with the vector of each, (R, 32, 32)."""
        sources = torch.stack([_sources(each, self.places) for each in races])  # (R, P, 32)
        x = self.heard.expand(*sources.shape[:2], -1, -1).gather(2, sources[:, :, None])[:, :, 0]
        said = self.model.critic(x.flatten(0, 1).to(self.model.device))
        log_p = said.cpu().unflatten(0, x.shape[:2])  # (R, P, 32, V)
        due = (self.places.double() @ (self.heard >= ONSET).sum(1).double()).float()  # (P,): whole where it should be
        lost = (x >= ONSET).sum(2) - due
        surprise = -log_p.gather(3, x[..., None])[..., 0].sum(2)
        cost = (surprise + ONSETS * lost.abs()).mean(1)
        options = self.heard.T.expand(*x.shape[:2], -1, -1)  # (R, P, 32, M)
        good = log_p.gather(3, options) - ONSETS * lost.sign()[..., None, None] * (options >= ONSET)
        # sources[..., k]: what the vector of step k would choose, for any step
        gains = good.gather(3, sources[:, :, None].expand(-1, -1, WINDOW_STEPS, -1)).mean(1)
        return cost, gains

    def exchanged(self, races: Tensor, gains: Tensor) -> Tensor:
        """Races in which, in each half bar, the two steps that gain most by it have exchanged their vectors."""
        own = gains.diagonal(dim1=1, dim2=2)
        gain = gains + gains.transpose(1, 2) - own[:, :, None] - own[:, None]
        differs = torch.zeros(WINDOW_STEPS, dtype=torch.bool)
        differs[self.order] = True
        half = torch.arange(WINDOW_STEPS) // HALF_BAR
        may = differs[:, None] & differs[None] & (half[:, None] == half[None])
        gain = torch.where(may, gain, 0.0)
        out = races.clone()
        for number in range(WINDOW_STEPS // HALF_BAR):
            rows = gain[:, number * HALF_BAR : (number + 1) * HALF_BAR].flatten(1)
            most, which = rows.max(1)
            a, b = which // WINDOW_STEPS + number * HALF_BAR, which % WINDOW_STEPS
            for each in torch.nonzero(most > MIN_GAIN)[:, 0].tolist():
                i, j = int(a[each]), int(b[each])
                out[each, [i, j]] = races[each, [j, i]]
        return out
