"""Worker processes that share what they import, and end with the work, however that ends."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

FIRST = "latentmix.first_import"  # of the process that others are forked from


_early: list[bool] = []


def has_begun() -> bool:
    """Whether `start_early` has done something, which is not to be in vain."""
    return bool(_early)


def start_early(modules: Sequence[str]) -> None:
    """Have the process that workers will be forked from begin with its imports, beside what this one does meanwhile.

    Args:
        modules: as of `worker_pool`, whose own do not count after this.
    """
    if _can_share():
        from multiprocessing import forkserver, resource_tracker

        resource_tracker.ensure_running()  # first, for its own beginning ends with Ctrl-C let through
        multiprocessing.set_forkserver_preload([FIRST, *modules])
        with _ctrl_c_for_us_alone():
            forkserver.ensure_running()
        _early.append(True)


@contextlib.contextmanager
def worker_pool(
    workers: int, start: Callable[..., None], given: tuple[Any, ...], modules: Sequence[str] = ()
) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes. Where the system can, they are forked from one that has imported modules and done nothing
    else: to import torch takes longer than a hundred short recordings. They are not forked from this one, for torch's
    threads do not survive that.

    Ctrl-C reaches this process alone, so that not all complain of it; where the block ends with an error, the
    processes are told to stop by SIGTERM, and what waits is given up; where this one is killed, they end.

    Args:
        start: called in each process, with `given`, before its first work.
        modules: to import once for all of them; those of the first pool count.
    """
    from concurrent.futures import ProcessPoolExecutor  # not before `start_early`, which is to be early

    context = multiprocessing.get_context("forkserver" if _can_share() else "spawn")
    if _can_share():
        context.set_forkserver_preload([FIRST, *modules])
    pool = ProcessPoolExecutor(workers, context, _begin, (start, given))
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


def _can_share() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


def _begin(start: Callable[..., None], given: tuple[Any, ...]) -> None:
    gc.freeze()  # what was imported stays as it is, and shared
    gc.enable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    start(*given)


def _end_with_parent() -> None:
    """A parent that is killed tells nobody: its workers would go on, or wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextlib.contextmanager
def _ctrl_c_for_us_alone() -> Iterator[None]:
    """Processes that are started in here never see Ctrl-C; for this one it waits until they are known.

    What is blocked is inherited, but for this thread alone: another one may take the signal, and an error in the midst
    of a start would leave a process that nobody stops.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came: list[tuple[Any, ...]] = []
    is_main = threading.current_thread() is threading.main_thread()  # no other thread has handlers
    handlers: dict[int, Callable[..., Any]] = {}
    for number in (signal.SIGINT, signal.SIGTERM) if is_main else ():
        if callable(own := signal.getsignal(number)):
            handlers[number] = own
            signal.signal(number, lambda *given: came.append(given))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for each, handler in handlers.items():
            signal.signal(each, handler)
        for given in came[:1]:
            handlers[given[0]](*given)
