"""What takes longest of a command is begun before its options are read: what its workers import."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # read when torch and NumPy are imported
# read when the C library of the process that workers are forked from starts: what one batch has freed is kept for the
# next, instead of asked for anew, page by page
KEPT = {"MALLOC_TRIM_THRESHOLD_": str(64 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}  # bytes, of glibc


def begin(arguments: Sequence[str]) -> None:
    """What the command of these arguments can be seen to need."""
    for name in THREADS:  # one thread a file; where others want the cores too, several wait for each other
        os.environ.setdefault(name, "1")
    has_workers = not any(each.startswith("--ray") or each in ("-h", "--help") for each in arguments)
    has_workers &= not {("-j", "1"), ("--jobs", "1")} & set(itertools.pairwise(arguments))  # which this process is
    if list(arguments[:2]) == ["corpus", "encode"] and has_workers:
        from latentmix.processes import start_early

        from ..codec import TO_ENCODE

        for name, size in KEPT.items():
            os.environ.setdefault(name, size)
        start_early(TO_ENCODE)
