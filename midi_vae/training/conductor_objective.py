"""What trains a conductor: a module called on a batch, which gives the loss and its parts by name."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model.conductor import Conductor, Past
from ..model.network import MelodyNetwork
from ..music.melody import ONSET


class ConductorObjective(nn.Module):
    """-log p of a window given the latents of those before, nats a step; the model that makes them learns nothing.

    Args:
        model: whose posterior means are the latents.
        conductor: to be trained.
    """

    def __init__(self, model: MelodyNetwork, conductor: Conductor) -> None:
        super().__init__()
        self.model, self.conductor = model.requires_grad_(False).eval(), conductor

    def forward(self, batch: dict[str, Tensor], generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """The loss on a batch of `TuneBatches`."""
        windows, known = batch["windows"], batch["known"]
        with torch.no_grad():
            before = windows[:, 1:].flatten(0, 1)
            latents = self.model.posterior(self.model.fields(before)).mean.unflatten(0, known.shape)
        past = Past(latents * known[..., None], known, batch["place"], batch["ends"])
        wanted = windows[:, 0]
        symbols = torch.where(wanted >= ONSET, wanted - self.conductor.config.lowest_pitch, wanted)
        logits = self.conductor(symbols, self.conductor.told(past))
        return {"loss": F.cross_entropy(logits.flatten(0, 1), symbols.flatten())}
