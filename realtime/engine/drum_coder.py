"""What live playing needs of a model of drums: cells -> latents -> cells, and even ways."""

from __future__ import annotations

import numpy as np
import torch

from midi_vae.drums.network import GrooveNetwork
from midi_vae.drums.travel import even_travel

from .decoder import one_thread


class DrumCoder:
    """Grooves <-> latents of one model; any thread may call it at any time.

    Args:
        model: in evaluation mode.
    """

    def __init__(self, model: GrooveNetwork) -> None:
        self._model = model

    def encode(self, cells: np.ndarray) -> np.ndarray:
        """Cells (M, W, 32, 3, 9) -> latents (M, W, D) float32 from which they are decoded.

        They are the ends of the ways that `aside` finds. A fiftieth of a second a window.
        """
        flat = cells.reshape(-1, *cells.shape[2:])
        with one_thread():
            z = self._model.invert_cells(flat)
        return z.cpu().numpy().reshape(*cells.shape[:2], -1)

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Latents (W, D) -> cells (W, 32, 3, 9) float32. About a millisecond a window."""
        with one_thread():
            return self._model.decode_cells(torch.from_numpy(latents))

    def aside(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """How far the even way between cells (W, 32, 3, 9) goes off the straight line; (K, W, D), evenly spaced.

        A quarter of a second a window.
        """
        with one_thread():
            places = even_travel(self._model, a, b).places.cpu().numpy()
        share = np.linspace(0.0, 1.0, len(places), dtype=np.float32)[:, None, None]
        return np.asarray(places - ((1.0 - share) * places[0] + share * places[-1]))
