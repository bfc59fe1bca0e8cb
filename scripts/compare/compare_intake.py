"""Recordings disturbed in known ways, through the codec and back: originals and decoded WAVs of the same names.

    scripts/run python scripts/compare/compare_intake.py AUDIO_FOLDER OUT [--count 12] [--kbps 1.5]

Writes OUT/original and a folder beside it for each disturbance: none, an offset, rumble, -56 dB; the last one is put
back to the usual level, so that a scorer hears what is left of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer

from audiovq import compress, decompress
from audiovq.audio_io.mono import find_recordings
from audiovq.audio_io.reader import open_source
from latentmix.cli import run_script

USUAL, QUIET = -26.0, -56.0  # dB
SECONDS = 8


def disturbances(x: np.ndarray, rate: int) -> dict[str, tuple[np.ndarray, float]]:
    """Samples, and what they are multiplied by afterwards."""
    rumble = 0.05 * np.sin(2.0 * np.pi * 18.0 * np.arange(len(x)) / rate)
    down = 10.0 ** ((QUIET - USUAL) / 20.0)
    quiet = np.round(x * down * 32768.0) / 32768.0
    return {"none": (x, 1.0), "offset": (x + 0.1, 1.0), "rumble": (x + rumble, 1.0), "quiet": (quiet, 1.0 / down)}


def main(
    data: Annotated[Path, typer.Argument(help="folder of speech")],
    out: Annotated[Path, typer.Argument(help="folder to write")],
    count: Annotated[int, typer.Option(min=1, help="recordings")] = 12,
    kbps: float = 1.5,
) -> None:
    """Disturb, compress and decompress."""
    files = find_recordings(data)
    for path in files[:: max(1, len(files) // count)][:count]:
        with open_source(path) as source:
            rate = source.sample_rate
            x = np.concatenate(list(source.blocks), 1).mean(0, np.float64)[: SECONDS * rate]
        x = np.clip(x * 10.0 ** (USUAL / 20.0) / np.sqrt(np.square(x).mean()), -1.0, 1.0)
        write(out / "original" / f"{path.stem}.wav", x, rate)
        for name, (disturbed, factor) in disturbances(x, rate).items():
            decoded, _ = decompress(compress(disturbed, rate, kbps))
            write(out / name / f"{path.stem}.wav", decoded[0].numpy() * factor, rate)


def write(path: Path, samples: np.ndarray, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="FLOAT")


if __name__ == "__main__":
    run_script(main)
