"""`midi-vae mix`: what is to lie between pieces, and how it is made."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .kinds import kind_of
from .options import MakingOptions, PassageOptions

MAX_FILES = 8
MAX_IN_A_GRID = 1000


@dataclass(frozen=True)
class MixOptions:
    """What is to lie between melodies: lines, unless something else is asked for."""

    steps: Annotated[
        int,
        typer.Option(metavar="N", min=2, max=1000, help="Melodies from one to the next, both included."),
    ] = 9
    weights: Annotated[
        str | None, typer.Option(metavar="W,W,W", help="One blend instead, by a weight for each file.")
    ] = None
    pitch_weights: Annotated[
        str | None,
        typer.Option(metavar="W,W,W", help="With --weights: those are the rhythm's then, and these the pitches'."),
    ] = None
    rhythm: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of FILEs: a melody with the rhythm of this one ...")
    ] = None
    pitch: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="... and the pitches of this one; with --grid all between both, rhythm across and pitch down.",
        ),
    ] = None
    grid: Annotated[
        str | None,
        typer.Option(metavar="ROWSxCOLUMNS", help="A grid instead, between four files at its corners."),
    ] = None
    straight: Annotated[
        bool, typer.Option("--straight", help="Along straight lines, not by ways on which melodies change evenly.")
    ] = False
    spherical: Annotated[bool, typer.Option("--spherical", help="Along arcs, likewise.")] = False
    exact_ends: Annotated[
        bool, typer.Option(help="The ends are the inputs themselves, not what the model makes of them.")
    ] = True
    form: Annotated[
        bool,
        typer.Option("--form", help="Keep the form of A: where it repeats, two bars at a time, the others do too."),
    ] = False
    separate: Annotated[bool, typer.Option("--separate", help="One file a melody, into the folder named by -o.")] = (
        False
    )

    @property
    def crosses(self) -> bool:
        """Whether --rhythm and --pitch are asked for."""
        return self.rhythm is not None or self.pitch is not None

    def files(self, given: Sequence[Path], drums: bool) -> list[Path]:
        """The files to mix: those that were given, or those of --rhythm and --pitch.

        Raises:
            BadParameter: too few or too many, or options that do not go together.
        """
        if self.crosses:
            if self.rhythm is None or self.pitch is None or given or self.weights or drums:
                raise typer.BadParameter(
                    "expected --rhythm FILE and --pitch FILE together, no other files, --weights or --drums"
                )
            given = [self.rhythm, self.pitch]
        if not 2 <= len(given) <= MAX_FILES:
            raise typer.BadParameter(f"expected 2 to {MAX_FILES} MIDI files, found {len(given)}")
        if self.pitch_weights and (not self.weights or drums or self.spherical):
            raise typer.BadParameter("expected --pitch-weights with --weights, no --drums or --spherical")
        if self.weights and self.grid:
            raise typer.BadParameter("expected --weights or --grid, found both")
        if self.form and (drums or self.crosses):
            raise typer.BadParameter("expected no --form with --drums or with --rhythm and --pitch")
        if self.spherical and drums:
            raise typer.BadParameter("expected no --spherical with --drums, which has lines, grids and blends")
        return list(given)


def mix(given: Sequence[Path], asked: MixOptions, excerpt: PassageOptions, making: MakingOptions) -> None:
    """What the command does."""
    drums = making.drums.drums
    files = asked.files(given, drums)
    weights = parse_weights(asked.weights, len(files)) if asked.weights else None
    pitch = parse_weights(asked.pitch_weights, len(files), "--pitch-weights") if asked.pitch_weights else None
    sides = parse_grid(asked.grid, 4 if asked.crosses else len(files)) if asked.grid else None
    if sides:
        count = sides[0] * sides[1]
    else:
        count = 1 if weights or asked.crosses else (len(files) - 1) * (asked.steps - 1) + 1
    job = kind_of(making).prepare(files, excerpt, making, count, "step", asked.separate)
    from . import jobs

    ways = jobs.Ways(asked.exact_ends, asked.straight, asked.spherical)
    if not drums:
        from . import melody_jobs

        assert isinstance(job, melody_jobs.MelodyJob)
        if asked.crosses:
            crossing = job
            return jobs.finish(crossing, lambda: melody_jobs.cross(crossing, sides, ways))
        apart = job = job.in_form() if asked.form else job
        if weights and pitch:
            rhythm, pitches = weights, pitch
            return jobs.finish(job, lambda: melody_jobs.blend_apart(apart, rhythm, pitches))
    if weights:
        jobs.finish(job, lambda: jobs.blend(job, weights, ways))
    elif sides:
        jobs.finish(job, lambda: jobs.grid(job.grid(*sides, ways), ways))
    else:
        jobs.finish(job, lambda: jobs.journey(job, asked.steps, ways))


def parse_weights(text: str, count: int, option: str = "--weights") -> list[float]:
    """As many weights, divided by commas.

    >>> parse_weights("1,2,0.5", 3)
    [1.0, 2.0, 0.5]
    """
    try:
        weights = [float(each) for each in text.split(",")]
    except ValueError:
        weights = []
    if len(weights) != count or not all(0 <= w < math.inf for w in weights) or not any(weights):
        raise typer.BadParameter(
            f"expected {count} numbers of at least 0, one for each file, found {text!r}",
            param_hint=option,
        )
    return weights


def parse_grid(text: str, count: int) -> tuple[int, int]:
    """Rows and columns of a grid between so many melodies.

    >>> parse_grid("3x5", 4)
    (3, 5)
    """
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    rows, columns = (int(found[1]), int(found[2])) if found else (0, 0)
    if min(rows, columns) < 2 or rows * columns > MAX_IN_A_GRID or count != 4:
        raise typer.BadParameter(
            f"expected ROWSxCOLUMNS of at least 2 and at most {MAX_IN_A_GRID} in all, and 4 files, "
            f"found {text!r} and {count} files",
            param_hint="--grid",
        )
    return rows, columns
