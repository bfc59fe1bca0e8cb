"""The command `midi-vae`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from latentmix.cli import Verbose, grouped, make_app, run

from . import continuation, corpus, export, mixing
from .kinds import kind_of
from .mixing import MixOptions
from .options import (
    MAX_LONG_BARS,
    ChangeOptions,
    Count,
    DrumOptions,
    File,
    KitFile,
    MakingOptions,
    ModelOptions,
    OutputOptions,
    PassageOptions,
    Temperature,
)

# torch takes seconds to import: what needs it is imported where it is used, and --help and info do not wait.

app = make_app("midi-vae", "Mix melodies in the latent space of a small neural model: MIDI files in, MIDI files out.")
app.add_typer(export.app, name="export")
app.add_typer(corpus.app, name="corpus")
app.command("continue")(continuation.go_on)


def main() -> None:
    """Entry point."""
    run(app)


@app.command()
@grouped
def mix(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="2 to 8 MIDI files.")] = None,
    *,
    excerpt: PassageOptions,
    making: MakingOptions,
    asked: MixOptions,
) -> None:
    """Mix melodies: from A to B in steps, and on to C and further where there are more.

    Output has the tempo, program and metre of A. Shorter melodies are repeated to the length of the longest.

    \b
    Examples:
    midi-vae mix A.mid B.mid -o mix.mid --png mix.png --wav mix.wav
    midi-vae mix A.mid B.mid --steps 5 --bars 1:8 --separate -o steps
    midi-vae mix A.mid B.mid C.mid --weights 1,2,1 -o blend.mid
    midi-vae mix A.mid B.mid C.mid D.mid --grid 5x5 -o grid.mid
    midi-vae mix --rhythm A.mid --pitch B.mid -o crossed.mid
    midi-vae mix A.mid B.mid C.mid --weights 2,1,0 --pitch-weights 0,1,1 -o apart.mid
    midi-vae mix A.mid B.mid --bars all --form -o tune.mid
    midi-vae mix A.mid B.mid --drums -o drums.mid --png drums.png
    """
    mixing.mix(files or [], asked, excerpt, making)


@app.command()
@grouped
def reconstruct(file: File, excerpt: PassageOptions, making: MakingOptions) -> None:
    """Encode a melody and decode it again: what the model makes of it.

    With --attribute or --key it is a way to change a melody and leave it recognisable.

    \b
    Examples:
    midi-vae reconstruct IN.mid --bars all -o out.mid
    midi-vae reconstruct IN.mid --attribute density=+1 --attribute height=-1 -o busier.mid
    """
    job = kind_of(making).prepare([file], excerpt, making, 1)
    from . import jobs

    jobs.finish(job, lambda: jobs.reconstruct(job))


@app.command()
@grouped
def sample(
    making: MakingOptions,
    count: Count = 8,
    temperature: Temperature = 1.0,
    bars: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=MAX_LONG_BARS, help="Bars of each, with phrases that return; two if left out."
        ),
    ] = None,
) -> None:
    """Make new melodies, of two bars or longer, out of nothing but chance.

    -o names a folder for one file a melody, or a file that ends in .mid for all of them.

    \b
    Examples:
    midi-vae sample -n 8 --temperature 0.8 --seed 1 -o samples
    midi-vae sample -n 4 --key C:maj --tempo 90 -o samples.mid --png samples.png
    midi-vae sample -n 1 --bars 16 -o tune.mid --wav tune.wav
    """
    seed = making.model.drawn_seed()
    if bars is not None:
        return continuation.compose(making, count, temperature, bars, seed)
    job = kind_of(making).prepare([], None, making, count, "sample", making.output.is_folder)
    from . import jobs

    jobs.finish(job, lambda: jobs.sample(job, count, temperature, seed), seed)


@app.command()
@grouped
def vary(
    file: File,
    excerpt: PassageOptions,
    making: MakingOptions,
    amount: Annotated[
        float, typer.Option(metavar="SHARE", min=0.0, max=1.0, help="0 is the melody itself, 1 a new one.")
    ] = 0.3,
    count: Count = 4,
) -> None:
    """Make variations of a melody.

    -o names a folder for one file a variation, or a file that ends in .mid for all of them.

    \b
    Examples:
    midi-vae vary IN.mid --amount 0.3 -n 4 -o variations
    midi-vae vary IN.mid --amount 0.6 --key auto --seed 7 -o variations.mid
    """
    seed = making.model.drawn_seed()
    job = kind_of(making).prepare([file], excerpt, making, count, "vary", making.output.is_folder)
    from . import jobs

    jobs.finish(job, lambda: jobs.vary(job, amount, count, seed), seed)


@app.command()
@grouped
def groove(
    file: File,
    output: OutputOptions,
    model: ModelOptions,
    amount: Annotated[
        float, typer.Option(metavar="SHARE", min=0.0, max=2.0, help="0 leaves it as it is; above 1 exaggerates.")
    ] = 1.0,
    style: Annotated[
        str | None, typer.Option(metavar="NAME", help="As drummers play this style, such as funk or jazz; default any.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--like", metavar="FILE", help="As whoever played this file would.")
    ] = None,
    bars: Annotated[str, typer.Option("--bars", metavar="A:B|all", help="Bars A to B, from 1, both included.")] = "all",
    track: Annotated[
        list[str] | None,
        typer.Option(metavar="N|NAME", help="Track that holds the drums. Once for both files or for each, in order."),
    ] = None,
    kit: KitFile = None,
) -> None:
    """Play a straight drum pattern as drummers do: how hard each hit is, and how early or late.

    Its hits stay; their velocities and their places beside the grid become those that a model of drummers gives them,
    or those of whoever played another file, however few bars of it there are.

    \b
    Examples:
    midi-vae groove STRAIGHT.mid --style funk -o played.mid --wav played.wav
    midi-vae groove STRAIGHT.mid --like DRUMMER.mid --amount 0.7 -o played.mid
    """
    from . import drum_jobs, jobs

    making = MakingOptions(ChangeOptions(), output, model, DrumOptions(True, kit))
    job = drum_jobs.prepare_groove(file, source, bars, track or (), making)
    jobs.finish(job, lambda: drum_jobs.groove(job, amount, style))


@app.command()
@grouped
def info(
    file: File,
    track: Annotated[str | None, typer.Option(metavar="N|NAME", help="Number or name of a track.")] = None,
    bpm: Annotated[
        float | None,
        typer.Option(metavar="BPM", min=10, max=1000, help="Quarter notes a minute of a file never told its tempo."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines, on standard output.")] = False,
    verbose: Verbose = False,
    *,
    drums: DrumOptions,
) -> None:
    """Show the tracks of a MIDI file, which one is taken as the melody and why, tempo, metre and bars.

    \b
    Examples:
    midi-vae info IN.mid
    midi-vae info IN.mid --json
    """
    if drums.drums and bpm is not None:
        raise typer.BadParameter("expected no --bpm with --drums")
    if drums.drums:
        from . import drum_report

        figures, show = drum_report.file_figures(file, track, drums), drum_report.print_file
    else:
        from . import report

        figures, show = report.file_figures(str(file), track, bpm), report.print_file
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        show(figures)
