"""Controller maps in TOML files: read, checked, written; the ones that ship."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from latentmix.errors import InputError

from ..music.parameters import PARAMETERS, Parameter
from .bindings import Binding, ControllerMap
from .entries import BadEntry, check_new, only, read_binding, read_mpe, read_text

DEFAULT = "default"
MAX_BYTES = 1 << 20  # of a map
MAX_BINDINGS = 1000
MAP_KEYS = ("name", "device", "mpe", "bind")


def shipped_maps() -> list[str]:
    """Names of the maps that ship, the default first."""
    names = [entry.name[:-5] for entry in _folder().iterdir() if entry.name.endswith(".toml")]
    return sorted(names, key=lambda name: (name != DEFAULT, name))


def read_map(path_or_name: str | os.PathLike[str], parameters: Mapping[str, Parameter] = PARAMETERS) -> ControllerMap:
    """A controller map, from a TOML file or by the name of one that ships.

    Raises:
        InputError: no such file or name, not TOML, a key or value that cannot be used; the line names file and key.
    """
    path = os.fspath(path_or_name)
    if path in shipped_maps():  # a file of that name is ./NAME
        shipped = _shipped(path)  # they name attributes of the shipped model; another may have others
        return replace(shipped, bindings=tuple(b for b in shipped.bindings if b.parameter in parameters))
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{path}: cannot read the map: {error.strerror}; expected a TOML file or one of {', '.join(shipped_maps())}"
        ) from None
    if len(content) > MAX_BYTES:
        raise InputError(f"{path}: expected a map of at most {MAX_BYTES >> 20} MiB, found more")
    try:
        return parse_map(content.decode("utf-8"), path, parameters)
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected TOML in UTF-8, found other bytes") from None


def shipped_map_for(port: str) -> str | None:
    """The name of the shipped map of the controller that a port of this name belongs to, or None.

    >>> shipped_map_for("nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0"), shipped_map_for("Through")
    ('nanokontrol2', None)
    """
    for name in shipped_maps():
        if _shipped(name).device and _shipped(name).is_for(port):
            return name
    return None


def parse_map(text: str, name: str, parameters: Mapping[str, Parameter] = PARAMETERS) -> ControllerMap:
    """A controller map from the text of a TOML file.

    Args:
        text: TOML.
        name: of the file, for errors.
        parameters: of the engine.

    Raises:
        InputError: as `read_map`.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text).unwrap()
    except (TOMLKitError, RecursionError, ValueError) as error:
        reason = "tables nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InputError(f"{name}: expected TOML, found an error: {reason}") from None
    place = ""
    try:
        only(document, MAP_KEYS)
        entries = document.get("bind", [])
        if not isinstance(entries, list):
            raise BadEntry("bind", "[[bind]] tables", entries)
        if len(entries) > MAX_BINDINGS:
            raise BadEntry("bind", f"at most {MAX_BINDINGS} [[bind]] tables", len(entries))
        mpe = read_mpe(document.get("mpe", {}))
        bindings: list[Binding] = []
        for at, entry in enumerate(entries, 1):
            place = f"[[bind]] {at}"
            if not isinstance(entry, dict):
                raise BadEntry("bind", "a table", entry)
            if isinstance(entry.get("target"), str):
                place += f" ({entry['target']})"
            binding = read_binding(entry, parameters)
            check_new(binding, bindings)
            bindings.append(binding)
            place = ""
        controller = read_text(document, "name", Path(name).stem), read_text(document, "device", "")
    except BadEntry as error:
        found = "none" if error.found is None else repr(error.found)
        found = found if len(found) <= 80 else found[:77] + "..."
        where = ", ".join(filter(None, (place, error.key)))
        raise InputError(f"{name}: {where}: expected {error.expected}, found {found}") from None
    return ControllerMap(*controller, tuple(bindings), mpe)


def _folder() -> Any:
    return package_files("realtime") / "maps"


@functools.cache
def _shipped(name: str) -> ControllerMap:
    return parse_map((_folder() / f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
