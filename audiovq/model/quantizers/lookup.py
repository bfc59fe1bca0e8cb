"""Nearest vectors, k-means, and how a codebook is used; pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

VECTORS_PER_CENTRE = 16  # of a k-means start: more give no better centres and take longer


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Index of the nearest row of the codebook by Euclidean distance.

    Args:
        vectors: (..., D).
        codebook: (K, D).

    Returns:
        (...,) int64; the lower index where two are equally near.

    >>> nearest(torch.tensor([[0.9, 0.0], [0.0, 3.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor([0, 1])
    """
    return (codebook.square().sum(1) - 2.0 * torch.matmul(vectors, codebook.t())).argmin(-1)


def smallest(values: Tensor, count: int, block: int = 64) -> Tensor:
    """Places of the `count` smallest of each row (M, n), the smallest first; (M, count) int64.

    They lie in those `count` blocks of `block` columns whose own smallest values are smallest, which are found several
    times as fast as the smallest of all values at once.

    >>> smallest(torch.tensor([[3.0, 1.0, 2.0]]), 2)
    tensor([[1, 2]])
    """
    if values.shape[1] % block or values.shape[1] < count * block:
        block = 1
    blocks = values.unflatten(1, (-1, block))
    chosen = _smallest_few(blocks.amin(2), count)
    rows = torch.arange(values.shape[0], device=values.device)[:, None] * blocks.shape[1] + chosen
    inside = blocks.flatten(0, 1).index_select(0, rows.flatten()).view(values.shape[0], -1)
    place = _smallest_few(inside, count)
    return torch.gather(chosen, 1, torch.div(place, block, rounding_mode="floor")) * block + place % block


def _smallest_few(values: Tensor, count: int) -> Tensor:
    return values.topk(count, 1, largest=False)[1] if count > 1 else values.argmin(1, keepdim=True)


def count_codes(codes: Tensor, size: int) -> Tensor:
    """How often each of `size` codes occurs; (size,) float32."""
    return torch.bincount(codes.flatten(), minlength=size).float()


@dataclass(frozen=True)
class CodebookFigures:
    """How one codebook is used.

    Attributes:
        usage: share of the codes that occur, 0 to 1.
        perplexity: exp of the entropy of the codes, 1 to K.
    """

    usage: float
    perplexity: float


def codebook_figures(codes: Tensor, size: int) -> list[CodebookFigures]:
    """Usage and perplexity of each codebook.

    Args:
        codes: (B, Q, N) or (Q, N).
        size: K.

    >>> codebook_figures(torch.tensor([[0, 0, 1, 1]]), 4)
    [CodebookFigures(usage=0.5, perplexity=2.0)]
    """
    levels = codes.movedim(-2, 0).long()
    counts = [count_codes(level, size) for level in levels]
    return [CodebookFigures(float((c > 0).float().mean()), round(float(perplexity(c)), 4)) for c in counts]


def perplexity(counts: Tensor) -> Tensor:
    """exp of the entropy of counts (K,), of any scale; scalar."""
    share = counts / counts.sum().clamp(min=1e-12)
    return torch.exp(-torch.xlogy(share, share).sum())


def principal_axes(vectors: Tensor, rank: int) -> Tensor:
    """Code vectors (K, D) on their `rank` main axes, mean square 1; (K, rank), zeros where D is less."""
    centred = (vectors - vectors.mean(0)).double()
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    found = centred @ axes[:rank].t()
    found = found / found.square().mean().sqrt().clamp(min=1e-12)
    return F.pad(found, (0, rank - found.shape[1])).float()


@torch.no_grad()
def kmeans(vectors: Tensor, centres: int, generator: torch.Generator | None = None, rounds: int = 12) -> Tensor:
    """Lloyd's k-means from a k-means++ start (Arthur & Vassilvitskii 2007).

    Args:
        vectors: (M, D); with fewer than `centres` distinct ones, some centres are equal.
        centres: K.

    Returns:
        (K, D). A centre without vectors stays where it was.
    """
    if len(vectors) > centres * VECTORS_PER_CENTRE:
        kept = torch.randperm(len(vectors), generator=generator)[: centres * VECTORS_PER_CENTRE]
        vectors = vectors[kept.to(vectors.device)]
    found = _spread(vectors, centres, generator)
    for _ in range(rounds):
        assigned = nearest(vectors, found)
        counts = count_codes(assigned, centres)[:, None]
        sums = torch.zeros_like(found).index_add_(0, assigned, vectors)
        found = torch.where(counts > 0, sums / counts.clamp(min=1.0), found)
    return found


def _spread(vectors: Tensor, centres: int, generator: torch.Generator | None) -> Tensor:
    """k-means++: each centre is a vector, drawn in proportion to its squared distance from those before."""
    draws = torch.rand(centres, generator=generator, dtype=torch.float64).to(vectors.device)
    found = vectors.new_empty(centres, vectors.shape[1])
    distance = torch.ones(len(vectors), dtype=torch.float64, device=vectors.device)
    for k in range(centres):
        reach = distance.cumsum(0)
        index = torch.searchsorted(reach, draws[k : k + 1] * reach[-1], right=True).clamp(max=len(vectors) - 1)
        found[k] = vectors[index[0]]
        to_centre = (vectors - found[k]).square().sum(1).double()
        distance = torch.minimum(distance, to_centre) if k else to_centre
    return found
