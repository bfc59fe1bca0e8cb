"""The command `midi-vae`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from latentmix.cli import Verbose, grouped, make_app, run, version_option

from . import continuation, corpus, drum_jobs, drum_report, export, report
from .drum_jobs import DrumOptions
from .options import (
    MAX_LONG_BARS,
    ChangeOptions,
    Count,
    File,
    ModelOptions,
    OutputOptions,
    PassageOptions,
    Temperature,
    crossing_files,
    parse_grid,
    parse_weights,
)

# torch takes seconds to import: what needs it is imported where it is used, and --help and info do not wait.

MAX_FILES = 8

app = make_app("midi-vae")
app.add_typer(export.app, name="export")
app.add_typer(corpus.app, name="corpus")
app.command("continue")(continuation.go_on)


def main() -> None:
    """Entry point."""
    run(app)


@app.callback()
def midi_vae(
    version: Annotated[bool, version_option("midi-vae")] = False,
) -> None:
    """Mix melodies in the latent space of a small neural model: MIDI files in, MIDI files out."""


@app.command()
@grouped
def mix(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="2 to 8 MIDI files.")] = None,
    *,
    excerpt: PassageOptions,
    change: ChangeOptions,
    output: OutputOptions,
    model: ModelOptions,
    drums: DrumOptions,
    steps: Annotated[
        int,
        typer.Option(metavar="N", min=2, max=1000, help="Melodies from one to the next, both included."),
    ] = 9,
    weights: Annotated[
        str | None, typer.Option(metavar="W,W,W", help="One blend instead, by a weight for each file.")
    ] = None,
    rhythm: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of FILEs: a melody with the rhythm of this one ...")
    ] = None,
    pitch: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="... and the pitches of this one; with --grid all between both, rhythm across and pitch down.",
        ),
    ] = None,
    grid: Annotated[
        str | None,
        typer.Option(metavar="ROWSxCOLUMNS", help="A grid instead, between four files at its corners."),
    ] = None,
    straight: Annotated[
        bool, typer.Option("--straight", help="Along straight lines, not by ways on which melodies change evenly.")
    ] = False,
    spherical: Annotated[bool, typer.Option("--spherical", help="Along arcs, likewise.")] = False,
    exact_ends: Annotated[
        bool, typer.Option(help="The ends are the inputs themselves, not what the model makes of them.")
    ] = True,
    form: Annotated[
        bool,
        typer.Option("--form", help="Keep the form of A: where it repeats, two bars at a time, the others do too."),
    ] = False,
    separate: Annotated[
        bool, typer.Option("--separate", help="One file a melody, into the folder named by -o.")
    ] = False,
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
    midi-vae mix A.mid B.mid --bars all --form -o tune.mid
    midi-vae mix A.mid B.mid --drums -o drums.mid --png drums.png
    """
    crossing = crossing_files(files or [], rhythm, pitch, bool(weights), drums.drums)
    files = crossing or files or []
    if not 2 <= len(files) <= MAX_FILES:
        raise typer.BadParameter(f"expected 2 to {MAX_FILES} MIDI files, found {len(files)}")
    if weights and grid:
        raise typer.BadParameter("expected --weights or --grid, found both")
    shares = parse_weights(weights, len(files)) if weights else None
    sides = parse_grid(grid, 4 if crossing else len(files)) if grid else None
    count = (
        1
        if shares or (crossing and not sides)
        else sides[0] * sides[1]
        if sides
        else (len(files) - 1) * (steps - 1) + 1
    )
    if form and (drums.drums or crossing):
        raise typer.BadParameter("expected no --form with --drums or with --rhythm and --pitch")
    if drums.drums:
        lines = drum_jobs.Lines(steps, shares, exact_ends, straight, bool(sides) or spherical)
        drum = drum_jobs.prepare(files, drums, excerpt, change, output, model, count, "step", separate)
        return _tell_drums(drum_jobs.finish(drum, lambda: drum_jobs.mix(drum, lines)), output)
    from . import jobs

    job = jobs.prepare(files, excerpt, change, output, model, count, "step", separate)
    job = jobs.in_form(job) if form else job
    options = {"spherical": spherical, "shift": job.shift}
    ends = {"exact_ends": exact_ends, "straight": straight}
    if crossing:
        return _tell(jobs.finish(job, lambda: jobs.cross(job, sides, options | ends)), output)
    if shares:
        return _tell(jobs.finish(job, lambda: jobs.blend(job, shares, options)), output)
    if sides:
        return _tell(jobs.finish(job, lambda: jobs.grid(job, *sides, options | ends)), output)
    _tell(jobs.finish(job, lambda: jobs.journey(job, steps, options | ends)), output)


