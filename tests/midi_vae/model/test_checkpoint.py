"""Checkpoints: what is saved is loaded, and whatever else is in the folder is refused in one clear line."""

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
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from latentmix import checkpoint
from latentmix.errors import InputError
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.vae import CHECKPOINT, MelodyVAE

CONFIG = MelodyVAEConfig(16, 8, 12, step_width=4, lowest_pitch=36, pitches=60, prior_width=8, prior_rounds=1)
TUNE = Melody.from_notes([(0, 4, 60), (4, 6, 64), (8, 16, 67), (20, 32, 72)], bars=2)


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    torch.manual_seed(0)
    model = MelodyVAE(CONFIG)
    model.attribute_directions.normal_()
    return model


@pytest.fixture
def folder(model: MelodyVAE, tmp_path: Path) -> Path:
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


refusal = partial(checkpoint_folders.refusal, MelodyVAE.from_pretrained)


# What is saved is loaded


def test_a_loaded_model_is_the_saved_one(model: MelodyVAE, folder: Path) -> None:
    loaded = MelodyVAE.from_pretrained(folder)
    assert loaded.config == CONFIG
    assert not loaded.training
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], tensor), name
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


def test_saving_makes_folders_and_replaces_an_older_checkpoint(model: MelodyVAE, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    model.save_pretrained(deep)
    other = MelodyVAE(MelodyVAEConfig(24, 8, 8, prior_width=8))
    other.save_pretrained(str(deep))
    assert MelodyVAE.from_pretrained(str(deep)).config == other.config


def test_notes_for_people_do_no_harm(model: MelodyVAE, tmp_path: Path) -> None:
    checkpoint.save(CHECKPOINT, model, CONFIG, tmp_path, command="train", hours=2.5)
    assert json.loads((tmp_path / "config.json").read_text())["hours"] == 2.5
    assert MelodyVAE.from_pretrained(tmp_path).config == CONFIG


def test_a_bundled_model_is_found_by_name(model: MelodyVAE, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MelodyVAE, "checkpoint", replace(CHECKPOINT, bundled=tmp_path))
    model.save_pretrained(tmp_path / "tiny")
    assert MelodyVAE.from_pretrained("tiny").config == CONFIG
    with pytest.raises(InputError, match=r"huge: expected a bundled model \(tiny\) or a folder with config.json"):
        MelodyVAE.from_pretrained("huge")


# Whatever else is refused


def test_no_folder_and_an_empty_one(tmp_path: Path) -> None:
    assert "expected a bundled model" in refusal(tmp_path / "nowhere")
    assert "config.json and model.safetensors" in refusal(tmp_path)
    (tmp_path / "file").write_text("{}")
    assert "config.json" in refusal(tmp_path / "file")


@pytest.mark.parametrize("name", ["", "..", "no\0name", "x" * 5000])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="expected a bundled model"):
        MelodyVAE.from_pretrained(name)


def test_a_missing_file(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    assert refusal(folder).startswith(f"{folder / 'model.safetensors'}: cannot read the file")


@pytest.mark.parametrize("keep", [0, 4, 8, 50, -1])
def test_cut_off_weights(folder: Path, keep: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    assert refusal(folder).startswith(f"{path}: expected safetensors, found a damaged file")


@settings(max_examples=150)
@given(data=st.data())
def test_damaged_weights_are_loaded_or_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        checkpoint.save(CHECKPOINT, torch.nn.Linear(2, 2), CONFIG, folder)
        (folder / "whole").write_bytes((folder / "model.safetensors").read_bytes())
    content = bytearray((folder / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "model.safetensors").write_bytes(content)
    try:
        checkpoint.load(CHECKPOINT, folder, MelodyVAEConfig)
    except InputError as error:
        assert str(folder / "model.safetensors") in str(error)


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_no_pickle_is_opened(folder: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    path = folder / "model.safetensors"
    path.write_bytes(pickle.dumps(Trap(str(sprung))))
    assert "expected safetensors" in refusal(folder)
    torch.save({"trap": Trap(str(sprung))}, path)
    assert "expected safetensors" in refusal(folder)
    path.rename(folder / "pytorch_model.bin")
    assert "cannot read the file" in refusal(folder)
    assert not sprung.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000, b"{'format': 1}"], ids=range(5))
def test_what_is_no_json(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: expected JSON, found")


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}", '"latentmix.midi_vae"'])
def test_json_of_something_else(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    assert "expected format latentmix.midi_vae version 2, found None version None" in refusal(folder)


def test_another_version_and_another_format(folder: Path) -> None:
    edit(folder, version=1)
    assert "expected format latentmix.midi_vae version 2, found latentmix.midi_vae version 1" in refusal(folder)
    edit(folder, version=2, format="latentmix.audiovq")
    assert "found latentmix.audiovq version 2" in refusal(folder)


@pytest.mark.parametrize("config", [None, [], "wide", 7])
def test_a_config_that_is_none(folder: Path, config: object) -> None:
    edit(folder, config=config)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: expected a config of MelodyVAEConfig")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", "wide"),
        ("width", None),
        ("width", 8.0),
        ("width", True),
        ("width", [8]),
        ("width", 0),
        ("width", -8),
        ("width", 10**12),
        ("encoder_blocks", 65),
        ("latent_size", 12),
        ("pitches", 11),
        ("pitches", 128),
        ("height", 3),
    ],
)
def test_a_config_that_cannot_be(folder: Path, name: str, value: object) -> None:
    edit_config(folder, **{name: value})
    message = refusal(folder)
    assert message.startswith(f"{folder / 'config.json'}: expected a config of MelodyVAEConfig, found ")
    assert name in message


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", 16), ("encoder_blocks", 2), ("pitches", 59), ("width", 1024), ("prior_rounds", 64)],
)
def test_weights_of_another_shape(folder: Path, name: str, value: int) -> None:
    edit_config(folder, **{name: value})
    message = refusal(folder)
    assert message.startswith(f"{folder / 'model.safetensors'}: expected ")
    assert "the weights do not belong to config.json" in message


def test_missing_and_unknown_tensors(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({k: v for k, v in tensors.items() if k != "rhythm_head.bias"}, path)
    assert "expected (3,) for rhythm_head.bias, found nothing" in refusal(folder)
    save_file(tensors | {"extra": torch.zeros(2)}, path)
    assert "expected nothing for extra, found (2,)" in refusal(folder)


def test_what_is_too_large_to_be_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentmix.checkpoint.MAX_WEIGHT_BYTES", 1000)
    assert "expected at most 1000 bytes, found more" in refusal(folder)
    monkeypatch.setattr("latentmix.checkpoint_format.MAX_CONFIG_BYTES", 20)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: expected at most 20 bytes")


def test_a_folder_that_cannot_be_made(model: MelodyVAE, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot make the folder") as caught:
            model.save_pretrained(place)
        assert str(place) in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_that_cannot_be_written_leaves_nothing_half_done(model: MelodyVAE, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(InputError, match=r"model\.safetensors: expected the name of a file to write, found a folder"):
        model.save_pretrained(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
