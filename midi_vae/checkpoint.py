"""A checkpoint is a folder of `model.safetensors` and `config.json`; no pickle."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as make_safetensors

from .errors import InputError
from .files import replace_file

FORMAT, VERSION = "latentmix.midi_vae", 2
BUNDLED = Path(__file__).parent / "weights"
MAX_CONFIG_BYTES, MAX_WEIGHT_BYTES = 1 << 20, 1 << 30


@dataclass(frozen=True)
class Stored:
    """What a folder held: where, the configuration and the tensors by name."""

    folder: Path
    config: Any
    tensors: dict[str, torch.Tensor]


def resolve(name_or_folder: str | os.PathLike[str]) -> Path:
    """The folder of a bundled name, or the folder itself.

    Raises:
        InputError: neither.
    """
    for folder in (BUNDLED / name_or_folder, Path(name_or_folder)):
        if os.path.isfile(folder / "config.json"):  # False, not an error, where it may not look
            return folder
    names = ", ".join(sorted(p.name for p in BUNDLED.glob("*") if p.is_dir())) or "none"
    raise InputError(
        f"{name_or_folder}: expected a bundled model ({names}) or a folder with config.json and model.safetensors"
    )


def load(name_or_folder: str | os.PathLike[str], config_class: type) -> Stored:
    """Read a checkpoint, checking format, version and configuration.

    Raises:
        InputError: missing, damaged, or of another format or version.
    """
    folder = resolve(name_or_folder)
    content = _read(folder / "config.json", MAX_CONFIG_BYTES)
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{folder / 'config.json'}: expected JSON, found {error}") from None
    found = (raw.get("format"), raw.get("version")) if isinstance(raw, dict) else (None, None)
    if found != (FORMAT, VERSION):
        raise InputError(
            f"{folder / 'config.json'}: expected format {FORMAT} version {VERSION}, found {found[0]} version {found[1]}"
            "; use the release that wrote it, or train again"
        )
    config = _parse_config(folder / "config.json", raw.get("config"), config_class)
    try:
        tensors = parse_safetensors(_read(folder / "model.safetensors", MAX_WEIGHT_BYTES))
    except (SafetensorError, KeyError) as error:
        raise InputError(
            f"{folder / 'model.safetensors'}: expected safetensors, found a damaged file: {error}"
        ) from None
    return Stored(folder, config, {name: tensor.float() for name, tensor in tensors.items()})


def fill(module: torch.nn.Module, stored: Stored) -> None:
    """Copy the tensors into a module.

    Raises:
        InputError: a tensor is missing, unknown or of another shape.
    """
    wanted = module.state_dict()
    for name in sorted(wanted.keys() | stored.tensors.keys()):
        shapes = [tuple(t[name].shape) if name in t else "nothing" for t in (wanted, stored.tensors)]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"{stored.folder / 'model.safetensors'}: expected {shapes[0]} for {name}, found {shapes[1]}; "
                "the weights do not belong to config.json"
            )
    module.load_state_dict(stored.tensors)


def save(module: torch.nn.Module, config: Any, folder: str | os.PathLike[str], half: bool = False, **more: Any) -> None:
    """Write a checkpoint; each file whole or not at all.

    Args:
        config: a dataclass, kept as JSON.
        half: store float16.
        more: further entries of config.json, for people.

    Raises:
        InputError: the folder cannot be written.
    """
    dtype = torch.float16 if half else torch.float32
    tensors = {name: t.detach().cpu().to(dtype).contiguous() for name, t in module.state_dict().items()}
    described = {"format": FORMAT, "version": VERSION, "config": dataclasses.asdict(config), **more}
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot make the folder: {error.strerror}") from None
    replace_file(Path(folder) / "model.safetensors", make_safetensors(tensors))
    replace_file(Path(folder) / "config.json", json.dumps(described, indent=2).encode() + b"\n")


def _parse_config(path: Path, entries: Any, config_class: type) -> Any:
    kinds = {field.name: type(field.default) for field in dataclasses.fields(config_class)}
    try:
        for name, value in dict(entries).items():
            if name in kinds and type(value) is not kinds[name]:
                raise TypeError(f"{name} {value!r}; it is of type {kinds[name].__name__}")
        return config_class(**entries)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: expected a config of {config_class.__name__}, found {error}") from None


def _read(path: Path, most: int) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot read the file: {error.strerror}") from None
    if len(data) > most:
        raise InputError(f"{path}: expected at most {most} bytes, found more")
    return data
