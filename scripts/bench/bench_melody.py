"""Measure a MelodyVAE on held-out melodies, beside MusicVAE's own decoder in the same run.

    scripts/run python scripts/bench/bench_melody.py --train TRAIN_FOLDER --dev DEV_FOLDER [--musicvae WEIGHTS.npz]
        [--only-speed]

Windows of two bars of 4/4 that start with a note, one from each tune. The likelihood model is fitted on windows of
TRAIN_FOLDER. Path, jump and gap are of `decode` on the straight line between two codes; the row `interpolate`
has the exact ends. Rows "searched" have the nine of 129 points of the straight line that change most evenly, which
helps every model: so much is the search's. Another model enters by --entry (docs/benchmark.md). MusicVAE's encoder is
not to be had, so its latents are searched by gradient. Speeds are medians on one thread; only their ratio within one
run means anything.
"""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer
from rich.console import Console
from rich.table import Table

from latentmix.cli import run_script
from midi_vae import InputError, Melody, MelodyVAE
from midi_vae.evaluation import IntervalModel, evenest_line, middle_figures, path_figures, splice_figures
from midi_vae.music.melody import ONSET, tidy
from scripts.melody_windows import STEPS, Count, Dev, Model, Train, windows

POINTS = 9
SAMPLES = 256
IN_A_ROW, UNCOUNTED = 10, 3  # decodes of one model before it is the other's turn
CONSOLE = Console()


def figures_of_lines(lines: list[np.ndarray], likelihood: IntervalModel) -> dict[str, float]:
    """Path and middle of lines (9, 32) of tokens."""
    lines = [np.stack([tidy(row) for row in line]) for line in lines]
    path, middle = path_figures(lines), middle_figures(likelihood, lines)
    return {**asdict(path), **asdict(middle)}


def sample_figures(rows: np.ndarray, data: np.ndarray, likelihood: IntervalModel) -> dict[str, float]:
    """Likelihood, onsets and variety of random melodies (n, 32) against the data's."""
    rows, onsets = np.stack([tidy(row) for row in rows]), (data >= ONSET).sum(1).mean()
    return {
        "sample_nats": float(np.mean([likelihood.nats_a_step(row) for row in rows])),
        "data_nats": float(np.mean([likelihood.nats_a_step(row) for row in data])),
        "sample_onsets_over_data": float((rows >= ONSET).sum(1).mean() / onsets),
        "sample_distance": float(np.mean(rows != np.roll(rows, 1, axis=0))),
        "data_distance": float(np.mean(data != np.roll(data, 1, axis=0))),
        "sample_nearest": nearest(rows[: len(data)]),
        "data_nearest": nearest(data[: len(rows)]),
        "distinct_samples": len(np.unique(rows, axis=0)) / len(rows),
    }


def nearest(rows: np.ndarray) -> float:
    """Mean distance of each of (n, 32) to the nearest other: that of melodies which say the same again is small."""
    apart = (rows[:, None] != rows[None]).mean(-1)
    np.fill_diagonal(apart, 1.0)
    return float(apart.min(1).mean())


def between(z: torch.Tensor) -> torch.Tensor:
    """Nine points from each latent to the next one, (B * 9, D)."""
    share = torch.linspace(0.0, 1.0, POINTS)[None, :, None]
    return torch.lerp(z[:, None], z.roll(-1, 0)[:, None], share).flatten(0, 1)


Decode = Callable[[torch.Tensor], np.ndarray]  # latents (B, D) -> tokens (B, 32)
MusicVAE = Callable[..., tuple[torch.Tensor, torch.Tensor]]  # latents (B, 256) -> logits (B, 32, 90), symbols (B, 32)


def searched(decode: Decode, z: torch.Tensor) -> np.ndarray:
    """Lines from each latent to the next one, (B, 9, 32): the most even of 129 decoded points of each straight line."""
    shares = torch.linspace(0.0, 1.0, 129)[:, None]
    return np.stack(
        [evenest_line(decode(torch.lerp(a, b, shares)), POINTS) for a, b in zip(z, z.roll(-1, 0), strict=True)]
    )


def measure_entry(entry: str, data: np.ndarray, likelihood: IntervalModel) -> dict[str, dict[str, float]]:
    """Rows of a model that is named MODULE:FUNCTION; what the function gives has `encode` and `decode`.

    Raises:
        InputError: there is no such module or function.
    """
    module, _, function = entry.partition(":")
    try:
        model = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"{entry}: expected MODULE:FUNCTION that makes a model, found {error}") from None
    z = torch.as_tensor(np.asarray(model.encode(data)), dtype=torch.float32)
    decode: Decode = lambda latents: np.asarray(model.decode(latents.numpy()))  # noqa: E731
    back, lines = decode(z), decode(between(z)).reshape(len(z), POINTS, STEPS)
    return {
        entry: {
            "step_accuracy": float((back == data).mean()),
            "exact": float((back == data).all(1).mean()),
            **figures_of_lines(list(lines), likelihood),
            **splice_figures(lines),
        },
        f"{entry} searched": searched_figures(decode, z, likelihood),
    }


