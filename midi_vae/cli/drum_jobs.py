"""Jobs with drums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import typer

from latentmix.cli import check_device

from ..audio.drum_sound import drums_to_wav
from ..drum_grid import drums_to_png
from ..drums import mixing
from ..drums.evaluation import SAME, distance
from ..drums.groove import Groove
from ..drums.kit import Kit
from ..drums.reference import feel_after
from ..drums.vae import GrooveVAE
from ..drums.windows import to_cells
from ..evaluation import path_figures
from ..importing import one_each
from ..midi.drum_writer import write_drums
from . import drum_report
from .drum_report import DrumPassage, read_passage, read_passages
from .jobs import Job, Made, Ways
from .options import MakingOptions, PassageOptions
from .outputs import Outputs

MELODY_MODEL, MODEL = "melody_2bar", "drums_2bar"


@dataclass(frozen=True)
class DrumJob(Job[Groove]):
    """A command with drums in hand."""

    max_bars: ClassVar[int] = 20_000
    passages: list[DrumPassage]
    model: GrooveVAE
    kit: Kit
    mixes: bool = True  # else the second passage is listened to, and stays in bars of its own

    @property
    def pieces(self) -> list[Groove]:
        return [passage.groove for passage in self.passages]

    @classmethod
    def refuse(cls, excerpt: PassageOptions | None, making: MakingOptions) -> None:
        change = making.change
        if change.attribute or change.key != "none" or change.program is not None:
            raise typer.BadParameter("expected no --attribute, --key or --program with --drums, which have none")
        if making.output.soundfont is not None:
            raise typer.BadParameter("expected no --soundfont with --drums; the sound is that of the built-in kit")
        if excerpt and excerpt.bpm:
            raise typer.BadParameter("expected no --bpm with --drums")

    @classmethod
    def read(cls, files: Sequence[Path], excerpt: PassageOptions, making: MakingOptions) -> list[DrumPassage]:
        return read_passages(files, excerpt, making.drums.notes())

    @classmethod
    def bars(cls, passages: list[DrumPassage]) -> int:
        return max((passage.groove.bars for passage in passages), default=2)

    @classmethod
    def load(cls, passages: list[DrumPassage], outputs: Outputs, making: MakingOptions) -> DrumJob:
        choice = making.model
        name = MODEL if choice.model == MELODY_MODEL else choice.model
        model = GrooveVAE.from_pretrained(name, check_device(choice.device))
        return cls(passages, outputs, making, name, model, making.drums.notes())

    def journey(self, steps: int, ways: Ways) -> list[Groove]:
        return mixing.journey(self.model, self.pieces, steps, exact_ends=ways.exact_ends, straight=ways.straight)

    def grid(self, rows: int, columns: int, ways: Ways) -> list[list[Groove]]:
        ends, straight = ways.exact_ends, ways.straight
        return mixing.grid(self.model, self.pieces, rows, columns, exact_ends=ends, straight=straight)

    def blend(self, weights: list[float], ways: Ways) -> Groove:
        return mixing.blend(self.model, self.pieces, weights)

    def reconstruct(self) -> Groove:
        return mixing.reconstruct(self.model, self.pieces[0])

    def vary(self, amount: float, count: int, seed: int) -> list[Groove]:
        return mixing.vary(self.model, self.pieces[0], amount, count, seed=seed)

    def sample(self, count: int, temperature: float, seed: int) -> list[Groove]:
        return self.model.sample(count, temperature, seed)

    def finished(self, made: Made[Groove], name: str) -> list[Groove]:
        tempo = self.making.change.tempo
        return [replace(groove, name=name, tempo=tempo or groove.tempo) for groove in made.pieces]

    def figures(self, pieces: list[Groove], made: Made[Groove]) -> dict[str, Any]:
        metre = self.passages[0].groove.metre if self.passages and self.mixes else None
        return {
            "inputs": [passage.figures(metre) for passage in self.passages],
            **drum_report.groove_figures(pieces),
            **(_line_figures(pieces, made.lines) if made.lines else {}),
        }

    def write(self, pieces: list[Groove], made: Made[Groove], name: str) -> list[str]:
        names, note_of = made.labels, self.kit.note_of
        return self.outputs.write_by(
            len(pieces),
            lambda path, which: write_drums(path, [pieces[i] for i in which], note_of, [names[i] for i in which]),
            lambda path: drums_to_wav(path, pieces),
            lambda path: drums_to_png(path, pieces, names, name, made.columns),
        )

    def print_made(self, figures: dict[str, Any]) -> None:
        drum_report.print_made(figures)


def _line_figures(grooves: Sequence[Groove], lines: Sequence[Sequence[int]]) -> dict[str, float | None]:
    """Path and largest jump of lines of grooves, window by window."""
    cells = [to_cells(groove) for groove in grooves]
    windows = [np.stack([cells[i][w] for i in line]) for line in lines for w in range(len(cells[0]))]
    figures = path_figures(windows, distance, SAME)
    return {
        name: None if np.isnan(value) else round(value, 4)
        for name, value in (("path", figures.path), ("largest_jump", figures.max_jump))
    }


def prepare_groove(file: Path, source: Path | None, bars: str, tracks: Sequence[str], making: MakingOptions) -> DrumJob:
    """A job with a pattern, all its bars or some, and the file of whoever is to play it; tracks as asked for."""
    track, *others = one_each(tracks, 1 if source is None else 2, "track")
    job = DrumJob.prepare([file], PassageOptions(bars=[bars], track=[track] if track else None), making, 1)
    if source is None:
        return job
    return replace(job, passages=[*job.passages, read_passage(source, job.kit, "all", others[0])], mixes=False)


def groove(job: DrumJob, amount: float, style: str | None) -> Made[Groove]:
    """The first groove as whoever played the second would play it, or any drummer."""
    if len(job.pieces) > 1:
        return Made([feel_after(job.model, job.pieces[0], job.pieces[1], amount, style)], ["groove"])
    return Made([mixing.humanise(job.model, job.pieces[0], amount, style)], ["groove"])
