"""What the commands of `midi-vae` do: read and check, then make, write and tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from latentmix.errors import InputError

from .. import crossing, interpolation, labels, long_form
from ..importing import Passage
from ..model.conductor import Conductor
from ..music.key import Key
from ..music.melody import Melody
from ..music.partners import partners
from ..vae import MelodyVAE
from . import report
from .options import ChangeOptions, ModelOptions, OutputOptions, PassageOptions
from .outputs import Outputs, Strip

MAX_BARS = 60_000  # that a command makes: nine times a tune of three hours


@dataclass(frozen=True)
class Job:
    """What a command has in hand once its input and its outputs are found to be good."""

    passages: list[Passage]
    outputs: Outputs
    change: ChangeOptions
    key: Key | None
    model_name: str
    model: MelodyVAE
    shift: Tensor | None

    @property
    def melodies(self) -> list[Melody]:
        return [passage.melody for passage in self.passages]


@dataclass(frozen=True)
class Made:
    """What a command made.

    Attributes:
        melodies, labels: one each.
        original: what they were made from, if it is to be shown beside them.
        ends: indices of those that are inputs themselves.
        lines: indices of the melodies on each line.
        columns: of a grid.
    """

    melodies: list[Melody]
    labels: list[str]
    original: Melody | None = None
    ends: Sequence[int] = ()
    lines: Sequence[Sequence[int]] = ()
    columns: int | None = None


def prepare(
    files: Sequence[Path],
    excerpt: PassageOptions | None,
    change: ChangeOptions,
    output: OutputOptions,
    choice: ModelOptions,
    count: int,
    stem: str = "",
    separate: bool = False,
    more_bars: int = 0,
) -> Job:
    """Read and check everything for a command that makes so many melodies, by so many bars longer than what it reads;
    nothing is written yet."""
    passages = excerpt.read(files) if excerpt else []
    _check_size([passage.melody for passage in passages], count, more_bars)
    outputs = output.outputs(files, separate, stem)
    key = change.key_for(passages)
    model = choice.load()
    return Job(passages, outputs, change, key, choice.model, model, change.shift(model))


def _check_size(melodies: Sequence[Melody], count: int, more_bars: int) -> None:
    """Hold memory and time within bounds: a partner's bars may become as long as the first one's."""
    steps = [max(len(m.tokens), m.bars * melodies[0].steps_per_bar) for m in melodies]
    bars = count * (max(steps, default=0) // 16 + more_bars)
    if bars > MAX_BARS:
        raise InputError(f"expected at most {MAX_BARS} bars of 4/4 in all, found {bars}; choose fewer steps or bars")


def in_form(job: Job) -> Job:
    """The same with partners that repeat where the first melody does."""
    first, *others = partners(job.melodies)
    melodies = [first, *long_form.in_form_of(first, others)]
    passages = [replace(p, melody=melody) for p, melody in zip(job.passages, melodies, strict=True)]
    return replace(job, passages=passages)


def finish(job: Job, make: Callable[[], Made], seed: int | None = None) -> dict[str, Any]:
    """Make melodies and write them; the figures for `--json`."""
    start = time.perf_counter()
    made = make()
    seconds = time.perf_counter() - start
    name = labels.title(melody.name for melody in job.melodies)
    melodies = job.change.apply(made.melodies, job.key, name, made.ends)
    shown = [made.original] if made.original else []
    strip = Strip([*shown, *melodies], ["original"] * len(shown) + made.labels, made.columns, name)
    return {
        "inputs": [report.passage_figures(passage) for passage in job.passages],
        **report.melody_figures(melodies),
        **(report.line_figures([[melodies[i] for i in line] for line in made.lines]) if made.lines else {}),
        **({"changed": report.changes(made.original, melodies)} if made.original else {}),
        "key": str(job.key) if job.key else None,
        "seed": seed,
        "model": job.model_name,
        "decode_seconds": round(seconds, 4),
        "files": job.outputs.write(melodies, made.labels, strip),
    }


def journey(job: Job, steps: int, options: dict[str, Any]) -> Made:
    made = interpolation.journey(job.model, job.melodies, steps, **options)
    joints = range(0, len(made), steps - 1)
    lines = [range(joint, joint + steps) for joint in joints[:-1]]
    return Made(made, labels.on_journey(len(made), steps), ends=joints if options["exact_ends"] else (), lines=lines)


def grid(job: Job, rows: int, columns: int, options: dict[str, Any]) -> Made:
    return _on_grid(interpolation.grid(job.model, job.melodies, rows, columns, **options), rows, columns, options)


def _on_grid(found: list[list[Melody]], rows: int, columns: int, options: dict[str, Any]) -> Made:
    made = [melody for row in found for melody in row]
    corners = (0, columns - 1, (rows - 1) * columns, rows * columns - 1)
    places = [f"{i // columns + 1}, {i % columns + 1}" for i in range(len(made))]
    for corner, letter in zip(corners, labels.LETTERS, strict=False):
        places[corner] = letter
    lines = [range(row * columns, (row + 1) * columns) for row in range(rows)]
    lines += [range(column, len(made), columns) for column in range(columns)]
    ends = corners if options["exact_ends"] else ()
    return Made(made, places, ends=ends, lines=lines, columns=columns)


def blend(job: Job, weights: list[float], options: dict[str, Any]) -> Made:
    melody = interpolation.blend(job.model, job.melodies, weights, **options)
    return Made([melody], [labels.of_weights(weights)])


def cross(job: Job, sides: tuple[int, int] | None, options: dict[str, Any]) -> Made:
    """The rhythm of the first melody with the pitches of the second, or all between both."""
    rhythm, pitch = job.melodies
    if sides is None:
        return Made([crossing.crossed(job.model, rhythm, pitch, job.shift)], ["rhythm and pitch"])
    return _on_grid(crossing.plane(job.model, rhythm, pitch, *sides, **options), *sides, options)


def reconstruct(job: Job) -> Made:
    original = job.melodies[0]
    return Made([interpolation.reconstruct(job.model, original, job.shift)], ["reconstruction"], original)


def vary(job: Job, amount: float, count: int, seed: int) -> Made:
    original = job.melodies[0]
    made = interpolation.vary(job.model, original, amount, count, seed=seed, shift=job.shift)
    return Made(made, labels.numbers(count), original)


def sample(job: Job, count: int, temperature: float, seed: int) -> Made:
    z = job.model.sample_latents(count, temperature, seed)
    return Made(job.model.decode(z if job.shift is None else z + job.shift), labels.numbers(count))


def compose(job: Job, conductor: Conductor, count: int, bars: int, temperature: float, seed: int) -> Made:
    """New melodies of any length."""
    made = long_form.compose(job.model, conductor, count, bars, temperature, seed, job.shift)
    return Made(made, labels.numbers(count))


def go_on(job: Job, conductor: Conductor, count: int, bars: int, temperature: float, seed: int, only_new: bool) -> Made:
    """Ways for a melody to go on, after it or by themselves."""
    melody = job.melodies[0]
    made = long_form.go_on(job.model, conductor, melody, bars, count, temperature, seed, job.shift)
    return Made(made if only_new else [long_form.followed(melody, each) for each in made], labels.numbers(count))
