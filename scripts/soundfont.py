"""A song played by a soundfont of General MIDI."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import mido


def render(song: mido.MidiFile, soundfont: Path, out: Path) -> None:
    """Play a song by `fluidsynth` at 48 kHz, dry, into a WAV file."""
    with tempfile.NamedTemporaryFile(suffix=".mid") as file:
        song.save(file.name)
        dry = ["-R", "0", "-C", "0", "-g", "0.9", "-r", "48000"]
        subprocess.run(
            ["fluidsynth", "-ni", *dry, "-F", out, soundfont, file.name], check=True, capture_output=True, timeout=120
        )
