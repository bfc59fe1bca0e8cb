"""Jobs with melodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from .. import crossing, interpolation, labels, long_form
from ..importing import Passage
from ..model.conductor import Conductor
from ..music.key import Key
from ..music.melody import Melody
from ..music.partners import partners
from ..vae import MelodyVAE
from . import report
from .jobs import Job, Made, Ways, grid
from .options import MakingOptions, PassageOptions
from .outputs import Outputs, Strip


@dataclass(frozen=True)
class MelodyJob(Job[Melody]):
    """A command with melodies in hand."""

    max_bars: ClassVar[int] = 60_000  # nine times a tune of three hours
    unit: ClassVar[str] = "bars of 4/4"
    passages: list[Passage]
    model: MelodyVAE
    key: Key | None
    shift: Tensor | None
    formed: list[Melody] | None = None  # what the passages became, where they are to repeat as the first one does

    @property
    def pieces(self) -> list[Melody]:
        return self.formed or [passage.melody for passage in self.passages]

    @classmethod
    def refuse(cls, excerpt: PassageOptions | None, making: MakingOptions) -> None:
        """There is nothing to refuse."""

    @classmethod
    def read(cls, files: Sequence[Path], excerpt: PassageOptions, making: MakingOptions) -> list[Passage]:
        return excerpt.read(files)

    @classmethod
    def bars(cls, passages: list[Passage]) -> int:
        """Of 4/4, which hold memory and time within bounds: a partner's bars may become as long as the first one's."""
        melodies = [passage.melody for passage in passages]
        return max((max(len(m.tokens), m.bars * melodies[0].steps_per_bar) for m in melodies), default=0) // 16

    @classmethod
    def load(cls, passages: list[Passage], outputs: Outputs, making: MakingOptions) -> MelodyJob:
        key = making.change.key_for(passages)
        model = making.model.load()
        return cls(passages, outputs, making, making.model.model, model, key, making.change.shift(model))

    def in_form(self) -> MelodyJob:
        """The same with partners that repeat where the first melody does."""
        first, *others = partners(self.pieces)
        return replace(self, formed=[first, *long_form.in_form_of(first, others)])

    def journey(self, steps: int, ways: Ways) -> list[Melody]:
        return interpolation.journey(self.model, self.pieces, steps, shift=self.shift, **asdict(ways))

    def grid(self, rows: int, columns: int, ways: Ways) -> list[list[Melody]]:
        return interpolation.grid(self.model, self.pieces, rows, columns, shift=self.shift, **asdict(ways))

    def blend(self, weights: list[float], ways: Ways) -> Melody:
        return interpolation.blend(self.model, self.pieces, weights, spherical=ways.spherical, shift=self.shift)

    def reconstruct(self) -> Melody:
        return interpolation.reconstruct(self.model, self.pieces[0], self.shift)

    def vary(self, amount: float, count: int, seed: int) -> list[Melody]:
        return interpolation.vary(self.model, self.pieces[0], amount, count, seed=seed, shift=self.shift)

    def sample(self, count: int, temperature: float, seed: int) -> list[Melody]:
        z = self.model.sample_latents(count, temperature, seed)
        return self.model.decode(z if self.shift is None else z + self.shift)

    def finished(self, made: Made[Melody], name: str) -> list[Melody]:
        return self.making.change.apply(made.pieces, self.key, name, made.ends)

    def figures(self, pieces: list[Melody], made: Made[Melody]) -> dict[str, Any]:
        return {
            "inputs": [report.passage_figures(passage, self.passages[0].melody.metre) for passage in self.passages],
            **report.melody_figures(pieces),
            **(report.line_figures([[pieces[i] for i in line] for line in made.lines]) if made.lines else {}),
            **({"changed": report.changes(made.original, pieces)} if made.original else {}),
            "key": str(self.key) if self.key else None,
        }

    def write(self, pieces: list[Melody], made: Made[Melody], name: str) -> list[str]:
        shown = [made.original] if made.original else []
        strip = Strip([*shown, *pieces], ["original"] * len(shown) + made.labels, made.columns, name)
        return self.outputs.write(pieces, made.labels, strip)

    def print_made(self, figures: dict[str, Any]) -> None:
        report.print_made(figures)


def cross(job: MelodyJob, sides: tuple[int, int] | None, ways: Ways) -> Made[Melody]:
    """The rhythm of the first melody with the pitches of the second, or all between both."""
    rhythm, pitch = job.pieces
    if sides is None:
        return Made([crossing.crossed(job.model, rhythm, pitch, job.shift)], ["rhythm and pitch"])
    return grid(crossing.plane(job.model, rhythm, pitch, *sides, shift=job.shift, **asdict(ways)), ways)


def blend_apart(job: MelodyJob, rhythm: list[float], pitch: list[float]) -> Made[Melody]:
    """One melody, its rhythm by other weights than its pitches."""
    made = crossing.blend_apart(job.model, job.pieces, rhythm, pitch, job.shift)
    return Made([made], [f"{labels.of_weights(rhythm)} | {labels.of_weights(pitch)}"])


def compose(job: MelodyJob, conductor: Conductor, count: int, bars: int, temperature: float, seed: int) -> Made[Melody]:
    """New melodies of any length."""
    made = long_form.compose(job.model, conductor, count, bars, temperature, seed, job.shift)
    return Made(made, labels.numbers(count))


def go_on(
    job: MelodyJob, conductor: Conductor, count: int, bars: int, temperature: float, seed: int, only_new: bool
) -> Made[Melody]:
    """Ways for a melody to go on, after it or by themselves."""
    melody = job.pieces[0]
    made = long_form.go_on(job.model, conductor, melody, bars, count, temperature, seed, job.shift)
    return Made(made if only_new else [long_form.followed(melody, each) for each in made], labels.numbers(count))
