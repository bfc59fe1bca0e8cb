"""Measure how evenly melodies change while a puck moves over the pad, live: with a chart of the plane and without.

    scripts/run python scripts/bench/bench_plane.py --train TRAIN_FOLDER --dev DEV_FOLDER

Four windows of DEV_FOLDER at a time stand on the corners of the pad of a live mixer; the puck goes straight from a
random place to another in nine steps. `path` is the sum of the changes over that between the ends (1 is ideal),
`largest jump` the largest of them (.125), `onsets` those of all that is heard over what the shares of the melodies say,
`nats` how much less likely a step is than of the melodies themselves, by a 5-gram of intervals learned from
TRAIN_FOLDER, `switches` how often the source changes along the steps half-way, `seconds` of one thread that the search
takes. Rows: mixed straight, with the ways between pairs, with the chart.

The second table is of rows and columns of the grids of `midi-vae mix --grid`, between the same windows, path and
largest jump (1 over the steps of a side is ideal) of each: along straight lines, and as it is made.
"""

from __future__ import annotations

import time
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from latentmix.cli import run_script
from latentmix.training import in_one_line
from midi_vae import Melody, MelodyVAE, interpolation
from midi_vae.evaluation import IntervalModel, path_figures
from midi_vae.music.melody import ONSET, tidy
from realtime.engine.decoder import Decoder
from realtime.engine.explorer import all_asides, charted
from realtime.music.blend import corners
from realtime.music.mixer import Mixer
from scripts.melody_windows import Count, Dev, Model, Train, windows

CONSOLE = Console(width=120)
POINTS = 9
SHORTEST = 0.3  # of the pad's side, that a move goes


def moves(count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Straight moves over the pad, (9, 2) each."""
    out: list[np.ndarray] = []
    while len(out) < count:
        a, b = rng.random((2, 2))
        if np.hypot(*(a - b)) >= SHORTEST:
            out.append(a + np.linspace(0.0, 1.0, POINTS)[:, None] * (b - a))
    return out


def heard(mixer: Mixer, move: np.ndarray) -> np.ndarray:
    """Tokens (9, 32) along a move."""
    rows = []
    for x, y in move:
        mixer.move({"x": float(x), "y": float(y)})
        rows.append(tidy(mixer.melody().tokens))
    return np.stack(rows)


def switches(line: np.ndarray, ends: np.ndarray) -> float:
    """How often the source changes along the steps of the middle of a line in which melodies (M, 32) differ."""
    middle = line[len(line) // 2]
    differ = (ends != ends[0]).any(0)
    source = (ends == middle).argmax(0)[differ]
    return float((np.diff(source) != 0).sum())


Rows = dict[str, dict[str, float]]


def measure_pad(decoder: Decoder, data: np.ndarray, count: int, likelihood: IntervalModel) -> Rows:
    """Rows of the first table."""
    lines: dict[str, list[np.ndarray]] = {"straight": [], "pairs": [], "chart": []}
    due, cut, seconds = [], {name: [] for name in lines}, []  # type: ignore[var-annotated]
    rng = np.random.default_rng(0)
    for start in range(0, len(data) - 3, 4):
        ends = data[start : start + 4]
        mixer = Mixer(decoder, [Melody(row) for row in ends])
        ways, way = all_asides(decoder, mixer.coded), moves(count, rng)
        for name in lines:
            mixer.move({"x": 0.5, "y": 0.5})
            mixer.asides = {} if name == "straight" else ways
            if name == "chart":
                assert mixer.plane is not None
                began = time.thread_time()
                mixer.charts = {mixer.plane: charted(mixer, mixer.plane)}
                seconds.append(time.thread_time() - began)
            for move in way:
                lines[name].append(heard(mixer, move))
                cut[name].append(switches(lines[name][-1], ends))
        counts = (ends >= ONSET).sum(1)
        for move in way:
            for x, y in move:
                mixer.move({"x": float(x), "y": float(y)})
                due.append(float(mixer.weights() @ counts))
    real = np.mean([likelihood.nats_a_step(row) for row in data])
    rows = {}
    for name, found in lines.items():
        path = path_figures(found)
        nats = [likelihood.nats_a_step(row) for line in found for row in line]
        rows[name] = {
            "path": path.path,
            "largest jump": path.max_jump,
            "onsets": float(sum((line >= ONSET).sum() for line in found) / sum(due)),
            "nats": float(np.mean(nats) - real),
            "switches": float(np.mean(cut[name])),
        }
    rows["chart"]["seconds"] = float(np.mean(seconds))
    return rows


def measure_grid(model: MelodyVAE, data: np.ndarray, side: int, likelihood: IntervalModel) -> Rows:
    """Rows of the second table."""
    real, across = np.mean([likelihood.nats_a_step(row) for row in data]), np.linspace(0.0, 1.0, side)
    shares = np.stack([corners(x, y) for y in across for x in across])
    rows: Rows = {}
    for name, straight in (("straight", True), ("as it is made", False)):
        found, due, seconds = [], 0.0, 0.0
        for start in range(0, len(data) - 3, 4):
            ends = data[start : start + 4]
            began = time.thread_time()
            made = interpolation.grid(model, [Melody(row) for row in ends], side, side, straight=straight)
            seconds += time.thread_time() - began
            found.append(np.stack([[melody.tokens for melody in row] for row in made]))
            due += float((shares @ (ends >= ONSET).sum(1)).sum())
        lines = {"rows": [row for each in found for row in each]}
        lines["columns"] = [row for each in found for row in each.swapaxes(0, 1)]
        rows[name] = {}
        for kind, each in lines.items():
            path = path_figures(each)
            rows[name] |= {f"path of {kind}": path.path, f"jump of {kind}": path.max_jump}
        nats = [likelihood.nats_a_step(melody) for each in found for melody in each.reshape(-1, each.shape[2])]
        rows[name] |= {
            "onsets": float(sum((each >= ONSET).sum() for each in found) / due),
            "nats": float(np.mean(nats) - real),
            "seconds": seconds / len(found),
        }
    return rows


def show(title: str, rows: Rows) -> None:
    table = Table("", *max(rows.values(), key=len), title=title)
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.3f}" for value in row.values()))
    CONSOLE.print(table)


def main(
    train: Train,
    dev: Dev,
    model: Model = "melody_2bar",
    count: Count = 108,
    each: Annotated[int, typer.Option(help="moves over the pad between four of them")] = 12,
    side: Annotated[int, typer.Option(help="melodies on a side of a grid")] = 5,
) -> None:
    """Measure how evenly melodies change on the pad."""
    torch.set_num_threads(1)
    with in_one_line("bench_plane", ValueError):
        decoder = Decoder(MelodyVAE.from_pretrained(model), 0)
        likelihood = IntervalModel().fit(windows(train, 4000))
        data = windows(dev, count)
    show(f"{len(data) // 4 * each} straight moves", measure_pad(decoder, data, each, likelihood))
    grids = measure_grid(decoder.model, data, side, likelihood)
    show(f"{len(data) // 4} grids of {side} x {side}", grids)


if __name__ == "__main__":
    run_script(main)
