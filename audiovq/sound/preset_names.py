"""Presets: sounds that come with the general model, by name; needs no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

SUFFIX = ".safetensors"
FOLDER = Path(__file__).parents[1] / "weights" / "sound_48k" / "presets"
PRESETS: Mapping[str, Path] = {each.stem: each for each in sorted(FOLDER.glob(f"*{SUFFIX}"))}


def preset_of(source: str | os.PathLike[str]) -> str | None:
    """The preset that is meant by what stands where a file could; a file of that name comes first.

    >>> preset_of("sax"), preset_of("sax.wav")
    ('sax', None)
    """
    name = os.fspath(source)
    return name if name in PRESETS and not os.path.exists(name) else None
