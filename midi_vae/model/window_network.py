"""What the networks of melodies and of drums share: a window of two bars has a latent z (D,), a share for each beat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from latentmix.errors import InputError

from .layers import BeatStack
from .prior import MelodyPrior

INVERSION_STEP, INVERSION_ROUNDS = 0.5, 8  # a whole step goes too far; for melodies of tunes two rounds are enough
MAX_AT_ONCE = 4096  # windows encoded or decoded in one go; bounds the memory of long tunes


class HasLatents(Protocol):
    """A configuration."""

    @property
    def latent_size(self) -> int: ...


class WindowNetwork(nn.Module):
    """Latents of windows, in parts and checked, and what a prior draws; a subclass makes the networks."""

    config: HasLatents
    decoder: BeatStack
    prior: MelodyPrior

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.decoder.places.device

    def latent_parts(self, z: Tensor) -> Sequence[Tensor]:
        """Latents (B, D) in parts that are decoded in one go, on the model's device.

        Raises:
            InputError: z of another size, or not finite.
        """
        size = self.config.latent_size
        fits = z.ndim == 2 and z.shape[1] == size
        # a sum is finite only of finite numbers, and quicker; of huge ones it may be neither
        if not fits or not (math.isfinite(float(z.sum())) or torch.isfinite(z).all()):
            raise InputError(
                f"expected finite latents of shape (B, {size}), found {tuple(z.shape)}"
                + (" with NaN or infinity" if fits else "")
            )
        return z.to(self.device, torch.float32).split(MAX_AT_ONCE)

    def drawn_symbols(self, n: int, temperature: float, seed: int | None, what: str, middle: bool = False) -> Tensor:
        """What the prior draws for n windows; (n, 32) int64.

        Args:
            middle: of several draws of each window the one of middle likelihood (`MelodyPrior.sample_middle`).

        Raises:
            InputError: n below 1.
        """
        if n < 1:
            raise InputError(f"expected at least 1 {what}, found {n}")
        generator = torch.Generator()  # on the CPU, so that a seed means the same on every device
        generator.manual_seed(seed) if seed is not None else generator.seed()
        draw = self.prior.sample_middle if middle else self.prior.sample
        return draw(n, temperature, generator)
