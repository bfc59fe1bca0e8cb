"""Windows of melody that benchmarks measure on: two bars of 4/4 that start with a note, one from each tune.

And the options by which benchmarks are told of them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import mido
import numpy as np
import typer

from midi_vae import InputError
from midi_vae.importing import read_melody
from midi_vae.music.melody import ONSET, tidy
from midi_vae.training.dataset import find_midi_files

Train = Annotated[Path, typer.Option(help="folder of MIDI files for the likelihood model")]
Dev = Annotated[Path, typer.Option(help="folder of MIDI files to measure on")]
Model = Annotated[str, typer.Option(help="bundled name or folder of a checkpoint")]
Count = Annotated[int, typer.Option(help="windows, one a tune")]
STEPS, BAR = 32, 16
LOWEST, HIGHEST, MIN_ONSETS = 36, 96, 6


def windows(folder: Path, count: int) -> np.ndarray:
    """Up to `count` windows (n, 32), one a tune; which tunes and bars is fixed by hashes of their names."""
    out: list[np.ndarray] = []
    files = sorted(find_midi_files(folder), key=lambda path: hashlib.md5(path.name.encode()).hexdigest())
    for path in files:
        if len(out) == count:
            break
        tokens = four_four(path)
        if tokens is None:
            continue
        onsets = tokens >= ONSET
        starts = [
            k for k in range(0, len(tokens) - STEPS + 1, BAR) if onsets[k] and onsets[k : k + STEPS].sum() >= MIN_ONSETS
        ]
        if starts:
            place = int(hashlib.md5(str(path).encode()[-12:]).hexdigest(), 16) % len(starts)
            window = tidy(tokens[starts[place] : starts[place] + STEPS])
            pitch = window[window >= ONSET] - ONSET
            if pitch.min() >= LOWEST and pitch.max() <= HIGHEST:
                out.append(window.astype(np.int64))
    if not out:
        raise InputError(f"{folder}: expected tunes in 4/4 on the grid of sixteenths, found none")
    return np.stack(out)


def four_four(path: Path) -> np.ndarray | None:
    """Tokens of a whole tune in 4/4 or 2/2 whose onsets lie on the grid; None for others."""
    try:
        metres = {
            (m.numerator, m.denominator) for t in mido.MidiFile(path).tracks for m in t if m.type == "time_signature"
        }
        if metres - {(4, 4), (2, 2)}:
            return None
        melody, report = read_melody(path)
    except (InputError, OSError, ValueError, EOFError, KeyError, IndexError):
        return None
    return None if report.free or report.mean_deviation_steps > 0.02 else melody.tokens
