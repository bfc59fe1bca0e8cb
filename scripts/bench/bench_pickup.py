"""Pickups that no event tells: how well `midi_vae.music.pickup` finds them, and the weights that it has.

    python scripts/bench/bench_pickup.py FOLDER      # a folder of folders of ABC files

abc2midi (package abcmidi) must be installed: it plays the tunes, and its accents say where the bars are. Each is then
looked at from its first note on without them, as LilyPond would have written it. The weights are measured on all
folders but one, and tried on this one; those that are printed at the end are of all of them. *precision*: of the tunes
that are shifted, those shifted by the right time; *recall*: of those with a pickup; *false*: of those without one,
those shifted.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latentmix.errors import InputError
from midi_vae.midi.reader import read_tune
from midi_vae.music.bars import STEPS_A_BEAT, bar_sections
from midi_vae.music.grid import place
from midi_vae.music.pickup import METRES, MIN_NOTES, WEIGHTS, features
from midi_vae.music.tokens import steps_per_bar
from scripts.bench.abc_tunes import asked, played

MARGINS = (0.9, 0.95, 0.98)
ACCENT = 105
MOST = 3_000  # tunes of a folder, evenly chosen
RIDGE = 0.2


@dataclass(frozen=True, eq=False)
class Example:
    """A tune from its first note on.

    Attributes:
        rows: (pickups, weights) what speaks for each.
        pickup: the right one, in steps.
    """

    rows: np.ndarray
    pickup: int


def example_of(path: Path) -> Example | None:
    """None of a tune whose bars are not clear by its accents, or that has several metres or voices."""
    try:
        tune = read_tune(path)
    except InputError:
        return None
    metres = {(n, d) for _, n, d in tune.metres}
    if len(tune.tracks) != 1 or len(metres) != 1 or len(tune.metres) > 2 or not metres <= METRES.keys():
        return None
    metre, notes = next(iter(metres)), tune.tracks[0].notes
    size, line = steps_per_bar(metre), place(notes, ())
    if len(line.start) < MIN_NOTES or line.report.triplets or line.report.dropped:
        return None
    begin = round(bar_sections(tune.metres)[0].beat * STEPS_A_BEAT)
    accented = np.unique(np.rint(notes["start"][notes["velocity"] == ACCENT] * STEPS_A_BEAT).astype(np.int64))
    on_bars = line.start[(line.start - begin) % size == 0]
    if len(on_bars) < MIN_NOTES / 4 or np.isin(on_bars, accented).mean() < 0.98:
        return None
    first, length = int(line.start[0]), int(tune.length * STEPS_A_BEAT)
    rows = features(line.start - first, line.end - first, line.pitch, metre, length - first)
    return Example(rows, (begin - first) % size)


def examples_of(abc2midi: str, folder: Path) -> list[Example]:
    found = []
    with tempfile.TemporaryDirectory() as name:
        for number, source in enumerate(sorted(folder.glob("*.abc"))):
            played(abc2midi, source, Path(name) / str(number), "-NFER")
        paths = sorted(Path(name).rglob("*.mid"))
        for path in paths[:: max(len(paths) // MOST, 1)]:
            if (example := example_of(path)) is not None:
                found.append(example)
    return found


def weights_of(examples: Sequence[Example]) -> np.ndarray:
    """Of the likeliest conditional logit, (weights,)."""
    most = max(len(each.rows) for each in examples)
    rows, shut = np.zeros((len(examples), most, len(WEIGHTS))), np.zeros((len(examples), most))
    for index, each in enumerate(examples):
        rows[index, : len(each.rows)] = each.rows
        shut[index, len(each.rows) :] = -1e9
    inputs, barred = torch.from_numpy(rows), torch.from_numpy(shut)
    right = torch.tensor([each.pickup for each in examples])
    weights = torch.zeros(len(WEIGHTS), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=300)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(inputs @ weights + barred, right)
        loss = loss + RIDGE * (weights**2).sum() / len(examples)
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.detach().numpy()


def report(name: str, examples: Sequence[Example], weights: np.ndarray) -> str:
    """A row of the table."""
    best, sure = [], []
    for each in examples:
        shares = np.exp((scores := each.rows @ weights) - scores.max())
        best.append(int(shares.argmax()))
        sure.append(float(shares.max() / shares.sum()))
    found, right, sureness = np.array(best), np.array([each.pickup for each in examples]), np.array(sure)
    cells = [name, str(len(examples)), f"{np.mean(right > 0):.0%}"]
    for margin in MARGINS:
        shifted = (found > 0) & (sureness >= margin)
        good = int((shifted & (found == right)).sum())
        precision, recall = good / max(int(shifted.sum()), 1), good / max(int((right > 0).sum()), 1)
        false = float((shifted & (right == 0)).sum()) / max(int((right == 0).sum()), 1)
        cells += [f"{precision:.1%}", f"{recall:.0%}", f"{false:.1%}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    abc2midi, folder = asked(__doc__, "with folders of ABC files, two or more")
    torch.set_num_threads(1)
    found = {path.name: examples_of(abc2midi, path) for path in sorted(folder.iterdir()) if path.is_dir()}
    found = {name: examples for name, examples in found.items() if len(examples) >= 100}
    if len(found) < 2:
        sys.exit(f"{folder}: expected two folders or more with at least 100 tunes each, found {len(found)}")
    margins = " | ".join(f"{margin:g}: precision | recall | false" for margin in MARGINS)
    print(f"| tried on | tunes | with a pickup | {margins} |\n|---" + "|---:" * (2 + 3 * len(MARGINS)) + "|")
    for name, examples in found.items():
        others = [each for other, rest in found.items() if other != name for each in rest]
        print(report(name, examples, weights_of(others)), flush=True)
    weights = weights_of([each for examples in found.values() for each in examples])
    print("\n" + "\n".join(f"{name}: {value:.2f}" for name, value in zip(WEIGHTS, weights.tolist(), strict=True)))


if __name__ == "__main__":
    main()
