"""A small model of sounds, and tones to give it."""

from __future__ import annotations

import numpy as np
import torch

from audiovq.sound.config import SoundConfig
from audiovq.sound.model import SoundModel

RATE = 48_000
SMALL = SoundConfig(
    bands=24, encoder_width=16, decoder_width=16, encoder_dilations=(1, 2), latent_size=4, codebooks=2, codes=8
)


def small_model(config: SoundConfig = SMALL) -> SoundModel:
    torch.manual_seed(0)
    return SoundModel(config).eval()


def played(hertz: float, seconds: float, level: float = 0.1, overtones: int = 12) -> np.ndarray:
    """Samples (T,) of a tone whose overtones fall by an octave's half each."""
    t = np.arange(round(seconds * RATE)) / RATE
    waves = [np.sin(2 * np.pi * k * hertz * t) / k for k in range(1, overtones + 1) if k * hertz < 20_000]
    return (level * np.sum(waves, 0)).astype(np.float32)
