"""What is saved is loaded, and whatever else stands in a folder is refused in one line; for every kind of model."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import checkpoint_folders
import pytest
import torch
from checkpoint_folders import edit
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from latentmix import checkpoint
from latentmix.checkpoint import Pretrained
from latentmix.checkpoint_format import CheckpointFormat
from latentmix.errors import InputError

FORMAT = CheckpointFormat("latentmix.toy", 2, Path("nowhere"))


@dataclass(frozen=True)
class ToyConfig:
    width: int = 4
    scales: tuple[int, ...] = (1, 2)


class Toy(Pretrained, torch.nn.Module):
    checkpoint = FORMAT
    config_class = ToyConfig
    default = "tiny"

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config = config
        self.line = torch.nn.Linear(config.width, len(config.scales))
        self.seen = torch.nn.Buffer(torch.arange(3))


@pytest.fixture
def model() -> Toy:
    torch.manual_seed(0)
    return Toy(ToyConfig(scales=(3, 5)))


folder = checkpoint_folders.saved_folder
refusal = partial(checkpoint_folders.refusal, Toy.from_pretrained)


# What is saved is loaded


def test_a_loaded_model_is_the_saved_one(model: Toy, folder: Path) -> None:
    checkpoint_folders.check_saved(model, folder)


def test_half_keeps_what_float16_can(model: Toy, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path, half=True)
    state = Toy.from_pretrained(tmp_path).state_dict()
    for name, tensor in model.state_dict().items():
        assert state[name].dtype == tensor.dtype
        expected = tensor.half().float() if tensor.is_floating_point() else tensor
        assert torch.equal(state[name], expected), name
    assert load_file(tmp_path / "model.safetensors")["line.weight"].dtype == torch.float16


def test_a_folder_holds_weights_and_json_and_nothing_else(folder: Path) -> None:
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]
    described = json.loads((folder / "config.json").read_text())
    assert described == {"format": "latentmix.toy", "version": 2, "config": {"width": 4, "scales": [3, 5]}}


def test_saving_makes_folders_and_replaces_an_older_checkpoint(model: Toy, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    model.save_pretrained(deep)
    other = Toy(ToyConfig(7))
    other.save_pretrained(str(deep))
    assert Toy.from_pretrained(str(deep)).config == other.config


def test_notes_for_people_do_no_harm(model: Toy, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path, command="train", hours=2.5)
    assert json.loads((tmp_path / "config.json").read_text())["hours"] == 2.5
    assert Toy.from_pretrained(tmp_path).config == model.config


def test_a_bundled_model_is_found_by_name(model: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "checkpoint", replace(FORMAT, bundled=tmp_path))
    model.save_pretrained(tmp_path / "tiny")
    for found in (Toy.from_pretrained("tiny"), Toy.from_pretrained()):
        assert found.config == model.config
    with pytest.raises(InputError, match=r"huge: expected a bundled model \(tiny\) or a folder with config.json"):
        Toy.from_pretrained("huge")


# Whatever else is refused


def test_no_folder_and_an_empty_one(tmp_path: Path) -> None:
    assert "expected a bundled model" in refusal(tmp_path / "nowhere")
    assert "config.json and model.safetensors" in refusal(tmp_path)
    (tmp_path / "file").write_text("{}")
    assert "config.json" in refusal(tmp_path / "file")


@pytest.mark.parametrize("name", ["", "..", "no\0name", "x" * 5000])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="expected a bundled model"):
        Toy.from_pretrained(name)


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
        Toy(ToyConfig()).save_pretrained(folder)
        (folder / "whole").write_bytes((folder / "model.safetensors").read_bytes())
    content = bytearray((folder / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "model.safetensors").write_bytes(content)
    try:
        checkpoint.load(FORMAT, folder, ToyConfig)
    except InputError as error:
        assert str(folder / "model.safetensors") in str(error)


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
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


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}", '"latentmix.toy"'])
def test_json_of_something_else(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    assert "expected format latentmix.toy version 2, found None version None" in refusal(folder)


def test_another_version_and_another_format(folder: Path) -> None:
    edit(folder, version=1)
    assert "expected format latentmix.toy version 2, found latentmix.toy version 1" in refusal(folder)
    edit(folder, version=2, format="latentmix.audiovq")
    assert "found latentmix.audiovq version 2" in refusal(folder)


@pytest.mark.parametrize("config", [None, "wide", 7, [], {"height": 3}, {"width": "4"}, {"scales": 3}])
def test_a_config_that_is_none(folder: Path, config: object) -> None:
    edit(folder, config=config)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: expected a config of ToyConfig")


def test_missing_and_unknown_tensors(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    save_file({k: v for k, v in tensors.items() if k != "line.bias"}, path)
    assert "expected (2,) for line.bias, found nothing" in refusal(folder)
    save_file(tensors | {"extra": torch.zeros(2)}, path)
    assert "expected nothing for extra, found (2,)" in refusal(folder)


def test_what_is_too_large_to_be_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latentmix.checkpoint.MAX_WEIGHT_BYTES", 100)
    assert "expected at most 100 bytes, found more" in refusal(folder)
    monkeypatch.setattr("latentmix.checkpoint_format.MAX_CONFIG_BYTES", 20)
    assert refusal(folder).startswith(f"{folder / 'config.json'}: expected at most 20 bytes")


def test_a_folder_that_cannot_be_made(model: Toy, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="cannot make the folder") as caught:
            model.save_pretrained(place)
        assert str(place) in str(caught.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_that_cannot_be_written_leaves_nothing_half_done(model: Toy, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").mkdir()
    with pytest.raises(InputError, match=r"model\.safetensors: expected the name of a file to write, found a folder"):
        model.save_pretrained(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
