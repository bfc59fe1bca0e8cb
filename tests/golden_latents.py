"""Latents from which every build of the engine has to decode what PyTorch decodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from midi_vae.importing import read_melody
from midi_vae.music.windows import to_windows
from midi_vae.vae import MelodyVAE

EXAMPLES = sorted((Path(__file__).resolve().parents[1] / "examples").glob("*.mid"))
MIXES = 500


def mixes(model: MelodyVAE, count: int) -> torch.Tensor:
    """Latents (count, D) between windows of the melodies in `examples`."""
    windows = np.concatenate([to_windows(read_melody(path)[0]) for path in EXAMPLES])
    z = model.encode_windows(windows)
    random = np.random.default_rng(3)
    a, b = random.integers(len(z), size=(2, count))
    return torch.lerp(z[a], z[b], torch.from_numpy(random.random((count, 1), np.float32)))


def golden_latents(model: MelodyVAE) -> torch.Tensor:
    """(2500, D): 2,000 latents (drawn melodies, pure noise, points further out) and 500 mixes of real melodies."""
    torch.manual_seed(5)
    further = [torch.randn(1200, 256), 2 * torch.randn(400, 256)]
    return torch.cat([model.sample_latents(400, seed=4), *further, mixes(model, MIXES)])
