"""Measure a GrooveVAE on held-out drums.

    scripts/run python scripts/bench/bench_drums.py GROOVE_FOLDER

GROOVE_FOLDER has an info.csv with a split (that of the Groove MIDI Dataset); windows are those of `test`, as many of
each file as the square root of its length asks, chosen by hashes. The likelihood model and the templates of each
style are fitted on `train`. Rows: *coded* encodes and decodes; *straight* is nine even steps of the straight line
between two codes; *by travel* what users get; *crossfade* mixes velocities and lets a hit sound above a threshold and
is no model. *samples* are random grooves. *feel* gives real hits velocities and offsets, beside two
templates: one swing and one pattern of accents for a style, and medians of each drum on each step of the bar; mean lags
of files, which no hit tells, are taken out. *bars that return* are those whose very hits stand in eight other bars of
the performance: what the medians of those miss is what a drummer does otherwise each time. *8 bars heard* are
performances of 16 bars and more, of which the first eight are given to whoever plays the others. Speeds are medians on
one thread, beside the melody model's in the same run.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.lib.recfunctions import repack_fields
from rich.console import Console
from rich.table import Table

from latentmix.cli import run_script
from midi_vae import InputError, MelodyVAE
from midi_vae.drums.evaluation import SAME as SAME_GROOVE
from midi_vae.drums.evaluation import HitModel, StyleTemplate, coded_figures, distance, middle_figures
from midi_vae.drums.groove import FULL, MAX_OFFSET, Groove
from midi_vae.drums.mixing import humanise
from midi_vae.drums.network import GrooveNetwork
from midi_vae.drums.reference import feel_after
from midi_vae.drums.travel import even_travel
from midi_vae.drums.vae import GrooveVAE
from midi_vae.drums.windows import HIT, OFFSET, VELOCITY, from_cells, to_cells
from midi_vae.evaluation import path_figures
from midi_vae.music.windows import HALF
from midi_vae.training.groove_dataset import GrooveBatch, GrooveBatches, load_grooves

POINTS, THRESHOLD = 9, 0.25
SAMPLES = 256
HASHED = ["velocity", "offset", "lag", "tempo", "style", "cut", "full", "source"]  # what a window is told apart by
RETURNS = 8  # other bars with the same hits
LIKE_BARS = 8  # that are heard of a performance
Row = dict[str, float]
CONSOLE = Console()


def some(windows: np.ndarray, count: int) -> np.ndarray:
    """Up to so many windows, of each file about the square root of what it has, in an order that a hash gives."""
    chosen = []
    for source in np.unique(windows["source"]):
        mine = np.flatnonzero(windows["source"] == source)
        chosen += mine[np.linspace(0, len(mine) - 1, round(len(mine) ** 0.5)).round().astype(int)].tolist()
    told = repack_fields(windows[HASHED])
    chosen.sort(key=lambda index: hashlib.md5(told[index].tobytes()).hexdigest())
    return windows[chosen[:count]]


def lines_of(model: GrooveNetwork, cells: np.ndarray) -> dict[str, np.ndarray]:
    """Lines (B, 9, 32, 3, 9) from each window to the next one, by each way."""
    others = np.roll(cells, -1, 0)
    shares = np.linspace(0.0, 1.0, POINTS)
    a, b = model.invert_cells(cells), model.invert_cells(others)
    way = even_travel(model, cells, others)
    straight = np.stack([model.decode_cells(torch.lerp(a, b, share)) for share in shares.tolist()], 1)
    travel = np.stack([model.decode_cells(way.at(share)) for share in shares.tolist()], 1)
    fade = np.stack([crossfade(cells, others, share) for share in shares.tolist()], 1)
    travel[:, 0], travel[:, -1] = cells, others
    return {"straight": straight, "by travel": travel, "crossfade": fade}


def crossfade(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """Velocities of both, mixed; what is below the threshold is silent; offsets are those of the louder one."""
    loud = np.stack([(1.0 - share) * a[:, :, VELOCITY], share * b[:, :, VELOCITY]])
    velocity = loud.sum(0)
    hit = (velocity > THRESHOLD) | ((share == 0.0) & (a[:, :, HIT] > 0.5)) | ((share == 1.0) & (b[:, :, HIT] > 0.5))
    offset = np.where(loud[0] > loud[1], a[:, :, OFFSET], b[:, :, OFFSET])
    return np.stack([hit, hit * velocity, hit * offset], 2).astype(np.float32)


def figures_of_lines(lines: np.ndarray, likelihood: HitModel) -> Row:
    path = path_figures(list(lines), distance, SAME_GROOVE)
    middle = middle_figures(likelihood, list(lines))
    return {"path": path.path, "max_jump": path.max_jump, **asdict(middle)}


def sample_figures(model: GrooveVAE, data: np.ndarray, likelihood: HitModel) -> Row:
    """Random grooves against held-out ones in 4/4."""
    drawn = model.decode_cells(model.sample_latents(SAMPLES, seed=0))
    return {
        "sample_nats": float(np.mean([likelihood.nats_a_step(row) for row in drawn])),
        "data_nats": float(np.mean([likelihood.nats_a_step(row) for row in data])),
        "sample_hits": float(drawn[:, :, HIT].sum() / len(drawn)),
        "data_hits": float(data[:, :, HIT].sum() / len(data)),
        "distinct_samples": len(np.unique(drawn[:, :, HIT], axis=0)) / len(drawn),
    }


def feel_figures(said: np.ndarray, batch: GrooveBatch, where: np.ndarray | None = None) -> Row:
    """Mean absolute errors of velocities and offsets (B, 32, 3, 9), each against what was played, or of some cells."""
    hit, timed = batch.cells[:, :, HIT].numpy() > 0.5, batch.timed.numpy() > 0.5
    some_hits, some_timed = (each if where is None else each & where for each in (hit, timed))
    error = np.abs(said - centred(batch))
    return {
        "feel_velocity_error": float(error[:, :, VELOCITY][some_hits].mean()),
        "feel_offset_error": float(error[:, :, OFFSET][some_timed].mean()),
        "share_of_the_hits": float(some_hits.sum() / hit.sum()),
    }


def by_other_bars(held_out: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians of the other half windows of a performance that have the very hits of one: cells (B, 32, 3, 9), and
    which of them are known so, (B, 32, 9)."""
    known: dict[bytes, dict[bytes, np.ndarray]] = {}
    for half, key in _halves(held_out):
        known.setdefault(key, {})[half.tobytes()] = half  # a bar is in two windows
    said, where = [], []
    for half, key in _halves(chosen):
        others = [other for played, other in known[key].items() if played != half.tobytes()]
        enough = len(others) >= RETURNS
        said.append(np.median(others, 0) if enough else half)
        where.append(np.full((HALF, half.shape[2]), enough))
    shape = (len(chosen), 2 * HALF)
    return np.reshape(said, (*shape, 3, -1)), np.reshape(where, (*shape, -1))


