"""Directions in the latent space of a trained model that turn the attributes of a melody up and down."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..model.network import MelodyNetwork
from ..music.attributes import ATTRIBUTES, measure


@torch.inference_mode()
def fit_directions(model: MelodyNetwork, windows: np.ndarray) -> Tensor:
    """Directions (5, D) that each raise one attribute by about one standard deviation and leave the others.

    The latents are regressed on all standardised attributes at once, so that a direction holds the others still. Its
    length is then set by what a step along it does to the attribute of what is decoded.

    Args:
        windows: (N, 32) of training data, N some thousands.
    """
    z = model.encode_windows(windows)
    values = measure(windows)
    spread = values.std(0)
    spread[spread < 1e-6] = 1.0  # an attribute that never changes in the data gets the direction 0
    design = np.column_stack([np.ones(len(values)), (values - values.mean(0)) / spread])
    latents = z.cpu().numpy().astype(np.float64)
    directions = torch.from_numpy(np.linalg.lstsq(design, latents, rcond=None)[0][1:]).to(z)
    for index in range(len(ATTRIBUTES)):
        moved = [measure(model.decode_windows(z + sign * directions[index]))[:, index].mean() for sign in (1.0, -1.0)]
        gain = float((moved[0] - moved[1]) / (2.0 * spread[index]))
        directions[index] /= max(gain, 0.2)  # a direction that does little is not stretched without end
    return directions
