"""Draw how good models of sounds became after how much training: one picture of the tables of several runs.

    scripts/run audiovq train-sound RECORDINGS --judge OTHERS -o runs/mine --seed 1
    scripts/run python scripts/make/make_sound_curves.py "from sound_48k, seed 1"=runs/mine -o docs/sound-curves.png

Time is that of one processor core, looks and examples included, the reading of the recordings not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiovq.training.sound_picture import draw_curves
from audiovq.training.sound_quality import read_quality
from latentmix.cli import run_script
from latentmix.errors import InputError
from latentmix.training import in_one_line


def main(
    runs: Annotated[list[str], typer.Argument(metavar="NAME=FOLDER", help="runs of audiovq train-sound")],
    out: Annotated[Path, typer.Option("-o", "--out", help="PNG to write")] = Path("docs/sound-curves.png"),
) -> None:
    """Draw distances of runs against processor time, and list them."""
    with in_one_line("make_sound_curves"):
        curves = {}
        for each in runs:
            name, found, folder = each.rpartition("=")
            quality = read_quality(Path(folder) / "quality.csv")
            if not found or not quality:
                raise InputError(f"{each}: expected NAME=FOLDER of a run that has made a look at its model")
            curves[name] = [look.processor for look in quality], [look.continuous for look in quality]
            for look in quality:
                coded = "" if look.coded != look.coded else f", {look.coded:.2f} dB coded"
                typer.echo(f"{name}: {look.processor:5.1f} min, {look.step} steps: {look.continuous:.2f} dB{coded}")
        draw_curves(out, curves, "minutes of one core")
        typer.echo(str(out))


if __name__ == "__main__":
    run_script(main)
