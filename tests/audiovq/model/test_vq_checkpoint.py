"""Checkpoints of the codec: what is saved is loaded, and whatever else is in the folder is refused in one line."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from functools import partial
from pathlib import Path

import checkpoint_folders
import pytest
import torch
from checkpoint_folders import edit, edit_config
from safetensors.torch import load_file, save_file

from audiovq.model.vqvae import VQVAE, VQVAEConfig
from latentmix.errors import InputError

CONFIG = VQVAEConfig(
    encoder_width=8,
    decoder_width=8,
    encoder_dilations=(1,),
    decoder_dilations=(2,),
    latent_size=4,
    codebooks=2,
    codes=8,
)


@pytest.fixture(scope="module")
def model() -> VQVAE:
    torch.manual_seed(0)
    model = VQVAE(CONFIG).eval()
    model.quantizer.initialise(torch.randn(1, 4, 64), torch.Generator().manual_seed(0))
    return model


@pytest.fixture
def folder(model: VQVAE, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


refusal = partial(checkpoint_folders.refusal, VQVAE.from_pretrained)


# What is saved is loaded


def test_a_loaded_model_is_the_saved_one(model: VQVAE, folder: Path) -> None:
    loaded = VQVAE.from_pretrained(folder)
    assert loaded.config == CONFIG
    assert not loaded.training
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], tensor), name
    assert loaded.fingerprint == model.fingerprint
    x = 0.1 * torch.randn(1, 4 * CONFIG.hop, generator=torch.Generator().manual_seed(0))
    codes, again = (m.encode_step(x, m.initial_encoder_state(1))[0] for m in (model, loaded))
    assert torch.equal(codes, again)
    y, same = (m.decode_step(codes, m.initial_decoder_state(1))[0] for m in (model, loaded))
    assert torch.equal(y, same)


def test_half_keeps_what_float16_can(model: VQVAE, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path, half=True)
    state = VQVAE.from_pretrained(tmp_path).state_dict()
    for name, tensor in model.state_dict().items():
        assert state[name].dtype == tensor.dtype
        expected = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(state[name], expected), name


def test_a_folder_holds_weights_and_json_and_nothing_else(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
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


def test_a_bundled_model_is_found_by_name(model: VQVAE, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VQVAE, "checkpoint", replace(VQVAE.checkpoint, bundled=tmp_path))
    model.save_pretrained(tmp_path / "tiny")
    assert VQVAE.from_pretrained("tiny").config == CONFIG
    with pytest.raises(InputError, match=r"huge: expected a bundled model \(tiny\) or a folder with config.json"):
        VQVAE.from_pretrained("huge")


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


def test_no_folder_and_an_empty_one(tmp_path: Path) -> None:
    assert "expected a bundled model" in refusal(tmp_path / "nowhere")
    assert "config.json and model.safetensors" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["", "..", "no\0name", "x" * 5000])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="expected a bundled model"):
        VQVAE.from_pretrained(name)


def test_a_missing_file(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert refusal(folder).startswith(f"{folder / 'model.safetensors'}: cannot read the file")


@pytest.mark.parametrize("keep", [0, 4, 8, 50, -1])
def test_cut_off_weights(folder: Path, keep: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    assert refusal(folder).startswith(f"{path}: expected safetensors, found a damaged file")


def test_pickles_are_not_read(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(pickle.dumps({"weight": 1}))
    assert "expected safetensors" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000], ids=range(4))
def test_what_is_no_json(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: expected JSON, found")


def test_another_version_and_another_format(folder: Path) -> None:
    edit(folder, version=2)
    assert "expected format latentmix.audiovq version 1, found latentmix.audiovq version 2" in refusal(folder)
    edit(folder, version=1, format="latentmix.midi_vae")
    assert "found latentmix.midi_vae version 1" in refusal(folder)
    (folder / "config.json").write_text("[]")
    assert "found None version None" in refusal(folder)


@pytest.mark.parametrize("config", [None, [], "wide", 7])
def test_a_config_that_is_none(folder: Path, config: object) -> None:
    edit(folder, config=config)
    message = refusal(folder)
    # nothing at all is the standard sizes, and those are not the weights'
    assert "expected a config of VQVAEConfig" in message or (config == [] and "do not belong" in message)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("encoder_width", "wide"),
        ("encoder_width", None),
        ("encoder_width", 8.0),
        ("encoder_width", True),
        ("encoder_width", 10**12),
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
    edit_config(folder, **{name: value})
    message = refusal(folder)
    assert message.startswith(f"{folder / 'config.json'}: expected a config of VQVAEConfig, found ")
    assert ("kind" if name == "quantizer" else name) in message


@pytest.mark.parametrize(("name", "value"), [("encoder_width", 16), ("codebooks", 3), ("codes", 9), ("lookup_dim", 2)])
def test_weights_of_another_shape(folder: Path, name: str, value: int) -> None:
    edit_config(folder, **{name: value})
    assert "the weights do not belong to config.json" in refusal(folder)


def test_missing_and_unknown_tensors(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({k: v for k, v in tensors.items() if k != "encoder.enter.bias"}, path)
    assert "expected (8,) for encoder.enter.bias, found nothing" in refusal(folder)
    save_file(tensors | {"extra": torch.zeros(2)}, path)
    assert "expected nothing for extra, found (2,)" in refusal(folder)


def test_what_is_too_large_to_be_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentmix.checkpoint.MAX_WEIGHT_BYTES", 1000)
    assert "expected at most 1000 bytes, found more" in refusal(folder)


def test_what_cannot_be_written_leaves_nothing_half_done(model: VQVAE, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="cannot make the folder"):
        model.save_pretrained(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "model" / "model.safetensors").mkdir(parents=True)
    with pytest.raises(InputError, match=r"model\.safetensors: expected the name of a file to write, found a folder"):
        model.save_pretrained(tmp_path / "model")
    assert [p.name for p in (tmp_path / "model").iterdir()] == ["model.safetensors"]
