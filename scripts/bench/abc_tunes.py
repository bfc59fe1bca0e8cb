"""Tunes in ABC as abc2midi (package abcmidi) plays them."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path


def asked(about: str | None, folder: str) -> tuple[str, Path]:
    """abc2midi, and the folder that the command line names; `folder` says what is in it. Ends where one is missing."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help=folder)
    options = parser.parse_args()
    abc2midi = shutil.which("abc2midi")
    if abc2midi is None:
        sys.exit("abc2midi is missing: the package abcmidi brings it")
    return abc2midi, options.folder


def played(abc2midi: str, source: Path, folder: Path, *options: str) -> dict[str, Path]:
    """The tunes of an ABC file as MIDI files in a new folder, by name."""
    folder.mkdir()
    shutil.copy(source, folder / "tunes.abc")
    subprocess.run([abc2midi, "tunes.abc", *options], cwd=folder, capture_output=True, timeout=300)
    return {path.name: path for path in sorted(folder.glob("*.mid"))}
