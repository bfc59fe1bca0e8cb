"""Mixes of whole melodies, window by window.

Melodies are first made partners: the metre of the first one, the length of the longest one, shorter ones repeated
(`windows.rebar`). Each window has a latent of its own; a mix moves all of them together.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from latentmix.errors import InputError, check_count

from .chart import chart_codes
from .model.network import MelodyNetwork
from .music.melody import Melody
from .music.partners import partners
from .music.windows import each_from_windows, to_windows
from .travel import even_travel

MAX_STEPS = 1000  # melodies in one line or on one side of a grid
NEARLY_PARALLEL = 1e-3  # sine of the angle below which a slerp is not to be computed


def lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at share t of the straight line from a to b; (..., D)."""
    return torch.lerp(a, b, t)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at share t of the arc from a to b (Shoemake 1985), lengths going over evenly; (..., D).

    Equal, opposite and zero vectors have no arc of their own: there it is the straight line.

    >>> slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]), 0.5)
    tensor([1.0607, 1.0607])
    """
    length_a, length_b = (v.norm(dim=-1, keepdim=True) for v in (a, b))
    u, w = a / length_a.clamp(min=1e-12), b / length_b.clamp(min=1e-12)
    angle = torch.acos((u * w).sum(-1, keepdim=True).clamp(-1.0, 1.0))
    sine = torch.sin(angle)
    arc = (torch.sin((1.0 - t) * angle) * u + torch.sin(t * angle) * w) / sine.clamp(min=NEARLY_PARALLEL)
    straight = (sine < NEARLY_PARALLEL) | (length_a == 0) | (length_b == 0)
    return torch.where(straight, torch.lerp(a, b, t), arc * torch.lerp(length_a, length_b, t))


def check_mixable(model: MelodyNetwork) -> None:
    """
    Raises:
        InputError: there is nothing between two codes of this model.
    """
    if not model.latent.interpolates:
        raise InputError(
            f"a model with latent {model.config.latent} has nothing between two codes; it can reconstruct and sample; "
            "to mix, vary or shift melodies take a model with latent gaussian or nsvq"
        )


def codes(model: MelodyNetwork, melodies: Sequence[Melody]) -> Tensor:
    """Latents of melodies of one length and metre; (M, W, D)."""
    windows = [to_windows(melody) for melody in melodies]
    stacked = torch.cat([torch.from_numpy(each) for each in windows]).numpy()
    return model.invert_windows(stacked).unflatten(0, (len(melodies), len(windows[0])))


def melodies_at(model: MelodyNetwork, points: Tensor, like: Melody, temperature: float = 0.0) -> list[Melody]:
    """Decode latents (P, W, D) to P melodies with the metre, tempo, program and length of another."""
    windows = model.decode_windows(points.flatten(0, 1), temperature).reshape(*points.shape[:2], -1)
    return each_from_windows(windows, like, like.bars)


def line(
    model: MelodyNetwork,
    a: Melody,
    b: Melody,
    steps: int = 9,
    *,
    exact_ends: bool = True,
    straight: bool = False,
    spherical: bool = False,
    shift: Tensor | None = None,
) -> list[Melody]:
    """From a to b in so many melodies, both ends among them, by a way on which the melody changes evenly (`travel`).

    Args:
        steps: 2 to 1000.
        exact_ends: the first and the last are a and b themselves rather than what the model makes of them.
        straight: along the straight line instead.
        spherical: along the arc instead.
        shift: (D,) added to every latent (`attributes`).
    """
    check_mixable(model)
    check_count(steps, 2, MAX_STEPS, "steps")
    pair = partners([a, b])
    z = _shifted(codes(model, pair), shift)
    out = melodies_at(model, _way(model, z[0], z[1], steps, straight, spherical), pair[0])
    if exact_ends:
        out[0], out[-1] = pair[0], _with_sound_of(pair[1], pair[0])
    return out


def journey(model: MelodyNetwork, melodies: Sequence[Melody], steps: int = 9, **options: Any) -> list[Melody]:
    """Lines from each melody to the next, each melody in between given once; options as of `line`."""
    together = partners(melodies)
    out: list[Melody] = []
    for a, b in itertools.pairwise(together):
        out += line(model, _with_sound_of(a, together[0]), b, steps, **options)[1 if out else 0 :]
    return out


def blend(
    model: MelodyNetwork,
    melodies: Sequence[Melody],
    weights: Sequence[float],
    *,
    spherical: bool = False,
    shift: Tensor | None = None,
) -> Melody:
    """One melody out of 2 to 8 by weights, which are divided by their sum.

    Spherical: the mean direction at the mean length.

    Raises:
        InputError: not one weight for each melody, or one below 0, or all 0.
    """
    check_mixable(model)
    together = partners(melodies)
    point = mixed(codes(model, together), weights, spherical)
    return melodies_at(model, _shifted(point[None], shift), together[0])[0]


def mixed(z: Tensor, weights: Sequence[float], spherical: bool = False) -> Tensor:
    """Latents (W, D) out of those of several melodies, (M, W, D); as of `blend`."""
    if len(weights) != len(z) or not all(0 <= w < float("inf") for w in weights) or not sum(weights) > 0:
        raise InputError(f"expected {len(z)} weights of at least 0, one of them above, found {list(weights)}")
    share = torch.tensor(weights, dtype=z.dtype, device=z.device)[:, None, None] / sum(weights)
    point = (share * z).sum(0)
    if spherical:
        length = (share * z.norm(dim=-1, keepdim=True)).sum(0)
        point = point / point.norm(dim=-1, keepdim=True).clamp(min=1e-6) * length
    return point


def grid(
    model: MelodyNetwork,
    corners: Sequence[Melody],
    rows: int = 5,
    columns: int = 5,
    *,
    exact_ends: bool = True,
    straight: bool = False,
    spherical: bool = False,
    shift: Tensor | None = None,
) -> list[list[Melody]]:
    """Rows of melodies between four corners: top left, top right, bottom left, bottom right.

    They stand on a chart of the plane (`chart`), on which they change evenly along rows and columns; straight and
    spherical: on lines from side to side, as of `line`.
    """
    check_corners(len(corners), "melodies")
    check_mixable(model)
    check_count(rows, 2, MAX_STEPS, "steps")
    check_count(columns, 2, MAX_STEPS, "steps")
    together = partners(corners)
    z = _shifted(codes(model, together), shift)
    if straight or spherical:
        sides = [_way(model, z[i], z[i + 2], rows, straight, spherical) for i in (0, 1)]
        places = [_way(model, left, right, columns, straight, spherical) for left, right in zip(*sides, strict=True)]
    else:
        down, across = torch.meshgrid(torch.linspace(0, 1, rows), torch.linspace(0, 1, columns), indexing="ij")
        shares = [(1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across]
        places = list(chart_codes(model, z, torch.stack(shares, 2).flatten(0, 1)).split(columns))
    out = [melodies_at(model, row, together[0]) for row in places]
    if exact_ends:
        first = together[0]
        out[0][0], out[0][-1] = first, _with_sound_of(together[1], first)
        out[-1][0], out[-1][-1] = (_with_sound_of(melody, first) for melody in together[2:])
    return out


def vary(
    model: MelodyNetwork,
    melody: Melody,
    amount: float,
    n: int = 4,
    *,
    seed: int | None = None,
    shift: Tensor | None = None,
) -> list[Melody]:
    """Variations: the melody moved by a share of the way towards new ones drawn from the prior.

    Args:
        amount: 0 is the melody itself as the model sees it, 1 a new one.

    Raises:
        InputError: an amount outside 0..1.
    """
    check_amount(amount)
    check_mixable(model)
    z = codes(model, [melody])
    drawn = model.sample_latents(n * z.shape[1], seed=seed).unflatten(0, (n, z.shape[1]))
    return melodies_at(model, _shifted(torch.lerp(z.expand_as(drawn), drawn, amount), shift), melody)


def reconstruct(model: MelodyNetwork, melody: Melody, shift: Tensor | None = None) -> Melody:
    """What the model makes of a melody of any length."""
    return melodies_at(model, _shifted(codes(model, [melody]), shift), melody)[0]


def attribute_shift(model: MelodyNetwork, amounts: Mapping[str, float]) -> Tensor:
    """What to add to latents to move attributes, in standard deviations of the training data; (D,).

    Raises:
        InputError: an unknown attribute, or an amount that is not finite.
    """
    check_mixable(model)
    names = model.attribute_names
    for name, amount in amounts.items():
        if name not in names or not abs(amount) < float("inf"):
            raise InputError(f"expected NAME=AMOUNT with a name out of {', '.join(names)}, found {name}={amount}")
    steps = torch.tensor([float(amounts.get(name, 0.0)) for name in names])
    return steps.to(model.device) @ model.attribute_directions


def _way(model: MelodyNetwork, a: Tensor, b: Tensor, steps: int, straight: bool, spherical: bool) -> Tensor:
    """Latents (steps, W, D) from a to b."""
    shares = [k / (steps - 1) for k in range(steps)]
    if straight or spherical or steps == 2:
        go = slerp if spherical else lerp
        return torch.stack([go(a, b, share) for share in shares])
    travel = even_travel(model, a, b)
    return torch.stack([travel.at(share) for share in shares])


def _shifted(points: Tensor, shift: Tensor | None) -> Tensor:
    return points if shift is None else points + shift


def _with_sound_of(melody: Melody, first: Melody) -> Melody:
    return replace(melody, tempo=first.tempo, program=first.program)


def check_corners(count: int, what: str) -> None:
    """
    Raises:
        InputError: a grid has another number of corners.
    """
    if count != 4:
        raise InputError(f"expected 4 {what} at the corners of a grid, found {count}")


def check_amount(amount: float) -> None:
    """
    Raises:
        InputError: it is no share of the way to something new.
    """
    if not 0.0 <= amount <= 1.0:
        raise InputError(f"expected an amount from 0 to 1, found {amount}")
