"""What trains a model of sounds: a module called on a batch, which gives the loss and its parts by name, scalars."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..dsp.spectral_distance import WINDOWS, spectral_distance
from ..sound.model import Sound, SoundModel
from .losses import spread_loss
from .sound_dataset import SoundBatch
from .sound_losses import buzz_loss


@dataclass(frozen=True)
class SoundObjectiveConfig:
    """Weights of the terms.

    Attributes:
        distance: of the spectral distance, which is in dB.
        buzz: of harmonics where nothing repeats.
        spread: of the whiteness of the latents.
        quantizer: of the quantizer's own loss.
    """

    distance: float = 1.0
    buzz: float = 0.5
    spread: float = 0.2
    quantizer: float = 1.0


class SoundObjective(nn.Module):
    """Encoder, quantizer and decoder, trained together; half of the pieces go through the codebooks, half do not."""

    def __init__(self, model: SoundModel) -> None:
        super().__init__()
        self.model, self.config = model, SoundObjectiveConfig()

    def forward(self, batch: SoundBatch, generator: torch.Generator | None, quantize: bool) -> dict[str, Tensor]:
        """Loss and parts.

        Args:
            quantize: whether the codebooks take part.
        """
        model, size, parts = self.model, len(batch.samples), {}
        z, _ = model.timbre(batch.features, batch.controls, model.encoder.start(size))
        parts["spread"] = spread_loss(z)
        if quantize:
            quantized = model.quantizer(z.transpose(1, 2), generator)
            parts["quantizer"] = quantized.loss
            through = torch.arange(size, device=z.device)[:, None, None] < size // 2
            z = torch.where(through, quantized.z_q.transpose(1, 2), z)
        sound = Sound(batch.controls, z)
        gains, _ = model.gains(sound, model.decoder.start(size))
        made = heard(model, gains, sound)
        which = int(torch.randint(2, (1,), generator=generator))  # two of the windows at a time: half the work
        windows = WINDOWS[which::2]
        parts["distance"] = spectral_distance(made, batch.samples, model.config.sample_rate, windows).mean
        harmonic, rough = model.synthesis.bin_gains(gains, batch.controls)
        parts["buzz"] = buzz_loss(harmonic, rough, batch.controls.harmonicity)
        loss = sum(getattr(self.config, name) * part for name, part in parts.items())
        return {"loss": loss, **parts}


def heard(model: SoundModel, gains: Tensor, sound: Sound) -> Tensor:
    """Samples (B, N * hop) of pieces by themselves, without the delay: aligned with what was analysed."""
    state = model.synthesis.start(len(gains))
    y, after = model.synthesis(gains, sound.controls, state)
    return torch.cat([y, after[-1]], 1)[:, model.delay :]
