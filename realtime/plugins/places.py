"""Where hosts look for plugins, and which of ours are there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from latentmix.errors import InputError

from .build import Identity, read_identity

FORMATS = ("lv2", "clap", "vst3")


@dataclass(frozen=True)
class Installed:
    """A plugin of ours in a folder where hosts look.

    Attributes:
        format: lv2, clap or vst3.
        path: its folder.
        identity: what its weights say.
    """

    format: str
    path: Path
    identity: Identity


def plugin_folders() -> dict[str, Path]:
    """The folder of this user for each format."""
    home = Path.home()
    if sys.platform == "darwin":
        base = home / "Library" / "Audio" / "Plug-Ins"
        return {"lv2": base / "LV2", "clap": base / "CLAP", "vst3": base / "VST3"}
    if sys.platform == "win32":
        local = Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "Programs" / "Common"
        roaming = Path(os.environ.get("APPDATA", home / "AppData" / "Roaming"))
        return {"lv2": roaming / "LV2", "clap": local / "CLAP", "vst3": local / "VST3"}
    return {name: home / f".{name}" for name in FORMATS}


def installed(folders: dict[str, Path] | None = None) -> Iterator[Installed]:
    """All plugins of ours in these folders, those of this user if None."""
    for name, folder in (folders or plugin_folders()).items():
        for weights in sorted(folder.glob("**/*.lmw")) if folder.is_dir() else ():
            try:
                identity = read_identity(weights)
            except InputError:
                continue  # somebody else's file
            inside = weights.relative_to(folder).parts
            yield Installed(name, folder / inside[0], identity)
