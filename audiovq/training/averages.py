"""An average of a codec's weights over the steps of its training."""

from __future__ import annotations

import torch

from ..model.vqvae import VQVAE


@torch.no_grad()
def follow(average: VQVAE, model: VQVAE, kept: float) -> None:
    """Move an exponential average of weights and codebooks towards what they are now."""
    for mean, now in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, 1.0 - kept)
        else:
            mean.copy_(now)