@app.command()
@grouped
def reconstruct(
    file: File, excerpt: PassageOptions, change: ChangeOptions, output: OutputOptions, model: ModelOptions
) -> None:
    """Encode a melody and decode it again: what the model makes of it.

    With --attribute or --key it is a way to change a melody and leave it recognisable.

    \b
    Examples:
    midi-vae reconstruct IN.mid --bars all -o out.mid
    midi-vae reconstruct IN.mid --attribute density=+1 --attribute height=-1 -o busier.mid
    """
    from . import jobs

    job = jobs.prepare([file], excerpt, change, output, model, 1)
    _tell(jobs.finish(job, lambda: jobs.reconstruct(job)), output)


@app.command()
@grouped
def sample(
    change: ChangeOptions,
    output: OutputOptions,
    model: ModelOptions,
    drums: DrumOptions,
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
    seed = model.drawn_seed()
    if drums.drums:
        if bars is not None:
            raise typer.BadParameter("expected no --bars with --drums, whose samples have two bars")
        made = drum_jobs.prepare([], drums, None, change, output, model, count, "sample", output.is_folder)
        _tell_drums(drum_jobs.finish(made, lambda: drum_jobs.sample(made, count, temperature, seed), seed), output)
        return
    if bars is not None:
        return continuation.compose(change, output, model, count, temperature, bars, seed)
    from . import jobs

    job = jobs.prepare([], None, change, output, model, count, "sample", output.is_folder)
    _tell(jobs.finish(job, lambda: jobs.sample(job, count, temperature, seed), seed), output)


@app.command()
@grouped
def vary(
    file: File,
    excerpt: PassageOptions,
    change: ChangeOptions,
    output: OutputOptions,
    model: ModelOptions,
    drums: DrumOptions,
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
    seed = model.drawn_seed()
    if drums.drums:
        made = drum_jobs.prepare([file], drums, excerpt, change, output, model, count, "vary", output.is_folder)
        _tell_drums(drum_jobs.finish(made, lambda: drum_jobs.vary(made, amount, count, seed), seed), output)
        return
    from . import jobs

    job = jobs.prepare([file], excerpt, change, output, model, count, "vary", output.is_folder)
    _tell(jobs.finish(job, lambda: jobs.vary(job, amount, count, seed), seed), output)


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
        Path | None, typer.Option("--like", metavar="FILE", help="With the groove of this file instead.")
    ] = None,
    bars: Annotated[str, typer.Option("--bars", metavar="A:B|all", help="Bars A to B, from 1, both included.")] = "all",
    kit: Annotated[
        Path | None, typer.Option("--kit", metavar="FILE", help="Which notes are which drum: see midi-vae mix --help.")
    ] = None,
) -> None:
    """Play a straight drum pattern as drummers do: how hard each hit is, and how early or late.

    Its hits stay; their velocities and their places beside the grid become those that a model of drummers gives them,
    or those of another file.

    \b
    Examples:
    midi-vae groove STRAIGHT.mid --style funk -o played.mid --wav played.wav
    midi-vae groove STRAIGHT.mid --like DRUMMER.mid --amount 0.7 -o played.mid
    """
    drums = DrumOptions(True, kit)
    job = drum_jobs.prepare_groove(file, source, drums, bars, output, model)
    _tell_drums(drum_jobs.finish(job, lambda: drum_jobs.groove(job, amount, style)), output)


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
    figures = (
        drum_report.file_figures(file, track, drums) if drums.drums else report.file_figures(str(file), track, bpm)
    )
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        (drum_report.print_file if drums.drums else report.print_file)(figures)


def _tell_drums(figures: dict[str, Any], output: OutputOptions) -> None:
    if output.json:
        print(json.dumps(figures, indent=2))
    else:
        drum_report.print_made(figures)


def _tell(figures: dict[str, Any], output: OutputOptions) -> None:
    report.tell(figures, output.json)
