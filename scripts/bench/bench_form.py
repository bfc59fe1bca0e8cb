"""Measure melodies of 16 bars: how they hang together, whether their phrases return, and what they copy.

    scripts/run python scripts/bench/bench_form.py --train TRAIN_FOLDER --dev DEV_FOLDER --chain runs/chain/conductor

Tunes of DEV_FOLDER (the first 16 bars of those in 4/4) beside as many that are made: windows of two bars drawn each by
itself, a chain of first order that knows only the window before (`train_conductor.py --nearest`), the conductor, and
what the conductor makes of 8 bars of each tune. `nats` is how unlikely a step is, by a 5-gram of intervals learned from
TRAIN_FOLDER, `at borders` of the first half bar after each border of two bars. `same after` is the share of steps that
are as they were so many bars before. `key` is the share of notes in the key of the whole, `empty` that of bars without
any note that starts, `copies` that of passages of 8 bars which are, transposed or not, in TRAIN_FOLDER.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from latentmix.cli import run_script
from latentmix.training import in_one_line
from midi_vae import InputError, Melody, MelodyVAE
from midi_vae.evaluation import IntervalModel
from midi_vae.long_form import compose, go_on
from midi_vae.model.conductor import Conductor
from midi_vae.music.key import estimate_key
from midi_vae.music.melody import ONSET, steps_per_bar
from midi_vae.training.dataset import find_midi_files

CONSOLE = Console(width=120)
BAR = steps_per_bar((4, 4))
BARS, WINDOW, PASSAGE = 16, 2, 8  # of a melody, of a window, of what counts as a copy
LAGS = (2, 4, 8)
HEAD = 8  # steps after a border


def tunes(folder: Path) -> Iterator[Melody]:
    """The melodies in 4/4 of a folder, from their first bars on."""
    for path in find_midi_files(folder):
        try:
            melody = Melody.from_midi(path, bars=None)
        except InputError:
            continue
        if melody.metre == (4, 4):
            yield melody


def passages(melody: Melody) -> Iterator[bytes]:
    """Every 8 bars of a melody that start on a bar line and have a note, as they are in any key."""
    for bar in range(melody.bars - PASSAGE + 1):
        tokens = melody.tokens[bar * BAR : (bar + PASSAGE) * BAR].astype(np.int64)
        is_onset = tokens >= ONSET
        if is_onset.any():
            yield np.where(is_onset, tokens - tokens[is_onset][0] + 200, tokens).astype(np.int16).tobytes()


def figures(melodies: list[Melody], likelihood: IntervalModel, known: frozenset[bytes]) -> dict[str, float]:
    """Means over melodies of `BARS` bars."""
    borders = [bar * BAR for bar in range(WINDOW, BARS, WINDOW)]
    rows = np.stack([melody.tokens for melody in melodies])
    at_borders = [likelihood.nats_a_step(row[: b + HEAD], b) for row in rows for b in borders]
    keys = [estimate_key([melody]).pitch_classes for melody in melodies]
    in_key = [
        np.mean([(t - ONSET) % 12 in key for t in row[row >= ONSET]])
        for row, key in zip(rows, keys, strict=True)
        if (row >= ONSET).any()
    ]
    found = [passage in known for melody in melodies for passage in passages(melody)]
    return {
        "nats": float(np.mean([likelihood.nats_a_step(row) for row in rows])),
        "at borders": float(np.mean(at_borders)),
        **{f"same after {lag}": float((rows[:, lag * BAR :] == rows[:, : -lag * BAR]).mean()) for lag in LAGS},
        "key": float(np.mean(in_key)),
        "empty": float(1.0 - (rows.reshape(len(rows), BARS, BAR) >= ONSET).any(2).mean()),
        "copies": float(np.mean(found)),
    }


def main(
    train: Annotated[Path, typer.Option(help="folder of MIDI files, for likelihood and copies")],
    dev: Annotated[Path, typer.Option(help="folder of MIDI files to measure beside")],
    chain: Annotated[Path | None, typer.Option(help="folder of a conductor that knows only the window before")] = None,
    conductor: Annotated[str, typer.Option(help="bundled name or folder")] = Conductor.default,
    temperature: Annotated[float, typer.Option(help="of all that is drawn")] = 1.0,
    count: Annotated[int, typer.Option(help="melodies of each kind")] = 150,
    seed: Annotated[int, typer.Option(help="of all that is drawn")] = 0,
) -> None:
    """Measure melodies of 16 bars."""
    torch.set_num_threads(1)
    with in_one_line("bench_form", ValueError):
        model, leads = MelodyVAE.from_pretrained(), Conductor.from_pretrained(conductor)
        learned = list(tunes(train))
        likelihood = IntervalModel().fit([melody.tokens for melody in learned])
        known = frozenset(passage for melody in learned for passage in passages(melody))
        real = [Melody(melody.tokens[: BARS * BAR]) for melody in tunes(dev) if melody.bars >= BARS]
        real = [real[i] for i in np.linspace(0, len(real) - 1, min(count, len(real))).astype(int)]
        n, windows = len(real), BARS // WINDOW
        alone = model.sample(n * windows, temperature, seed)
        rows = {
            "tunes": real,
            "windows by themselves": [
                Melody(np.concatenate([m.tokens for m in alone[i * windows : (i + 1) * windows]])) for i in range(n)
            ],
        }
        if chain is not None:
            rows["chain"] = compose(model, Conductor.from_pretrained(chain), n, BARS, temperature, seed)
        rows["conductor"] = compose(model, leads, n, BARS, temperature, seed)
        half = [Melody(melody.tokens[: BARS // 2 * BAR]) for melody in real]
        rows["tunes, half of them the conductor's"] = [
            Melody(np.concatenate([m.tokens, go_on(model, leads, m, BARS // 2, 1, temperature, seed + i)[0].tokens]))
            for i, m in enumerate(half)
        ]
    made = {name: figures(melodies, likelihood, known) for name, melodies in rows.items()}
    table = Table("", *next(iter(made.values())), title=f"{n} melodies of {BARS} bars of each kind")
    for name, found in made.items():
        table.add_row(name, *(f"{value:.3f}" for value in found.values()))
    CONSOLE.print(table)


if __name__ == "__main__":
    run_script(main)
