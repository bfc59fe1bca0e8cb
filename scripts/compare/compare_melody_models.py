"""Which encoder and decoder? Train some on the bound alone, for the same CPU time, and compare.

    scripts/run python scripts/compare/compare_melody_models.py TRAIN_FOLDER --dev DEV_FOLDER --seconds 120

Time is CPU time of one thread, so what else the machine does matters little. Printed: steps of training in that time,
reconstruction of held-out windows from the posterior mean, KL, and the time to decode 1 and 9 melodies as a share of
the slowest in the same run.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import silu

from latentmix.cli import run_script
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.model.latents.gaussian import Posterior
from midi_vae.model.layers import BEATS, BeatBlock
from midi_vae.model.steps import StepFields, StepLogits
from midi_vae.music.melody import ONSET
from midi_vae.music.windows import WINDOW_STEPS
from midi_vae.training import losses
from midi_vae.training.dataset import Batches, load_windows
from midi_vae.vae import MelodyVAE

BATCH, LEARNING_RATE, BETA = 384, 1e-3, 0.2


class WholeWindow(MelodyVAE):
    """Residual layers over all 32 steps at once, nothing shared between beats."""

    encoder: Any  # of other layers than those of `MelodyVAE`
    decoder: Any

    width, latents = 512, 128

    def __init__(self, config: MelodyVAEConfig) -> None:
        super().__init__(config)
        size, width = WINDOW_STEPS * config.step_width, self.width
        self.encoder = nn.Sequential(nn.Linear(size, width), *self._blocks(2), nn.Linear(width, 2 * config.latent_size))
        self.decoder = nn.Sequential(nn.Linear(config.latent_size, width), *self._blocks(2), nn.Linear(width, size))

    def _blocks(self, count: int) -> list[nn.Module]:
        return [_Residual(self.width) for _ in range(count)]

    def posterior(self, fields: StepFields) -> Posterior:
        steps = self.rhythm_embedding(fields.rhythm) + self.pitch_embedding(fields.pitch)
        return _split(self.encoder(steps.flatten(1)))

    def logits(self, z: Tensor, fusion: float | None = None) -> StepLogits:
        return self._heads(self.decoder(z).unflatten(1, (WINDOW_STEPS, -1)))

    def _heads(self, steps: Tensor) -> StepLogits:
        steps = self.step_norm(steps)
        return StepLogits(self.rhythm_head(steps), self.pitch_head(steps))


class SharedLatent(WholeWindow):
    """Beat blocks, but one latent for the whole window rather than one for each beat."""

    def __init__(self, config: MelodyVAEConfig) -> None:
        super().__init__(config)
        width, beat = config.width, WINDOW_STEPS // BEATS * config.step_width
        blocks = [BeatBlock(width, config.across) for _ in range(5)]
        self.encoder = nn.Sequential(
            nn.Unflatten(1, (BEATS, beat)), nn.Linear(beat, width), blocks[0], nn.Flatten(1),
            nn.Linear(BEATS * width, 2 * config.latent_size),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(config.latent_size, BEATS * width), nn.Unflatten(1, (BEATS, width)), *blocks[1:],
            nn.LayerNorm(width), nn.Linear(width, beat), nn.Flatten(1),
        )  # fmt: skip


class Transformer(WholeWindow):
    """Attention over the 32 steps; the latent is a learned mean over them, and all steps are decoded at once."""

    def __init__(self, config: MelodyVAEConfig) -> None:
        super().__init__(config)
        width = 128
        self.enter, self.leave = nn.Linear(config.step_width, width), nn.Linear(width, config.step_width)
        self.places = nn.Parameter(0.02 * torch.randn(2, WINDOW_STEPS, width))
        self.encoder, self.decoder = (
            nn.TransformerEncoder(
                nn.TransformerEncoderLayer(width, 4, 2 * width, 0.0, batch_first=True, norm_first=True),
                layers, enable_nested_tensor=False,
            )
            for layers in (2, 3)
        )  # fmt: skip
        self.to_latent = nn.Linear(WINDOW_STEPS * width, 2 * config.latent_size)
        self.from_latent = nn.Linear(config.latent_size, WINDOW_STEPS * width)

    def posterior(self, fields: StepFields) -> Posterior:
        steps = self.rhythm_embedding(fields.rhythm) + self.pitch_embedding(fields.pitch)
        return _split(self.to_latent(self.encoder(self.enter(steps) + self.places[0]).flatten(1)))

    def logits(self, z: Tensor, fusion: float | None = None) -> StepLogits:
        steps = self.from_latent(z).unflatten(1, (WINDOW_STEPS, -1)) + self.places[1]
        return self._heads(self.leave(self.decoder(steps)))


class Autoregressive(WholeWindow):
    """A recurrent decoder (GRU) that reads its own last symbol, as MusicVAE's; the encoder is that of `WholeWindow`."""

    hidden = 256

    def __init__(self, config: MelodyVAEConfig) -> None:
        super().__init__(config)
        self.start = nn.Linear(config.latent_size, self.hidden)
        self.cell = nn.GRU(config.step_width + config.latent_size, self.hidden, batch_first=True)
        self.out = nn.Linear(self.hidden, config.step_width)

    def teacher_logits(self, z: Tensor, fields: StepFields) -> StepLogits:
        steps = self.rhythm_embedding(fields.rhythm) + self.pitch_embedding(fields.pitch)
        before = torch.cat([torch.zeros_like(steps[:, :1]), steps[:, :-1]], 1)
        inputs = torch.cat([before, z[:, None].expand(-1, WINDOW_STEPS, -1)], -1)
        return self._heads(self.out(self.cell(inputs, torch.tanh(self.start(z))[None])[0]))

    def tokens(self, z: Tensor, temperature: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        state, last = torch.tanh(self.start(z))[None], z.new_zeros(len(z), 1, self.config.step_width)
        pitch, out = torch.zeros(len(z), dtype=torch.int64), []
        for _ in range(WINDOW_STEPS):
            hidden, state = self.cell(torch.cat([last, z[:, None]], -1), state)
            logits = self._heads(self.out(hidden))
            rhythm = logits.rhythm[:, 0].argmax(-1)
            pitch = torch.where(rhythm == ONSET, logits.pitch[:, 0].argmax(-1), pitch)
            last = (self.rhythm_embedding(rhythm) + self.pitch_embedding(pitch))[:, None]
            out.append(torch.where(rhythm == ONSET, pitch + self.config.lowest_pitch + ONSET, rhythm))
        return torch.stack(out, 1)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(silu(self.up(self.norm(x))))


def _split(mean_and_log_variance: Tensor) -> Posterior:
    mean, log_variance = mean_and_log_variance.chunk(2, dim=1)
    return Posterior(mean, log_variance.clamp(-8.0, 4.0))


MODELS = {
    "beats, a latent each (ours)": MelodyVAE,
    "beats, one latent": SharedLatent,
    "whole window": WholeWindow,
    "transformer": Transformer,
    "recurrent, autoregressive": Autoregressive,
}


def train(model: MelodyVAE, batches: Batches, seconds: float) -> tuple[int, float]:
    """Steps made in so many seconds of CPU time, and the KL of the last batch."""
    model.prior.requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    start, step = time.process_time(), 0
    while (progress := (time.process_time() - start) / seconds) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * progress))
        fields = model.fields(batches.draw(BATCH, generator))
        posterior = cast(Posterior, model.posterior(fields))
        z = posterior.sample(generator)
        logits = model.teacher_logits(z, fields) if isinstance(model, Autoregressive) else model.logits(z)
        kl = losses.gaussian_kl(posterior).mean()
        loss = losses.reconstruction(logits, fields).mean() + BETA * min(1.0, step / 300) * kl
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 5.0)
        optimizer.step()
        step += 1
    return step, float(kl.detach())


