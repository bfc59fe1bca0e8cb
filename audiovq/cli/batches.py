"""Commands of `audiovq` that work on many files: what they were asked, and what they tell."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from latentmix import cli
from latentmix.cli import Device, check_device
from latentmix.files import PIPE

if TYPE_CHECKING:
    from .jobs import Outcome, Work


@dataclass(frozen=True)
class BatchRequest:
    """Files of a command that works on many; see `paths.pair_up` and `jobs.run`."""

    inputs: list[str]
    output: str
    suffixes: frozenset[str]
    suffix: str
    model: str
    device: Device
    jobs: int | None
    as_json: bool


def complain(message: str) -> None:
    """Say what was wrong, in one line."""
    cli.complain("audiovq", message)


def run_many(what: str, work: Work, wanted: BatchRequest) -> None:
    """Do what a command wants with every file, and tell how it went; ends with status 1 if anything was wrong."""
    if wanted.as_json and wanted.output == PIPE:
        raise typer.BadParameter("expected a file for -o with --json, found -: both go to standard output")
    from . import jobs, report
    from .paths import pair_up

    pairs = pair_up(wanted.inputs, wanted.output, wanted.suffixes, wanted.suffix)
    device = check_device(wanted.device)
    with report.progress_bar(what, len(pairs)) as progress:
        outcome = jobs.run(work, pairs, wanted.model, device, wanted.jobs, progress)
    if wanted.as_json:
        typer.echo(json.dumps(report.outcome_figures(outcome), indent=2))
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
