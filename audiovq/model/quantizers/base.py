"""What all quantizers have in common: the interface, the named result, and the care for one codebook."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .lookup import count_codes, kmeans, nearest, perplexity
from .processes import of_first_process, sum_over_processes

VECTORS_A_CODE = 50  # that the running usage looks back on, in the mean: fewer, and chance decides who is dead
MAX_NEW = 0.1  # at most this share of the running usage is the latest batch's
DEAD_BELOW = 0.2  # of the usage that every code would have if all were used alike: below, a code is replaced


@dataclass(frozen=True)
class Quantized:
    """What a quantizer makes of latents.

    Attributes:
        z_q: (B, D, N) to go on with; in training it passes gradients to z.
        codes: (B, Q, N) int64.
        loss: scalar, to be minimised beside the reconstruction; 0 for quantizers that need none.
        nearest: (B, D, N) the code vectors themselves, without gradient to z.
        usage: (Q,) share of the codes in use: in training lately, else in this batch.
        perplexity: (Q,) exp of the entropy of the codes, over the same stretch.
    """

    z_q: Tensor
    codes: Tensor
    loss: Tensor
    nearest: Tensor
    usage: Tensor
    perplexity: Tensor


class Quantizer(nn.Module):
    """Latents (B, D, N) -> codes (B, Q, N) -> latents. `encode` and `decode` are free of Python-only control flow."""

    @torch.jit.unused
    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        """Quantize, and learn from z in training mode.

        Args:
            z: (B, D, N).
            generator: of all random choices, a CPU one; None is torch's own.
        """
        raise NotImplementedError

    @torch.jit.export
    def encode(self, z: Tensor, codebooks: int | None = None) -> Tensor:
        """(B, D, N) -> (B, q, N) int64, the codes of the first q codebooks; None: all."""
        raise NotImplementedError

    @torch.jit.export
    def decode(self, codes: Tensor) -> Tensor:
        """(B, Q, N) -> (B, D, N)."""
        raise NotImplementedError

    def learn_after(self, batches: int) -> None:
        """Learn from so many training batches at once: those of a step that are worked through one after another."""

    def hold(self) -> None:
        """Leave the codebooks as they are from now on, in training too: z still sees what it would."""
        raise NotImplementedError

    def initialise(self, z: Tensor, generator: torch.Generator | None = None) -> None:
        """Start the codebooks by k-means on z (B, D, N); without it the first training batch does."""
        raise NotImplementedError


class SingleQuantizer(Quantizer):
    """One codebook, started by k-means and kept alive; Q is 1. Subclasses say how it learns
    and bring the codebook.

    Usage runs over as many batches as hold `VECTORS_A_CODE` vectors for each code, so that small batches do not kill by
    chance and large ones do not wait. A code whose running usage falls below `DEAD_BELOW` moves to a random vector of
    the batch at hand (Jukebox, Dhariwal et al. 2020, sec. 3.1; Łańcucki et al. 2020). Adam's moments of its row are
    left alone: a code without gradients has had none for many steps, so they have decayed to nothing.

    Args:
        codebook: (K, D) of zeros: a parameter if it learns by gradients, else a buffer.
    """

    def __init__(self, codebook: nn.Parameter | nn.Buffer) -> None:
        super().__init__()
        self.codebook = codebook
        self.size, self.dim = codebook.shape
        self.usage = nn.Buffer(torch.ones(self.size))  # 1 is the mean
        self.started = nn.Buffer(torch.zeros((), dtype=torch.bool))
        self._batches = 1  # of a step
        self._held = False
        self._waiting: list[
            tuple[Tensor, Tensor, Tensor]
        ] = []  # vectors, indices and counts of those it has not all of
        self._known_started = False  # spares a look at the buffer, which waits for a GPU

    def penalty(self, vectors: Tensor, chosen: Tensor) -> Tensor:
        """The loss from latents and their code vectors, both (B, N, D), before any straight-through line; scalar."""
        return vectors.new_zeros(())

    def substitute(self, vectors: Tensor, chosen: Tensor, generator: torch.Generator | None) -> Tensor:
        """What the decoder gets in training; all (B, N, D)."""
        return vectors + (chosen - vectors).detach()

    def carry(self, chosen: Tensor) -> Tensor:
        """The code vectors as a deeper level is to see them: without a way back into this codebook."""
        return chosen.detach()

    def learn_after(self, batches: int) -> None:
        self._batches = batches

    def hold(self) -> None:
        self._held = True
        self.codebook.requires_grad_(False)

    def learn(self, vectors: Tensor, indices: Tensor, counts: Tensor) -> None:
        """Called in training with vectors (M, D), their codes (M,) and the scaled counts (K,), mean 1."""

    @torch.jit.unused
    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        with torch.autocast(z.device.type, enabled=False):
            vectors = z.float().transpose(1, 2)
            inputs = vectors.detach()
            learns = self.training and not self._held
            if learns:
                self._keep_alive(inputs.flatten(0, 1), generator)
            indices = nearest(inputs, self.codebook.detach())
            chosen = F.embedding(indices, self.codebook)
            counts = count_codes(indices, self.size)
            if learns:
                self._wait_or_observe(inputs.flatten(0, 1), indices.flatten(), counts)
            loss = self.penalty(vectors, chosen)
            value = self.substitute(vectors, chosen, generator) if self.training else chosen
            alive = torch.ge(self.usage, DEAD_BELOW) if learns else counts > 0
        return Quantized(
            z_q=value.transpose(1, 2),
            codes=indices[:, None],
            loss=loss,
            nearest=self.carry(chosen).transpose(1, 2),
            usage=alive.float().mean()[None],
            perplexity=perplexity(self.usage if learns else counts)[None],
        )

    @torch.jit.export
    def encode(self, z: Tensor, codebooks: int | None = None) -> Tensor:
        return nearest(z.transpose(1, 2), self.codebook)[:, None]

    @torch.jit.export
    def decode(self, codes: Tensor) -> Tensor:
        return F.embedding(codes[:, 0], self.codebook).transpose(1, 2)

    @torch.no_grad()
    def initialise(self, z: Tensor, generator: torch.Generator | None = None) -> None:
        vectors = z.float().transpose(1, 2).flatten(0, 1)
        self._place(of_first_process(kmeans(vectors, self.size, generator)), torch.ones_like(self.usage) > 0)
        self.started.fill_(True)

    def _place(self, vectors: Tensor, where: Tensor) -> None:
        """Move the codes at `where` (K,) to vectors (K, D) and count them as used like the mean."""
        self.codebook.copy_(torch.where(where[:, None], vectors, self.codebook))
        self.usage.copy_(torch.where(where, 1.0, self.usage))

    @torch.no_grad()
    def _keep_alive(self, vectors: Tensor, generator: torch.Generator | None) -> None:
        self._known_started = self._known_started or bool(self.started)
        if not self._known_started:
            self.initialise(vectors.t()[None], generator)
        picked = torch.randint(len(vectors), (self.size,), generator=generator).to(vectors.device)
        if self._waiting:  # as in other processes, where the first one's count
            return
        self._place(of_first_process(vectors[picked]), torch.lt(self.usage, DEAD_BELOW))

    @torch.no_grad()
    def _wait_or_observe(self, vectors: Tensor, indices: Tensor, counts: Tensor) -> None:
        self._waiting.append((vectors, indices, counts))
        if len(self._waiting) == self._batches:
            each = list(zip(*self._waiting, strict=True))
            self._waiting = []
            self._observe(torch.cat(each[0]), torch.cat(each[1]), torch.stack(each[2]).sum(0))

    @torch.no_grad()
    def _observe(self, vectors: Tensor, indices: Tensor, counts: Tensor) -> None:
        counts = sum_over_processes(counts.clone())
        scaled = counts * (self.size / counts.sum())
        self.usage.lerp_(scaled, (counts.sum() / (self.size * VECTORS_A_CODE)).clamp(max=MAX_NEW))
        self.learn(vectors, indices, counts)
