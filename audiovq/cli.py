"""The command `audiovq`."""

from __future__ import annotations

import json
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from .errors import InputError
from .options import (
    DEFAULT_MODEL,
    VERBOSE,
    AvqFile,
    Channels,
    Device,
    Inputs,
    Jobs,
    Json,
    Kbps,
    Model,
    Output,
    Suffix,
    Verbose,
    Where,
    check_device,
)

if TYPE_CHECKING:
    from .jobs import Outcome, Work

# torch takes seconds to import: what needs it is imported where it is used, and --help and info do not wait.

PIPE = "-"
AVQ_SUFFIXES = frozenset({".avq"})


@dataclass(frozen=True)
class Wanted:
    """Files of a command that works on many; see `places.pair_up` and `jobs.run`."""

    inputs: list[str]
    output: str
    suffixes: frozenset[str]
    suffix: str
    model: str
    device: Device
    jobs: int | None
    as_json: bool


class Commands(TyperGroup):
    """Commands that say in one line what was wrong with their input."""

    def invoke(self, ctx: typer.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            if ctx.meta.get(VERBOSE):
                traceback.print_exc()
            complain(str(error))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            complain("stopped; nothing is left half-written")
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names of files may hold anything
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what is half-written is cleared away
    app()


def complain(message: str) -> None:
    typer.echo("audiovq: " + " ".join(message.splitlines()), err=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"audiovq {version('latentmix')}")
        except PackageNotFoundError:
            typer.echo("audiovq, from a folder that is not installed")
        raise typer.Exit


@app.callback()
def audiovq(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Compress speech to discrete codes: audio files in, small .avq files out, and back."""


@app.command()
def compress(
    inputs: Inputs,
    output: Output,
    kbps: Kbps = 1.5,
    channels: Annotated[
        Channels, typer.Option(help="Mix several channels to one, or keep each (at so many times the rate).")
    ] = Channels.mix,
    model: Model = DEFAULT_MODEL,
    device: Where = Device.cpu,
    jobs: Jobs = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Compress audio of any rate to .avq files.

    Folders are done with all that is in them. WAV comes through a pipe as it is spoken.

    \b
    Examples:
    audiovq compress talk.wav -o talk.avq
    audiovq compress recordings/ -o compressed/ --kbps 3 --channels keep
    arecord -f S16_LE -r 16000 | audiovq compress - -o - | audiovq decompress - -o - | aplay
    """
    from .audio import SUFFIXES
    from .jobs import Compress

    wanted = Wanted(inputs, output, SUFFIXES, ".avq", model, device, jobs, as_json)
    _run("compressing", Compress(kbps, channels is Channels.keep), wanted)


@app.command()
def decompress(
    inputs: Inputs,
    output: Output,
    rate: Annotated[
        int | None, typer.Option(metavar="HZ", min=1000, max=384_000, help="Sample rate; default: the original's.")
    ] = None,
    start: Annotated[float, typer.Option(metavar="SECONDS", min=0.0, help="Begin there.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(metavar="SECONDS", min=0.001, help="No more than that.")] = None,
    suffix: Annotated[Suffix, typer.Option("--format", help="Of the files in a folder.")] = Suffix.wav,
    model: Model = DEFAULT_MODEL,
    device: Where = Device.cpu,
    jobs: Jobs = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Decompress .avq files to 16-bit WAV, FLAC or Ogg Vorbis, by the suffix of OUT.

    Damaged chunks are bridged by sound that fades away, and told; the exit status is 1 then.

    \b
    Examples:
    audiovq decompress talk.avq -o talk.wav
    audiovq decompress talk.avq -o part.flac --start 60 --seconds 10
    audiovq decompress compressed/ -o decoded/ --format ogg
    """
    from .jobs import Decompress

    wanted = Wanted(inputs, output, AVQ_SUFFIXES, f".{suffix.value}", model, device, jobs, as_json)
    _run("decompressing", Decompress(rate, start, seconds), wanted)


@app.command()
def info(file: AvqFile, as_json: Json = False, verbose: Verbose = False) -> None:
    """Show length, rate and damage of a compressed file, after checking every byte of it.

    The exit status is 1 where something is damaged.

    \b
    Examples:
    audiovq info talk.avq
    audiovq info talk.avq --json
    """
    from .inspection import file_figures
    from .places import open_input

    with open_input(str(file)) as (stream, name):
        figures = file_figures(stream, name)
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        from .report import print_file

        print_file(figures)
    if figures["damage"]:
        complain(f"{figures['file']}: {figures['damage']}")
        raise typer.Exit(1)


@app.command()
def tokens(
    file: AvqFile,
    output: Annotated[str, typer.Option("-o", "--output", metavar="OUT.npy", help="NumPy file to write.")],
    model: Model = DEFAULT_MODEL,
    verbose: Verbose = False,
) -> None:
    """Write the codes of a compressed file as a NumPy array: (Q, N) int16, or (C, Q, N) of several channels.

    Codes of damaged chunks are -1.

    \b
    Examples:
    audiovq tokens talk.avq -o codes.npy
    """
    from .inspection import write_tokens

    shape, damage = write_tokens(str(file), output, model)
    typer.echo(f"{output}: {' x '.join(map(str, shape))} codes")
    if damage:
        complain(f"{file}: {damage}")
        raise typer.Exit(1)


def _run(what: str, work: Work, wanted: Wanted) -> None:
    if wanted.as_json and wanted.output == PIPE:
        raise typer.BadParameter("expected a file for -o with --json, found -: both go to standard output")
    from . import jobs, report
    from .places import pair_up

    pairs = pair_up(wanted.inputs, wanted.output, wanted.suffixes, wanted.suffix)
    device, workers = check_device(wanted.device), wanted.jobs or jobs.usable_cores()
    with report.progress_bar(what, len(pairs)) as progress:
        outcome = jobs.run(work, pairs, wanted.model, device, workers, progress)
    if wanted.as_json:
        print(json.dumps(report.outcome_figures(outcome), indent=2))
    else:
        report.print_outcome(outcome, to_stderr=wanted.output == PIPE)
    _tell_faults(outcome)


def _tell_faults(outcome: Outcome) -> None:
    for each in outcome.files:
        if each.get("damage"):
            complain(f"{each['input']}: {each['damage']}; what is lost is bridged in {each['output']}")
    if outcome.failed:
        total = len(outcome.files) + len(outcome.failed)
        complain(f"{len(outcome.failed)} of {total} files could not be done:")
        for each in outcome.failed:
            complain(each["error"])
    if not outcome.is_good:
        raise typer.Exit(1)