def _halves(windows: np.ndarray) -> Iterator[tuple[np.ndarray, bytes]]:
    """Half windows (16, 3, 9) in order, each with its performance and its hits."""
    cells = centred(GrooveBatches(windows).all())
    for window, source in zip(cells, windows["source"], strict=True):
        for half in window.reshape(2, HALF, 3, -1):
            yield half, source.tobytes() + (half[:, HIT] > 0.5).tobytes()


def centred(batch: GrooveBatch) -> np.ndarray:
    """The cells of a batch without the mean lag of each file."""
    cells = batch.cells.numpy().copy()
    late = cells[:, :, OFFSET] - batch.lag.numpy()[:, None, None]
    cells[:, :, OFFSET] = cells[:, :, HIT] * np.clip(late, -MAX_OFFSET, MAX_OFFSET)
    return cells


def measure_feel(model: GrooveVAE, train: np.ndarray, held_out: np.ndarray, chosen: np.ndarray) -> dict[str, Row]:
    """Rows of feel: told the style and not; the template of the style, and none; and a template of each file itself.

    The last one has seen what it is to say, so it is no rival: what it misses changes from bar to bar, and no hits,
    tempo or style tell it.
    """
    styles = len(model.config.styles)
    lessons, batch = GrooveBatches(train).all(), GrooveBatches(chosen).all()
    hits = batch.cells[:, :, HIT]
    rows: dict[str, np.ndarray] = {}
    with torch.inference_mode():
        for name, style in (("feel", batch.style), ("feel, style not told", torch.full_like(batch.style, styles))):
            said = model.feel(batch.heard, batch.tempo, style)
            rows[name] = np.stack([hits, said.velocity.clamp(0, 1), said.offset], 2)
    swing, by_drum = (
        StyleTemplate(by_drum).fit(centred(lessons), lessons.style.numpy(), styles) for by_drum in (False, True)
    )
    for name, template in (
        ("swing and accents of the style", swing),
        ("medians of the style by drum and step", by_drum),
    ):
        rows[name] = template.play(hits.numpy(), batch.style.numpy())
    usual = float(np.median(train["velocity"][train["velocity"] > 0])) / FULL
    rows["one velocity, on the grid"] = np.stack([hits, usual * hits, 0.0 * hits], 2)
    sources, own = np.unique(held_out["source"], return_inverse=True)
    of_file = StyleTemplate().fit(centred(GrooveBatches(held_out).all()), own, len(sources))
    rows["medians of the file itself"] = of_file.play(hits.numpy(), np.searchsorted(sources, chosen["source"]))
    figures = {name: feel_figures(said, batch) for name, said in rows.items()}
    again, where = by_other_bars(held_out, chosen)
    for name, said in ((each, rows[each]) for each in list(rows)[:3]):
        figures[f"bars that return: {name}"] = feel_figures(said, batch, where)
    figures["bars that return: the other bars"] = feel_figures(again, batch, where)
    return {**figures, **measure_like(model, swing, held_out)}


