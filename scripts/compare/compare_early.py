"""What does it cost to decode early? Recordings as a live stream gives them, 42 and 30 ms late.

    scripts/run python scripts/compare/compare_early.py REFERENCE_FOLDER --out runs/early

Writes a folder of recordings for each delay and number of codebooks; what scores them is not part of this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import soundfile
import torch
import torch.nn.functional as F
import typer
from rich.console import Console
from rich.progress import track

from audiovq.model.vqvae import VQVAE
from latentmix.cli import run_script

CONSOLE = Console()


def main(
    references: Annotated[Path, typer.Argument(help="folder of 16 kHz mono WAV files")],
    out: Annotated[Path, typer.Option(help="folder for what is made")],
    model: Annotated[str, typer.Option(help="bundled name or folder of a checkpoint")] = "speech_16k",
    codebooks: Annotated[str, typer.Option(help="how many of the first, separated by commas")] = "4,7",
) -> None:
    """Decode recordings late and early."""
    codec = VQVAE.from_pretrained(model).eval()
    hop, delays = codec.config.hop, {"late": codec.delay, "early": codec.early_delay}
    paths = sorted(references.glob("*.wav"))
    if not paths:
        CONSOLE.print(f"{references}: expected WAV files, found none", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1)
    for path in track(paths, console=CONSOLE):
        samples = torch.from_numpy(soundfile.read(path, dtype="float32")[0])
        length = len(samples)
        x = F.pad(samples, (0, -(-(length + codec.delay) // hop) * hop - length))[None]
        for q in map(int, codebooks.split(",")):
            codes, _ = codec.encode_step(x, codec.initial_encoder_state(1), q)
            for kind, delay in delays.items():
                y, _ = codec.decode_step(codes, codec.initial_decoder_state(1, early=kind == "early"))
                folder = out / f"{kind}_{q}"
                folder.mkdir(parents=True, exist_ok=True)
                soundfile.write(folder / path.name, y[0, delay : delay + length].numpy(), codec.config.sample_rate)


if __name__ == "__main__":
    run_script(main)
