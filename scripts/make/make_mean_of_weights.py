"""The mean of the weights of speech codecs that were trained on from one another, as a model of its own.

    scripts/run python scripts/make/make_mean_of_weights.py speech_16k runs/speech/model --out runs/mean

Each is a bundled name or a folder of weights, and counts as often as it is given. They have to have the same codebooks:
a run with `--hold-codebooks`, or with `--settle-from 0`, has those of its `--start-from`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from audiovq.model.vqvae import VQVAE
from audiovq.training.averages import mean_of
from latentmix.cli import run_script
from latentmix.training import in_one_line


def main(
    weights: Annotated[list[str], typer.Argument(help="bundled names or folders of weights")],
    out: Annotated[Path, typer.Option(help="folder for the mean")],
) -> None:
    """Write the mean of several models' weights."""
    with in_one_line("make_mean_of_weights", ValueError):
        mean = mean_of([VQVAE.from_pretrained(each) for each in weights])
    codebooks = mean.quantizer.codebooks()
    mean.save_pretrained(out, half=torch.equal(codebooks, codebooks.half().float()))  # codes mean what they did
    typer.echo(f"{out}: the mean of {len(weights)} models")


if __name__ == "__main__":
    run_script(main)
