"""The network of `coder.py` in floating point, to be trained, and its freezing to integers."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model.quantizers import principal_axes
from .coder import EntropyModel
from .weights import MAX_TOTAL, OUT_UNIT, PAST, STEPS_A_BIT, TAP_SPACING, TAPS, TOP, UNIT, EntropyWeights

MAX_FEATURE = TOP / UNIT
MAX_WEIGHT = 127 / UNIT


class EntropyNetwork(nn.Module):
    """log2 p of each code from the codes before it.

    Tables of codes are products of an embedding and a matrix while they are trained, so that codes seldom seen share
    what the others learn; freezing multiplies them out.

    Args:
        codebooks, codes: Q and K.
        features: H1 = H2, of a frame's past.
        hidden: H, of a code.
        rank: of the embedding.
    """

    def __init__(self, codebooks: int, codes: int, features: int = 160, hidden: int = 96, rank: int = 48) -> None:
        super().__init__()
        self.codebooks, self.codes, self.features, self.hidden, self.rank = codebooks, codes, features, hidden, rank
        self.embedding = nn.Parameter(torch.randn(codebooks, codes, rank))
        self.past = nn.Parameter(torch.randn(PAST, codebooks, rank, features) / math.sqrt(rank * codebooks * PAST))
        self.past_bias = nn.Parameter(torch.zeros(features))
        self.mix = nn.Parameter(torch.randn(TAPS, features, features) / math.sqrt(features))
        self.mix_bias = nn.Parameter(torch.zeros(features))
        self.spread = nn.Parameter(torch.randn(features, codebooks, hidden) / math.sqrt(features))
        self.spread_bias = nn.Parameter(torch.zeros(codebooks, hidden))
        self.same = nn.Parameter(torch.randn(codebooks, rank, codebooks, hidden) / math.sqrt(rank * codebooks))
        self.out = nn.Parameter(torch.randn(codebooks, hidden, rank) * 0.3 / math.sqrt(hidden))
        self.target = nn.Parameter(torch.randn(codebooks, codes, rank) * 0.3)
        self.out_bias = nn.Parameter(torch.zeros(codebooks, codes))
        lower = torch.arange(codebooks)[:, None] < torch.arange(codebooks)
        self.lower = nn.Buffer(lower.float()[:, None, :, None], persistent=False)  # [j, q]: j < q

    def forward(self, codes: Tensor, kept: Tensor | None = None, dropout: float = 0.0) -> Tensor:
        """Bits of each code.

        Args:
            codes: (B, Q, N) int64.
            kept: (B,) how many codebooks of each example there are; the model is told nothing of the others.
            dropout: of the embeddings, in training.

        Returns:
            (B, Q, N) bits; those of codebooks beyond `kept` are 0.
        """
        if kept is None:
            kept = torch.full((len(codes),), self.codebooks)
        there = (torch.arange(self.codebooks)[:, None] < kept.to("cpu")).t().to(codes.device)  # (B, Q)
        embedded = torch.stack([F.embedding(codes[:, j], self.embedding[j]) for j in range(self.codebooks)], 2)
        embedded = F.dropout(embedded, dropout, self.training) * there[:, None, :, None]  # (B, N, Q, R)
        flat = embedded.flatten(2)
        sums = self.past_bias + sum(_later(flat @ self.past[d].flatten(0, 1), d + 1) for d in range(PAST))
        a = sums.clamp(0.0, MAX_FEATURE)
        mixed = self.mix_bias + sum(_later(a @ self.mix[k], k * TAP_SPACING) for k in range(TAPS))
        h = mixed.clamp(0.0, MAX_FEATURE)
        same = (self.same * self.lower).flatten(0, 1).flatten(1)
        v = (h @ self.spread.flatten(1) + flat @ same).unflatten(2, (self.codebooks, self.hidden)) + self.spread_bias
        v = v.clamp(0.0, MAX_FEATURE)
        bits = []
        for j in range(self.codebooks):
            logits = (v[:, :, j] @ self.out[j] @ self.target[j].t() + self.out_bias[j]) * math.log(2.0)
            bits.append(F.cross_entropy(logits.transpose(1, 2), codes[:, j], reduction="none") / math.log(2.0))
        return torch.stack(bits, 1) * there[:, :, None]

    @torch.no_grad()
    def start_from(self, shares: Tensor, vectors: Tensor) -> None:
        """Begin with how often each code occurs, and with codes that sound alike looking alike.

        Args:
            shares: (Q, K), above 0.
            vectors: (Q, K, D) of the codebooks.
        """
        self.out_bias.copy_(torch.log2(shares))
        for j in range(self.codebooks):
            axes = principal_axes(vectors[j], self.rank)
            self.embedding[j].mul_(0.1).add_(axes)
            self.target[j].mul_(0.1).add_(0.3 * axes)

    @classmethod
    @torch.no_grad()
    def thawed(cls, model: EntropyModel, rank: int = 48) -> EntropyNetwork:
        """A network that freezes to nearly this model, to learn on where codes have changed a little.

        Tables are taken apart again by their singular values; what is beyond the rank is rounding.
        """
        w = {name: torch.from_numpy(value.astype(np.float32)) for name, value in vars(model.weights).items()}
        features, hidden = w["mix"].shape[1], w["out"].shape[1]
        network = cls(model.codebooks, model.codes, features, hidden, min(rank, model.codes, hidden))
        for name, unit in (("past_bias", UNIT), ("mix", UNIT), ("mix_bias", UNIT**2), ("spread", UNIT)):
            getattr(network, name).copy_(w[name] / unit)
        network.spread_bias.copy_(w["spread_bias"] / UNIT**2)
        network.out_bias.copy_(w["out_bias"] / (UNIT * OUT_UNIT))
        for j in range(model.codebooks):
            tables = torch.cat([*w["past"][:, j], w["same"][j].flatten(1)], 1) / UNIT
            network.embedding[j], rows = _factors(tables, network.rank)
            past, same = rows.split([PAST * features, model.codebooks * hidden], 1)
            network.past[:, j] = past.unflatten(1, (PAST, features)).transpose(0, 1)
            network.same[j] = same.unflatten(1, (model.codebooks, hidden))
            network.target[j], rows = _factors(w["out"][j].t() / OUT_UNIT, network.rank)
            network.out[j] = rows.t()
        return network

    @torch.no_grad()
    def limit(self) -> None:
        """Keep the weights in the range of their integers; to be called after each step."""
        for weight in (self.mix, self.spread):
            weight.clamp_(-MAX_WEIGHT, MAX_WEIGHT)

    @torch.no_grad()
    def freeze(self) -> EntropyModel:
        """The same model in integers."""
        embedding = self.embedding.double()
        past = torch.einsum("jkr,djrf->djkf", embedding, self.past.double())
        same = torch.einsum("jkr,jrqh->jkqh", embedding, (self.same * self.lower).double())
        out = torch.einsum("qhr,qkr->qhk", self.out.double(), self.target.double())
        steps = np.arange(int(STEPS_A_BIT * math.log2(MAX_TOTAL / self.codes)) + 1)
        table = np.maximum(1.0, MAX_TOTAL / self.codes * 2.0 ** (-steps / STEPS_A_BIT))
        return EntropyModel(
            EntropyWeights(
                past=_whole(past, UNIT, np.int8),
                past_bias=_whole(self.past_bias, UNIT, np.int16),
                mix=_whole(self.mix, UNIT, np.int8),
                mix_bias=_whole(self.mix_bias, UNIT * UNIT, np.int32),
                spread=_whole(self.spread, UNIT, np.int8),
                spread_bias=_whole(self.spread_bias, UNIT * UNIT, np.int32),
                same=_whole(same, UNIT, np.int8),
                out=_whole(out, OUT_UNIT, np.int16),
                out_bias=_whole(self.out_bias, UNIT * OUT_UNIT, np.int32),
                table=np.round(table).astype(np.int32),
            )
        )


def _factors(table: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """A table (K, n) as (K, rank) times (rank, n), the best there is; the first with columns of variance 1."""
    u, s, v = torch.linalg.svd(table, full_matrices=False)
    scale = len(table) ** 0.5
    return u[:, :rank] * scale, v[:rank] * (s[:rank, None] / scale)


def _later(x: Tensor, frames: int) -> Tensor:
    """(B, N, F) moved to later frames, zeros before."""
    return F.pad(x, (0, 0, frames, 0))[:, : x.shape[1]] if frames else x


def _whole(x: Tensor, unit: int, kind: type) -> np.ndarray:
    most = np.iinfo(kind).max
    return (x.double().cpu() * unit).round().clamp(-most, most).numpy().astype(kind)
