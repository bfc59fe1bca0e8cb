"""How much does phase matter? True magnitudes, phases from several sources, scored against the recordings.

    scripts/run python scripts/compare/compare_phases.py REFERENCE_FOLDER --out runs/phases

Writes a folder of recordings for each source of phases; what scores them is not part of this.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
import typer
from rich.console import Console
from rich.progress import track
from torch import Tensor

from audiovq.dsp.excitation import Excitation
from audiovq.dsp.griffin_lim import SpectrogramInversion
from audiovq.dsp.periodicity import band_weights
from audiovq.dsp.pitch import frequency_at
from audiovq.dsp.stft import STFT
from audiovq.model.config import VQVAEConfig
from audiovq.training.dataset import label
from latentmix.cli import run_script

CONSOLE = Console()
ROUNDS = 32


def source_spectrum(x: np.ndarray, config: VQVAEConfig, stft: STFT) -> Tensor:
    """Frames (1, N, F) of pulses and noise, as the decoder would mix them if it knew pitch and periodicity."""
    known = label(x, config)
    pitch = frequency_at(torch.from_numpy(known.bins.astype(np.float32)))[None]
    excitation = Excitation(config.sample_rate, config.frame)
    pulses, noise, _ = excitation(pitch, excitation.start(1))
    share = torch.from_numpy(known.periodicity.astype(np.float32)) @ band_weights(stft.bins, config.bands)
    frames = [stft.analyse(part, stft.past(1))[0] for part in (pulses, noise)]
    return share.sqrt() * frames[0] + (1.0 - share).sqrt() * frames[1]


def with_phase(magnitude: Tensor, phase: Tensor, stft: STFT, rounds: int = 0) -> np.ndarray:
    """Magnitudes and phases (1, N, F) -> samples, after rounds of Griffin & Lim 1984."""
    for k in range(rounds + 1):
        y, tail = stft.synthesise(torch.polar(magnitude, phase), stft.tail(1))
        y = torch.cat([y, tail], 1)[:, stft.delay :]
        if k < rounds:
            phase = stft.analyse(y, stft.past(1))[0].angle()
    return y[0].numpy()


def inverted(magnitude: Tensor, phase: Tensor, stft: STFT) -> np.ndarray:
    """As the decoder does it, without a look ahead."""
    inversion, length = SpectrogramInversion(stft), magnitude.shape[1] * stft.hop
    # silence after the end, through which the last overlap comes out
    magnitude, phase = (F.pad(each, (0, 0, 0, inversion.before)) for each in (magnitude, phase))
    y, _ = inversion(magnitude, torch.polar(torch.ones_like(phase), phase), inversion.start(1))
    return y[0, stft.delay : stft.delay + length].numpy()


def main(
    references: Annotated[Path, typer.Argument(help="folder of 16 kHz mono WAV files")],
    out: Annotated[Path, typer.Option(help="folder for what is made")],
) -> None:
    """Resynthesise recordings with phases from several sources."""
    config = VQVAEConfig()
    stft = STFT(config.window, config.frame)
    paths = sorted(references.glob("*.wav"))
    if not paths:
        CONSOLE.print(f"{references}: expected WAV files, found none", highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1)
    for path in track(paths, console=CONSOLE):
        x, _ = soundfile.read(path, dtype="float32")
        x = x[: len(x) // config.hop * config.hop]
        magnitude = stft.analyse(torch.from_numpy(x)[None], stft.past(1))[0].abs()
        random = 2 * torch.pi * torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0))
        source = source_spectrum(x, config, stft).angle()
        made = {
            "random": with_phase(magnitude, random, stft),
            "griffin_lim": with_phase(magnitude, random, stft, ROUNDS),
            "source": with_phase(magnitude, source, stft),
            "source_griffin_lim": with_phase(magnitude, source, stft, 4),
            "source_inversion": inverted(magnitude, source, stft),
        }
        for kind, samples in made.items():
            (out / kind).mkdir(parents=True, exist_ok=True)
            soundfile.write(out / kind / path.name, samples, config.sample_rate)


if __name__ == "__main__":
    run_script(main)
