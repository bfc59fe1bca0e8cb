"""What corpora cost: items a second against `audiovq compress FOLDER`, one worker against two, Ray, memory.

    scripts/run python scripts/bench/bench_corpus.py SPEECH_FOLDER --work FOLDER --ray HOST:PORT

Recordings are cut into short WAV files first. All that is compared is run in turns, --rounds times, as whole commands
with one thread a worker, and the median of the ratios of each round is given, for a busy machine slows all alike.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import soundfile
import typer

from audiovq.audio_io.reader import SUFFIXES

ROOT = Path(__file__).resolve().parents[2]
START = "from audiovq.cli import main; main()"
PR_SET_CHILD_SUBREAPER = 36
SAMPLED = 0.2  # seconds between two looks at memory


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
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    while True:
        for path in files:
            samples, rate = soundfile.read(path, dtype="int16")
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


def memory_over_time(source: Path, out: Path, files: int) -> dict[str, object]:
    """The largest process of a run over many files, by the share of its time."""
    shutil.rmtree(out, ignore_errors=True)
    watched = Watched("corpus", "encode", source, "-o", out, "--jobs", 2, "--shard-items", 500, "--codebooks", 4)
    shares = {
        f"{share:.0%}": max(size for at, size in watched.memory if at <= share * watched.seconds) >> 20
        for share in (0.25, 0.5, 0.75, 1.0)
    }
    return {"largest_process_mb_by_time": shares, "flat_items_a_second": round(files / watched.seconds, 1)}


def main(
    speech: Annotated[Path, typer.Argument(help="folder of recordings to cut up")],
    work: Annotated[Path, typer.Option(help="folder for what is made")],
    ray: Annotated[str | None, typer.Option(help="a cluster with two cores")] = None,
    baseline: Annotated[Path, typer.Option(help="checkout whose `compress` is compared")] = ROOT,
    files: Annotated[int, typer.Option(help="in each run")] = 1000,
    seconds: Annotated[float, typer.Option(help="of each file")] = 1.0,
    rounds: int = 3,
    flat: Annotated[int, typer.Option(help="files of the run whose memory is watched; 0: none")] = 10_000,
    flat_seconds: Annotated[float, typer.Option(help="of each of those files")] = 0.25,
) -> None:
    """Measure, and print a table and JSON."""
    _adopt_all()
    speech, work, baseline = speech.resolve(), work.resolve(), baseline.resolve()
    source, out = cut(speech, work / "short", files, seconds), work / "out"
    encode = ("corpus", "encode", source, "-o", out, "--shard-items", max(files // 16, 1), "--codebooks", 4)
    runs = {
        "compress": (("compress", source, "-o", out, "--jobs", 2), baseline),
        "corpus": ((*encode, "--jobs", 2), ROOT),
        "one worker": ((*encode, "--jobs", 1), ROOT),
    }
    if ray:
        runs["ray"] = ((*encode, "--ray", ray, "--jobs", 2), ROOT)
    found: dict[str, list[float]] = {name: [] for name in runs}
    used: dict[str, list[float]] = {name: [] for name in runs}
    loads = []
    for number in range(rounds):
        for name, (arguments, code) in runs.items():
            shutil.rmtree(out, ignore_errors=True)
            loads.append(os.getloadavg()[0])
            watched = Watched(*arguments, code=code)
            found[name].append(watched.seconds)
            used[name].append(watched.processor_seconds)
            typer.echo(f"round {number + 1}: {name}: {files / found[name][-1]:.1f} items a second", err=True)

    def ratio(a: str, b: str, of: dict[str, list[float]] = found) -> float:
        return round(statistics.median(x / y for x, y in zip(of[a], of[b], strict=True)), 3)

    figures = {
        "files": files,
        "seconds_each": seconds,
        "load_before_runs": [round(load, 1) for load in loads],
        "items_a_second": {name: round(files / statistics.median(took), 2) for name, took in found.items()},
        "processor_ms_an_item": {  # of Ray without its workers, which are not of this command
            name: round(1000.0 * statistics.median(took) / files, 2) for name, took in used.items()
        },
        "corpus_over_compress": ratio("compress", "corpus"),
        "corpus_over_compress_of_processors": ratio("compress", "corpus", used),
        "two_workers_over_one": ratio("one worker", "corpus"),
        **({"ray_over_local_time": ratio("ray", "corpus")} if ray else {}),
    }
    if flat:
        figures |= memory_over_time(cut(speech, work / "flat", flat, flat_seconds), out, flat)
    typer.echo(json.dumps(figures, indent=2))


if __name__ == "__main__":
    typer.run(main)
