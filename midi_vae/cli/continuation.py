"""Melodies of any length: `midi-vae continue`, and `midi-vae sample --bars`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from latentmix.cli import check_device, grouped

from ..checkpoint import CHECKPOINT
from . import options

if TYPE_CHECKING:
    from ..model.conductor import Conductor


@grouped
def go_on(
    file: options.File,
    *,
    bars: Annotated[int, typer.Option(metavar="N", min=1, max=options.MAX_LONG_BARS, help="New bars.")] = 8,
    after: Annotated[
        str, typer.Option("--after", metavar="A:B|all", help="The bars of FILE that they come after, from 1.")
    ] = "all",
    track: Annotated[str | None, typer.Option(metavar="N|NAME", help="Track that holds the melody.")] = None,
    only_new: Annotated[bool, typer.Option("--only-new", help="Write the new bars alone.")] = False,
    count: options.Count = 1,
    temperature: options.Temperature = 1.0,
    change: options.ChangeOptions,
    output: options.OutputOptions,
    model: options.ModelOptions,
) -> None:
    """Go on with a melody: bars that come after it, in its metre, with phrases of it that return.

    -o names a folder for one file each, or a file that ends in .mid for all of them.

    \b
    Examples:
    midi-vae continue IN.mid --bars 8 -o longer.mid --wav longer.wav
    midi-vae continue IN.mid --after 1:4 --bars 4 -n 3 --only-new -o answers
    """
    seed = model.drawn_seed()
    options.parse_bars(after)
    from . import jobs, melody_jobs

    passage = options.PassageOptions([after], [track] if track is not None else None)
    making = options.MakingOptions(change, output, model, options.DrumOptions())
    job = melody_jobs.MelodyJob.prepare([file], passage, making, count, "continued", output.is_folder, bars)
    conductor = load_conductor(model)
    jobs.finish(job, lambda: melody_jobs.go_on(job, conductor, count, bars, temperature, seed, only_new), seed)


def compose(making: options.MakingOptions, count: int, temperature: float, bars: int, seed: int) -> None:
    """What `midi-vae sample --bars` does."""
    if making.drums.drums:
        raise typer.BadParameter("expected no --bars with --drums, whose samples have two bars")
    from . import jobs, melody_jobs

    job = melody_jobs.MelodyJob.prepare([], None, making, count, "sample", making.output.is_folder, bars)
    conductor = load_conductor(making.model)
    jobs.finish(job, lambda: melody_jobs.compose(job, conductor, count, bars, temperature, seed), seed)


def load_conductor(model: options.ModelOptions) -> Conductor:
    """The conductor that lies beside the model.

    Raises:
        InputError: there is none.
    """
    from ..model.conductor import Conductor

    return Conductor.beside(CHECKPOINT.resolve(model.model), check_device(model.device))
