"""How much louder or quieter recordings come back: by weights and rate, each recording and their mean.

scripts/run python scripts/compare/compare_levels.py RECORDINGS --model speech_16k --model high_voices_16k

The table has dB of the whole (root mean square). Below it, as listeners have it (ITU-R BS.1770): how many recordings
come back within .7 LU of the original, and how many within .5 LU of each other at all rates of a model.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torchaudio.functional import loudness

from audiovq import Codec
from audiovq.audio_io.mono import find_recordings, read_mono
from audiovq.audio_io.reader import open_source, waveform_source
from audiovq.codec.choice import choose_weights
from latentmix.cli import run_script

NEAR, ALIKE = 0.7, 0.5  # LU


def louder(codec: Codec, sound: np.ndarray, kbps: float) -> tuple[float, float]:
    """By how much a sound comes back louder: dB, root mean square of the whole, and LU."""
    stream = io.BytesIO()
    codec.compress(waveform_source(sound[None], codec.sample_rate), stream, kbps)
    stream.seek(0)
    back = np.concatenate(list(codec.open(stream, "sound")), 1)[0]
    heard, origin = (loudness(torch.from_numpy(x)[None], codec.sample_rate).item() for x in (back, sound))
    return float(10.0 * np.log10(np.square(back).mean() / np.square(sound).mean())), heard - origin


def main(
    recordings: Annotated[Path, typer.Argument(help="folder")],
    model: Annotated[list[str], typer.Option(help="bundled name or folder; several times")],
    kbps: Annotated[str, typer.Option(help="rates, separated by commas")] = "1.5,3",
) -> None:
    """Code every recording with every model at every rate."""
    torch.set_num_threads(1)
    rates = [float(rate) for rate in kbps.split(",")]
    columns = [(Codec.from_pretrained(name), rate) for name in model for rate in rates]
    table = Table("recording", "auto", *(f"{codec.name} {rate:g}" for codec, rate in columns))
    rows = []
    for path in find_recordings(recordings):
        rows.append([louder(codec, read_mono(path, codec.sample_rate), rate) for codec, rate in columns])
        with open_source(path) as source:
            table.add_row(path.stem, choose_weights(source)[0], *(f"{each:+.1f}" for each, _ in rows[-1]))
    found = np.array(rows)
    table.add_row("mean of absolute values", "", *(f"{each:.1f}" for each in np.abs(found[..., 0]).mean(0)))
    Console().print(table)
    for place, name in enumerate(model):
        units = found[:, place * len(rates) : (place + 1) * len(rates), 1]
        apart, off = np.ptp(units, 1), np.abs(units)
        print(
            f"{name}: of {len(units)} recordings {(apart <= ALIKE).sum()} within {ALIKE} LU of each other at all rates "
            f"({apart.mean():.2f} on average); of the original within {NEAR} LU "
            + ", ".join(
                f"{(o <= NEAR).sum()} at {r:g} kbit/s ({o.mean():.2f})" for r, o in zip(rates, off.T, strict=True)
            )
        )


if __name__ == "__main__":
    run_script(main)