def searched_figures(decode: Decode, z: torch.Tensor, likelihood: IntervalModel) -> dict[str, float]:
    lines = searched(decode, z)
    return {**figures_of_lines(list(lines), likelihood), **splice_figures(lines)}


def speeds(ours: MelodyVAE, musicvae: MusicVAE | None, turns: int = 8) -> dict[str, dict[str, float]]:
    """Median milliseconds of a decode of one melody and of nine, on one thread.

    The models are timed in turn, each as a program has it that decodes again and again: ten times in a row, of which
    the first few, when what the other needs lies in the caches, do not count.
    """
    torch.set_num_threads(1)
    decoders: dict[str, tuple[Callable[[torch.Tensor], object], int]] = {
        "latentmix decode": (ours.decode, ours.config.latent_size)
    }
    if musicvae:
        decoders["MusicVAE"] = (torch.inference_mode()(musicvae), 256)
    rows: dict[str, dict[str, float]] = {name: {} for name in decoders}
    for batch in (1, POINTS):
        taken: dict[str, list[float]] = {name: [] for name in decoders}
        for turn in range(turns + 1):
            for name, (decode, size) in decoders.items():
                for again in range(IN_A_ROW):
                    z = torch.randn(batch, size)
                    start = time.perf_counter()
                    decode(z)
                    if turn and again >= UNCOUNTED:  # in the first turn it is traced
                        taken[name].append(time.perf_counter() - start)
        for name, each in taken.items():
            rows[name][f"decode_{batch}_ms"] = 1e3 * float(np.median(each))
        if musicvae:
            ms = [row[f"decode_{batch}_ms"] for row in rows.values()]
            rows["latentmix decode"][f"decode_{batch}_over_musicvae"] = ms[0] / ms[1]
    return rows


def measure_ours(model: MelodyVAE, data: np.ndarray, likelihood: IntervalModel) -> dict[str, dict[str, float]]:
    """Rows of the table: decode on the straight line, and interpolate."""
    melodies = [Melody(row) for row in data]
    z = model.encode(melodies)
    back = np.stack([m.tokens for m in model.decode(z)])
    lines = model.decode_windows(between(z)).reshape(len(z), POINTS, STEPS)
    decode = {
        "step_accuracy": float((back == data).mean()),
        "exact": float((back == data).all(1).mean()),
        "exact_mean": float((model.decode_windows(model.encode_windows(data)) == data).all(1).mean()),
        **figures_of_lines(list(lines), likelihood),
        **splice_figures(lines),
        **sample_figures(np.stack([m.tokens for m in model.sample(SAMPLES, seed=0)]), data, likelihood),
    }
    made = [
        np.stack([m.tokens for m in model.interpolate(a, b, POINTS, exact_ends=True)])
        for a, b in zip(melodies, melodies[1:] + melodies[:1], strict=True)
    ]
    noise = torch.randn(SAMPLES, z.shape[1], generator=torch.Generator().manual_seed(0))
    return {
        "latentmix decode": decode,
        "latentmix searched": searched_figures(model.decode_windows, z, likelihood),
        "latentmix interpolate": {**figures_of_lines(made, likelihood), **splice_figures(np.stack(made))},
        "latentmix N(0, I)": sample_figures(model.decode_windows(noise), data, likelihood),
    }


