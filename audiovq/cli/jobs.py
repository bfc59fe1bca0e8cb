"""What the commands of `audiovq` do with one file, and with many on all cores."""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Protocol

from latentmix.errors import InputError
from latentmix.files import PIPE, open_input, open_output
from latentmix.processes import worker_pool

from ..audio_io import ffmpeg
from ..audio_io.channels import is_about_mixing
from ..audio_io.reader import SUFFIXES, open_source
from ..audio_io.writer import check_suffix, open_sink
from ..codec.choice import BETTER, Overheard, suited
from ..codec.codec import Codec
from ..codec.intake import LOOK_AHEAD
from .paths import Pair, prepare

Progress = Callable[[float], None]  # is told the share that is done, 0 to 1


@dataclass(frozen=True)
class Compress:
    """What to do with each file of `audiovq compress`."""

    bytes_a_process: ClassVar[int] = 4 << 20
    kbps: float
    keep_channels: bool
    chooses: bool = False  # whether bundled weights are chosen by the pitch of each recording

    def check_output(self, path: str) -> None:
        """Raises InputError for the name of a sound file."""
        suffix = os.path.splitext(path)[1].lower()
        if suffix in SUFFIXES | ffmpeg.SUFFIXES:
            raise InputError(
                f"{path}: expected a name that ends in .avq, or a folder, found that of a sound file, "
                "which compress does not write; audiovq decompress makes .wav, .flac and .ogg of an .avq file"
            )

    def check(self, codec: Codec) -> None:
        """Raises InputError where no file could be done."""
        codec.codebooks_for(self.kbps)

    def __call__(self, codec: Codec, pair: Pair, progress: Progress) -> dict[str, Any]:
        # through pipes on both sides it is heard as it is spoken: nothing can be learned of it beforehand
        is_live = pair.input == pair.output == PIPE
        with open_source(pair.input) as source:
            if self.chooses and not is_live:
                codec, (source,) = suited(codec, source)
            overheard = Overheard(source)
            total = source.samples or 0
            tell = (lambda samples: progress(min(samples / total, 1.0))) if total else None
            with open_output(pair.output) as stream:
                look_ahead = 0.0 if is_live else LOOK_AHEAD
                made = codec.compress(overheard.source, stream, self.kbps, self.keep_channels, tell, look_ahead)
        notices = [f"{line}; --channels keep keeps each" if is_about_mixing(line) else line for line in made.notices]
        notices += overheard.advice(codec, BETTER) if self.chooses and is_live else []
        return {
            "input": pair.input,
            "output": pair.output,
            "seconds": round(made.seconds, 6),
            "original_rate": made.sample_rate,
            "channels": made.channels,
            "codebooks": made.codebooks,
            "bytes": made.size,
            "kbps": round(made.kbps, 4),
            "gain_db": made.gain,
            "model": codec.name,
            "notices": notices,
        }


@dataclass(frozen=True)
class Decompress:
    """What to do with each file of `audiovq decompress`."""

    bytes_a_process: ClassVar[int] = 30 << 10
    sample_rate: int | None = None
    start: float = 0.0
    seconds: float | None = None

    def check_output(self, path: str) -> None:
        """Raises InputError for a kind of file that is not written."""
        if path != PIPE:
            check_suffix(path)

    def check(self, codec: Codec) -> None:
        """Nothing is wrong for every file."""

    def __call__(self, codec: Codec, pair: Pair, progress: Progress) -> dict[str, Any]:
        with open_input(pair.input) as (stream, name):
            decoding = codec.open(stream, name, self.sample_rate, self.start)
            rate, channels = decoding.sample_rate, decoding.header.channels
            left = None if decoding.samples is None else max(decoding.samples - round(self.start * rate), 0)
            wanted = left if self.seconds is None else min(round(self.seconds * rate), left or sys.maxsize)
            blocks = iter(decoding)
            first = next(blocks, None)
            if first is None or wanted == 0:
                what = decoding.damage.describe(decoding.header) or "the file is shorter"
                raise InputError(f"{name}: expected audio from {self.start:g} s on, found none: {what}")
            with open_sink(pair.output, rate, channels, wanted if left is not None else None) as sink:
                for block in itertools.chain([first], blocks):
                    sink.write(block if wanted is None else block[:, : wanted - sink.samples])
                    if wanted:
                        progress(sink.samples / wanted)
                        if sink.samples >= wanted and self.seconds is not None:
                            break
        damage = decoding.damage.describe(decoding.header)
        return {
            "input": pair.input,
            "output": pair.output,
            "seconds": round(sink.samples / rate, 6),
            "sample_rate": rate,
            "channels": channels,
            "samples": sink.samples,
            "damage": damage or None,
        }


