"""Shards made in processes of this machine; one that is killed is replaced, and what it had in hand begun anew."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from ..errors import InputError
from ..processes import has_begun, worker_pool
from .shard import Description, Maker, ShardJob, ShardSummary, Work, make_shard

ATTEMPTS = 3  # without a shard in between that is done: then a process is not killed by chance
WAITING = 2  # jobs handed out for each process: no more than keep it busy are lost with it


class LocalProcesses:
    """So many processes on this machine, each with the model; a single one is this process itself,
    unless there is one already that can be forked from.

    Args:
        workers: at least 1.
        device: as torch names it.
    """

    def __init__(self, workers: int, device: str = "cpu") -> None:
        self.workers, self.device = workers, device

    def run(self, work: Work, jobs: Sequence[ShardJob], begin: Callable[[Description], None]) -> Iterator[ShardSummary]:
        """Make shards, in whatever order they are done.

        Args:
            begin: is told what the records will be before the first of them is made.

        Raises:
            InputError: the model cannot be loaded, a shard cannot be written, or processes are killed again and again.
        """
        if min(self.workers, len(jobs)) <= 1 and not (jobs and has_begun()):
            maker = work.load(self.device)
            begin(maker.description)
            yield from (make_shard(job, maker) for job in jobs)
            return
        left, failures, is_begun = list(jobs), 0, False
        while left:
            done: set[str] = set()
            some = left if failures < ATTEMPTS - 1 else left[:1]  # by itself, it shows whether it is the one
            try:
                workers = min(self.workers, len(some))
                with worker_pool(workers, _start, (work, self.device), work.modules) as pool:
                    described = [pool.submit(_describe) for _ in range(workers)]  # which starts them all
                    if not is_begun:
                        begin(described[0].result())
                        is_begun = True
                    for summary in _through(pool, workers * WAITING, some):
                        done.add(summary.name)
                        yield summary
                failures = 0
            except BrokenProcessPool:
                failures = 1 if done else failures + 1
            left = [job for job in left if job.name not in done]
            if failures == ATTEMPTS:
                raise InputError(
                    f"{left[0].out.address}: expected to make {left[0].name}, found its process killed {ATTEMPTS} "
                    f"times; is memory short? It holds {left[0].items[0].id} to {left[0].items[-1].id}"
                )


def _through(pool: ProcessPoolExecutor, most: int, jobs: Sequence[ShardJob]) -> Iterator[ShardSummary]:
    waiting: set[Future[ShardSummary]] = set()
    rest = iter(jobs)
    while True:
        for job in rest:
            waiting.add(pool.submit(_make, job))
            if len(waiting) >= most:
                break
        if not waiting:
            return
        ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        good = [future for future in ended if future.exception() is None]
        yield from (future.result() for future in good)
        for future in ended:
            future.result()


_maker: list[Maker] = []  # of a worker process, loaded once
_problem: list[str] = []


def _start(work: Work, device: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        _maker.append(work.load(device))
    except InputError as error:  # an initializer that raises would only be told as a broken pool
        _problem.append(str(error))


def _loaded() -> Maker:
    if _problem:
        raise InputError(_problem[0])
    return _maker[0]


def _describe() -> Description:
    return _loaded().description


def _make(job: ShardJob) -> ShardSummary:
    return make_shard(job, _loaded())
