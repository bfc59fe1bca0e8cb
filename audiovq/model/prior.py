"""The learned prior over codes: p(codes) = Π p(code q of frame t | all frames before t, codes of t below q).

A causal network sums up the frames before; a small one runs up the codebooks of a frame, as in the RQ-Transformer (Lee
et al. 2022, arXiv 2203.01941) and Moshi (Défossez et al. 2024). Both are stacks of matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.functional import silu

from latentmix.checkpoint import Pretrained
from latentmix.checkpoint_format import CheckpointFormat
from latentmix.errors import InputError

from .layers import CausalStack
from .quantizers import principal_axes

CHECKPOINT = CheckpointFormat("latentmix.audiovq.prior", 1, Path(__file__).parents[1] / "weights", "prior")
MAX_PARAMETERS = 1 << 26  # of the tables of codes


@dataclass(frozen=True)
class CodePriorConfig:
    """Everything that fixes the shape of a prior.

    Attributes:
        codebooks, codes: Q and K.
        width: features of a frame.
        dilations: of the blocks over time, in frames; the past that counts is their sum, plus one frame.
        rank: of the embedding of a code.
    """

    codebooks: int = 7
    codes: int = 1024
    width: int = 256
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    rank: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.codebooks <= 32 or not 1 <= self.codes <= 1 << 14:
            raise ValueError(f"{self.codebooks} codebooks of {self.codes}; up to 32 of 16384 can be")
        if not 1 <= self.width <= 4096 or not 1 <= self.rank <= 1024:
            raise ValueError(f"width {self.width} and rank {self.rank}; up to 4096 and 1024 can be")
        if not self.dilations or not all(isinstance(d, int) and 1 <= d <= 4096 for d in self.dilations):
            raise ValueError(f"dilations {self.dilations}; they are from 1 to 4096")
        if self.codebooks * self.codes * (self.rank + self.width) > MAX_PARAMETERS:
            raise ValueError("sizes beyond all measure")


class CodePrior(Pretrained, nn.Module):
    """Autoregressive categorical model of codes (B, Q, N), in the folder of a codec's weights."""

    checkpoint = CHECKPOINT
    config_class = CodePriorConfig
    default = "speech_16k"

    def __init__(self, config: CodePriorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CodePriorConfig()
        q, k, width, rank = config.codebooks, config.codes, config.width, config.rank
        self.embedding = nn.Parameter(torch.randn(q, k, rank))
        self.first = nn.Parameter(torch.zeros(q * rank))  # stands where the frame before the first would
        self.time = CausalStack(q * rank, width, width, config.dilations)
        self.lower = nn.ModuleList([nn.Linear(max(1, j) * rank, width) for j in range(q)])
        self.depth = nn.ModuleList([nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width)) for _ in range(q)])
        self.heads = nn.ModuleList([nn.Sequential(nn.LayerNorm(width), nn.Linear(width, rank)) for _ in range(q)])
        self.target = nn.Parameter(0.1 * torch.randn(q, k, rank))
        self.target_bias = nn.Parameter(torch.zeros(q, k))

    @torch.no_grad()
    def start_from(self, shares: Tensor, vectors: Tensor) -> None:
        """Begin with how often each code occurs, shares (Q, K), and with the codebooks' vectors (Q, K, D)."""
        self.target_bias.copy_(shares.log())
        for j, codebook in enumerate(vectors):
            axes = principal_axes(codebook, self.config.rank)
            self.embedding[j].mul_(0.1).add_(axes)
            self.target[j].add_(0.3 * axes)

    # -- likelihood ------------------------------------------------------------------------------------------------

    def forward(self, codes: Tensor, kept: Tensor | None = None, dropout: float = 0.0) -> Tensor:
        """Bits of each code.

        Args:
            codes: (B, Q, N) int64.
            kept: (B,) how many codebooks of each example there are; nothing is told of the others.
            dropout: of embeddings, in training.

        Returns:
            (B, Q, N) bits; those of codebooks beyond `kept` are 0.
        """
        q, rank = self.config.codebooks, self.config.rank
        embedded = torch.stack([F.embedding(codes[:, j], self.embedding[j]) for j in range(q)], 2)  # (B, N, Q, R)
        embedded = F.dropout(embedded, dropout, self.training)
        there = torch.ones(len(codes), q, 1, device=codes.device)
        if kept is not None:
            there = (torch.arange(q)[None] < kept.to("cpu")[:, None]).to(codes.device)[:, :, None]
            embedded = embedded * there[:, None]
        flat = embedded.flatten(2)
        before = torch.cat([self.first.expand(len(codes), 1, -1), flat[:, :-1]], 1)[:, : codes.shape[2]]
        context, _ = self.time(before, self.time.start(len(codes)))
        bits = [
            F.cross_entropy(
                self._logits(context, flat[..., : j * rank], j).transpose(1, 2), codes[:, j], reduction="none"
            )
            for j in range(q)
        ]
        return torch.stack(bits, 1) * there / math.log(2.0)

    def loss(self, codes: Tensor, kept: Tensor | None = None, dropout: float = 0.0) -> Tensor:
        """Mean bits of a code that there is; scalar."""
        bits = self(codes, kept, dropout)
        number = codes[:, 0].numel() * self.config.codebooks if kept is None else int(kept.sum()) * codes.shape[2]
        return bits.sum() / max(1, number)

    @torch.inference_mode()
    def bits(self, codes: Tensor) -> Tensor:
        """Information of each code (Q, N), in bits; (Q, N) float32, the first of which know of nothing before."""
        self._check(codes)
        return self(codes[None].long())[0]

    def _logits(self, context: Tensor, lower: Tensor, j: int) -> Tensor:
        """Context (..., width), embeddings of the codes below (..., j R) -> (..., K)."""
        h = context + self.lower[j](lower) if j else context
        h = h + silu(self.depth[j](h))
        return F.linear(self.heads[j](h), self.target[j], self.target_bias[j])

    # -- sampling --------------------------------------------------------------------------------------------------

    def start(self, batch: int = 1) -> list[Tensor]:
        """Fresh state of `step`: nothing was heard."""
        return [self.first.expand(batch, 1, -1), *self.time.start(batch)]

    @torch.inference_mode()
    def step(
        self, state: list[Tensor], temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Draw the next frame: state -> codes (B, Q) int64, state.

        Args:
            temperature: of the softmax; 0 takes the likeliest.
            generator: a CPU one.
        """
        context, after = self.time(state[0], state[1:])
        flat = context.new_zeros(len(context), 0)
        codes = []
        for j in range(self.config.codebooks):
            logits = self._logits(context[:, 0], flat, j)
            codes.append(draw(logits, temperature, generator))
            flat = torch.cat([flat, F.embedding(codes[-1], self.embedding[j])], 1)
        return torch.stack(codes, 1), [flat[:, None], *after]

    @torch.inference_mode()
    def listen(self, codes: Tensor, state: list[Tensor]) -> list[Tensor]:
        """The state after codes (B, Q, N), N at least 1."""
        flat = torch.stack([F.embedding(codes[:, j].long(), row) for j, row in enumerate(self.embedding)], 2).flatten(2)
        before = torch.cat([state[0], flat[:, :-1]], 1)
        _, after = self.time(before, state[1:])
        return [flat[:, -1:], *after]

    def frames(self, state: list[Tensor], temperature: float = 1.0, seed: int = 0) -> Iterator[Tensor]:
        """Frames (Q,) int64 from a state of one example, without end."""
        generator = torch.Generator().manual_seed(seed)
        while True:
            codes, state = self.step(state, temperature, generator)
            yield codes[0]

    def sample(self, n_frames: int, temperature: float = 1.0, seed: int = 0) -> Tensor:
        """New codes (Q, n_frames) int16."""
        return self._take(self.start(), n_frames, temperature, seed)

    def continue_(self, codes: Tensor, n_frames: int, temperature: float = 1.0, seed: int = 0) -> Tensor:
        """What could follow codes (Q, n): (Q, n_frames) int16, without the codes given.

        Raises:
            InputError: codes that are not of this prior.
        """
        self._check(codes)
        state = self.listen(codes[None], self.start()) if codes.shape[1] else self.start()
        return self._take(state, n_frames, temperature, seed)

    def _take(self, state: list[Tensor], n_frames: int, temperature: float, seed: int) -> Tensor:
        found = self.frames(state, temperature, seed)
        columns = [next(found) for _ in range(n_frames)]
        empty = torch.zeros(self.config.codebooks, 0, dtype=torch.int16)
        return torch.stack(columns, 1).cpu().to(torch.int16) if columns else empty

    def _check(self, codes: Tensor) -> None:
        config = self.config
        if codes.ndim != 2 or len(codes) != config.codebooks or codes.is_floating_point():
            raise InputError(
                f"codes: expected whole numbers of shape ({config.codebooks}, frames), found {codes.dtype} of "
                f"{tuple(codes.shape)}; the prior knows files of all {config.codebooks} codebooks"
            )
        if codes.numel() and not 0 <= int(codes.min()) <= int(codes.max()) < config.codes:
            raise InputError(f"codes: expected 0 to {config.codes - 1}, found {int(codes.min())} to {int(codes.max())}")


def draw(logits: Tensor, temperature: float, generator: torch.Generator | None = None) -> Tensor:
    """A category for each row of logits (B, K); (B,) int64."""
    if temperature <= 0.0:
        return logits.argmax(-1)
    # the least of exponential variables with these rates; drawn on the CPU, so a seed means the same on every device
    waits = torch.empty(logits.shape).exponential_(generator=generator).clamp(min=1e-20).to(logits.device)
    return (logits / temperature - waits.log()).argmax(-1)
