"""Which quantizer? The same small autoencoder of log-mel frames around each, on the same speech, compared.

    scripts/run python scripts/compare/compare_quantizers.py SPEECH_FOLDER --dev DEV_FOLDER --steps 400

Printed for held-out speech: the error of the log-mel spectrum as it comes back in decibels (root mean square), the
share of the codes that occur and the perplexity, each the mean over the codebooks, and the time of a training step.
Every quantizer sees the same batches from the same initial network; the row `none` is the network without one.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from audiovq.audio_io.mono import find_recordings, read_mono
from audiovq.model.layers import CausalStack
from audiovq.model.quantizers import QuantizerConfig, codebook_figures, make_quantizer
from latentmix.cli import run_script

SAMPLE_RATE, HOP, BANDS = 16000, 320, 80
BATCH, FRAMES, LEARNING_RATE = 8, 150, 2e-3
WIDTH, DILATIONS, LATENT = 128, (1, 2, 4), 64
SPREAD = 2.0  # nats, about the standard deviation of log-mel values
NATS_TO_DB = 20.0 / math.log(10.0)
CONSOLE = Console()


class Autoencoder(nn.Module):
    """Log-mel frames (B, N, 80) -> the same, through a quantizer or, where that is None, nothing."""

    def __init__(self, config: QuantizerConfig | None) -> None:
        super().__init__()
        self.encoder = CausalStack(BANDS, LATENT, WIDTH, DILATIONS)
        self.decoder = CausalStack(LATENT, BANDS, WIDTH, DILATIONS)
        self.quantizer = make_quantizer(config) if config else None

    def encode(self, frames: Tensor) -> Tensor:
        """(B, N, 80) -> (B, D, N)."""
        return self.encoder(frames, self.encoder.start(len(frames)))[0].transpose(1, 2)

    def decode(self, z: Tensor) -> Tensor:
        """(B, D, N) -> (B, N, 80)."""
        return self.decoder(z.transpose(1, 2), self.decoder.start(len(z)))[0]


def read_frames(folder: Path, most: int) -> list[Tensor]:
    """Log-mel frames (N, 80), mean 0 and variance 1 or so, of up to `most` files spread over the folder."""
    files = find_recordings(folder)
    mel = MelSpectrogram(SAMPLE_RATE, n_fft=1024, hop_length=HOP, n_mels=BANDS, power=1.0)
    found = []
    for path in files[:: -(-len(files) // most)]:
        mono = torch.from_numpy(read_mono(path, SAMPLE_RATE))
        found.append(mel(mono).clamp(min=1e-3).log().t() / SPREAD)
    return found


def draw(frames: Tensor, generator: torch.Generator) -> Tensor:
    starts = torch.randint(len(frames) - FRAMES, (BATCH,), generator=generator).tolist()
    return torch.stack([frames[s : s + FRAMES] for s in starts])


def train(config: QuantizerConfig | None, frames: Tensor, steps: int, seed: int) -> tuple[Autoencoder, float]:
    """The trained network and the mean time of a step in milliseconds of one thread."""
    torch.manual_seed(seed)
    model = Autoencoder(config).train()
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), LEARNING_RATE, betas=(0.9, 0.99), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / steps))
    began = time.process_time()
    for _ in range(steps):
        x = draw(frames, generator)
        z, loss = model.encode(x), x.new_zeros(())
        if model.quantizer is not None:
            out = model.quantizer(z)
            z, loss = out.z_q, out.loss
        (F.mse_loss(model.decode(z), x) + loss).backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    return model.eval(), 1000.0 * (time.process_time() - began) / steps


@torch.inference_mode()
def measure(model: Autoencoder, dev: list[Tensor], codes: int) -> tuple[float, float, float]:
    """Error in dB, mean usage and mean perplexity of codebooks of so many codes, on held-out recordings."""
    squares, count, found = 0.0, 0, []
    for x in dev:
        z = model.encode(x[None])
        if model.quantizer is not None:
            found.append(model.quantizer.encode(z))
            z = model.quantizer.decode(found[-1])
        squares += float((model.decode(z)[0] - x).square().sum())
        count += x.numel()
    error = math.sqrt(squares / count) * SPREAD * NATS_TO_DB
    if model.quantizer is None:
        return error, math.nan, math.nan
    figures = codebook_figures(torch.cat(found, 2), codes)
    return error, float(np.mean([f.usage for f in figures])), float(np.mean([f.perplexity for f in figures]))


def main(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Speech to train on.")],
    dev: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Speech to measure on.")],
    steps: Annotated[int, typer.Option(min=1)] = 400,
    codes: Annotated[int, typer.Option(min=2)] = 1024,
    codebooks: Annotated[int, typer.Option(min=1)] = 3,
    files: Annotated[int, typer.Option(min=1, help="At most so many of either folder.")] = 120,
    seed: int = 0,
) -> None:
    """Train each quantizer for as many steps on the same batches and print the table."""
    frames, held_out = torch.cat(read_frames(folder, files)), read_frames(dev, files)
    one = QuantizerConfig(dim=LATENT, codebooks=1, codes=codes, dropout=0.0)
    stack = replace(one, codebooks=codebooks)
    runs: list[tuple[str, QuantizerConfig | None]] = [("none", None)]
    for kind in ("straight_through", "ema", "nsvq"):
        runs.append((f"{kind}, 1 codebook", replace(one, kind=kind)))
        runs.append((f"{kind}, {codebooks} codebooks", replace(stack, kind=kind)))
    runs.append((f"ema, {codebooks}, look-up in 16", replace(stack, kind="ema", lookup_dim=16)))
    table = Table("quantizer", "error dB", "usage %", "perplexity", "ms a step")
    for name, config in runs:
        model, step_ms = train(config, frames, steps, seed)
        error, usage, perplexity = measure(model, held_out, codes)
        row = (f"{error:.2f}", f"{100 * usage:.1f}", f"{perplexity:.0f}", f"{step_ms:.0f}")
        table.add_row(name, *(cell if config or not i % 3 else "" for i, cell in enumerate(row)))
        CONSOLE.print(name, *row)
    CONSOLE.print(table)


if __name__ == "__main__":
    run_script(main)
