"""Melody models for tests."""

from __future__ import annotations

import torch

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.vae import MelodyVAE


def random_model() -> MelodyVAE:
    """Of random weights, large enough that codes differ."""
    torch.manual_seed(0)
    model = MelodyVAE(MelodyVAEConfig(16, 16, 24, prior_width=16, prior_rounds=1)).eval()
    with torch.no_grad():
        for stack in (model.encoder, model.decoder):
            stack.leave[1].weight.mul_(20.0)
        model.rhythm_head.weight.mul_(20.0)
    return model
