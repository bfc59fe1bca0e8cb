"""How long `audiovq` takes where others want the processors too: with the threads it chooses itself, and with others.

    scripts/run python scripts/bench/bench_threads.py examples/speech.flac               # one thread is what it chooses
    scripts/run python scripts/bench/bench_threads.py examples/speech.flac --busy 0      # nothing else running

The ways take turns. Times depend on what else the machine does; the ratios much less.
"""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer

from latentmix.cli import run_script

ROOT = Path(__file__).resolve().parents[2]
SETTINGS: dict[str, dict[str, str]] = {
    "as it is": {},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
    "OMP_NUM_THREADS=2": {"OMP_NUM_THREADS": "2"},
}


@dataclass(frozen=True)
class Took:
    """Seconds of a command, by the clock and of processors."""

    clock: float
    processors: float


def timed(arguments: tuple[str, ...], settings: dict[str, str]) -> Took:
    """Run a command of `audiovq` in a process of its own, with these settings and no others of the kind."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    code = "from audiovq.cli import main; main()"
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, env=clean | settings, cwd=ROOT, check=True, capture_output=True)
    clock, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@contextlib.contextmanager
def neighbours(count: int) -> Iterator[None]:
    """So many processes that want a processor each, all the time."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def talk(source: Path, seconds: float, path: Path) -> None:
    """A recording, over and over, so many seconds."""
    samples, rate = soundfile.read(source, dtype="float32")
    soundfile.write(path, np.resize(samples, round(seconds * rate)), rate)


def main(
    speech: Annotated[Path, typer.Argument(help="a recording")],
    seconds: Annotated[float, typer.Option(help="of it, over and over")] = 40.0,
    busy: Annotated[int, typer.Option(help="processes beside it that want a processor each")] = 2,
    rounds: Annotated[int, typer.Option(help="of all ways in turns, after one that does not count")] = 5,
) -> None:
    """Time `compress` and `sample` with each setting, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        audio = Path(folder, "talk.flac")
        talk(speech, seconds, audio)
        commands = {
            f"compress {seconds:g} s": ("compress", str(audio), "-o", str(Path(folder, "talk.avq")), "--force"),
            "sample 5 s": ("sample", "-o", str(Path(folder, "new.wav")), "--seed", "1", "--force"),
        }
        with neighbours(busy):
            typer.echo(f"{os.cpu_count()} processors, {busy} busy processes beside it")
            for name, arguments in commands.items():
                took: dict[str, list[Took]] = {each: [] for each in SETTINGS}
                for number in range(rounds + 1):
                    for each, settings in SETTINGS.items():
                        one = timed(arguments, settings)
                        took[each] += [one] if number else []
                show(name, took)


def show(name: str, took: dict[str, list[Took]]) -> None:
    """A line for each setting: medians, and of the ratios to what it chooses itself too."""
    usual = took["as it is"]
    for each, times in took.items():
        clock, processors = (
            statistics.median(
                getattr(one, kind) / getattr(other, kind) for one, other in zip(usual, times, strict=True)
            )
            for kind in ("clock", "processors")
        )
        middle = [statistics.median(getattr(one, kind) for one in times) for kind in ("clock", "processors")]
        line = f"{name}, {each}: {middle[0]:.2f} s, {middle[1]:.2f} s of processors"
        if times is not usual:
            line += f"; as it is over this: {clock:.3f}, {processors:.3f} of processors"
        typer.echo(line)


if __name__ == "__main__":
    run_script(main)
