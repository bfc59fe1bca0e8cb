"""GrooveVAE: the trained network, with grooves going in and coming out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from latentmix.checkpoint import Pretrained
from latentmix.errors import InputError

from ..checkpoint import GROOVE_CHECKPOINT
from ..music.windows import WINDOW_STEPS
from .config import GrooveVAEConfig
from .groove import Groove
from .kit import INSTRUMENTS
from .network import GrooveNetwork
from .windows import from_cells, to_cells


class GrooveVAE(Pretrained, GrooveNetwork):
    """A variational autoencoder of grooves of one window, two bars of 4/4; `drums.mixing` takes longer ones.

    >>> model = GrooveVAE(GrooveVAEConfig(width=16, across=16, latent_size=16))
    >>> z = model.encode([Groove(np.zeros((32, 9), np.uint8))])
    >>> z.shape, model.decode(z)[0].bars
    (torch.Size([1, 16]), 2)
    """

    checkpoint = GROOVE_CHECKPOINT
    config_class = GrooveVAEConfig
    default = "drums_2bar"

    def renewed(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """Feel once heard its window alone: what it hears since then counts nothing in a model of that time."""
        taps, piece = "feel.enter.weight", self.feel.piece.state_dict(prefix="feel.piece.")
        if taps not in tensors or piece.keys() & tensors.keys():
            return tensors
        wide = torch.zeros_like(self.feel.enter.weight)
        heard = tensors[taps]
        if heard.shape != wide[:, : len(INSTRUMENTS)].shape:
            return tensors
        wide[:, : len(INSTRUMENTS)] = heard
        return {**tensors, **{name: torch.zeros_like(each) for name, each in piece.items()}, taps: wide}

    def encode(self, grooves: Sequence[Groove]) -> Tensor:
        """Latents (B, D) float32 that grooves, each of one window (2 bars of 4/4), are decoded from: `inverted`.

        Raises:
            InputError: a groove is longer.
        """
        rows = [to_cells(groove) for groove in grooves]
        for groove, cells in zip(grooves, rows, strict=True):
            if len(cells) > 1:
                raise InputError(f"{groove.name or 'groove'}: expected one window, found {groove.bars} bars")
        return self.invert_cells(np.concatenate(rows))

    def decode(self, z: Tensor, like: Groove | None = None) -> list[Groove]:
        """Latents (B, D) -> B grooves of one window, in the metre and tempo of `like`; 4/4 and 120 if None."""
        return self._grooves(self.decode_cells(z), like)

    def reconstruct(self, grooves: Sequence[Groove]) -> list[Groove]:
        """decode(encode(x)), each with the metre and tempo of its own."""
        cells = self.decode_cells(self.encode(grooves))
        return [from_cells(row[None], groove, groove.bars) for row, groove in zip(cells, grooves, strict=True)]

    def sample(self, n: int, temperature: float = 1.0, seed: int | None = None) -> list[Groove]:
        """n new grooves; arguments as of `MelodyVAE.sample`."""
        return self._grooves(self.decode_cells(self.sample_latents(n, temperature, seed)), None)

    def _grooves(self, cells: np.ndarray, like: Groove | None) -> list[Groove]:
        like = like or Groove(np.zeros((WINDOW_STEPS, len(INSTRUMENTS)), np.uint8))
        return [from_cells(row[None], replace(like, name="")) for row in cells]
