"""When the sound broke off and when the device said that it was late: which breaks are ours alone."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

from realtime.audio.ring_buffer import Ring

NEAR = 0.1  # seconds between the server being late and a break that it made


class BreakLog:
    """What a ring counts, looked at many times a second.

    Attributes:
        rows: seconds, breaks so far, times that the server was late so far.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self.rows: list[tuple[float, int, int]] = []
        self.look()

    def look(self) -> None:
        """How it is now."""
        row = (time.monotonic(), self._ring.breaks, self._ring.reported)
        if len(self.rows) < 2 or row[1:] != self.rows[-2][1:]:
            self.rows.append(row)
        else:
            self.rows[-1] = row

    def write(self, path: str, title: str) -> None:
        """Add a table of when something changed to a file."""
        start = self.rows[0]
        with open(path, "a") as file:
            file.write(f"# {title}\nseconds,breaks,server\n")
            for before, now in itertools.pairwise(self.rows):
                if now[1:] != before[1:]:
                    file.write(f"{now[0] - start[0]:.2f},{now[1] - start[1]},{now[2] - start[2]}\n")

    @property
    def breaks(self) -> int:
        """How often the sound broke off."""
        return self.rows[-1][1] - self.rows[0][1]

    @property
    def server(self) -> int:
        """How often the server said that it was late."""
        return self.rows[-1][2] - self.rows[0][2]

    def ours(self, excused: Callable[[float], bool] = lambda seconds: False) -> int:
        """Breaks while the server was not late, and that nothing else excuses at the time.

        >>> log = BreakLog(Ring(8))
        >>> log.rows = [(0.0, 0, 0), (1.0, 1, 1), (1.02, 2, 1), (2.0, 3, 1), (3.0, 3, 2)]
        >>> log.ours(), log.ours(lambda seconds: seconds == 2.0)
        (1, 0)
        """
        steps = list(itertools.pairwise(self.rows))
        late = [now[0] for before, now in steps if now[2] > before[2]]
        broken = [(now[0], now[1] - before[1]) for before, now in steps]
        return sum(count for at, count in broken if all(abs(at - each) > NEAR for each in late) and not excused(at))
