"""The family of autoencoders on the same melodies: train each for as many steps, and compare.

    scripts/run python scripts/compare/compare_latents.py TRAIN_FOLDER --dev DEV_FOLDER --out runs/latents --steps 400

Encoder, decoder, data, batches and the optimizer are the same for all; only the latent variable and its term of the
loss differ. Nothing is trained between melodies here, so a path shows what a kind of latent does by itself. The same
command gives the same table, bit for bit on one machine; CPU time is of one thread. What is done already in OUT is not
done again: a run that was stopped goes on with the next latent. Printed: a table, which is in OUT/table.md too;
OUT/latents.png and OUT/forward-reverse-kl.png are the pictures. OUT/NAME/model is a checkpoint of each, for `midi-vae`
(its prior over melodies is not trained: mix, not sample).
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from latentmix.cli import run_script
from latentmix.errors import InputError
from midi_vae.evaluation import IntervalModel, middle_figures, path_figures
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.model.latents.denoising import replace_symbols
from midi_vae.model.latents.divergences import TwoModes, fit_forward, fit_reverse, log_normal
from midi_vae.model.latents.quantized import PLACES, VectorQuantized, code_perplexity
from midi_vae.music.melody import HOLD, ONSET, tidy
from midi_vae.training.dataset import Batches, load_windows
from midi_vae.training.objective import MelodyObjective, ObjectiveConfig, PriorObjective
from midi_vae.vae import MelodyVAE

CONSOLE = Console()
BATCH, LEARNING_RATE, WARM_UP = 128, 1.5e-3, 100
PRIOR_SHARE = 0.5  # of the steps of a model, that the prior over its codes gets on top of it
HELD_OUT, DRAWS, POINTS = 256, 256, 9
CORRUPTED = 0.1  # share of the symbols of a window, to see how much a code minds
# less than the shipped model's, which learn sooner; no critic helps in decoding: the table is about the latents
SIZES: dict[str, Any] = {"latent_size": 128, "width": 64, "across": 128, "decoder_blocks": 2, "fusion": 0.0}
NO_MIXING: dict[str, Any] = {"mixing_from": 1.0, "mixing_full": 2.0}  # of the way through training, that is: never


@dataclass(frozen=True)
class Variant:
    """A latent, the weight of its term, and what it is called."""

    latent: str
    weight: float
    title: str


VARIANTS = {
    "undercomplete": Variant("undercomplete", 0.0, "undercomplete"),
    "sparse": Variant("sparse", 0.1, "sparse, λ = 0.1"),
    "contractive": Variant("contractive", 0.01, "contractive, λ = 0.01"),
    "denoising": Variant("denoising", 0.0, "denoising, 10 % + 10 %"),
    "vae": Variant("gaussian", 1.0, "VAE, β = 1"),
    "beta-vae": Variant("gaussian", 0.1, "β-VAE, β = 0.1"),
    "iaf": Variant("iaf", 0.1, "flow (IAF), β = 0.1"),
    "vq": Variant("vq", 1.0, "VQ, straight-through"),
    "nsvq": Variant("nsvq", 0.0, "VQ, noise (NSVQ)"),
}

COLUMNS = {
    "CPU time, s": "{:.0f}",
    "step accuracy": "{:.3f}",
    "exact windows": "{:.3f}",
    "active units": "{:.0f}",
    "code perplexity": "{:.0f}",
    "rate, bits": "{:.0f}",
    "path": "{:.2f}",
    "largest jump": "{:.2f}",
    "likelihood gap": "{:+.2f}",
    "random, nats a step": "{:.2f}",
    "accuracy, 10 % wrong": "{:.3f}",
}


@dataclass(frozen=True)
class Data:
    """Windows to train on, to measure on, and a likelihood model of the former."""

    train: np.ndarray
    held_out: np.ndarray
    likelihood: IntervalModel

    def nats(self, windows: np.ndarray) -> float:
        return float(np.mean([self.likelihood.nats_a_step(tidy(row)) for row in windows]))


def read(folder: Path, kept: Path, config: MelodyVAEConfig) -> np.ndarray:
    """The windows of a folder, kept beside the results."""
    if not kept.is_file():
        beside = kept.with_suffix(".tmp.npy")
        np.save(beside, load_windows(folder, config.lowest_pitch, config.pitches).windows)
        beside.replace(kept)
    return np.load(kept, allow_pickle=False)


def prepare(train: np.ndarray, dev: np.ndarray) -> Data:
    """Held out are windows that start with a note and have at least six, evenly taken."""
    full = dev[(dev[:, 0] >= ONSET) & ((dev >= ONSET).sum(1) >= 6)]
    full = full if len(full) else dev
    held_out = full[np.linspace(0, len(full) - 1, min(HELD_OUT, len(full))).astype(int)].astype(np.int64)
    some = np.linspace(0, len(train) - 1, min(3000, len(train))).astype(int)
    return Data(train, held_out, IntervalModel().fit(train[some]))


def optimize(objective: nn.Module, batches: Batches, steps: int) -> float:
    """Make so many steps; CPU time they took, seconds."""
    learned = [p for p in objective.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    generator = torch.Generator().manual_seed(0)
    start = time.process_time()
    for step in range(steps):
        progress = step / steps
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * progress))
        loss = objective(batches.draw(BATCH, generator), generator, progress)["loss"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 5.0)
        optimizer.step()
    return time.process_time() - start


def train(variant: Variant, data: Data, steps: int) -> tuple[MelodyVAE, float]:
    """The model, and the CPU time its training took, without that of a prior over codes; seconds."""
    config = MelodyVAEConfig(latent=variant.latent, **SIZES)
    torch.manual_seed(0)
    model = MelodyVAE(config)
    weights = ObjectiveConfig(reconstruction=1.0, beta=variant.weight, free_nats=0.0, fusion=0.0, **NO_MIXING)
    batches = Batches(data.train, config.lowest_pitch, config.pitches)
    seconds = optimize(MelodyObjective(model, weights), batches, steps)
    if model.latent.codes:
        optimize(PriorObjective(model), batches, int(PRIOR_SHARE * steps))
    return model.eval(), seconds


def between(model: MelodyVAE, codes: Tensor) -> np.ndarray:
    """Lines (N, 9, 32) from each window to the next; where nothing lies between, at the nearest codes."""
    share = torch.linspace(0.0, 1.0, POINTS)[None, :, None]
    points = torch.lerp(codes[:, None], codes.roll(-1, 0)[:, None], share).flatten(0, 1)
    if not model.latent.interpolates:
        points = cast(VectorQuantized, model.latent).codebook(points.unflatten(1, (PLACES, -1))).vectors.flatten(1)
    return model.decode_windows(points).reshape(len(codes), POINTS, -1)


def draw(model: MelodyVAE, data: Data) -> np.ndarray:
    """Random windows: from p(z) where the model has one, else from the Gaussian of the codes of training windows."""
    if model.latent.codes:
        return model.decode_windows(model.sample_latents(DRAWS, seed=0))
    noise = torch.randn(DRAWS, model.config.latent_size, generator=torch.Generator().manual_seed(0))
    if model.latent.term != "kl":
        codes = model.encode_windows(data.train[:: len(data.train) // 4000 + 1].astype(np.int64))
        covariance = torch.cov(codes.T) + 1e-6 * torch.eye(codes.shape[1])
        noise = codes.mean(0) + noise @ torch.linalg.cholesky(covariance).T
    return model.decode_windows(noise)


@torch.inference_mode()
def measure(model: MelodyVAE, data: Data) -> dict[str, float]:
    """The figures of a row of the table; what does not apply is left out."""
    held_out, latent = data.held_out, model.latent
    tokens = torch.from_numpy(held_out)
    codes = model.encode_windows(held_out)
    back, spread = model.decode_windows(codes), codes.var(0)
    wrong = replace_symbols(tokens, CORRUPTED, torch.Generator().manual_seed(0)).numpy()
    lines = [np.stack([tidy(row) for row in line]) for line in between(model, codes)]
    path, middle = path_figures(lines), middle_figures(data.likelihood, lines)
    figures = {
        "step accuracy": float((back == held_out).mean()),
        "exact windows": float((back == held_out).all(1).mean()),
        "active units": float((spread > 0.01 * spread.max()).sum()),
        "path": path.path,
        "largest jump": path.max_jump,
        "likelihood gap": middle.likelihood_gap,
        "random, nats a step": data.nats(draw(model, data)),
        "accuracy, 10 % wrong": float((model.decode_windows(model.encode_windows(wrong)) == held_out).mean()),
    }
    if latent.codes:
        symbols = model.prior_symbols(tokens)
        figures["code perplexity"] = float(code_perplexity(symbols, latent.codes))
        figures["rate, bits"] = float(model.prior.loss(symbols)) * PLACES / math.log(2.0)
        del figures["active units"]
    elif latent.term == "kl":
        cost = latent.draw(model.posterior(model.fields(tokens)), torch.Generator().manual_seed(0)).cost
        figures["rate, bits"] = float(cost.mean()) / math.log(2.0)
    return figures


def pair(data: Data) -> np.ndarray:
    """Two held-out windows (2, 32) for the picture: the first, and the one farthest from it in steps."""
    first = data.held_out[0]
    return np.stack([first, data.held_out[int((data.held_out != first).sum(1).argmax())]])


def piano_roll(axes: Axes, tokens: np.ndarray, low: int, high: int) -> None:
    roll, pitch = np.zeros((high - low + 1, len(tokens))), None
    for step, token in enumerate(tokens.tolist()):
        pitch = token - ONSET if token >= ONSET else pitch if token == HOLD else None
        if pitch is not None and low <= pitch <= high:
            roll[pitch - low, step] = 1.0 if token >= ONSET else 0.6
    axes.imshow(roll, origin="lower", aspect="auto", cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")


def plot_latents(models: dict[str, MelodyVAE], data: Data, path: Path) -> None:
    """For each: the first two principal components of the codes, and a line between the same pair."""
    pitches = np.where(data.held_out >= ONSET, data.held_out - ONSET, np.nan)
    height, ends = np.nanmean(pitches, axis=1), pair(data)
    sounding = ends[ends >= ONSET] - ONSET
    low, high = int(sounding.min()) - 3, int(sounding.max()) + 3
    figure = Figure(figsize=(13.0, 1.25 * len(models)), layout="constrained")
    grid = figure.subplots(len(models), POINTS + 1, width_ratios=[1.6] + [1.0] * POINTS, squeeze=False)
    for row, (name, model) in zip(grid, models.items(), strict=True):
        codes = model.encode_windows(data.held_out)
        u, s, _ = torch.linalg.svd(codes - codes.mean(0), full_matrices=False)
        row[0].scatter(*(u[:, :2] * s[:2]).T.numpy(), c=height, s=3, cmap="viridis", linewidths=0)
        row[0].set_ylabel(VARIANTS[name].title.replace(", ", ",\n"), rotation=0, ha="right", va="center", fontsize=8)
        line = between(model, model.encode_windows(ends))[0]
        for axes, tokens in zip(row[1:], line, strict=True):
            piano_roll(axes, tokens, low, high)
        for axes in row:
            axes.set_xticks([])
            axes.set_yticks([])
    grid[0][0].set_title("codes, by mean pitch", fontsize=8)
    for k, axes in enumerate(grid[0][1:]):
        axes.set_title(f"{k}/{POINTS - 1}", fontsize=8)
    save(figure, path)


def plot_divergences(path: Path) -> None:
    target = TwoModes(3.0, 0.9)
    x = target.grid()
    x = x[x.abs() < 8.0]
    figure = Figure(figsize=(8.0, 2.6), layout="constrained")
    fits = {
        "forward, KL(p ‖ q): mean-seeking": [fit_forward(target)],
        "reverse, KL(q ‖ p): mode-seeking": [fit_reverse(target, side) for side in (1.0, -1.0)],
    }
    for axes, (title, found) in zip(figure.subplots(1, 2, sharey=True), fits.items(), strict=True):
        axes.fill_between(x, target.log_density(x).exp(), color="0.85", label="p")
        for fit, style in zip(found, ("-", "--"), strict=False):
            density = log_normal(x, x.new_tensor(fit.mean), x.new_tensor(fit.deviation)).exp()
            axes.plot(x, density, style, color="C0", label=f"q, {fit.divergence:.2f} nats")
        axes.set_title(title, fontsize=10)
        axes.legend(fontsize=8, frameon=False, loc="upper center")
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=80, pil_kwargs={"optimize": True})


def show(rows: dict[str, dict[str, float]], data: Data, path: Path) -> None:
    """The table, on the screen and as Markdown."""
    cells = {
        VARIANTS[name].title: [form.format(row[key]) if key in row else "–" for key, form in COLUMNS.items()]
        for name, row in rows.items()
    }
    table = Table("latent", *COLUMNS)
    lines = ["| " + " | ".join(["latent", *COLUMNS]) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in cells.items():
        table.add_row(name, *row)
        lines.append("| " + " | ".join([name, *row]) + " |")
    CONSOLE.print(table)
    CONSOLE.print(f"held-out melodies: {data.nats(data.held_out):.2f} nats a step", highlight=False)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main(
    data: Annotated[Path, typer.Argument(help="folder of MIDI files to train on")],
    dev: Annotated[Path, typer.Option(help="folder of MIDI files to measure on")],
    out: Annotated[Path, typer.Option(help="folder of the results")],
    steps: Annotated[int, typer.Option(help="of training, for each latent")] = 400,
    only: Annotated[list[str] | None, typer.Option(help="names of latents; all if left out")] = None,
) -> None:
    """Train each kind of latent variable for as many steps, and compare."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    names = only or list(VARIANTS)
    if unknown := set(names) - VARIANTS.keys():
        CONSOLE.print(f"expected names out of {', '.join(VARIANTS)}, found {', '.join(sorted(unknown))}")
        raise typer.Exit(2)
    try:
        out.mkdir(parents=True, exist_ok=True)
        config = MelodyVAEConfig()
        melodies = prepare(read(data, out / "train.npy", config), read(dev, out / "dev.npy", config))
        rows: dict[str, dict[str, float]] = {}
        models: dict[str, MelodyVAE] = {}
        for name in names:
            place = out / name
            if not (place / "figures.json").is_file():
                model, seconds = train(VARIANTS[name], melodies, steps)
                model.save_pretrained(place / "model")
                figures = {"CPU time, s": seconds, **measure(model, melodies)}
                (place / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
            rows[name] = json.loads((place / "figures.json").read_text(encoding="utf-8"))
            models[name] = MelodyVAE.from_pretrained(place / "model")
            CONSOLE.print(name, *(f"{key} {value:.4g}," for key, value in rows[name].items()), highlight=False)
    except (InputError, OSError) as error:
        CONSOLE.print(str(error), highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    show(rows, melodies, out / "table.md")
    plot_latents(models, melodies, out / "latents.png")
    plot_divergences(out / "forward-reverse-kl.png")


if __name__ == "__main__":
    run_script(main)
