"""The learned prior over latents: a flow from N(0, I) to the codes of real melodies.

The bound pulls each posterior towards N(0, I) but leaves their mixture full of holes (Tomczak & Welling 2018, arXiv
1705.07120); samples that fall into them are not music. A second stage learns the mixture (Dai & Wipf 2019, arXiv
1903.05789), here by flow matching (Lipman et al. 2023, arXiv 2210.02747): a network v(z, t) learns the velocity of the
straight lines from noise to codes, and sampling follows it from t = 0 to 1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .layers import BEATS, BeatStack

TIME_FREQUENCIES = 32


class LatentPrior(nn.Module):
    """v(z, t): latents (B, D) and times (B, 1) in 0..1 -> velocities (B, D)."""

    def __init__(self, latent_size: int, width: int, across: int, blocks: int) -> None:
        super().__init__()
        frequencies = torch.exp(torch.linspace(0.0, math.log(100.0), TIME_FREQUENCIES))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.time = nn.Linear(2 * TIME_FREQUENCIES, width)
        self.velocity = BeatStack(latent_size // BEATS, latent_size // BEATS, width, across, blocks)

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        angles = t * self.frequencies
        waves = self.time(torch.cat([angles.sin(), angles.cos()], dim=-1))
        return self.velocity(z.unflatten(1, (BEATS, -1)), waves[:, None]).flatten(1)

    def loss(self, codes: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """Conditional flow matching, straight paths (Lipman et al. 2023, eq. 23 with sigma_min 0); mean square, scalar.

        Args:
            codes, noise: (B, D).
            t: (B, 1).
        """
        return (self(torch.lerp(noise, codes, t), t) - (codes - noise)).square().mean()

    @torch.inference_mode()
    def sample(self, noise: Tensor, steps: int = 40) -> Tensor:
        """Follow the flow from noise (B, D) ~ N(0, I) to latents (B, D) by Heun's method."""
        z, dt = noise, 1.0 / steps
        for k in range(steps):
            now = z.new_full((len(z), 1), k * dt)
            v = self(z, now)
            z = z + 0.5 * dt * (v + self(z + dt * v, now + dt))
        return z
