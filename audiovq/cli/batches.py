"""Commands of `audiovq` that work on many files: what they were asked, and what they tell."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from latentmix import cli
from latentmix.cli import Device, check_device
from latentmix.files import PIPE, find_files

if TYPE_CHECKING:
    from .jobs import Outcome, Work


@dataclass(frozen=True)
class BatchRequest:
    """Files of a command that works on many; see `paths.pair_up` and `jobs.run`.

    Attributes:
        unreadable: suffixes of files that would be taken from folders, were ffmpeg installed.
    """

    inputs: list[str]
    output: str
    suffixes: frozenset[str]
    unreadable: frozenset[str]
    suffix: str
    model: str
    device: Device
    jobs: int | None
    as_json: bool


def complain(message: str) -> None:
    """Say what was wrong, in one line."""
    cli.complain("audiovq", message)


def run_many(what: str, work: Work, request: BatchRequest) -> None:
    """Do what a command wants with every file, and tell how it went; ends with status 1 if anything was wrong."""
    if request.as_json and request.output == PIPE:
        raise typer.BadParameter("expected a file for -o with --json, found -: both go to standard output")
    from . import jobs, report
    from .paths import pair_up

    left_out = [path for each in request.inputs for path, _ in find_files(each, request.unreadable)]
    if left_out:
        shown = ", ".join(left_out[:5]) + (f" and {len(left_out) - 5} more" if len(left_out) > 5 else "")
        complain(f"left out, because they take the program ffmpeg, which is not installed: {shown}")
    pairs = pair_up(request.inputs, request.output, request.suffixes, request.suffix)
    device = check_device(request.device)
    with report.progress_bar(what, len(pairs)) as progress:
        outcome = jobs.run(work, pairs, request.model, device, request.jobs, progress)
    if request.as_json:
        typer.echo(json.dumps(report.outcome_figures(outcome), indent=2))
    else:
        report.print_outcome(outcome, to_stderr=request.output == PIPE)
        for each in outcome.files:
            for notice in each.get("notices", ()):
                complain(f"{each['input']}: {notice}")
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


def tell_made(made: list[tuple[str, float]], seed: int | None, as_json: bool) -> None:
    """Name files that were made and their seconds, and the seed that makes them again."""
    if as_json:
        files = [{"output": path, "seconds": round(seconds, 6)} for path, seconds in made]
        typer.echo(json.dumps({"files": files, **({} if seed is None else {"seed": seed})}, indent=2))
        return
    for path, seconds in made:
        typer.echo(f"{path}: {seconds:.2f} s", err=path == PIPE)
    if seed is not None:
        typer.echo(f"seed {seed}", err=made[0][0] == PIPE)
