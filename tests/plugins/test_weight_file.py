"""Weight files that are damaged, cut off or lie about their sizes: refused with a line, and never read beyond."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from native_engine import Engine, Library
from sanitized import check_weights
from weight_mutations import checked, mutated

from latentmix.errors import InputError
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE

TINY = MelodyVAEConfig(width=8, latent_size=8, across=8, step_width=8, critic_width=8, decoder_blocks=1, pitches=12)
MUTATIONS = 2000


@pytest.fixture(scope="module")
def data() -> bytes:
    torch.manual_seed(0)
    melodies = [Melody.from_notes([(0, 4, 60), (8, 20, 64)], bars=2, name="one") for _ in range(2)]
    return plugin_weights(MelodyVAE(TINY), "Tiny", "org.example.tiny", melodies)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda d: b"MThd" + d[4:], "expected the weights of a latentmix plugin"),
        (lambda d: d[:100], "expected the weights of a latentmix plugin"),
        (lambda d: b"", "expected the weights of a latentmix plugin"),
        (lambda d: d[:8] + b"\2" + d[9:], "expected version 1 of the format, found 2"),
        (lambda d: d[:-1], "cut off or damaged"),
        (lambda d: d[:600] + bytes([d[600] ^ 1]) + d[601:], "checksum"),
        (lambda d: checked(d[:44] + struct.pack("<I", 4096) + d[48:]), "latent_size from 8 to 1024, found 4096"),
        (lambda d: checked(d[:48] + struct.pack("<I", 16) + d[52:]), "do not fit the length"),
        (lambda d: checked(d[:-64]), "do not fit the length"),
        (lambda d: checked(d + bytes(64)), "do not fit the length"),
        (lambda d: checked(d[:88] + struct.pack("<f", float("nan")) + d[92:]), "fusion"),
        (lambda d: checked(d[:512] + struct.pack("<f", float("inf")) + d[516:]), "NaN or infinity"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(change, line: str, data: bytes, library: Library) -> None:
    with pytest.raises(ValueError, match=line):
        Engine(library, change(data))


def test_halves_of_infinity_are_found_on_every_path(library: Library) -> None:
    torch.manual_seed(0)
    data = plugin_weights(MelodyVAE(TINY), "Tiny", "org.example.tiny", half=True)
    for path in ("plain", None):
        with pytest.raises(ValueError, match="NaN or infinity"):
            Engine(library, checked(data[:512] + struct.pack("<e", float("inf")) + data[514:]), path)


def test_mutated_files_under_sanitizers(data: bytes, tmp_path: Path) -> None:
    """2,000 of them are read under address and undefined-behaviour sanitizers, and used where they are whole."""
    check_weights("read_weights.cpp", [data, *mutated(data, MUTATIONS)], tmp_path)


@pytest.mark.parametrize(("part", "value"), [("encoder", 3e38), ("decoder", float("nan")), ("critic", float("inf"))])
def test_a_model_that_went_astray_is_no_plugin(part: str, value: float) -> None:
    """Also one whose weights are numbers, and its latents none."""
    model = MelodyVAE(TINY)
    with torch.no_grad():
        for parameter in getattr(model, part).parameters():
            parameter.fill_(value)
    with pytest.raises(InputError, match="found NaN or infinity: the training went astray"):
        plugin_weights(model, "ok", "org.x")


def test_names_and_models_that_cannot_be() -> None:
    model = MelodyVAE(TINY)
    for name, plugin_id in (("", "org.x"), ("x" * 64, "org.x"), ("a\nb", "org.x"), ("ok", "Org X"), ("ok", "a" * 64)):
        with pytest.raises(InputError, match="expected"):
            plugin_weights(model, name, plugin_id)
    with pytest.raises(InputError, match="latent iaf"):
        plugin_weights(MelodyVAE(MelodyVAEConfig(width=8, latent_size=8, latent="iaf")), "ok", "org.x")
    with pytest.raises(InputError, match="latent vq"):
        plugin_weights(MelodyVAE(MelodyVAEConfig(width=8, latent_size=64, latent="vq")), "ok", "org.x")
    with pytest.raises(InputError, match="bars of at most 32"):
        plugin_weights(model, "ok", "org.x", [Melody(np.zeros(36, np.int16), (9, 4))])
