"""Write the presets of the general model of sounds, which are frames of recordings, not recordings.

    scripts/run python scripts/make/make_sound_presets.py sax=karoryfer.weresax/Samples/alto/c4_f_rr1_cnd.wav \
        piano=upright-piano-KW/samples/C4vL.flac bell=examples/bell.flac breath=examples/breath.flac

Anew whenever the general model is another one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from audiovq.audio_io.mono import read_mono
from audiovq.sound.model import SoundModel
from audiovq.sound.morph import encode
from audiovq.sound.preset_names import FOLDER, SUFFIX
from audiovq.sound.presets import write_preset
from latentmix.cli import run_script
from latentmix.errors import InputError
from latentmix.files import make_folder
from latentmix.training import in_one_line

SECONDS = 2.5  # of a note
BEGUN = 30.0  # dB below its loudest sample, where a recording begins
BEFORE = 0.02  # seconds that are left before that


def main(
    sounds: Annotated[list[str], typer.Argument(metavar="NAME=FILE", help="a preset, and a recording of one note")],
    model: Annotated[str, typer.Option(help="by name or folder")] = SoundModel.default,
    out: Annotated[Path, typer.Option(help="folder of the presets")] = FOLDER,
) -> None:
    """Write presets."""
    with in_one_line("make_sound_presets"):
        knows = SoundModel.from_pretrained(model)
        rate = knows.config.sample_rate
        make_folder(out)
        for each in sounds:
            name, found, file = each.partition("=")
            if not found or not name.isidentifier():
                raise InputError(f"{each}: expected NAME=FILE")
            samples = read_mono(file, rate)
            loud = np.abs(samples) > np.abs(samples).max() * 10.0 ** (-BEGUN / 20.0)
            first = max(0, int(loud.argmax()) - round(BEFORE * rate))
            path = out / f"{name}{SUFFIX}"
            write_preset(path, knows, encode(knows, samples[first : first + round(SECONDS * rate)]))
            typer.echo(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    run_script(main)
