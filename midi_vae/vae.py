"""MelodyVAE: the trained network, with melodies going in and coming out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from latentmix.checkpoint import Pretrained

from . import crossing, interpolation
from .checkpoint import CHECKPOINT
from .model.config import MelodyVAEConfig
from .model.network import MelodyNetwork
from .music.melody import Melody
from .music.windows import WINDOW_STEPS, each_from_windows, from_windows, window_of


class MelodyVAE(Pretrained, MelodyNetwork):
    """A variational autoencoder of melodies of one window, two bars of 4/4; `interpolation` takes longer ones.

    >>> model = MelodyVAE(MelodyVAEConfig(width=16, latent_size=16))
    >>> z = model.encode([Melody.from_notes([(0, 4, 60), (4, 8, 64)], bars=2)])
    >>> z.shape, model.decode(z)[0].bars
    (torch.Size([1, 16]), 2)
    """

    checkpoint = CHECKPOINT
    config_class = MelodyVAEConfig
    default = "melody_2bar"

    def encode(self, melodies: Sequence[Melody]) -> Tensor:
        """Latents (B, D) float32 that melodies, each of one window (2 bars of 4/4), are decoded from: `inverted`."""
        return self.invert_windows(window_of(melodies))

    def decode(
        self, z: Tensor, temperature: float = 0.0, like: Melody | None = None, seed: int | None = None
    ) -> list[Melody]:
        """Latents (B, D) -> B melodies of one window.

        Args:
            z: any latents.
            temperature: 0 takes the likeliest symbols; above, symbols are drawn, flatter the higher it is.
            like: gives metre, tempo and program; 4/4, 120 and piano if None.
            seed: of the draw.
        """
        generator = torch.Generator(self.device).manual_seed(seed) if seed is not None else None
        return self._melodies(self.decode_windows(z, temperature, generator), like)

    def reconstruct(self, melodies: Sequence[Melody]) -> list[Melody]:
        """decode(encode(x)), each with the metre, tempo and program of its own."""
        windows = self.decode_windows(self.encode(melodies))
        return [from_windows(row[None], melody, melody.bars) for row, melody in zip(windows, melodies, strict=True)]

    def interpolate(self, a: Melody, b: Melody, steps: int = 9, exact_ends: bool = False) -> list[Melody]:
        """From a to b in `steps` melodies, changing evenly, in the metre of a (`interpolation.line` does more)."""
        return interpolation.line(self, a, b, steps, exact_ends=exact_ends)

    def join(self, rhythm: Tensor, pitch: Tensor) -> Tensor:
        """Latents (W, D) with the rhythm of some, (W, D), and the pitches of others: the two groups of a latent, of the
        windows of one melody in turn (`crossing.joined`).
        """
        return crossing.joined(self, rhythm, pitch)

    def sample(self, n: int, temperature: float = 1.0, seed: int | None = None) -> list[Melody]:
        """n new melodies from the learned prior (`prior.MelodyPrior`).

        Args:
            temperature: below 1 more usual, above 1 stranger; 0 takes the likeliest at each step.
            seed: the same seed gives the same melodies.
        """
        return self._melodies(self.decode_windows(self.sample_latents(n, temperature, seed)), None)

    def _melodies(self, windows: np.ndarray, like: Melody | None) -> list[Melody]:
        like = _LIKE if like is None else replace(like, name="") if like.name else like
        return each_from_windows(windows[:, None], like)


_LIKE = Melody(np.zeros(WINDOW_STEPS, np.int16))  # metre, tempo and program of what is made of nothing
