"""What a model of sounds is trained on beside the distance of spectra (`dsp/spectral_distance.py`): pure."""

from __future__ import annotations

import torch
from torch import Tensor


def buzz_loss(harmonic: Tensor, rough: Tensor, harmonicity: Tensor) -> Tensor:
    """What harmonics say where nothing repeats: log spectra alone prefer them to noise, which never fits; scalar, nats.

    Args:
        harmonic, rough: amplitudes (B, N, F).
        harmonicity: (B, N), 0 where there is no pitch.
    """
    share = harmonic.square() / (harmonic.square() + rough.square() + 1e-12)
    return (-torch.log1p(-share.clamp(max=0.999)).mean(-1) * (harmonicity == 0.0)).mean()
