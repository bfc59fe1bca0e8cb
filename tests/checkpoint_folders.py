"""Folders of checkpoints, changed by hand and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from latentmix.checkpoint import Pretrained
from latentmix.errors import InputError

Model = TypeVar("Model", bound=Any)  # of a class that is `Pretrained`


@pytest.fixture
def saved_folder(model: Pretrained, tmp_path: Path) -> Path:
    """Where the model of a test module is saved."""
    model.save_pretrained(tmp_path / "saved")
    return tmp_path / "saved"


def refusal(load: Callable[[Path], object], folder: Path) -> str:
    """The one line with which a folder is refused."""
    with pytest.raises(InputError) as caught:
        load(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def edit(folder: Path, **changes: object) -> None:
    """Other values in config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_config(folder: Path, **changes: object) -> None:
    """Other values in the configuration that stands in config.json."""
    edit(folder, config=json.loads((folder / "config.json").read_text())["config"] | changes)


def no_sizes(name: str) -> list[tuple[str, object]]:
    """Values of a size in a configuration that no size can have, for `pytest.mark.parametrize`."""
    return [(name, value) for value in ("wide", None, 8.0, True, 10**12)]


def check_saved(model: Model, folder: Path) -> Model:
    """The model that is loaded from the folder: with configuration and tensors, bit for bit, of the saved one."""
    loaded = type(model).from_pretrained(folder)
    assert loaded.config == model.config
    assert not loaded.training
    state = loaded.state_dict()
    assert state.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], tensor), name
    return loaded


def check_another_shape(load: Callable[[Path], object], folder: Path, name: str, value: object) -> None:
    """Weights that do not fit what config.json says are refused."""
    edit_config(folder, **{name: value})
    message = refusal(load, folder)
    assert message.startswith(f"{folder / 'model.safetensors'}: expected ")
    assert "the weights do not belong to config.json" in message


def check_impossible_config(
    load: Callable[[Path], object], folder: Path, config: type, name: str, value: object, said: str = ""
) -> None:
    """A value that a configuration cannot have is refused, by its name or as `said`."""
    edit_config(folder, **{name: value})
    message = refusal(load, folder)
    assert message.startswith(f"{folder / 'config.json'}: expected a config of {config.__name__}, found ")
    assert (said or name) in message
