"""Folders of checkpoints, changed by hand and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from latentmix.errors import InputError


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
