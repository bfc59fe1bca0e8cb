"""Weights of 16 bits: each path's products by them are those of the numbers that they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from native_engine import Engine, Library
from sanitized import build, said_of

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE

TINY = MelodyVAEConfig(width=8, latent_size=8, across=8, step_width=8, critic_width=8, decoder_blocks=1, pitches=12)


def test_products_are_those_of_the_halves(tmp_path: Path) -> None:
    """All finite halves, also those below the normal ones; odd numbers of inputs, outputs and rows; large inputs."""
    said = dict(line.split() for line in said_of(build("multiply_halves.cpp", (), tmp_path), []))
    assert "plain" in said
    assert all(int(count) > 4 * 32768 for count in said.values())


def test_weights_that_the_plain_path_cannot_pack_stay_as_they_are(library: Library) -> None:
    """From 128 on a half has no place there: its matrix is kept as floats, and latents are those of other paths."""
    torch.manual_seed(0)
    model = MelodyVAE(TINY)
    with torch.no_grad():
        for parameter in model.encoder.parameters():
            if parameter.ndim == 2:
                parameter[0, 0] = 300.0
    data = plugin_weights(model, "Tiny", "org.example.tiny", half=True)
    tokens = np.array([[60 + 2 if i % 4 == 0 else 0 for i in range(32)]], np.int32)
    plain, quick = (Engine(library, data, path).encode(tokens) for path in ("plain", None))
    np.testing.assert_allclose(plain, quick, rtol=1e-5, atol=1e-5)
    assert np.abs(plain).max() > 0
