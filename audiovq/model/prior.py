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
from latentmix.sizes import check_dilations, check_sizes

from .layers import CausalStack
from .quantizers import principal_axes

CHECKPOINT = CheckpointFormat("latentmix.audiovq.prior", 1, Path(__file__).parents[1] / "weights", "prior")
MAX_SIZES = {"codebooks": 32, "codes": 1 << 14, "width": 4096, "rank": 1024, "voice": 4096}
MAX_BLOCKS, MAX_DILATION = 32, 4096
MAX_PARAMETERS = 1 << 26  # of the tables of codes
TYPICAL = 0.9  # of the probability: what is least typical is mostly a mistake of the prior
PAUSE = 35  # frames of silence, no more, that are drawn until there are
ONSET = 10  # frames on end that are none


@dataclass(frozen=True)
class CodePriorConfig:
    """Everything that fixes the shape of a prior.

    Attributes:
        codebooks, codes: Q and K.
        width: features of a frame.
        dilations: of the blocks over time, in frames; the past that counts in detail is their sum, plus one frame.
        rank: of the embedding of a code.
        voice: features whose mean over all frames so far tells who speaks, and in what room; 0: none.
        quiet: codes of the first codebook that stand in silence.
    """

    codebooks: int = 7
    codes: int = 1024
    width: int = 256
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    rank: int = 64
    voice: int = 0
    quiet: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_sizes(self, MAX_SIZES, least={"voice": 0})
        if not all(isinstance(code, int) and 0 <= code < self.codes for code in self.quiet):
            raise ValueError(f"quiet {self.quiet}; they are codes from 0 to {self.codes - 1}")
        if len(set(self.quiet)) == self.codes:
            raise ValueError(f"quiet are all of {self.codes} codes; one at least is not")
        check_dilations(self, ("dilations",), MAX_BLOCKS, MAX_DILATION)
        if not self.dilations:
            raise ValueError("no dilations; there is one at least")
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
        self.hear = nn.Linear(q * rank, config.voice) if config.voice else None
        self.time = CausalStack(q * rank + config.voice, width, width, config.dilations)
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

    def forward(
        self, codes: Tensor, kept: Tensor | None = None, dropout: float = 0.0, heard: Tensor | None = None
    ) -> Tensor:
        """Bits of each code.

        Args:
            codes: (B, Q, N) int64.
            kept: (B,) how many codebooks of each example there are; nothing is told of the others.
            dropout: of embeddings, in training.
            heard: (B, Q, N) int64, what the frames before are taken from instead, in training: a prior that draws
                goes on from its own mistakes.

        Returns:
            (B, Q, N) bits; those of codebooks beyond `kept` are 0.
        """
        q, rank = self.config.codebooks, self.config.rank
        there = torch.ones(len(codes), q, 1, device=codes.device)
        if kept is not None:
            there = (torch.arange(q)[None] < kept.to("cpu")[:, None]).to(codes.device)[:, :, None]

        def embedded(codes: Tensor) -> Tensor:  # (B, N, Q R)
            found = torch.stack([F.embedding(codes[:, j], self.embedding[j]) for j in range(q)], 2)
            return (F.dropout(found, dropout, self.training) * there[:, None]).flatten(2)

        flat = embedded(codes)
        past = flat if heard is None else embedded(heard)
        before = torch.cat([self.first.expand(len(codes), 1, -1), past[:, :-1]], 1)[:, : codes.shape[2]]
        context, _ = self._context(before, self._silence(len(codes)))
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

    def _silence(self, batch: int) -> list[Tensor]:
        """State of `_context` before the first frame."""
        return [self.first.new_zeros(batch, 1 + self.config.voice), *self.time.start(batch)]

    def _context(self, before: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Embedded frames (B, N, Q R), each the one before, and state -> what is known of each (B, N, width), state.

        The first of the state, (B, 1 + voice), is how many frames there were and the sum of what was heard of them.
        """
        if self.hear is None:
            context, after = self.time(before, state[1:])
            return context, [state[0], *after]
        heard = F.pad(silu(self.hear(before)), (1, 0), value=1.0)
        totals = heard.cumsum(1) + state[0][:, None]
        context, after = self.time(torch.cat([before, totals[..., 1:] / totals[..., :1]], -1), state[1:])
        return context, [totals[:, -1], *after]

    def _logits(self, context: Tensor, lower: Tensor, j: int) -> Tensor:
        """Context (..., width), embeddings of the codes below (..., j R) -> (..., K)."""
        h = context + self.lower[j](lower) if j else context
        h = h + silu(self.depth[j](h))
        return F.linear(self.heads[j](h), self.target[j], self.target_bias[j])

    # -- sampling --------------------------------------------------------------------------------------------------

    def start(self, batch: int = 1) -> list[Tensor]:
        """Fresh state of `step`: nothing was heard."""
        return [self.first.expand(batch, 1, -1), *self._silence(batch)]

    @torch.inference_mode()
    def step(
        self,
        state: list[Tensor],
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        is_pause_over: bool = False,
    ) -> tuple[Tensor, list[Tensor]]:
        """Draw the next frame: state -> codes (B, Q) int64, state.

        Args:
            temperature: as of `draw`. Whether there is silence is drawn first, without it: silence has few codes, and
                might be all that there is, or nothing.
            generator: a CPU one.
            is_pause_over: no silence is drawn.
        """
        context, after = self._context(state[0], state[1:])
        flat = context.new_zeros(len(context), 0)
        codes = []
        for j in range(self.config.codebooks):
            logits = self._logits(context[:, 0], flat, j)
            if self.config.quiet and not j:
                logits = self._one_kind(logits, temperature > 0.0, generator, is_pause_over)
            codes.append(draw(logits, temperature, generator))
            flat = torch.cat([flat, F.embedding(codes[-1], self.embedding[j])], 1)
        return torch.stack(codes, 1), [flat[:, None], *after]

    def _one_kind(
        self, logits: Tensor, is_drawn: bool, generator: torch.Generator | None, is_pause_over: bool
    ) -> Tensor:
        """Logits (B, K) of either the quiet codes alone or the others alone."""
        is_quiet = torch.zeros_like(logits, dtype=torch.bool)
        is_quiet[:, list(self.config.quiet)] = True
        share = logits.softmax(-1).masked_fill(~is_quiet, 0.0).sum(-1, keepdim=True)
        limit = torch.rand(share.shape, generator=generator).to(share) if is_drawn else share.new_tensor(0.5)
        chosen = share > (1.0 if is_pause_over else limit)
        return logits.masked_fill(is_quiet != chosen, -math.inf)

    @torch.inference_mode()
    def listen(self, codes: Tensor, state: list[Tensor]) -> list[Tensor]:
        """The state after codes (B, Q, N), N at least 1."""
        flat = torch.stack([F.embedding(codes[:, j].long(), row) for j, row in enumerate(self.embedding)], 2).flatten(2)
        before = torch.cat([state[0], flat[:, :-1]], 1)
        _, after = self._context(before, state[1:])
        return [flat[:, -1:], *after]

    def frames(
        self, state: list[Tensor], temperature: float = 1.0, seed: int = 0, keeps_voice: bool = False
    ) -> Iterator[Tensor]:
        """Frames (Q,) int64 from a state of one example, without end; silence ends after `PAUSE` frames.

        Args:
            keeps_voice: it stays the mean of what was heard before, which no frame drawn here moves away from it.
        """
        heard = state[1]
        generator = torch.Generator().manual_seed(seed)
        quiet, silence, spoken = frozenset(self.config.quiet), 0, 0
        while True:
            codes, state = self.step(state, temperature, generator, silence >= PAUSE)
            is_quiet = int(codes[0, 0]) in quiet
            spoken = 0 if is_quiet else spoken + 1
            silence = 0 if spoken >= ONSET else silence + is_quiet
            state[1] = heard if keeps_voice else state[1]
            yield codes[0]

    def sample(self, n_frames: int, temperature: float = 1.0, seed: int = 0) -> Tensor:
        """New codes (Q, n_frames) int16."""
        return self._take(self.frames(self.start(), temperature, seed), n_frames)

    def continue_(self, codes: Tensor, n_frames: int, temperature: float = 1.0, seed: int = 0) -> Tensor:
        """What could follow codes (Q, n): (Q, n_frames) int16, without the codes given.

        Raises:
            InputError: codes that are not of this prior.
        """
        return self._take(self.following(codes, temperature, seed), n_frames)

    def following(self, codes: Tensor, temperature: float = 1.0, seed: int = 0) -> Iterator[Tensor]:
        """Frames (Q,) int64 of what could follow codes (Q, n) in their voice, without end.

        Raises:
            InputError: codes that are not of this prior.
        """
        self._check(codes)
        has_heard = codes.shape[1] > 0
        state = self.listen(codes[None], self.start()) if has_heard else self.start()
        return self.frames(state, temperature, seed, keeps_voice=has_heard)

    def _take(self, found: Iterator[Tensor], n_frames: int) -> Tensor:
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
    """A category for each row of logits (B, K); (B,) int64.

    Args:
        temperature: of the softmax, where it is above 1. Below 1 it is the share of the probability that the most
            typical categories have which are drawn from, those whose information is nearest to the entropy (locally
            typical sampling, Meister et al. 2023, arXiv 2202.00666): to prefer the likeliest ones, as a softmax at a
            low temperature does, ends in hum and hiss. At most `TYPICAL` of it is drawn from. 0 takes the likeliest.
    """
    if temperature <= 0.0:
        return logits.argmax(-1)
    logits = logits / max(temperature, 1.0)
    share = logits.softmax(-1)
    untypical = (-logits.log_softmax(-1) - torch.special.entr(share).sum(-1, keepdim=True)).abs()
    order = untypical.argsort(-1)
    ordered = share.gather(-1, order)
    beyond = ordered.cumsum(-1) - ordered >= min(temperature, TYPICAL)
    logits = logits.masked_fill(torch.zeros_like(beyond).scatter(-1, order, beyond), -math.inf)
    # the least of exponential variables with these rates; drawn on the CPU, so a seed means the same on every device
    waits = torch.empty(logits.shape).exponential_(generator=generator).clamp(min=1e-20).to(logits.device)
    return (logits - waits.log()).argmax(-1)
