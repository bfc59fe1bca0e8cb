"""A checkpoint is a folder of safetensors and JSON that describes itself; no pickle.

torch is imported where tensors are touched: what only asks which models there are does not wait for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .files import make_folder, read_bounded, replace_file

if TYPE_CHECKING:
    import torch

MAX_CONFIG_BYTES, MAX_WEIGHT_BYTES = 1 << 20, 1 << 30


@dataclass(frozen=True)
class Checkpoint:
    """What a folder held.

    Attributes:
        config_path, tensor_path: where.
        config: the configuration.
        tensors: by name, as they are stored.
    """

    config_path: Path
    tensor_path: Path
    config: Any
    tensors: dict[str, torch.Tensor]


@dataclass(frozen=True)
class CheckpointFormat:
    """What a kind of checkpoint is called in its JSON, and in which files it is.

    Attributes:
        name, version: as the JSON has them.
        bundled: folder of the models that come with a package, by name.
        stem: of the two files of tensors and of JSON; `config.json` where it is "model".
    """

    name: str
    version: int
    bundled: Path
    stem: str = "model"

    @property
    def config_file(self) -> str:
        return "config.json" if self.stem == "model" else f"{self.stem}.json"

    @property
    def tensor_file(self) -> str:
        return f"{self.stem}.safetensors"

    def resolve(self, name_or_folder: str | os.PathLike[str]) -> Path:
        """The folder of a bundled name, or the folder itself.

        Raises:
            InputError: neither.
        """
        for folder in (self.bundled / name_or_folder, Path(name_or_folder)):
            if os.path.isfile(folder / self.config_file):  # False, not an error, where it may not look
                return folder
        names = ", ".join(sorted(p.name for p in self.bundled.glob("*") if p.is_dir())) or "none"
        raise InputError(
            f"{name_or_folder}: expected a bundled model ({names}) or a folder with {self.config_file} and "
            f"{self.tensor_file}"
        )

    def read_description(self, path: Path) -> dict[str, Any]:
        """The JSON beside weights, of this format and version.

        Raises:
            InputError: missing, damaged, or of another format or version.
        """
        try:
            raw = json.loads(read_bounded(path, MAX_CONFIG_BYTES))
        except (ValueError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path}: expected JSON, found {error}") from None
        found = (raw.get("format"), raw.get("version")) if isinstance(raw, dict) else (None, None)
        if found != (self.name, self.version):
            raise InputError(
                f"{path}: expected format {self.name} version {self.version}, found {found[0]} version {found[1]}"
                "; use the release that wrote it, or train again"
            )
        return raw

    def load(self, name_or_folder: str | os.PathLike[str], config_class: type) -> Checkpoint:
        """Read a checkpoint, checking format, version and configuration.

        Raises:
            InputError: missing, damaged, or of another format or version.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load as parse_safetensors

        folder = self.resolve(name_or_folder)
        described_in, stored_in = folder / self.config_file, folder / self.tensor_file
        described = self.read_description(described_in)
        config = parse_config(described_in, described.get("config"), config_class)
        try:
            tensors = parse_safetensors(read_bounded(stored_in, MAX_WEIGHT_BYTES))
        except (SafetensorError, KeyError) as error:
            raise InputError(f"{stored_in}: expected safetensors, found a damaged file: {error}") from None
        return Checkpoint(described_in, stored_in, config, tensors)

    def save(
        self,
        module: torch.nn.Module,
        config: Any,
        folder: str | os.PathLike[str],
        half: bool = False,
        **more: Any,
    ) -> None:
        """Write a checkpoint; each file whole or not at all.

        Args:
            config: a dataclass, kept as JSON.
            half: store floating-point tensors as float16.
            more: further entries of the JSON, for people.

        Raises:
            InputError: the folder cannot be written.
        """
        from safetensors.torch import save as make_safetensors

        make_folder(folder)
        tensors = {
            name: (t.half() if half and t.is_floating_point() else t).detach().cpu().contiguous()
            for name, t in module.state_dict().items()
        }
        described = {"format": self.name, "version": self.version, "config": dataclasses.asdict(config), **more}
        replace_file(Path(folder) / self.tensor_file, make_safetensors(tensors))
        replace_file(Path(folder) / self.config_file, json.dumps(described, indent=2).encode() + b"\n")


def fill(module: torch.nn.Module, stored: Checkpoint) -> None:
    """Copy the tensors into a module.

    Raises:
        InputError: a tensor is missing, unknown or of another shape.
    """
    wanted = module.state_dict()
    for name in sorted(wanted.keys() | stored.tensors.keys()):
        shapes = [tuple(t[name].shape) if name in t else "nothing" for t in (wanted, stored.tensors)]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"{stored.tensor_path}: expected {shapes[0]} for {name}, found {shapes[1]}; "
                f"the weights do not belong to {stored.config_path.name}"
            )
    module.load_state_dict(stored.tensors)


def fingerprint(module: torch.nn.Module, config: Any) -> bytes:
    """8 bytes that tell weights apart, from the configuration and every tensor."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(config), sort_keys=True).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()[:8]


def parse_config(path: Path, entries: Any, config_class: type) -> Any:
    """A configuration from JSON: lists are tuples, types are those of the defaults.

    Raises:
        InputError: an entry is unknown, of another type, or says what cannot be.
    """
    kinds = {field.name: type(field.default) for field in dataclasses.fields(config_class)}
    try:
        given = _tuples(dict(entries))
        for name, value in given.items():
            if name in kinds and type(value) is not kinds[name]:
                raise TypeError(f"{name} {value!r}; it is of type {kinds[name].__name__}")
        return config_class(**given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: expected a config of {config_class.__name__}, found {error}") from None


def _tuples(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()}