def measure_like(model: GrooveVAE, swing: StyleTemplate, held_out: np.ndarray) -> dict[str, Row]:
    """Rows of performances of which the first bars are heard and the others are played: by those who heard nothing, by
    who copies what was struck on the same step, where anything was, and by `groove --like`."""
    played: dict[str, list[np.ndarray]] = {}
    chosen = []
    for source in np.unique(held_out["source"]):
        mine = held_out[held_out["source"] == source]
        first, rest = mine[: LIKE_BARS - 1 : 2], mine[LIKE_BARS::2]
        if len(rest) < LIKE_BARS // 2:
            continue
        known = GrooveBatches(first).all()
        known.lag[:] = known.cells[:, :, OFFSET][known.timed > 0.5].mean()  # of the file no more is known
        heard, hits = centred(known), GrooveBatches(rest).all().cells[:, :, HIT].numpy()
        like = Groove(np.zeros((2 * HALF, hits.shape[2]), np.uint8), tempo=float(mine["tempo"][0]))
        piece = from_cells(np.stack([hits, hits, 0.0 * hits], 2), like)
        alone = to_cells(humanise(model, piece))
        again = np.resize(heard, (len(rest), *heard.shape[1:]))
        for name, said in (
            ("swing and accents of the style", swing.play(hits, rest["style"].astype(int))),
            ("feel, style not told", alone),
            ("copied", np.where(again[:, :, [HIT]] > 0.5, again, alone)),
            ("groove --like", to_cells(feel_after(model, piece, from_cells(heard, like)))),
        ):
            some_of_it = np.linspace(0, len(rest) - 1, round(len(rest) ** 0.5)).round().astype(int)
            played.setdefault(f"{LIKE_BARS} bars heard: {name}", []).append(said[some_of_it])
        chosen.append(rest[some_of_it])
    batch = GrooveBatches(np.concatenate(chosen)).all()
    return {name: feel_figures(np.concatenate(said), batch) for name, said in played.items()}


