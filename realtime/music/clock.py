"""Where in the music we are: beats <-> times on the monotonic clock.

All times are seconds of `now`, which is the same clock in every process of a machine; all beats are quarter notes from
the start. Times of beats are computed from where the tempo last changed and never added up, so that nothing drifts.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import deque
from typing import Protocol

from latentmix.errors import InputError

now = time.perf_counter  # monotonic, and on every system the finest there is
CLOCKS = ("internal", "midi", "link")
TICKS_A_BEAT = 24  # of MIDI clock
SLOWEST, FASTEST = 20.0, 400.0  # quarter notes a minute
TAPS_FORGOTTEN = 2.0  # seconds without a tap


class Clock(Protocol):
    """What the player asks of a clock.

    Attributes:
        source: its name, for people.
        tempo: quarter notes a minute.
        running: whether beats go on.
        jumps: counts up whenever the music starts or goes on elsewhere: at the beat `origin`.
    """

    source: str
    jumps: int
    origin: float

    @property
    def tempo(self) -> float: ...

    @property
    def running(self) -> bool: ...

    def beat_at(self, time: float) -> float:
        """The beat at a time."""

    def time_of(self, beat: float) -> float:
        """When a beat will be, as far as is known now; infinity while it stands still."""

    def update(self, time: float) -> str | None:
        """To be called now and then; a warning for people, or None."""


class InternalClock:
    """Beats at a tempo of its own.

    >>> clock = InternalClock(120, start=10.0)
    >>> clock.beat_at(11.0), clock.time_of(3.0)
    (2.0, 11.5)
    >>> clock.set_tempo(60, 11.0)
    >>> clock.time_of(3.0)
    12.0
    """

    source = "internal"

    def __init__(self, tempo: float, start: float) -> None:
        self.tempo = check_tempo(tempo)
        self.running, self.jumps, self.origin = True, 1, 0.0
        self._beat, self._time = 0.0, start

    def beat_at(self, time: float) -> float:
        return self._beat + (time - self._time) * self.tempo / 60 if self.running else self._beat

    def time_of(self, beat: float) -> float:
        return self._time + (beat - self._beat) * 60 / self.tempo if self.running else math.inf

    def update(self, time: float) -> None:
        return None

    def set_tempo(self, tempo: float, time: float) -> None:
        """Another tempo from a time on."""
        self._beat, self._time = self.beat_at(time), time
        self.tempo = min(max(tempo, SLOWEST), FASTEST)

    def start(self, time: float, beat: float = 0.0) -> None:
        """From a beat on."""
        self.running, self.origin, self.jumps = True, beat, self.jumps + 1
        self._beat, self._time = beat, time

    def stop(self, time: float) -> None:
        """Stand still."""
        self._beat, self._time, self.running = self.beat_at(time), time, False


class TapTempo:
    """A tempo out of taps on the beat: the middle one of the last intervals.

    >>> taps = TapTempo()
    >>> [taps.tap(t) for t in (0.0, 0.5, 1.0)]
    [None, 120.0, 120.0]
    """

    def __init__(self) -> None:
        self._taps: deque[float] = deque(maxlen=8)

    def tap(self, time: float) -> float | None:
        """The tempo after a tap at a time; None after the first one."""
        if self._taps and not 0 < time - self._taps[-1] <= TAPS_FORGOTTEN:
            self._taps.clear()
        self._taps.append(time)
        taps = list(self._taps)
        intervals = sorted(b - a for a, b in itertools.pairwise(taps))
        if not intervals:
            return None
        middle = len(intervals) // 2
        typical = (intervals[middle] + intervals[~middle]) / 2
        return min(max(60.0 / typical, SLOWEST), FASTEST)


class VirtualClock:
    """Time that stands still until it is moved: what tests and rendering use for `now`.

    >>> clock = VirtualClock()
    >>> clock.advance(1.5)
    >>> clock()
    1.5
    """

    __test__ = False  # not for pytest to collect

    def __init__(self, start: float = 0.0) -> None:
        self.time = start

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        """Go on by so many seconds."""
        self.time += seconds


def check_clock(clock: str, has_inputs: bool = True) -> None:
    """Whether a clock can be followed.

    Raises:
        InputError: it is none of `CLOCKS`, or there is no MIDI input on which it could come.
    """
    if clock not in CLOCKS:
        raise InputError(f"expected a clock out of {', '.join(CLOCKS)}, found {clock!r}")
    if clock == "midi" and not has_inputs:
        raise InputError("expected a MIDI input for the clock, found none; start with --in PORT or --virtual")


def check_tempo(tempo: float) -> float:
    """A tempo that can be played.

    Raises:
        InputError: below 20, above 400, or not a number.
    """
    if not SLOWEST <= tempo <= FASTEST:  # NaN too
        raise InputError(f"expected a tempo from {SLOWEST:g} to {FASTEST:g} quarter notes a minute, found {tempo:g}")
    return float(tempo)
