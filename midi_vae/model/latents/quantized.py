"""Vector quantisation: a code is the nearest vector of a learned codebook (van den Oord et al. 2017, arXiv 1711.00937).

The nearest vector has no useful gradient. Two ways past that: copy the decoder's gradient to the encoder
(`straight_through`; the codebook then learns from a loss of its own), or put noise of the same length in the place of
the quantisation error (`noise_substitution`, NSVQ, Vali & Bäckström 2022): then encoder and codebook learn from the
decoder's loss alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .latent import Draw, Latent, LatentSizes, Point

PLACES = 32  # codes in a window, four of each beat
MIN_SHARE = 0.1  # of an even share; a code that is used less is dead
FORGET = 0.01  # of the shares, at each count


def straight_through(z: Tensor, z_q: Tensor) -> Tensor:
    """z_q going forward; going back, the gradient of z_q is given to z as it is (Bengio et al. 2013)."""
    return z + (z_q - z).detach()


def noise_substitution(z: Tensor, z_q: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """z + ‖z - z_q‖ v / ‖v‖, v ~ N(0, I), over the last dimension (NSVQ, eq. 3); differentiable in z and z_q."""
    noise = torch.randn(z.shape, dtype=z.dtype, generator=generator).to(z.device)
    direction = noise / noise.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(z.dtype).tiny)
    return z + (z - z_q).norm(dim=-1, keepdim=True) * direction


@dataclass(frozen=True)
class Quantized:
    """Indices (...) int64 into the codebook and the vectors there (..., D), with the gradient of the codebook."""

    indices: Tensor
    vectors: Tensor


class Codebook(nn.Module):
    """K vectors of D dimensions; `share` (K,) is how often each was the nearest of late, as a running mean.

    A new codebook has no shares, so all of it is dead, and the first `replace_dead` fills it with inputs.

    >>> codebook = Codebook(2, 1)
    >>> _ = codebook.vectors.data.copy_(torch.tensor([[-1.0], [1.0]]))
    >>> codebook(torch.tensor([[0.3], [-5.0]])).indices
    tensor([1, 0])
    """

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(size, dim))
        self.share = nn.Buffer(torch.zeros(size))

    def forward(self, z: Tensor) -> Quantized:
        """The nearest vector of each z (..., D)."""
        flat = z.detach().flatten(0, -2)
        distance = self.vectors.detach().square().sum(1) - 2.0 * flat @ self.vectors.detach().T  # less ‖z‖², the same
        indices = distance.argmin(1).view(z.shape[:-1])
        return Quantized(indices, self.vectors[indices])

    @torch.no_grad()
    def count(self, indices: Tensor) -> None:
        """Let indices of any shape enter the shares."""
        used = torch.bincount(indices.flatten(), minlength=len(self.vectors)) / indices.numel()
        self.share.lerp_(used.to(self.share), FORGET)

    @torch.no_grad()
    def replace_dead(self, inputs: Tensor, generator: torch.Generator | None = None) -> int:
        """Put inputs (N, D), drawn at random, in the place of vectors that are hardly used; how many.

        A vector that is never the nearest never learns. A new one has an even share until it has lost it.
        """
        even = 1.0 / len(self.vectors)
        dead = torch.nonzero(self.share < MIN_SHARE * even)[:, 0]
        if len(dead):
            order = torch.randperm(len(inputs), generator=generator).repeat(-(-len(dead) // len(inputs)))
            self.vectors[dead] = inputs[order[: len(dead)].to(inputs.device)].to(self.vectors)
            self.share[dead] = even
        return len(dead)


def codebook_loss(z: Tensor, quantized: Quantized, commitment: float = 0.25) -> Tensor:
    """‖sg(z) - e‖² + commitment ‖z - sg(e)‖² (the paper's eq. 3), mean over D; (..., D) -> (...).

    Of the nearest vectors themselves, before `straight_through`: after it there is no gradient left for them.
    """
    to_code = (z.detach() - quantized.vectors).square().mean(-1)
    return to_code + commitment * (z - quantized.vectors.detach()).square().mean(-1)


def code_perplexity(indices: Tensor, size: int) -> Tensor:
    """exp of the entropy of the codes' shares: as many codes, evenly used, as this would tell as much; scalar."""
    share = torch.bincount(indices.flatten(), minlength=size).to(torch.get_default_dtype()) / indices.numel()
    return torch.exp(-torch.special.xlogy(share, share).sum())


def uniform_code_nats(size: int) -> float:
    """What one code costs if all are equally likely, as the bound of a VQ autoencoder supposes; nats."""
    return math.log(size)


@dataclass(frozen=True)
class CodePosterior(Point):
    """The nearest vectors as one code, the encoder's own z, both (B, D); which vectors, (B, 32)."""

    encoded: Tensor
    quantized: Quantized


class VectorQuantized(Latent):
    """A window is 32 codes out of K, four for each beat; between two of them there is nothing."""

    term, weight, interpolates = "codebook", 1.0, False
    is_of_one_process = True  # codes in little use are drawn anew from what was seen

    @classmethod
    def check(cls, sizes: LatentSizes) -> None:
        if sizes.latent_size % PLACES:
            raise ValueError(f"latent_size {sizes.latent_size}; with codes it is a multiple of {PLACES}")

    def __init__(self, sizes: LatentSizes) -> None:
        super().__init__(sizes)
        self.codes = sizes.codes
        self.codebook = Codebook(sizes.codes, sizes.latent_size // PLACES)

    def posterior(self, features: Tensor) -> CodePosterior:
        encoded = features.flatten(1)
        quantized = self.codebook(encoded.unflatten(1, (PLACES, -1)))
        return CodePosterior(straight_through(encoded, quantized.vectors.flatten(1)), encoded, quantized)

    def draw(self, posterior: CodePosterior, generator: torch.Generator | None = None, free_nats: float = 0.0) -> Draw:
        self._keep_alive(posterior, generator)
        encoded = posterior.encoded.unflatten(1, (PLACES, -1))
        return Draw(posterior.mean, codebook_loss(encoded, posterior.quantized).sum(1))

    def vectors(self, indices: Tensor) -> Tensor:
        """Codes (B, 32) int64 -> latents (B, D)."""
        return self.codebook.vectors[indices].flatten(1)

    def _keep_alive(self, posterior: CodePosterior, generator: torch.Generator | None) -> None:
        self.codebook.count(posterior.quantized.indices)
        self.codebook.replace_dead(posterior.encoded.detach().unflatten(1, (PLACES, -1)).flatten(0, 1), generator)


class NoiseSubstituted(VectorQuantized):
    """The same codes, learned with noise in the place of the quantisation error (NSVQ).

    So the decoder has seen what lies around each code, and lines between codes mean something to it.
    """

    weight, interpolates = 0.0, True

    def draw(self, posterior: CodePosterior, generator: torch.Generator | None = None, free_nats: float = 0.0) -> Draw:
        self._keep_alive(posterior, generator)
        encoded = posterior.encoded.unflatten(1, (PLACES, -1))
        z = noise_substitution(encoded, posterior.quantized.vectors, generator).flatten(1)
        return Draw(z, z.new_zeros(len(z)))
