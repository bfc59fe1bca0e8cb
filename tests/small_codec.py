"""A speech model small enough to be made and saved in a moment."""

from __future__ import annotations

import torch

from audiovq.model.config import VQVAEConfig
from audiovq.model.vqvae import VQVAE

SMALL = VQVAEConfig(
    encoder_width=8,
    decoder_width=8,
    encoder_dilations=(1,),
    decoder_dilations=(1,),
    latent_size=4,
    codebooks=2,
    codes=8,
)


def small_model(config: VQVAEConfig = SMALL) -> VQVAE:
    """An untrained model whose codebooks have begun."""
    torch.manual_seed(0)
    model = VQVAE(config).eval()
    model.quantizer.initialise(torch.randn(1, config.latent_size, 64), torch.Generator().manual_seed(0))
    return model
