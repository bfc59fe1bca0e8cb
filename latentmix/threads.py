"""One thread for the products of NumPy and torch, in a call, whatever the program that calls has set.

Products of a millisecond are not made sooner by several threads, and on a machine that others use too the threads wait
for each other: 12 s instead of 0.3 were seen. No torch here before somebody else has imported it.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Within, NumPy's products take one thread in all of the process, torch's in the thread that is in here.

    Afterwards both are as they were. Thread-safe, and may be nested.
    """
    with one_blas_thread(), _one_torch_thread():
        yield


class _BlasLimit:
    """NumPy's BLAS has one number of threads in a process: the first one in lowers it, the last one out restores it."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                _elsewhere(self._lower)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _elsewhere(self._limit.restore_original_limits)

    def _lower(self) -> None:
        self._limit = _blas().limit(limits=1)


_BLAS_LIMIT = _BlasLimit()


def one_blas_thread() -> _BlasLimit:
    """As `one_thread`, for NumPy alone."""
    return _BLAS_LIMIT


@functools.cache
def _blas() -> ThreadpoolController:
    """The libraries of products that are loaded; NumPy's is by then."""
    import numpy  # noqa: F401

    return ThreadpoolController().select(user_api="blas")


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """torch has a number for each thread, and one for threads that have not used it yet."""
    torch = sys.modules.get("torch")
    before = 1 if torch is None else torch.get_num_threads()
    if torch is None or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        _elsewhere(lambda: torch.set_num_threads(before))  # that for other threads too, which is put back
        yield
    finally:
        torch.set_num_threads(before)


def _elsewhere(function: Callable[[], object]) -> None:
    """Call it in a thread that ends with it: threadpoolctl lets nobody change what a living thread has limited."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(function).result()  # raises what it raised
