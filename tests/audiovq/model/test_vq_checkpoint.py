"""Checkpoints of the codec: what is saved is loaded, and whatever else is in the folder is refused in one line."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import checkpoint_folders
import pytest
import torch
from checkpoint_folders import check_another_shape, check_impossible_config, check_saved, edit_config, no_sizes
from safetensors.torch import load_file, save_file
from small_codec import SMALL, small_model

from audiovq.model.config import VQVAEConfig
from audiovq.model.vqvae import VQVAE

CONFIG = replace(SMALL, decoder_dilations=(2,))


@pytest.fixture(scope="module")
def model() -> VQVAE:
    return small_model(CONFIG)


folder = checkpoint_folders.saved_folder
refusal = partial(checkpoint_folders.refusal, VQVAE.from_pretrained)


# What is saved is loaded


def test_a_loaded_model_is_the_saved_one(model: VQVAE, folder: Path) -> None:
    loaded = check_saved(model, folder)
    assert loaded.fingerprint == model.fingerprint
    x = 0.1 * torch.randn(1, 4 * CONFIG.hop, generator=torch.Generator().manual_seed(0))
    codes, again = (m.encode_step(x, m.initial_encoder_state(1))[0] for m in (model, loaded))
    assert torch.equal(codes, again)
    y, same = (m.decode_step(codes, m.initial_decoder_state(1))[0] for m in (model, loaded))
    assert torch.equal(y, same)


def test_it_says_what_it_is(folder: Path) -> None:
    described = json.loads((folder / "config.json").read_text())
    assert (described["format"], described["version"]) == ("latentmix.audiovq", 1)
    assert described["config"]["decoder_dilations"] == [2]


def test_names_of_the_weights_stay(model: VQVAE) -> None:
    """What published weights are called."""
    names = {name for name in model.state_dict() if not name.startswith("quantizer")}
    layer = {f"{w}.{p}" for w in ("norm", "taps", "out") for p in ("weight", "bias")}
    stacks = {f"{stack}.blocks.0.{name}" for stack in ("encoder", "decoder") for name in layer}
    ends = {
        f"{s}.{e}.{p}"
        for s in ("encoder", "decoder")
        for e in ("enter", "leave.0", "leave.1")
        for p in ("weight", "bias")
    }
    assert names == stacks | ends
    level = ("usage", "started", "codebook", "sizes", "sums")
    assert model.state_dict().keys() - names == {f"quantizer.levels.{n}.{part}" for n in (0, 1) for part in level}


# The fingerprint


def test_the_fingerprint_tells_weights_and_configurations_apart(model: VQVAE, folder: Path) -> None:
    assert len(model.fingerprint) == 8
    path = folder / "model.safetensors"
    tensors = load_file(path)
    found = {model.fingerprint}
    for name in ("encoder.enter.bias", "quantizer.levels.1.codebook"):
        changed = tensors[name].clone()
        changed.flatten()[0] += 1e-3
        save_file(tensors | {name: changed}, path)
        found.add(VQVAE.from_pretrained(folder).fingerprint)
    save_file(tensors, path)
    edit_config(folder, decoder_dilations=[3])
    found.add(VQVAE.from_pretrained(folder).fingerprint)
    assert len(found) == 4


# Whatever else is refused


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *no_sizes("encoder_width"),
        ("codebooks", 0),
        ("codes", 1 << 30),
        ("lookup_dim", 10**9),
        ("decoder_dilations", [1] * 1000),
        ("decoder_dilations", ["1"]),
        ("decoder_dilations", 3),
        ("quantizer", "best"),
        ("sample_rate", 44100),
        ("height", 3),
    ],
)
def test_a_config_that_cannot_be(folder: Path, name: str, value: object) -> None:
    said = "kind" if name == "quantizer" else name
    check_impossible_config(VQVAE.from_pretrained, folder, VQVAEConfig, name, value, said)


@pytest.mark.parametrize(("name", "value"), [("encoder_width", 16), ("codebooks", 3), ("codes", 9), ("lookup_dim", 2)])
def test_weights_of_another_shape(folder: Path, name: str, value: int) -> None:
    check_another_shape(VQVAE.from_pretrained, folder, name, value)


def test_a_new_entry_that_says_what_was_meant_without_it_leaves_fingerprints_as_they_were(model: VQVAE) -> None:
    """Files name their weights by it: those of a release before there were more pitch bins are still read."""
    old = {name: value for name, value in vars(CONFIG).items() if name not in ("pitch_bins", "levels", "codes_of")}
    digest = hashlib.sha256(json.dumps(old, sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    assert model.fingerprint == digest.digest()[:8]
    more = VQVAE(replace(CONFIG, pitch_bins=175)).eval()
    assert more.fingerprint != model.fingerprint
    louder = VQVAE(replace(CONFIG, levels=(1.0, 0.5))).eval()
    louder.load_state_dict(model.state_dict())
    assert louder.fingerprint == model.fingerprint


def test_a_decoder_that_learned_more_reads_and_writes_the_files_of_before(model: VQVAE) -> None:
    later = VQVAE(replace(CONFIG, codes_of=model.fingerprint.hex())).eval()
    assert later.fingerprint == model.fingerprint


@pytest.mark.parametrize("codes_of", ["00", "1DD9F160A9F66B9A", "1dd9f160a9f66b9a\n", "x" * 16])
def test_fingerprints_that_cannot_be_are_refused(codes_of: str) -> None:
    with pytest.raises(ValueError, match="16 hexadecimal digits"):
        replace(CONFIG, codes_of=codes_of)


@pytest.mark.parametrize("levels", [(1.0,), (1.0, 2.0, 3.0), (1.0, 99.0), (1.0, math.nan), (1.0, 2), (1.0, "2")])
def test_levels_that_cannot_be_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="one for each of 2 codebooks"):
        replace(CONFIG, levels=levels)


def test_frames_are_decoded_as_much_louder_as_the_configuration_says(model: VQVAE) -> None:
    even = {k: 0.1 * v if k.startswith("decoder.leave") else v for k, v in model.state_dict().items()}
    same, louder = (VQVAE(replace(CONFIG, levels=levels)).eval() for levels in ((), (6.0, -6.0)))
    for each in (same, louder):
        each.load_state_dict(even)
    codes = torch.randint(0, 8, (1, 2, 40), generator=torch.Generator().manual_seed(0))
    codes[:, 1, :20] = -1
    plain, made = (m.decode_step(codes, m.initial_decoder_state(1))[0][0] for m in (same, louder))
    for part, decibels in ((slice(1000, 5500), 6.0), (slice(7500, None), -6.0)):
        ratio = made[part].square().mean() / plain[part].square().mean()
        assert 10.0 * math.log10(ratio) == pytest.approx(decibels, abs=0.2)
