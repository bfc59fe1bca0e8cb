"""The objectives of training: modules called on a batch, which give their loss and its parts by name, scalars."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ..dsp.griffin_lim import invert_at_once
from ..dsp.pitch import frequency_at
from ..model.quantizers.residual import ResidualQuantizer
from ..model.vqvae import VQVAE, Speech
from .dataset import SpeechBatch
from .discriminators import Discriminators, adversarial_loss, discriminator_loss, feature_loss, power_of
from .losses import SpectralLoss, bin_loss, periodicity_loss, pitch_loss, spread_loss, timbre_loss

MIN_WEIGHT = 0.1  # of a bin without any periodicity; 1 is that of one with nothing else
TINY = 1e-6  # power of latents
CODED_AGAIN = 2  # codebooks whose codes decoded speech is to get again
SHARPNESS = 8.0  # of the choice of a code: in what a level leaves over, squared distance to a nat
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
        again: of decoded speech being coded as it was; 0: it is not coded again. Residual quantizers only.
        judged: share of the pieces that the discriminators see.
        timbre: of the distance of the mean spectra of what decoding gives; it comes with the discriminators.
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
    timbre: float = 0.5
    adversarial: float = 0.1
    features: float = 0.5


class CodecObjective(nn.Module):
    """Everything that trains encoder, quantizer and decoder together.

    The filter is driven by pulses at the labelled pitch: those of a wrong pitch would ask the gains for what no gain
    can do. The pitch itself is learned from its label.
    """

    def __init__(self, model: VQVAE, discriminators: Discriminators, config: CodecObjectiveConfig) -> None:
        super().__init__()
        self.model, self.config, self.spectral = model, config, SpectralLoss(model.config.sample_rate)
        if config.again and not isinstance(model.quantizer, ResidualQuantizer):
            raise ValueError("codes that are looked up in fewer dimensions cannot be asked for again")
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
        z, codes, parts, figures = self._coded(batch, generator, quantize, settled)
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
        if config.again and codes is not None:
            with _still(model.encoder) if settled else contextlib.nullcontext():
                parts["again"] = self._again(said, codes, seen)
        if judged:  # they, and the mean spectrum, are of what decoding gives, postfilter and all
            made = self._as_decoded(said, pitch)[:, : real.shape[1]]
            parts["timbre"] = timbre_loss(made, real, self.spectral)
        made, real = made[:seen], real[:seen]
        if judged:
            judgement = self.judges[0](made, power_of(real))
            parts["adversarial"] = adversarial_loss(judgement)
            with torch.no_grad():
                of_real = self.judges[0](real, power_of(real))
            parts["features"] = feature_loss(of_real, judgement)
        loss = sum(getattr(config, name) * part for name, part in parts.items())
        return {"loss": loss, **parts, **figures, "made": made, "real": real}

    def _coded(
        self, batch: SpeechBatch, generator: torch.Generator, quantize: bool, settled: bool
    ) -> tuple[Tensor, Tensor | None, dict[str, Tensor], dict[str, Tensor]]:
        """What the decoder gets (B, N, D), codes (B, Q, N), the losses of coding, and figures of the codebooks."""
        if settled:
            return *self._known_codes(batch, generator), {}, {}
        model = self.model
        z, _ = model.latents(batch.samples, model.initial_encoder_state(len(batch.samples)))
        parts = {"spread": spread_loss(z)}
        if not quantize:
            return z, None, parts, {}
        quantized = model.quantizer(z.transpose(1, 2), generator)
        parts["quantizer"] = quantized.loss
        figures = {"usage": quantized.usage.mean(), "perplexity": quantized.perplexity.mean()}
        return quantized.z_q.transpose(1, 2), quantized.codes, parts, figures

    def _again(self, said: Speech, codes: Tensor, size: int) -> Tensor:
        """Cross-entropy, in nats a code, of the first codes (B, Q, N) given decoded speech, of the first pieces.

        The likelihood of a code falls with the squared distance of its vector, in units of what the level leaves over:
        were latents only drawn to where they were, all of them would draw together. What is coded again is what a
        decoder gives: formants sharpened, noise as rough, the pitch that was found.
        """
        model = self.model
        said = Speech(said.gain[:size], said.pitch[:size], said.periodicity[:size])
        made = self._as_decoded(said, model.best_pitch(said.pitch).detach())
        made = made[:, : made.shape[1] // model.config.hop * model.config.hop]
        left, _ = model.latents(made, model.initial_encoder_state(size))
        left, wrong = left.float().flatten(0, 1), left.new_zeros(())
        codebooks = cast(ResidualQuantizer, model.quantizer).codebooks()[:CODED_AGAIN]
        for codebook, right in zip(codebooks, codes[:size].transpose(0, 1), strict=False):
            right = right[:, : made.shape[1] // model.config.hop].flatten()
            distance = torch.cdist(left, codebook, compute_mode="use_mm_for_euclid_dist").square()
            error = distance.detach().gather(1, right[:, None]).mean()
            wrong = wrong + cross_entropy(-SHARPNESS * distance / (error + TINY), right)
            left = left - codebook[right]
        return wrong / len(codebooks)

    def _as_decoded(self, said: Speech, pitch: Tensor) -> Tensor:
        """What decoding makes of it at that pitch (B, N) Hz, but for the number of rounds: (B, T), not late."""
        model = self.model
        said = Speech(said.gain @ model.sharpener, said.pitch, said.periodicity)
        wanted, _ = model.filtered(said, pitch, model.initial_voice_state(len(pitch))[:3], model.roughness)
        return invert_at_once(wanted.magnitude, wanted.phase, model.stft)[:, model.delay :]

    @torch.no_grad()
    def _known_codes(self, batch: SpeechBatch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Quantized latents (B, N, D), each of as many levels as in training, and all codes; nothing learns by them."""
        model, size = self.model, len(batch.samples)
        z, _ = model.latents(batch.samples, model.initial_encoder_state(size))
        codes = model.quantizer.encode(z.transpose(1, 2))
        levels = model.quantizer.draw_levels(size, generator)
        of_each = [model.quantizer.decode(codes[i : i + 1, :kept]) for i, kept in enumerate(levels.tolist())]
        return torch.cat(of_each).transpose(1, 2), codes


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
        power = power_of(real)
        loss = discriminator_loss(self.discriminators(real, power), self.discriminators(made.detach(), power))
        return {"loss": loss}
