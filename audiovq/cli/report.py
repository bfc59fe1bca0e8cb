"""What a person is told: bars while it works, lines when it is done."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from .jobs import Outcome


@contextlib.contextmanager
def progress_bar(what: str, files: int) -> Iterator[Callable[[int, float], None]]:
    """A bar on standard error, if that is a terminal; gives what to tell files done and the share of the next."""
    if not sys.stderr.isatty():
        yield lambda done, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = [TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()]
    if files > 1:
        columns.insert(2, MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=files)
        yield lambda done, share: bars.update(task, completed=done + share)


def outcome_figures(outcome: Outcome) -> dict[str, Any]:
    """For machines."""
    seconds = sum(each["seconds"] for each in outcome.files)
    return {
        "files": outcome.files,
        "failed": outcome.failed,
        "seconds": round(seconds, 6),
        "wall_seconds": round(outcome.wall_seconds, 3),
        "times_real_time": round(seconds / outcome.wall_seconds, 2) if outcome.wall_seconds else None,
    }


def print_outcome(outcome: Outcome, to_stderr: bool) -> None:
    """A line for one file; a summary for several."""
    figures = outcome_figures(outcome)
    made = outcome.files
    if len(made) == 1 and not outcome.failed:
        first = made[0]
        rate = f", {first['bytes']} bytes, {first['kbps']:.2f} kbit/s" if "kbps" in first else ""
        channels = f", {first['channels']} channels" if first["channels"] > 1 else ""
        typer.echo(f"{first['output']}: {clock(first['seconds'])}{channels}{rate}", err=to_stderr)
    elif made:
        size = sum(each.get("bytes", 0) for each in made)
        rate = f", {size * 8 / 1000 / figures['seconds']:.2f} kbit/s" if size and figures["seconds"] else ""
        speed = f", {figures['times_real_time']:.0f} times real time" if figures["times_real_time"] else ""
        typer.echo(f"{len(made)} files: {clock(figures['seconds'])}{rate}{speed}", err=to_stderr)


def print_file(figures: dict[str, Any]) -> None:
    """What `audiovq info` says."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False)
    coder = figures["entropy_coder"]
    saved = figures["saved_by_entropy_coding"]
    size = f"{figures['bytes']} bytes"
    rows = {
        "length": clock(figures["seconds"]) + ("" if figures["samples"] is None else f", {figures['samples']} samples"),
        "original": f"{figures['original_rate']} Hz, kept channels: {figures['channels']}"
        + (f", made {figures['gain_db']} dB louder to be coded" if figures["gain_db"] else ""),
        "rate": size if figures["kbps"] is None else f"{figures['kbps']:.3f} kbit/s, {size}",
        "codes": f"{figures['frames']} frames of {_codebooks(figures)} codebooks of {figures['codes']}, "
        f"{figures['code_rate']:g} frames a second",
        "entropy coding": f"saves {saved:.1%} (coder {coder})" if coder and saved is not None else "none",
        "chunks": f"{figures['chunks']} of {figures['chunk_seconds']:g} s",
        "weights": figures["model"],
        "damage": figures["damage"] or "none",
    }
    for name, value in rows.items():
        table.add_row(Text(name), Text(value))
    console = Console(highlight=False)
    console.print(Text(figures["file"]))
    console.print(table)


def _codebooks(figures: dict[str, Any]) -> str:
    most, mean = figures["codebooks"], figures["mean_codebooks"]
    return f"{most}" if mean in (None, most) else f"up to {most}, on average {mean:.2f},"


def clock(seconds: float) -> str:
    """
    >>> clock(3.25), clock(75), clock(3675.5)
    ('3.25 s', '1:15', '1:01:16')
    """
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
