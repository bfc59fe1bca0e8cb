"""The objectives of the three phases of training: the critic's, the autoencoder's, the prior's.

Each is a module called as objective(tokens, generator, progress) -> its loss and parts by name, scalars; tokens
(B, 32), progress from 0 at the start of the phase to 1 at its end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..model.critic import Critic, corrupt
from ..model.steps import StepFields, StepLogits
from ..music.melody import ONSET
from ..vae import MelodyVAE
from . import losses
from .mixes import MixSchedule


@dataclass(frozen=True)
class ObjectiveConfig(MixSchedule):
    """Weights of the terms of `losses`, and when they come in.

    Attributes:
        reconstruction: weight of -log p(x | z).
        beta: weight of the KL term once warmed up; of another latent than the Gaussian, that of its term.
        free_nats: for each latent dimension, where there is a KL term.
        monte_carlo: R, latents drawn for each melody.
        stay, evenness, indecision, onset_error: weights of the terms on mixed latents.
        surprise: weight of the nats by which the critic finds mixes less likely than real melodies.
        judged: share of the mixes that the critic sees.
        fusion: weight of the critic in what is decoded (`fusion.fused`). The decoder learns to hold its ground against
            it, so a little more than this is worth having afterwards (`MelodyVAEConfig.fusion`).
    """

    reconstruction: float = 2.0
    beta: float = 0.03
    free_nats: float = 0.05
    monte_carlo: int = 1
    stay: float = 2.0
    evenness: float = 800.0
    indecision: float = 0.1
    onset_error: float = 4.5
    surprise: float = 1.3
    judged: float = 0.33
    fusion: float = 0.25


class CriticObjective(nn.Module):
    """Real symbols among partly wrong ones."""

    def __init__(self, critic: Critic, lowest_pitch: int) -> None:
        super().__init__()
        self.critic, self.lowest_pitch = critic.requires_grad_(True), lowest_pitch

    def forward(self, tokens: Tensor, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        symbols = _symbols(tokens, self.lowest_pitch)
        log_p = self.critic(corrupt(symbols, generator))
        return {"loss": F.nll_loss(log_p.flatten(0, 1), symbols.flatten())}


class PriorObjective(nn.Module):
    """Likelihood of real melodies, or of their codes, under the prior's autoregressive model."""

    def __init__(self, model: MelodyVAE) -> None:
        super().__init__()
        self.model = model.requires_grad_(False)
        self.prior = model.prior.requires_grad_(True)

    def forward(self, tokens: Tensor, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        with torch.no_grad():
            symbols = self.model.prior_symbols(tokens)
        return {"loss": self.prior.loss(symbols)}


class MelodyObjective(nn.Module):
    """The bound on real melodies, and mixes between them."""

    def __init__(self, model: MelodyVAE, config: ObjectiveConfig) -> None:
        super().__init__()
        self.model, self.config = model.requires_grad_(True), config
        model.prior.requires_grad_(False)
        model.critic.requires_grad_(False)

    def forward(self, tokens: Tensor, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        config = self.config
        fields = self.model.fields(tokens)
        latent = self.model.latent
        shown = latent.corrupt(tokens, generator)
        inputs = self.model.inputs(fields if shown is tokens else self.model.fields(shown))
        posterior = latent.posterior(self.model.encoder(inputs))
        size, rounds = len(tokens), range(config.monte_carlo)
        draws = [latent.draw(posterior, generator, config.free_nats) for _ in rounds]
        latents = [draw.z for draw in draws]
        ramp = config.ramp(progress)
        mixing = ramp > 0.0 and latent.interpolates
        if mixing:
            other = torch.randperm(size, generator=generator).to(tokens.device)
            position = torch.rand(size, 1, generator=generator).to(tokens.device)
            latents.append(torch.lerp(posterior.mean, posterior.mean[other], position))
        logits = self.model.logits(torch.cat(latents), config.fusion)

        likelihoods = [losses.reconstruction(_rows(logits, r * size, size), fields) for r in rounds]
        cost = torch.stack([draw.cost for draw in draws]).mean()
        cost = cost + latent.slope_cost(self.model.encoder, inputs, generator).mean()
        parts = {"reconstruction": torch.stack(likelihoods).mean(), latent.term: cost}
        loss = config.reconstruction * parts["reconstruction"] + losses.beta_at(progress, config.beta) * cost
        if mixing:
            mixed = _rows(logits, len(rounds) * size, size)
            end = StepFields(fields.rhythm[other], fields.pitch[other])
            terms = losses.mix_terms(mixed, fields, end, position[:, 0])
            more, between = config.of_mixes(terms, ramp, {"surprise": self._surprise(mixed, fields)})
            loss, parts = loss + more, parts | between
        return {"loss": loss, **parts}

    def _surprise(self, mixed: StepLogits, fields: StepFields) -> Tensor:
        """Nats by which mixes are less likely than real melodies; that they stay near their ends keeps them lively."""
        n = max(1, int(self.config.judged * len(fields.rhythm)))
        symbols = torch.where(fields.rhythm == ONSET, fields.pitch + ONSET, fields.rhythm)
        made = self.model.critic.surprise(losses.symbol_probabilities(_rows(mixed, 0, n)))
        return made.mean() - self.model.critic.surprise_of(symbols[:n]).mean()


def _rows(logits: StepLogits, start: int, count: int) -> StepLogits:
    return StepLogits(logits.rhythm[start : start + count], logits.pitch[start : start + count])


def _symbols(tokens: Tensor, lowest_pitch: int) -> Tensor:
    """Onsets counted from the model's lowest pitch, as critic and prior do."""
    return torch.where(tokens >= ONSET, tokens - lowest_pitch, tokens)
