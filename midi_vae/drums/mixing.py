"""Mixes of whole grooves, window by window, and feel laid on them; what `midi_vae.interpolation` is to melodies."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError, check_count

from ..interpolation import MAX_STEPS, check_amount, check_corners, mixed
from .feel import Heard
from .groove import Groove
from .network import GrooveNetwork
from .travel import even_travel
from .windows import HIT, VELOCITY, from_cells, partners, to_cells

MAX_AMOUNT = 2.0  # of feel; above 1 it is exaggerated


def line(
    model: GrooveNetwork,
    a: Groove,
    b: Groove,
    steps: int = 9,
    *,
    exact_ends: bool = True,
    straight: bool = False,
) -> list[Groove]:
    """From a to b in so many grooves, both ends among them, in the metre and tempo of a.

    Args:
        steps: 2 to 1000.
        exact_ends: the first and the last are a and b themselves rather than what the model makes of them.
        straight: along the straight line between their codes instead of by `travel`.

    Raises:
        InputError: another number of steps.
    """
    check_count(steps, 2, MAX_STEPS, "steps")
    first, last = partners([a, b])
    shares = [k / (steps - 1) for k in range(steps)]
    if straight or steps == 2:
        z, other = (model.invert_cells(to_cells(each)) for each in (first, last))
        points = torch.stack([torch.lerp(z, other, share) for share in shares])
    else:
        way = even_travel(model, to_cells(first), to_cells(last))
        points = torch.stack([way.at(share) for share in shares])
    out = grooves_at(model, points, first)
    if exact_ends:
        out[0], out[-1] = first, replace(last, tempo=first.tempo)
    return out


def journey(
    model: GrooveNetwork,
    grooves: Sequence[Groove],
    steps: int = 9,
    *,
    exact_ends: bool = True,
    straight: bool = False,
) -> list[Groove]:
    """Lines from each groove to the next, each groove in between given once; options as of `line`."""
    together = partners(grooves)
    out: list[Groove] = []
    for a, b in itertools.pairwise(together):
        part = line(model, replace(a, tempo=together[0].tempo), b, steps, exact_ends=exact_ends, straight=straight)
        out += part[1 if out else 0 :]
    return out


def grid(
    model: GrooveNetwork,
    corners: Sequence[Groove],
    rows: int = 5,
    columns: int = 5,
    *,
    exact_ends: bool = True,
    straight: bool = False,
) -> list[list[Groove]]:
    """Rows of grooves between four corners: top left, top right, bottom left, bottom right.

    A row is a line between the grooves at its ends, which lie on lines from corner to corner; options as of `line`.

    Raises:
        InputError: not four corners.
    """
    check_corners(len(corners), "grooves")
    together = [replace(groove, tempo=corners[0].tempo) for groove in partners(corners)]
    pairs = zip(together[:2], together[2:], strict=True)
    sides = [line(model, a, b, rows, exact_ends=exact_ends, straight=straight) for a, b in pairs]
    return [line(model, left, right, columns, straight=straight) for left, right in zip(*sides, strict=True)]


def blend(model: GrooveNetwork, grooves: Sequence[Groove], weights: Sequence[float]) -> Groove:
    """One groove out of 2 to 8 by weights, which are divided by their sum.

    Raises:
        InputError: not one weight for each groove, or one below 0, or all 0.
    """
    together = partners(grooves)
    z = torch.stack([model.invert_cells(to_cells(groove)) for groove in together])
    return grooves_at(model, mixed(z, weights)[None], together[0])[0]


def vary(model: GrooveNetwork, groove: Groove, amount: float, n: int = 4, *, seed: int | None = None) -> list[Groove]:
    """Variations: the groove moved by a share of an even way towards new ones drawn from the prior.

    Args:
        amount: 0 is the groove itself as the model sees it, 1 a new one.

    Raises:
        InputError: an amount outside 0..1.
    """
    check_amount(amount)
    cells = to_cells(groove)
    drawn = model.decode_cells(model.sample_latents(n * len(cells), seed=seed, tempo=groove.tempo))
    way = even_travel(model, np.tile(cells, (n, 1, 1, 1)), drawn)
    return grooves_at(model, way.at(amount).unflatten(0, (n, len(cells))), groove)


def reconstruct(model: GrooveNetwork, groove: Groove) -> Groove:
    """What the model makes of a groove of any length."""
    return grooves_at(model, model.invert_cells(to_cells(groove))[None], groove)[0]


def grooves_at(model: GrooveNetwork, points: Tensor, like: Groove) -> list[Groove]:
    """Decode latents (P, W, D) to P grooves with the metre, tempo and length of another."""
    cells = model.decode_cells(points.flatten(0, 1))
    return [from_cells(row, like, like.bars) for row in cells.reshape(*points.shape[:2], *cells.shape[1:])]


def humanise(model: GrooveNetwork, groove: Groove, amount: float = 1.0, style: str | None = None) -> Groove:
    """A groove's hits with the velocities and offsets that a drummer may give them, who hears all of it.

    Args:
        amount: 0 leaves it as it is, 1 is the drummer's, up to 2 exaggerates that.
        style: one that the model knows (`GrooveVAEConfig.styles`); any if None.

    Raises:
        InputError: an amount outside 0..2, or an unknown style.
    """
    cells = to_cells(groove)
    heard = Heard.in_turn(torch.from_numpy(cells[:, :, HIT]).to(model.device))
    said = model.feel_of(heard, groove.tempo, style).cpu().numpy()
    return between(groove, cells, said, amount)


def between(groove: Groove, cells: np.ndarray, said: np.ndarray, amount: float) -> Groove:
    """The hits of a groove, velocities and offsets moved from its own to others (W, 32, 3, 9) by an amount.

    Raises:
        InputError: an amount outside 0..2.
    """
    if not 0.0 <= amount <= MAX_AMOUNT:
        raise InputError(f"expected an amount from 0 to {MAX_AMOUNT:g}, found {amount}")
    out = cells + amount * (said - cells)
    out[:, :, HIT] = cells[:, :, HIT]
    out[:, :, VELOCITY] = np.clip(out[:, :, VELOCITY], 1 / 127, 1.0)
    return from_cells(out, groove, groove.bars)
