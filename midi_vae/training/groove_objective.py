"""The objectives of the three phases of training on drums: the autoencoder's, the feel's, the prior's.

Each is a module called as objective(batch, generator, progress) -> its loss and parts by name, scalars; `GrooveBatch`,
progress from 0 at the start of the phase to 1 at its end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..drums.feel import Heard
from ..drums.groove import MAX_OFFSET
from ..drums.network import sets_of
from ..drums.vae import GrooveVAE
from ..drums.windows import HIT, OFFSET
from . import groove_losses as losses
from .groove_augmentation import augmented
from .groove_dataset import GrooveBatch
from .losses import beta_at
from .mixes import MixSchedule

UNTOLD = 0.35  # share of windows whose style is not told
SILENT = 0.15  # share of instruments that are left out of a window that feel is learned from, and of its piece
ALONE = 0.3  # share of windows that hear nothing of their piece but themselves


@dataclass(frozen=True)
class GrooveObjectiveConfig(MixSchedule):
    """Weights of the terms, and when mixes come in.

    Attributes:
        hits: of the nats of a window's hits.
        velocity, offset: for each of full scale, and of a sixteenth.
        beta, free_nats: of the KL term, and for each latent dimension.
        mixed: share of the batch that is mixed.
        stay, evenness, hit_error: of `losses.GrooveMixTerms`.
    """

    hits: float = 2.0
    velocity: float = 12.0
    offset: float = 16.0
    beta: float = 0.03
    free_nats: float = 0.02
    mixing_full: float = 0.2
    mixed: float = 0.3
    stay: float = 1.0
    evenness: float = 30.0
    hit_error: float = 0.05


class GrooveObjective(nn.Module):
    """The bound on grooves, and mixes between them."""

    def __init__(self, model: GrooveVAE, config: GrooveObjectiveConfig) -> None:
        super().__init__()
        self.model, self.config = model, config
        learned = {id(p) for part in (model.encoder, model.decoder) for p in part.parameters()}
        for parameter in model.parameters():
            parameter.requires_grad_(id(parameter) in learned)

    def forward(self, batch: GrooveBatch, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        config, model = self.config, self.model
        cells, timed = augmented(batch, generator)
        posterior = model.posterior(cells)
        draw = model.latent.draw(posterior, generator, config.free_nats)
        latents, ramp = [draw.z], config.ramp(progress)
        count = int(config.mixed * len(cells)) if ramp > 0.0 else 0
        if count:
            other = torch.randperm(len(cells), generator=generator)[:count].to(cells.device)
            position = torch.rand(count, generator=generator).to(cells.device)
            latents.append(torch.lerp(posterior.mean[:count], posterior.mean[other], position[:, None]))
        said = model.logits(torch.cat(latents))
        size = len(cells)
        own = replace(said, hit=said.hit[:size], velocity=said.velocity[:size], offset=said.offset[:size])
        velocity, offset = losses.played_loss(own, cells, timed)
        parts = {
            "hits": losses.hit_loss(own.hit, cells[:, :, HIT]).mean(),
            "velocity": velocity.mean(),
            "offset": offset.mean(),
            "kl": draw.cost.mean(),
        }
        loss = config.hits * parts["hits"] + config.velocity * parts["velocity"] + config.offset * parts["offset"]
        loss = loss + beta_at(progress, config.beta) * parts["kl"]
        if count:
            terms = losses.mix_terms(said.hit[size:], cells[:count, :, HIT], cells[other][:, :, HIT], position)
            more, between = config.of_mixes(terms, ramp)
            loss, parts = loss + more, parts | between
        return {"loss": loss, **parts}


class FeelObjective(nn.Module):
    """Velocities and offsets of real hits, the mean lag of each file taken out; instruments fall silent at random."""

    def __init__(self, model: GrooveVAE, config: GrooveObjectiveConfig) -> None:
        super().__init__()
        self.feel, self.config = model.feel.requires_grad_(True), config
        self.styles = len(model.config.styles)

    def forward(self, batch: GrooveBatch, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        untold = torch.rand(len(batch.style), generator=generator) < UNTOLD
        style = torch.where(untold.to(batch.style.device), self.styles, batch.style)
        kept = (torch.rand(len(batch.style), 1, batch.cells.shape[3], generator=generator) >= SILENT).to(batch.cells)
        piece = Heard._make(each * kept for each in batch.heard)
        hit = piece.hits
        alone = (torch.rand(len(batch.style), 1, 1, generator=generator) < ALONE).to(hit.device)
        pairs = zip(Heard.alone(hit), piece, strict=True)
        heard = Heard._make(torch.where(alone, own, of_piece) for own, of_piece in pairs)
        cells = batch.cells.clone()
        cells[:, :, HIT] = hit
        cells[:, :, OFFSET] = (cells[:, :, OFFSET] - batch.lag[:, None, None]).clamp(-MAX_OFFSET, MAX_OFFSET)
        pace = 1.0 + 0.1 * (2.0 * torch.rand(len(style), generator=generator) - 1.0).to(batch.tempo)
        said = self.feel(heard, batch.tempo * pace, style)
        velocity, offset = (part.sum() / hit.sum() for part in losses.played_loss(said, cells, batch.timed * kept))
        loss = self.config.velocity * velocity + self.config.offset * offset
        return {"loss": loss, "velocity": velocity, "offset": offset}


class GroovePriorObjective(nn.Module):
    """Likelihood of the sets of instruments that real grooves strike on each step."""

    def __init__(self, model: GrooveVAE) -> None:
        super().__init__()
        self.prior = model.prior.requires_grad_(True)

    def forward(self, batch: GrooveBatch, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        return {"loss": self.prior.loss(sets_of(batch.cells[:, :, HIT]))}
