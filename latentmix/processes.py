"""Worker processes that are started anew, not forked, and end with the work, however that ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any


@contextlib.contextmanager
def spawned_pool(workers: int, start: Callable[..., None], given: tuple[Any, ...]) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes, spawned because torch's threads do not survive a fork.

    Ctrl-C reaches this process alone, so that not all complain of it; where the block ends with an error, the
    processes are told to stop by SIGTERM, and what waits is given up.

    Args:
        start: called in each process, with `given`, before its first work.
    """
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), start, given)
    submit = pool.submit

    def submit_quietly(*work: Any, **more: Any) -> Any:
        with _ctrl_c_for_us_alone():  # processes are started as they are needed, and inherit what is blocked
            return submit(*work, **more)

    pool.submit = submit_quietly  # type: ignore[method-assign]
    try:
        yield pool
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _ctrl_c_for_us_alone() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
