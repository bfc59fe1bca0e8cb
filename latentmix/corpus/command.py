"""What the commands that build corpora share: their options, the bar, what they tell at the end."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import cli
from ..cli import Device, Verbose, check_device
from .limits import FORMS, Size

if TYPE_CHECKING:
    from .build import Crew, Outcome
    from .shard import Work
    from .storage import Folder

SHOWN = 20  # files left out that are named on the terminal; the manifest has all

_output, _engine = (functools.partial(typer.Option, rich_help_panel=panel) for panel in ("Output", "Work"))
Source = Annotated[
    str,
    typer.Argument(
        metavar="SRC",
        help="A folder, a glob in quotes, a .txt list, WebDataset shards (.tar), or such an address, as s3://...",
    ),
]


@dataclass(frozen=True)
class CorpusOptions:
    """Options of a command that builds a corpus, for `latentmix.cli.grouped`."""

    output: Annotated[str, _output("-o", "--output", metavar="OUT", help="Folder of the corpus, or its address.")]
    form: Annotated[str, _output("--format", metavar="|".join(FORMS), help="Of the shards.")] = FORMS[0]
    shard_items: Annotated[int, _output(min=1, max=1 << 20, metavar="N", help="Items of a shard at most.")] = Size.items
    shard_mb: Annotated[int, _output(min=1, max=4096, metavar="MB", help="Input of a shard at most.")] = Size.size >> 20
    as_json: Annotated[bool, _output("--json", help="Figures for machines, on standard output.")] = False
    jobs: Annotated[
        int | None, _engine("--jobs", "-j", metavar="N", min=1, max=4096, help="Workers; default: one for each core.")
    ] = None
    ray: Annotated[
        str | None,
        _engine("--ray", metavar="ADDRESS", help="On a Ray cluster: its head's HOST:PORT, auto or local."),
    ] = None
    device: Annotated[Device, _engine("--device", help="Where the model runs.")] = Device.cpu
    verbose: Verbose = False

    def crew(self) -> Crew:
        """Raises InputError: the device is not there."""
        if self.ray is not None:
            from .cluster import RayCluster

            return RayCluster(self.ray, self.jobs, self.device.value)
        from .local import LocalProcesses

        device = self.device.value if self.device is Device.cpu else check_device(self.device)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return LocalProcesses(self.jobs or (cores if device == "cpu" else 1), device)


def run_corpus(program: str, what: str, work: Work, source: str, options: CorpusOptions) -> None:
    """Build a corpus and tell how it went; ends with status 1 where files were left out.

    Args:
        what: is done with the files, for the bar.
    """
    from .build import build_corpus
    from .storage import Folder

    if options.form not in FORMS:
        raise typer.BadParameter(f"expected --format {' or '.join(FORMS)}, found {options.form}")
    out, size = Folder(options.output), Size(options.shard_items, options.shard_mb << 20)
    with _bar(what) as progress:
        outcome = build_corpus(work, source, out, options.crew(), options.form, size, progress)
    if options.as_json:
        typer.echo(json.dumps(_figures(outcome, out), indent=2))
    else:
        _tell(program, outcome, out)
    if outcome.new and outcome.manifest.left_out:
        raise typer.Exit(1)


@contextlib.contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _figures(outcome: Outcome, out: Folder) -> dict[str, Any]:
    manifest = outcome.manifest
    return {
        "corpus": out.address,
        "fingerprint": manifest.description.fingerprint,
        "shards": sum(shard.rows > 0 for shard in manifest.shards),
        "items": manifest.rows,
        "new": outcome.new,
        "bytes": sum(shard.size for shard in manifest.shards),
        "left_out": [{"item": id_, "reason": reason} for id_, reason in manifest.left_out],
        "wall_seconds": round(outcome.seconds, 3),
    }


def _tell(program: str, outcome: Outcome, out: Folder) -> None:
    figures = _figures(outcome, out)
    if not outcome.new:
        typer.echo(f"{out.address}: nothing new; {figures['items']} items in {figures['shards']} shards")
        return
    speed = outcome.new / max(outcome.seconds, 1e-3)
    typer.echo(
        f"{out.address}: {figures['items']} items in {figures['shards']} shards, {figures['bytes']} bytes; "
        f"{outcome.new} were new, {speed:.1f} a second"
    )
    bad = outcome.manifest.left_out
    if bad:
        cli.complain(program, f"{len(bad)} could not be done:")
        for _, reason in bad[:SHOWN]:
            cli.complain(program, reason)
        if len(bad) > SHOWN:
            cli.complain(program, f"and {len(bad) - SHOWN} more; all are in {out.join('manifest.json')}")
