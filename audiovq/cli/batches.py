"""Commands of `audiovq` that work on many files: what they were asked, and what they tell."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from latentmix import cli
from latentmix.cli import check_device, importing, may_replace
from latentmix.errors import InputError
from latentmix.files import PIPE

from .listening import show
from .options import AUTO, DEFAULT_MODEL, BatchOptions, ResultOptions

if TYPE_CHECKING:
    from .jobs import Outcome, Work


def complain(message: str) -> None:
    """Say what was wrong, in one line."""
    cli.complain("audiovq", message)


def tell_notices(notices: Mapping[str, Sequence[str]]) -> None:
    """What was changed of each recording; what is the same of many in one line."""
    whose: dict[str, list[str]] = {}
    for name, lines in notices.items():
        for line in lines:
            whose.setdefault(line, []).append(name)
    for line, names in whose.items():
        complain(f"{_listed(names)}: {line}")


def tell_left_out(folders: Sequence[str], suffixes: Collection[str]) -> None:
    """Recordings in folders that are not taken, for want of ffmpeg or because they are named otherwise."""
    from ..audio_io.kinds import left_out

    found = [left_out(each, suffixes) for each in folders]
    if without_ffmpeg := [path for paths, _ in found for path in paths]:
        complain(f"left out, because they take the program ffmpeg, which is not installed: {_listed(without_ffmpeg)}")
    if odd := [path for _, paths in found for path in paths]:
        complain(
            f"left out, though they begin as recordings do, for the names end otherwise: {_listed(odd)}; "
            "name each to have it read, or rename it"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def run_many(
    what: str,
    work: Work,
    asked: BatchOptions,
    suffixes: Collection[str],
    suffix: str,
    takes_audio: bool = False,
) -> None:
    """Do what a command wants with every file, and tell how it went; ends with status 1 if anything was wrong.

    Args:
        suffixes, suffix: of files in folders, as of `paths.pair_up`.
        takes_audio: whether recordings that are not taken from folders are to be told of.
    """
    if asked.as_json and asked.output == PIPE:
        raise typer.BadParameter("expected a file for -o with --json, found -: both go to standard output")
    with importing():
        from . import jobs, report
    from .paths import pair_up

    if takes_audio:
        tell_left_out(asked.inputs, suffixes)
    pairs = pair_up(asked.inputs, asked.output, suffixes, suffix)
    may_replace("audiovq", (pair.output for pair in pairs), asked.force)
    device, model = check_device(asked.device), DEFAULT_MODEL if asked.model == AUTO else asked.model
    with report.progress_bar(what, len(pairs)) as progress:
        outcome = jobs.run(work, pairs, model, device, asked.jobs, progress)
    if asked.as_json:
        typer.echo(json.dumps(report.outcome_figures(outcome), indent=2))
    else:
        report.print_outcome(outcome, to_stderr=asked.output == PIPE)
        tell_notices({each["input"]: each.get("notices", ()) for each in outcome.files})
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


def tell_made(
    made: list[tuple[str, float]],
    title: str,
    result: ResultOptions,
    seed: int | None = None,
    notices: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Name files and their seconds, the seed that makes them again, and what was changed of which; then make a page.

    Args:
        title: of the page.

    Raises:
        InputError: the page cannot be written; then the files have been named.
    """
    page = result.page
    notices = {name: list(lines) for name, lines in (notices or {}).items() if lines}
    if result.as_json:
        files = [{"output": path, "seconds": round(seconds, 6)} for path, seconds in made]
        figures = {"files": files, **({} if seed is None else {"seed": seed})}
        more = {"notices": notices} if notices else {}
        try:
            show(page, title, made)
        except InputError:
            typer.echo(json.dumps(figures | more, indent=2))
            raise
        typer.echo(json.dumps(figures | ({} if page is None else {"html": page}) | more, indent=2))
        return
    for path, seconds in made:
        typer.echo(f"{path}: {seconds:.2f} s", err=path == PIPE)
    if seed is not None:
        typer.echo(f"seed {seed}", err=made[0][0] == PIPE)
    tell_notices(notices)
    show(page, title, made)
    if page is not None:
        typer.echo(f"{page}: to listen to and look at")