class Work(Protocol):
    """What a command does with each file; it is sent to other processes.

    Attributes:
        bytes_a_process: of input; less is done sooner than another process has started.
    """

    bytes_a_process: ClassVar[int]

    def check_output(self, path: str) -> None:
        """Raises InputError for a name that it does not write to."""

    def check(self, codec: Codec) -> None:
        """Raises InputError where no file could be done."""

    def __call__(self, codec: Codec, pair: Pair, progress: Progress) -> dict[str, Any]:
        """Figures of what was made: "input", "output", "seconds", "channels" and others.

        Raises:
            InputError: the file cannot be done.
        """
        ...


@dataclass
class Outcome:
    """What became of all files.

    Attributes:
        files: figures of those that were made, in the order of the input.
        failed: those that were not: input and error.
        wall_seconds: it took.
    """

    files: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    wall_seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        return not self.failed and not any(each.get("damage") for each in self.files)


def run(
    work: Work,
    pairs: Sequence[Pair],
    model: str,
    device: str,
    workers: int | None,
    progress: Callable[[int, float], None],
) -> Outcome:
    """Do all files; a bad one does not keep the others from being done.

    Args:
        workers: processes at most; None: as many as there are cores and as pay.
        progress: is told how many files are done and how much of the present one.

    Raises:
        InputError: the model cannot be loaded, or nothing at all can be written.
    """
    start = time.perf_counter()
    for pair in pairs:
        work.check_output(pair.output)
    if workers is None:
        workers = min(usable_cores(), 1 + sum(map(_size, pairs)) // work.bytes_a_process)
    workers = min(workers, len(pairs)) if device == "cpu" else 1
    codec = Codec.from_pretrained(model, device)
    work.check(codec)
    results = (
        _in_processes(work, pairs, model, workers, progress) if workers > 1 else _in_turn(work, pairs, codec, progress)
    )
    outcome = Outcome()
    for pair, result in zip(pairs, results, strict=True):
        if isinstance(result, dict):
            outcome.files.append(result)
        else:
            outcome.failed.append({"input": pair.input, "error": result})
    outcome.wall_seconds = time.perf_counter() - start
    return outcome


def usable_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _size(pair: Pair) -> int:
    try:
        return os.path.getsize(pair.input)
    except (OSError, ValueError):  # told when it is its turn
        return 0


def _in_turn(
    work: Work, pairs: Sequence[Pair], codec: Codec, progress: Callable[[int, float], None]
) -> Iterator[dict[str, Any] | str]:
    for done, pair in enumerate(pairs):
        if len(pairs) == 1:
            prepare(pair)
            yield work(codec, pair, lambda share: progress(0, share))  # with its traceback, for --verbose
        else:
            yield _one(work, codec, pair, partial(progress, done))
        progress(done + 1, 0.0)


def _one(work: Work, codec: Codec, pair: Pair, progress: Progress) -> dict[str, Any] | str:
    """Figures, or the error in one line; nothing that is wrong with a file stops the others."""
    try:
        prepare(pair)
        return work(codec, pair, progress)
    except InputError as error:
        return " ".join(str(error).splitlines())
    except Exception as error:  # a fault of ours, perhaps, but none of the other files'
        return f"{pair.input}: {type(error).__name__}: {' '.join(str(error).splitlines())}"


_codec: list[Codec] = []  # of a worker process, loaded once


def _start_worker(model: str) -> None:
    import torch

    torch.set_num_threads(1)
    _codec.append(Codec.from_pretrained(model))


def _stop(*_: object) -> None:
    """By a first SIGTERM. The pool sends another when it finds a worker gone, which does not stop the clearing away."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def _work_in_process(work: Work, pair: Pair) -> dict[str, Any] | str:
    """Told to stop by SIGTERM, clears away what is half-written; a process that has no file under way just ends."""
    try:
        signal.signal(signal.SIGTERM, _stop)
        result = _one(work, _codec[0], pair, lambda share: None)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return result
    except BaseException:  # no other file is begun
        os._exit(1)


def _in_processes(
    work: Work, pairs: Sequence[Pair], model: str, workers: int, progress: Callable[[int, float], None]
) -> list[dict[str, Any] | str]:
    with worker_pool(workers, _start_worker, (model,), (__name__, "audiovq.model.vqvae")) as pool:
        futures = [pool.submit(_work_in_process, work, pair) for pair in pairs]
        left = set(futures)
        while left:
            _, left = wait(left, return_when=FIRST_COMPLETED)
            progress(len(futures) - len(left), 0.0)
        return [_result(future, pair) for future, pair in zip(futures, pairs, strict=True)]


def _result(future: Future[dict[str, Any] | str], pair: Pair) -> dict[str, Any] | str:
    try:
        return future.result()
    except BrokenProcessPool:
        return f"{pair.input}: the process that worked on it, or on another file, was killed; is memory short?"
