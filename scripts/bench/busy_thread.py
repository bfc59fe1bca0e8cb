"""A process beside what is measured that computes without a pause, and notes when the processor itself was slow.

Its work is always the same and in no need of memory, and is timed by the time that the thread had a processor: waiting
for one does not count. What took `SLOW` times as long as usual was a processor that ran at a fraction of its speed or
was not there (a virtual machine whose host takes it away, heat, power saving), which whoever is measured shares.
"""

from __future__ import annotations

import contextlib
import json
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

SLOW = 3.0  # times as long as usual
WARM_UP = 200  # pieces of work that say what is usual
LATER = 0.1  # seconds after such a spell in which it is still felt


@dataclass
class Busy:
    """Attributes:
    spells: when the processor was slow, from and to, in seconds of `time.monotonic`; known once the process has ended.
    """

    spells: list[tuple[float, float]] = field(default_factory=list)

    def slow_at(self, seconds: float) -> bool:
        """Whether the processor was slow then, or shortly before.

        >>> [Busy([(1.0, 1.02)]).slow_at(at) for at in (0.9, 1.01, 1.1, 1.3)]
        [False, True, True, False]
        """
        return any(start <= seconds <= end + LATER for start, end in self.spells)

    def within(self, start: float, end: float) -> list[float]:
        """Seconds that the spells took which began between two times.

        >>> Busy([(1.0, 1.5), (9.0, 9.25)]).within(0.0, 5.0)
        [0.5]
        """
        return [until - since for since, until in self.spells if start <= since <= end]


@contextlib.contextmanager
def busy() -> Iterator[Busy]:
    """Run it meanwhile; afterwards it knows its spells."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from scripts.bench.busy_thread import work; work()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    found = Busy()
    try:
        yield found
    finally:
        told, _ = process.communicate()
        found.spells = [(start, end) for start, end in json.loads(told)]


def spells_of(pieces: list[tuple[float, float, float]], usual: float) -> list[tuple[float, float]]:
    """From and to of the spells, of pieces of work: when they began and ended, and the processor's time that they took.

    >>> spells_of([(0, 1, 1), (1, 5, 4), (5, 9, 4), (9, 12, 1), (12, 16, 4)], 1.0)
    [(1, 9), (12, 16)]
    """
    spells: list[tuple[float, float]] = []
    for start, end, took in pieces:
        if took < SLOW * usual:
            continue
        if spells and spells[-1][1] == start:
            start = spells.pop()[0]
        spells.append((start, end))
    return spells


def work() -> None:
    """What the process does, until its standard input is closed; then it writes its spells as JSON."""
    pieces: list[tuple[float, float, float]] = []
    first: list[float] = []
    start, used = time.monotonic(), time.thread_time()
    while not select.select([sys.stdin], [], [], 0.0)[0]:
        for _ in range(20):
            sum(range(1000))
        before, used_before = start, used
        start, used = time.monotonic(), time.thread_time()
        took = used - used_before
        if len(first) < WARM_UP:
            first.append(took)
        elif took >= SLOW * statistics.median(first):
            pieces.append((before, start, took))
    print(json.dumps(spells_of(pieces, statistics.median(first) if first else 0.0)))