def read_musicvae(path: Path) -> MusicVAE:
    """MusicVAE's two-bar decoder (Roberts et al. 2018, arXiv 1803.05428): two LSTM layers, fed with their output."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            weights = {name: torch.from_numpy(stored[name]) for name in stored.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected MusicVAE's decoder as an .npz file, found {error}") from None

    def pick(*parts: str) -> torch.Tensor:
        return next(value for name, value in weights.items() if all(part in name for part in parts))

    first, second, out, start = (
        (pick(*parts, "kernel"), pick(*parts, "bias"))
        for parts in (("decoder", "cell_0"), ("decoder", "cell_1"), ("output_projection",), ("z_to_initial",))
    )
    symbols, size = out[1].shape[0], start[0].shape[0]

    def cell(gates: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        i, j, f, o = gates.chunk(4, -1)
        c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(j)
        return c, torch.sigmoid(o) * torch.tanh(c)

    def decode(z: torch.Tensor, teacher: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        c0, h0, c1, h1 = torch.tanh(z @ start[0] + start[1]).chunk(4, -1)
        fixed = z @ first[0][symbols : symbols + size] + first[1]
        fed = torch.zeros_like(fixed)
        logits, chosen = [], []
        for step in range(STEPS):
            c0, h0 = cell(fixed + fed + h0 @ first[0][symbols + size :], c0)
            c1, h1 = cell(torch.cat([h0, h1], -1) @ second[0] + second[1], c1)
            logits.append(h1 @ out[0] + out[1])
            chosen.append(logits[-1].argmax(-1))
            fed = first[0][:symbols][chosen[-1] if teacher is None else teacher[:, step]]
        return torch.stack(logits, 1), torch.stack(chosen, 1)

    return decode


def measure_musicvae(decode: MusicVAE, data: np.ndarray, likelihood: IntervalModel) -> dict[str, dict[str, float]]:
    """The same figures for MusicVAE, its latents found by 300 steps of Adam under its own prior."""
    offset = 21  # its lowest pitch: symbol 2 is the onset of MIDI pitch 21
    target = torch.from_numpy(np.where(data >= ONSET, data - offset, data))
    z = torch.zeros(len(data), 256, requires_grad=True)
    adam = torch.optim.Adam([z], 0.05)
    for _ in range(300):
        loss = F.cross_entropy(decode(z, target)[0].flatten(0, 1), target.flatten(), reduction="sum") / len(data)
        adam.zero_grad()
        (loss + 0.1 * z.square().sum(1).mean()).backward()
        adam.step()
    with torch.no_grad():
        z = z.detach()
        back = decode(z)[1]
        ours = lambda symbols: np.where(symbols >= ONSET, symbols + offset, symbols)  # noqa: E731
        lines = ours(decode(between(z))[1].numpy()).reshape(len(data), POINTS, STEPS)
        drawn = ours(decode(torch.randn(SAMPLES, 256, generator=torch.Generator().manual_seed(0)))[1].numpy())
        best = searched_figures(lambda latents: ours(decode(latents)[1].numpy()), z, likelihood)
    straight = {
        "step_accuracy": float((back == target).float().mean()),
        "exact": float((back == target).all(1).float().mean()),
        **figures_of_lines(list(lines), likelihood),
        **splice_figures(lines),
        **sample_figures(drawn, data, likelihood),
    }
    return {"MusicVAE": straight, "MusicVAE searched": best}


def show(rows: dict[str, dict[str, float]]) -> None:
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("figure", *rows)
    for name in names:
        table.add_row(name, *[f"{row[name]:.4g}" if name in row else "" for row in rows.values()])
    CONSOLE.print(table)


def measured(
    ours: MelodyVAE, musicvae: MusicVAE | None, entries: Sequence[str], train: Path, data: np.ndarray
) -> dict[str, dict[str, float]]:
    """Rows of all models.

    Raises:
        InputError: as of `measure_entry`, or a folder without tunes.
    """
    likelihood = IntervalModel().fit(windows(train, 4000))
    rows = measure_ours(ours, data, likelihood)
    if musicvae:
        rows |= measure_musicvae(musicvae, data, likelihood)
    for each in entries:
        rows |= measure_entry(each, data, likelihood)
    return rows


def main(
    train: Train,
    dev: Dev,
    model: Model = "melody_2bar",
    musicvae: Annotated[Path | None, typer.Option(help="MusicVAE's mel_2bar_small decoder, .npz")] = None,
    entry: Annotated[
        list[str] | None, typer.Option(metavar="MODULE:FUNCTION", help="another model; may be given several times")
    ] = None,
    count: Count = 64,
    only_speed: Annotated[bool, typer.Option(help="time decoding, in turn, and measure nothing else")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON rather than a table")] = False,
) -> None:
    """Measure a MelodyVAE on held-out melodies, beside MusicVAE's own decoder."""
    try:
        vae = MelodyVAE.from_pretrained(model)
        theirs = read_musicvae(musicvae) if musicvae else None
        data = None if only_speed else windows(dev, count)
        rows = {} if data is None else measured(vae, theirs, entry or [], train, data)
    except InputError as error:
        CONSOLE.print(str(error), highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    for name, figures in speeds(vae, theirs).items():
        rows[name] = rows.get(name, {}) | figures
    if as_json:
        typer.echo(json.dumps(({} if data is None else {"windows": len(data)}) | rows, indent=2))
    else:
        show(rows)


if __name__ == "__main__":
    run_script(main)
