"""Averages of a codec's weights: over the steps of its training, and of several models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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


@torch.no_grad()
def mean_of(models: Sequence[VQVAE]) -> VQVAE:
    """The mean of the weights of models that began as one and have its codebooks: often better than any of them.

    Models that were trained on from one another lie in one basin of the loss (model soups, Wortsman et al. 2022, arXiv
    2203.05482); a model given twice counts twice. The result has the configuration of the last, and reads its files.

    Raises:
        ValueError: no models, models of different sizes, or of different codebooks.
    """
    if not models:
        raise ValueError("no models; expected one at least")
    *others, last = models
    alike = [replace(model.config, levels=(), codes_of="") for model in models]
    if any(config != alike[-1] for config in alike):
        raise ValueError("models of different sizes; a mean is of those that began as one")
    if any(not torch.equal(model.quantizer.codebooks(), last.quantizer.codebooks()) for model in others):
        raise ValueError("models of different codebooks; a mean is of those whose codes mean the same")
    mean = VQVAE(replace(last.config, codes_of=last.fingerprint.hex()))
    states = [model.state_dict() for model in models]
    for name, found in mean.state_dict().items():
        learned = found.is_floating_point() and not name.startswith("quantizer")
        found.copy_(torch.stack([state[name] for state in states]).mean(0) if learned else states[-1][name])
    return mean.eval()
