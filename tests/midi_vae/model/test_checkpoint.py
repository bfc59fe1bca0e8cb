"""Checkpoints: what is saved is loaded, and whatever else is in the folder is refused in one clear line."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import checkpoint_folders
import pytest
import torch
from checkpoint_folders import check_another_shape, check_impossible_config, check_saved, no_sizes
from safetensors.torch import load_file

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.vae import MelodyVAE

CONFIG = MelodyVAEConfig(16, 8, 12, step_width=4, lowest_pitch=36, pitches=60, prior_width=8, prior_rounds=1)
TUNE = Melody.from_notes([(0, 4, 60), (4, 6, 64), (8, 16, 67), (20, 32, 72)], bars=2)


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    torch.manual_seed(0)
    model = MelodyVAE(CONFIG)
    model.attribute_directions.normal_()
    return model


folder = checkpoint_folders.saved_folder
refusal = partial(checkpoint_folders.refusal, MelodyVAE.from_pretrained)


# What is saved is loaded


def test_a_loaded_model_is_the_saved_one(model: MelodyVAE, folder: Path) -> None:
    loaded = check_saved(model, folder)
    z = model.encode([TUNE])
    assert torch.equal(loaded.encode([TUNE]), z)
    assert loaded.decode(z) == model.decode(z)
    assert loaded.sample(3, seed=1) == model.sample(3, seed=1)


def test_half_keeps_what_float16_can(model: MelodyVAE, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "half", half=True)
    model.save_pretrained(tmp_path / "whole")
    state = MelodyVAE.from_pretrained(tmp_path / "half").state_dict()
    for name, tensor in model.state_dict().items():
        assert state[name].dtype == torch.float32
        assert torch.equal(state[name], tensor.half().float()), name
        torch.testing.assert_close(state[name], tensor, rtol=2**-11, atol=2**-24)
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("half", "whole")]
    assert 0.5 <= sizes[0] / sizes[1] < 0.65


def test_a_folder_holds_weights_and_json_and_nothing_else(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    described = json.loads((folder / "config.json").read_text())
    assert (described["format"], described["version"]) == ("latentmix.midi_vae", 2)
    assert MelodyVAEConfig(**described["config"]) == CONFIG
    assert "attribute_directions" in load_file(folder / "model.safetensors")


# Whatever else is refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *no_sizes("width"),
        ("width", [8]),
        ("width", 0),
        ("width", -8),
        ("encoder_blocks", 65),
        ("latent_size", 12),
        ("pitches", 11),
        ("pitches", 128),
        ("height", 3),
    ],
)
def test_a_config_that_cannot_be(folder: Path, name: str, value: object) -> None:
    check_impossible_config(MelodyVAE.from_pretrained, folder, MelodyVAEConfig, name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 16), ("encoder_blocks", 2), ("pitches", 59), ("width", 1024), ("prior_rounds", 64)],
)
def test_weights_of_another_shape(folder: Path, name: str, value: int) -> None:
    check_another_shape(MelodyVAE.from_pretrained, folder, name, value)