def median_ms(*calls: Callable[[], object], rounds: int = 60) -> list[float]:
    """Median milliseconds of calls on one thread, taken in turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for each, call in zip(taken, calls, strict=True):
            start = time.perf_counter()
            call()
            each.append(time.perf_counter() - start)
    return [1e3 * statistics.median(each[5:]) for each in taken]


def measure_speed(model: GrooveVAE) -> Row:
    melody = MelodyVAE.from_pretrained("melody_2bar")
    z, other = torch.randn(1, model.config.latent_size), torch.randn(1, melody.config.latent_size)
    ours, theirs = median_ms(lambda: model.decode_cells(z), lambda: melody.decode_windows(other))
    cells = model.decode_cells(torch.randn(2, model.config.latent_size))
    (way,) = median_ms(lambda: even_travel(model, cells[:1], cells[1:]), rounds=20)
    return {"decode_1_ms": ours, "melody_decode_1_ms": theirs, "decode_over_melody": ours / theirs, "travel_ms": way}


def show(rows: dict[str, Row]) -> None:
    """A table of what is coded, mixed and drawn, and one of feel."""
    feel = {name: row for name, row in rows.items() if "feel_velocity_error" in row}
    others = {name: row for name, row in rows.items() if name not in feel}
    table = Table("figure", *others)
    for name in dict.fromkeys(name for row in others.values() for name in row):
        table.add_row(name, *[f"{row[name]:.4g}" if name in row else "" for row in others.values()])
    CONSOLE.print(table)
    table = Table("", *next(iter(feel.values())))
    for name, row in feel.items():
        table.add_row(name, *[f"{value:.4g}" for value in row.values()])
    CONSOLE.print(table)


def measure(model: GrooveVAE, folder: Path, count: int, splits: Sequence[str]) -> dict[str, Row]:
    train, held_out = (load_grooves(folder, split, model.config.styles).windows for split in splits)
    chosen = some(held_out, count)
    likelihood = HitModel().fit(GrooveBatches(train[train["full"]][::2]).all().cells.numpy())
    full = GrooveBatches(some(held_out[held_out["full"]], count)).all().cells.numpy()
    cells = GrooveBatches(chosen).all().cells.numpy()
    rows = {"coded": asdict(coded_figures(cells, model.decode_cells(model.invert_cells(cells))))}
    for name, lines in lines_of(model, full[: count // 4]).items():
        rows[name] = figures_of_lines(lines, likelihood)
    rows["samples"] = sample_figures(model, full, likelihood)
    return {**rows, **measure_feel(model, train, held_out, chosen)}


def main(
    data: Annotated[Path, typer.Argument(help="folder of MIDI files with drums, and info.csv")],
    model: Annotated[str, typer.Option(help="bundled name or folder of a checkpoint")] = "drums_2bar",
    split: Annotated[str, typer.Option(help="of info.csv, measured on")] = "test",
    count: Annotated[int, typer.Option(help="windows; a quarter of them are ends of lines")] = 400,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON rather than a table")] = False,
) -> None:
    """Measure a GrooveVAE on held-out drums."""
    torch.set_num_threads(1)
    try:
        vae = GrooveVAE.from_pretrained(model)
        rows = measure(vae, data, count, ("train", split))
    except InputError as error:
        CONSOLE.print(str(error), highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    rows["coded"] |= measure_speed(vae)
    if as_json:
        typer.echo(json.dumps({"windows": count, **rows}, indent=2))
    else:
        show(rows)


if __name__ == "__main__":
    run_script(main)
