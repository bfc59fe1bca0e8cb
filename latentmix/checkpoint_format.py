"""What a kind of checkpoint is called, where its files are, and the JSON that describes it; needs no torch."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import read_bounded

MAX_CONFIG_BYTES = 1 << 20


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

    def check(self, name_or_folder: str | os.PathLike[str]) -> None:
        """See to it, without torch, that there is such a model; whether its tensors are whole is seen in loading them.

        Raises:
            InputError: as `resolve` and `read_description`.
        """
        self.read_description(self.resolve(name_or_folder) / self.config_file)

    def is_of(self, name_or_folder: str | os.PathLike[str]) -> bool:
        """Whether a folder says that it holds a checkpoint of this kind, of whatever version.

        Raises:
            InputError: as `resolve`.
        """
        try:
            raw = json.loads(read_bounded(self.resolve(name_or_folder) / self.config_file, MAX_CONFIG_BYTES))
        except (ValueError, RecursionError) as error:
            if isinstance(error, InputError):
                raise
            return False  # who reads it says what is wrong
        return isinstance(raw, dict) and raw.get("format") == self.name

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
            way_out = "use the release that wrote it, or train again"
            raise InputError(
                f"{path}: expected format {self.name} version {self.version}, found {found[0]} version {found[1]}; "
                + (way_out if found[0] == self.name else "name a model of this kind")
            )
        return raw


def parse_config(path: Path, entries: Any, config_class: type) -> Any:
    """A configuration from JSON: lists are tuples, types are those of the defaults.

    Raises:
        InputError: an entry is unknown, of another type, or says what cannot be.
    """
    kinds = {field.name: type(field.default) for field in dataclasses.fields(config_class)}
    try:
        if not isinstance(entries, dict):
            raise TypeError(f"{entries!r}")
        given = _tuples(entries)
        for name, value in given.items():
            if name in kinds and type(value) is not kinds[name]:
                raise TypeError(f"{name} {value!r}; it is of type {kinds[name].__name__}")
        return config_class(**given)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: expected a config of {config_class.__name__}, found {error}") from None


def _tuples(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in entries.items()}
