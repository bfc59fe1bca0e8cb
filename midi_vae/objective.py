"""The objectives of the three phases of training: the critic's, the autoencoder's, the prior's.

Each is a module called as objective(tokens, generator, progress) -> its loss and parts by name, scalars; tokens (B, 32),
progress from 0 at the start of the phase to 1 at its end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import losses
from .critic import Critic, corrupt
from .melody import ONSET
from .model import MelodyVAE, Posterior, StepFields, StepLogits


@dataclass(frozen=True)
class ObjectiveConfig:
    """Weights of the terms of `losses`, and how many examples they are taken on.

    Attributes:
        beta: weight of the KL term once warmed up.
        mixing_from, mixing_full: share of the training after which mixes and draws come in, and count in full.
        free_nats: for each latent dimension.
        monte_carlo: R, latents drawn for each melody.
        stay, evenness, indecision, onset_error: weights of the terms on mixed codes.
        surprise: weight of by how much the critic finds mixes and draws less likely than real melodies.
        draws: share of the batch that is drawn from N(0, I) beside it.
        draw_onsets: weight of the onsets in draws against those in the batch.
        cycle: weight of finding a draw's latent again in what it decodes to.
    """

    beta: float = 0.2
    mixing_from: float = 0.05
    mixing_full: float = 0.15
    free_nats: float = 0.05
    monte_carlo: int = 1
    stay: float = 1.0
    evenness: float = 800.0
    indecision: float = 0.5
    onset_error: float = 0.5
    surprise: float = 1.0
    draws: float = 0.25
    draw_onsets: float = 0.5
    cycle: float = 0.02


class CriticObjective(nn.Module):
    """Real symbols among partly wrong ones."""

    def __init__(self, critic: Critic, lowest_pitch: int) -> None:
        super().__init__()
        self.critic, self.lowest_pitch = critic, lowest_pitch

    def forward(self, tokens: Tensor, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        symbols = torch.where(tokens >= ONSET, tokens - self.lowest_pitch, tokens)
        log_p = self.critic(corrupt(symbols, generator))
        return {"loss": F.nll_loss(log_p.flatten(0, 1), symbols.flatten())}


class PriorObjective(nn.Module):
    """Flow matching from noise to codes, which are drawn a little way into their posteriors.

    A code is a mean plus `spread` times the posterior's noise: the decoder takes a whole neighbourhood of the mean for
    the same melody, and a flow learns neighbourhoods more easily than points.
    """

    def __init__(self, model: MelodyVAE, spread: float = 0.5) -> None:
        super().__init__()
        self.model, self.prior, self.spread = model.requires_grad_(False), model.prior.requires_grad_(True), spread

    def forward(self, tokens: Tensor, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        with torch.no_grad():
            posterior = self.model.posterior(self.model.fields(tokens))
            codes = torch.lerp(posterior.mean, posterior.sample(generator), self.spread)
        noise = losses.standard_normal(codes, generator)
        t = torch.rand(len(codes), 1, generator=generator).to(codes.device)
        return {"loss": self.prior.loss(codes, noise, t)}


class MelodyObjective(nn.Module):
    """The bound on real melodies, mixes between them, and draws from N(0, I)."""

    def __init__(self, model: MelodyVAE, critic: Critic, config: ObjectiveConfig) -> None:
        super().__init__()
        self.model, self.critic, self.config = model, critic.requires_grad_(False), config
        model.requires_grad_(True).prior.requires_grad_(False)

    def forward(self, tokens: Tensor, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        beta = losses.beta_at(progress, self.config.beta)
        ramp = self.config.mixing_full - self.config.mixing_from
        mixing = min(1.0, max(0.0, (progress - self.config.mixing_from) / ramp))
        fields = self.model.fields(tokens)
        posterior = self.model.posterior(fields)
        size, latents = len(tokens), [posterior.sample(generator) for _ in range(self.config.monte_carlo)]
        if mixing > 0.0:
            other = torch.randperm(size, generator=generator).to(tokens.device)
            position = torch.rand(size, 1, generator=generator).to(tokens.device)
            draws = losses.standard_normal(posterior.mean[: int(size * self.config.draws)], generator)
            latents += [torch.lerp(posterior.mean, posterior.mean[other], position), draws]
        logits = self.model.logits(torch.cat(latents))
        rounds = [_rows(logits, r * size, size) for r in range(self.config.monte_carlo)]

        bound = torch.stack([losses.reconstruction(each, fields) for each in rounds]).mean()
        kl = losses.gaussian_kl(posterior, self.config.free_nats).mean()
        parts = {"reconstruction": bound, "kl": kl}
        loss = bound + beta * kl
        if mixing > 0.0:
            mixed = _rows(logits, len(rounds) * size, size)
            drawn = _rows(logits, (len(rounds) + 1) * size, len(draws))
            ends = StepFields(fields.rhythm[other], fields.pitch[other])
            parts |= self._mix(mixed, fields, ends, position[:, 0])
            parts |= self._draws(mixed, drawn, draws, fields)
            loss = loss + mixing * sum(
                getattr(self.config, name) * parts[name] for name in parts.keys() - {"reconstruction", "kl"}
            )
        return {"loss": loss, **parts}

    def _mix(self, mixed: StepLogits, a: StepFields, b: StepFields, position: Tensor) -> dict[str, Tensor]:
        terms = losses.mix_terms(mixed, a, b, position)
        return {name: getattr(terms, name).mean() for name in terms.__dataclass_fields__}

    def _draws(
        self, mixed: StepLogits, drawn: StepLogits, draws: Tensor, fields: StepFields
    ) -> dict[str, Tensor]:
        n = len(draws)
        real = self.critic.surprise_of(self._symbols(fields)[:n]).mean()
        made = [losses.symbol_probabilities(each) for each in (_rows(mixed, 0, n), drawn)]
        # as likely as real music, and no likelier: beyond that lies the one dullest melody
        surprise = sum((each.mean() - real).clamp(min=0.0) for each in self.critic.surprise(torch.cat(made)).split(n))
        onsets, drawn_onsets = (fields.rhythm == ONSET).sum(1).float(), losses.expected_onsets(drawn)
        moments = (drawn_onsets.mean() - onsets.mean()).square() + (drawn_onsets.std() - onsets.std()).square()
        found = self.model.posterior_of_embedding(self._expected_embedding(drawn))
        return {"surprise": surprise, "draw_onsets": moments, "cycle": gaussian_nll(draws, found).mean()}

    def _symbols(self, fields: StepFields) -> Tensor:
        return torch.where(fields.rhythm == ONSET, fields.pitch + ONSET, fields.rhythm)

    def _expected_embedding(self, logits: StepLogits) -> Tensor:
        """Step embeddings (B, 32, E) of the likeliest symbols, with the gradient of the expected ones."""
        rhythm, pitch = logits.rhythm.softmax(-1), logits.pitch.softmax(-1)
        expected = (
            rhythm @ self.model.rhythm_embedding.weight.detach()
            + pitch @ self.model.pitch_embedding.weight.detach()
        )
        with torch.no_grad():
            symbols = self.model.fields(_symbols(logits, self.model.config.lowest_pitch))
            chosen = self.model.rhythm_embedding(symbols.rhythm) + self.model.pitch_embedding(symbols.pitch)
        return expected + (chosen - expected).detach()


def gaussian_nll(z: Tensor, posterior: Posterior) -> Tensor:
    """-log q(z) of latents (B, D) but for a constant; (B,) nats."""
    error = (z - posterior.mean).square() * torch.exp(-posterior.log_variance)
    return 0.5 * (error + posterior.log_variance).sum(1)


def _rows(logits: StepLogits, start: int, count: int) -> StepLogits:
    return StepLogits(logits.rhythm[start : start + count], logits.pitch[start : start + count])


def _symbols(logits: StepLogits, lowest_pitch: int) -> Tensor:
    rhythm = logits.rhythm.argmax(-1)
    return torch.where(rhythm == ONSET, logits.pitch.argmax(-1) + lowest_pitch + ONSET, rhythm)
