"""What is left of speech that is coded again and again? Recordings through .avq and 16-bit WAV files, round by round.

    scripts/run python scripts/compare/compare_generations.py REFERENCE_FOLDER --out runs/generations

Prints which share of the codes of a round is that of the first, for the first codebook and for all, and writes a folder
of recordings for each rate and round; what scores them is not part of this.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer
from rich.console import Console
from rich.progress import track

from audiovq import Codec
from audiovq.audio_io.reader import open_source
from audiovq.cli.inspection import read_tokens
from latentmix.cli import run_script

CONSOLE = Console()


def coded(codec: Codec, path: Path, kbps: float, out: Path) -> np.ndarray:
    """A recording through a file, into a WAV file; the codes (Q, N) of the file, -1 where there are none."""
    stream = io.BytesIO()
    with open_source(path) as source:
        codec.compress(source, stream, kbps)
    stream.seek(0)
    codes, *_ = read_tokens(stream, path.name, lambda: codec.coder)
    stream.seek(0)
    decoding = codec.open(stream, path.name)
    samples = np.concatenate(list(decoding), 1)
    out.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(out, samples.T, decoding.sample_rate, "PCM_16")
    return codes


def main(
    references: Annotated[Path, typer.Argument(help="folder of WAV files")],
    out: Annotated[Path, typer.Option(help="folder for what is made")],
    model: Annotated[str, typer.Option(help="bundled name or folder of a checkpoint")] = "speech_16k",
    rates: Annotated[str, typer.Option(help="kbit/s, separated by commas")] = "1.5,3",
    rounds: Annotated[int, typer.Option(min=2, help="how often each is coded")] = 3,
    gain: Annotated[float, typer.Option(help="dB by which it is changed between rounds")] = 0.0,
) -> None:
    """Code recordings again and again."""
    codec = Codec.from_pretrained(model)
    paths = sorted(references.glob("*.wav"))
    if not paths:
        CONSOLE.print(f"{references}: expected WAV files, found none", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1)
    for kbps in map(float, rates.split(",")):
        kept = np.zeros((rounds - 1, 2, 2))  # round, first or all, same and all
        for path in track(paths, f"{kbps:g} kbit/s", console=CONSOLE, transient=True):
            begun, source = None, path
            for number in range(rounds):
                made = out / f"{kbps:g}_{number + 1}" / path.name
                codes = coded(codec, source, kbps, made)
                if begun is None:
                    begun = codes
                else:
                    same, are = codes == begun, (codes >= 0) | (begun >= 0)
                    kept[number - 1, 0] += same[0].sum(), same[0].size
                    kept[number - 1, 1] += (same & are).sum(), are.sum()
                source = made
                if gain:
                    source = out / "changed.wav"
                    samples, rate = soundfile.read(made)
                    soundfile.write(source, samples * 10 ** (gain / 20), rate, "PCM_16")
        for number, ((same, of), (all_same, all_of)) in enumerate(kept, 2):
            line = f"{kbps:g} kbit/s, round {number}: first codes {same / of:.3f}, all {all_same / all_of:.3f}"
            CONSOLE.print(line, highlight=False)


if __name__ == "__main__":
    run_script(main)
