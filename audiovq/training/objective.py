"""The objectives of training: modules called on a batch, which give their loss and its parts by name, scalars."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..dsp.griffin_lim import invert_at_once
from ..dsp.pitch import frequency_at
from ..model.vqvae import VQVAE, Speech
from .dataset import SpeechBatch
from .discriminators import Discriminators, adversarial_loss, discriminator_loss, feature_loss
from .losses import bin_loss, periodicity_loss, pitch_loss, spread_loss

MIN_WEIGHT = 0.1  # of a bin without any periodicity; 1 is that of one with nothing else
TINY = 1e-6  # power of latents
QUIET = 1e-3  # root mean square of a piece; below, what pitch it has is that of some hum


@dataclass(frozen=True)
class CodecObjectiveConfig:
    """Weights of the terms.

    Attributes:
        mel, fine, level: of the spectral distance (`losses.SpectralTerms`).
        bins: of the distance of the magnitudes before they are samples.
        pitch, periodicity: of the labels' cross-entropies.
        spread: of the whiteness of the latents.
        quantizer: of the quantizer's own loss.
        again: of how far from its codes decoded speech is coded; 0: it is not coded again.
        judged: share of the pieces that the discriminators see.
        adversarial, features: of what the discriminators say, once they are there.
    """

    mel: float = 1.0
    fine: float = 2.0
    level: float = 1.0
    bins: float = 1.0
    pitch: float = 0.15
    periodicity: float = 0.3
    spread: float = 0.0
    quantizer: float = 1.0
    again: float = 0.0
    judged: float = 0.5
    adversarial: float = 0.05
    features: float = 0.2


class CodecObjective(nn.Module):
    """Everything that trains encoder, quantizer and decoder together.

    The filter is driven by pulses at the labelled pitch: those of a wrong pitch would ask the gains for what no gain
    can do. The pitch itself is learned from its label.
    """

    def __init__(self, model: VQVAE, discriminators: Discriminators, config: CodecObjectiveConfig) -> None:
        super().__init__()
        self.model, self.config, self.spectral = model, config, discriminators.spectral
        self.judges = [discriminators]  # in a list: they are not this module's to train

    def forward(
        self, batch: SpeechBatch, generator: torch.Generator, quantize: bool, judged: bool, settled: bool = False
    ) -> dict[str, Tensor]:
        """Loss and parts, and as "made" and "real" decoded and original samples for the discriminators, aligned.

        Args:
            quantize: whether the decoder gets codes or the latents as they are.
            judged: whether the discriminators are asked.
            settled: whether the codes stay as they are, and only the decoder learns.
        """
        model, config = self.model, self.config
        size = len(batch.samples)
        z, parts, figures = self._coded(batch, generator, quantize, settled)
        said, _ = model.speech(z, model.decoder.start(size))
        pitch, state = frequency_at(batch.bins), model.initial_voice_state(size)
        wanted, _ = model.filtered(said, pitch, state[:3], roughness=0.0)
        original = model.stft.analyse(batch.samples, model.stft.past(size))[0].abs()
        # noise has no bins to get right, only bands
        parts["bins"] = bin_loss(wanted.magnitude, original, MIN_WEIGHT + batch.periodicity @ model.band_weights)
        made = invert_at_once(wanted.magnitude, wanted.phase, model.stft)
        made, real = made[:, model.delay :], batch.samples[:, : made.shape[1] - model.delay]
        spectral = self.spectral(made, real)
        is_loud = batch.samples.square().mean(1, keepdim=True).sqrt() > QUIET
        parts["mel"], parts["fine"], parts["level"] = spectral.mel, spectral.fine, spectral.level
        parts["pitch"] = pitch_loss(said.pitch, batch.bins, batch.voiced * is_loud)
        parts["periodicity"] = periodicity_loss(said.periodicity, batch.periodicity)
        seen = max(1, round(config.judged * size))
        if config.again and quantize:
            with _still(model.encoder) if settled else contextlib.nullcontext():
                parts["again"] = self._again(said, z, seen)
        made, real = made[:seen], real[:seen]
        if judged:
            judgement = self.judges[0](made)
            parts["adversarial"] = adversarial_loss(judgement)
            with torch.no_grad():
                of_real = self.judges[0](real)
            parts["features"] = feature_loss(of_real, judgement)
        loss = sum(getattr(config, name) * part for name, part in parts.items())
        return {"loss": loss, **parts, **figures, "made": made, "real": real}

    def _coded(
        self, batch: SpeechBatch, generator: torch.Generator, quantize: bool, settled: bool
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """What the decoder gets (B, N, D), the losses of coding, and figures of the codebooks."""
        if settled:
            return self._known_codes(batch, generator), {}, {}
        model = self.model
        z, _ = model.latents(batch.samples, model.initial_encoder_state(len(batch.samples)))
        parts = {"spread": spread_loss(z)}
        if not quantize:
            return z, parts, {}
        quantized = model.quantizer(z.transpose(1, 2), generator)
        parts["quantizer"] = quantized.loss
        figures = {"usage": quantized.usage.mean(), "perplexity": quantized.perplexity.mean()}
        return quantized.z_q.transpose(1, 2), parts, figures

    def _again(self, said: Speech, z: Tensor, size: int) -> Tensor:
        """Of the first pieces: squared error of the latents that decoded speech is coded from, of the codes' power.

        What is coded again is what a decoder gives: formants sharpened, noise as rough, the pitch that was found.
        """
        model = self.model
        said = Speech(said.gain[:size] @ model.sharpener, said.pitch[:size], said.periodicity[:size])
        state = model.initial_voice_state(size)
        wanted, _ = model.filtered(said, model.best_pitch(said.pitch).detach(), state[:3], model.roughness)
        made = invert_at_once(wanted.magnitude, wanted.phase, model.stft)[:, model.delay :]
        made = made[:, : made.shape[1] // model.config.hop * model.config.hop]
        again, _ = model.latents(made, model.initial_encoder_state(size))
        coded = z[:size, : again.shape[1]].detach()
        return (again - coded).square().mean() / (coded.square().mean() + TINY)

    @torch.no_grad()
    def _known_codes(self, batch: SpeechBatch, generator: torch.Generator) -> Tensor:
        """Quantized latents (B, N, D), each of as many levels as in training, that nothing is learned from."""
        model, size = self.model, len(batch.samples)
        z, _ = model.latents(batch.samples, model.initial_encoder_state(size))
        codes = model.quantizer.encode(z.transpose(1, 2))
        levels = model.quantizer.draw_levels(size, generator)
        of_each = [model.quantizer.decode(codes[i : i + 1, :kept]) for i, kept in enumerate(levels.tolist())]
        return torch.cat(of_each).transpose(1, 2)


@contextlib.contextmanager
def _still(network: nn.Module) -> Iterator[None]:
    """What is computed through it teaches what is before it, not the network."""
    learning = [p for p in network.parameters() if p.requires_grad]
    for p in learning:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in learning:
            p.requires_grad_(True)


class DiscriminatorObjective(nn.Module):
    """Telling decoded speech from real."""

    def __init__(self, discriminators: Discriminators) -> None:
        super().__init__()
        self.discriminators = discriminators

    def forward(self, made: Tensor, real: Tensor) -> dict[str, Tensor]:
        loss = discriminator_loss(self.discriminators(real), self.discriminators(made.detach()))
        return {"loss": loss}
