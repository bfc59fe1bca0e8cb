"""Worker processes that share what they import, and end with the work, however that ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any


@contextlib.contextmanager
def worker_pool(
    workers: int, start: Callable[..., None], given: tuple[Any, ...], modules: Sequence[str] = ()
) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes. Where the system can, they are forked from one that has imported modules and done nothing
    else: to import torch takes longer than a hundred short recordings. They are not forked from this one, for torch's
    threads do not survive that.

    Ctrl-C reaches this process alone, so that not all complain of it; where the block ends with an error, the
    processes are told to stop by SIGTERM, and what waits is given up.

    Args:
        start: called in each process, with `given`, before its first work.
        modules: to import once for all of them; those of the first pool count.
    """
    can_share = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if can_share else "spawn")
    if can_share:
        context.set_forkserver_preload(list(modules))
    pool = ProcessPoolExecutor(workers, context, start, given)
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
