"""What corpora cost: items a second against `audiovq compress FOLDER`, one worker against two, Ray, memory.

    scripts/run python scripts/bench/bench_corpus.py SPEECH_FOLDER --work FOLDER --ray HOST:PORT

Recordings are cut into short WAV files first. All that is compared is run in turns, --rounds times, as whole commands
with one thread a worker, and the median of the ratios of each round is given, for a busy machine slows all alike. Then
once more with --many files: what these take longer says what an item costs without the start, and the rest the start.
Processor seconds are those of a command with all its processes; they say more than the clock where others are at work.
--baseline names the folder of an older checkout whose `compress` is compared; the one of this checkout if left out.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import soundfile
import typer

from audiovq.audio_io.mono import find_recordings
from audiovq.audio_io.reader import open_source
from latentmix.cli import run_script

ROOT = Path(__file__).resolve().parents[2]
START = "from audiovq.cli import main; main()"
PR_SET_CHILD_SUBREAPER = 36
SAMPLED = 0.2  # seconds between two looks at memory
SHARDS = 16  # of a corpus
Command: TypeAlias = tuple[tuple[object, ...], Path]  # arguments, and the checkout
Figures: TypeAlias = dict[str, Any]


def cut(source: Path, folder: Path, count: int, seconds: float) -> Path:
    """`count` WAV files of that length; speech that is used up is used again under other names."""
    done = folder / "done"
    if done.is_file() and done.read_text() == f"{count} {seconds}":
        return folder / "wav"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "wav").mkdir(parents=True)
    for number, (samples, rate) in zip(range(count), _pieces(source, seconds), strict=False):
        soundfile.write(folder / "wav" / f"{number:06}.wav", samples, rate)
    done.write_text(f"{count} {seconds}")
    return folder / "wav"


def _pieces(source: Path, seconds: float) -> Iterator[tuple[object, int]]:
    files = find_recordings(source)
    while True:
        for path in files:
            with open_source(path) as recording:
                samples, rate = np.concatenate(list(recording.blocks), 1).T, recording.sample_rate
            size = int(seconds * rate)
            for start in range(0, len(samples) - size, size):
                yield samples[start : start + size], rate


class Watched:
    """A command that has run: how long it took by the clock and on processors, and its largest process over time."""

    def __init__(self, *arguments: object, code: Path = ROOT) -> None:
        environment = os.environ | {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        start, before = time.perf_counter(), _processor_seconds()
        self.memory: list[tuple[float, int]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *map(str, arguments)],
            env=environment,
            cwd=code,  # which `-c` looks in before PYTHONPATH
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        watcher = threading.Thread(target=self._watch, args=(start,), daemon=True)
        watcher.start()
        said = self.process.communicate()[1]
        self.seconds = time.perf_counter() - start
        watcher.join()
        with contextlib.suppress(ChildProcessError):
            while True:  # what the command's own processes leave behind
                os.waitpid(-1, 0)
        self.processor_seconds = _processor_seconds() - before
        if self.process.returncode:
            raise SystemExit(f"{arguments}: {said}")

    def _watch(self, start: float) -> None:
        while self.process.poll() is None:
            sizes = [_resident(pid) for pid in _family(self.process.pid)]
            self.memory.append((time.perf_counter() - start, max(sizes, default=0)))
            time.sleep(SAMPLED)


def _processor_seconds() -> float:
    """Of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _adopt_all() -> None:
    """Whose parent ends becomes a child of this process (Linux), so that its time is counted."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(each for child in children for each in _family(int(child)))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def memory_over_time(source: Path, out: Path, files: int) -> Figures:
    """The largest process of a run over many files, by the share of its time."""
    shutil.rmtree(out, ignore_errors=True)
    watched = Watched("corpus", "encode", source, "-o", out, "--jobs", 2, "--shard-items", 500, "--codebooks", 4)
    shares = {
        f"{share:.0%}": max(size for at, size in watched.memory if at <= share * watched.seconds) >> 20
        for share in (0.25, 0.5, 0.75, 1.0)
    }
    return {"largest_process_mb_by_time": shares, "flat_items_a_second": round(files / watched.seconds, 1)}


def in_turns(commands: Mapping[str, Command], files: int, rounds: int, out: Path) -> dict[str, list[Watched]]:
    """Each command once in each round."""
    found: dict[str, list[Watched]] = {name: [] for name in commands}
    for number in range(rounds):
        for name, (arguments, code) in commands.items():
            shutil.rmtree(out, ignore_errors=True)
            load = os.getloadavg()[0]
            found[name].append(Watched(*arguments, code=code))
            speed = files / found[name][-1].seconds
            typer.echo(f"{files} files, {number + 1}: {name}: {speed:.1f} a second (load {load:.1f})", err=True)
    return found


def figures_of(seconds: Mapping[str, list[float]], processors: Mapping[str, list[float]], files: int) -> Figures:
    """What the median round says, of so many files."""

    def ratio(a: str, b: str, of: Mapping[str, list[float]] = seconds) -> float:
        return round(statistics.median(x / y for x, y in zip(of[a], of[b], strict=True)), 3)

    return {
        "files": files,
        "items_a_second": {name: round(files / statistics.median(took), 2) for name, took in seconds.items()},
        "processor_ms_an_item": {  # of Ray without its workers, which are not of this command
            name: round(1000.0 * statistics.median(took) / files, 2) for name, took in processors.items()
        },
        "corpus_over_compress": ratio("compress", "corpus"),
        "corpus_over_compress_of_processors": ratio("compress", "corpus", processors),
        "two_workers_over_one": ratio("one worker", "corpus"),
        **({"ray_over_local_time": ratio("ray", "corpus")} if "ray" in seconds else {}),
    }


def main(
    speech: Annotated[Path, typer.Argument(help="folder of recordings to cut up")],
    work: Annotated[Path, typer.Option(help="folder for what is made")],
    ray: Annotated[str | None, typer.Option(help="a cluster with two cores")] = None,
    baseline: Annotated[Path, typer.Option(help="checkout whose `compress` is compared")] = ROOT,
    files: Annotated[int, typer.Option(help="in each run")] = 1000,
    many: Annotated[int, typer.Option(help="in each run of another round, for what an item costs; 0: none")] = 10_000,
    seconds: Annotated[float, typer.Option(help="of each file")] = 1.0,
    rounds: Annotated[int, typer.Option(help="of the fewer files")] = 3,
    flat: Annotated[int, typer.Option(help="files of the run whose memory is watched; 0: none")] = 10_000,
    flat_seconds: Annotated[float, typer.Option(help="of each of those files")] = 0.25,
) -> None:
    """Measure, and print JSON."""
    _adopt_all()
    speech, work, baseline = speech.resolve(), work.resolve(), baseline.resolve()
    out = work / "out"
    figures: Figures = {}
    took: dict[int, dict[str, list[Watched]]] = {}
    for size, times in ((files, rounds), (many, 1)):
        if not size:
            continue
        source = cut(speech, work / f"short-{size}", size, seconds)
        encode = ("corpus", "encode", source, "-o", out, "--shard-items", max(size // SHARDS, 1), "--codebooks", 4)
        commands: dict[str, Command] = {
            "compress": (("compress", source, "-o", out, "--jobs", 2), baseline),
            "corpus": ((*encode, "--jobs", 2), ROOT),
            "one worker": ((*encode, "--jobs", 1), ROOT),
            **({"ray": ((*encode, "--ray", ray, "--jobs", 2), ROOT)} if ray else {}),
        }
        took[size] = in_turns(commands, size, times, out)
        wall = {name: [each.seconds for each in runs] for name, runs in took[size].items()}
        processors = {name: [each.processor_seconds for each in runs] for name, runs in took[size].items()}
        figures[f"{size}_files"] = figures_of(wall, processors, size)
    if many:  # what the further files took, without the start
        few = {name: statistics.median(each.seconds for each in runs) for name, runs in took[files].items()}
        used = {name: statistics.median(each.processor_seconds for each in runs) for name, runs in took[files].items()}
        figures["without_the_start"] = figures_of(
            {name: [runs[0].seconds - few[name]] for name, runs in took[many].items()},
            {name: [runs[0].processor_seconds - used[name]] for name, runs in took[many].items()},
            many - files,
        )
        each = {name: (runs[0].seconds - few[name]) / (many - files) for name, runs in took[many].items()}
        figures["start_in_seconds"] = {name: round(few[name] - files * each[name], 2) for name in few}
    if flat:
        figures["memory"] = memory_over_time(cut(speech, work / "flat", flat, flat_seconds), out, flat)
    typer.echo(json.dumps(figures, indent=2))


if __name__ == "__main__":
    run_script(main)