def decode_ms(model: MelodyVAE, count: int) -> float:
    z, taken = torch.randn(count, model.config.latent_size), []
    for _ in range(40):
        start = time.perf_counter()
        model.decode_windows(z)
        taken.append(time.perf_counter() - start)
    return 1e3 * float(np.median(taken[5:]))


def main(
    data: Annotated[Path, typer.Argument(help="folder of MIDI files to train on")],
    dev: Annotated[Path, typer.Option(help="folder of MIDI files to measure on")],
    seconds: Annotated[float, typer.Option(help="CPU time for each model")] = 120.0,
) -> None:
    """Train some encoders and decoders for the same CPU time, and compare."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    config = MelodyVAEConfig(latent_size=128, decoder_blocks=4, fusion=0.0)  # no critic: the bound alone
    batches = Batches(
        load_windows(data, config.lowest_pitch, config.pitches).windows, config.lowest_pitch, config.pitches
    )
    held_out = load_windows(dev, config.lowest_pitch, config.pitches).windows.astype(np.int64)
    held_out = held_out[np.linspace(0, len(held_out) - 1, min(512, len(held_out))).astype(int)]
    rows = {}
    for name, kind in MODELS.items():
        torch.manual_seed(0)
        model = kind(config)
        steps, kl = train(model, batches, seconds)
        back = model.decode_windows(model.encode_windows(held_out))
        rows[name] = [
            steps,
            (back == held_out).mean(),
            (back == held_out).all(1).mean(),
            kl,
            *(decode_ms(model, n) for n in (1, 9)),
        ]
        print(name, *(f"{value:.4g}" for value in rows[name]), flush=True)
    slowest = [max(row[i] for row in rows.values()) for i in (4, 5)]
    table = Table(
        "model",
        "training steps",
        "step accuracy",
        "exact",
        "KL, nats",
        "decode 1, share of slowest",
        "decode 9",
    )
    for name, (steps, accuracy, exact, kl, one, nine) in rows.items():
        table.add_row(
            name,
            f"{steps}",
            f"{accuracy:.3f}",
            f"{exact:.3f}",
            f"{kl:.0f}",
            f"{one / slowest[0]:.2f}",
            f"{nine / slowest[1]:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    run_script(main)
