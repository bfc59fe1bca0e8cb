"""Following the clock of another machine: MIDI clock, Ableton Link."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from latentmix.errors import InputError

from ..music.clock import TICKS_A_BEAT, Clock, InternalClock

TICKS_A_POSITION = 6  # a MIDI song position counts sixteenths
MEMORY = 48  # ticks
SILENCE = 0.5  # seconds without a tick, at least, after which the clock counts as gone
JUMP = 0.05  # beats by which a Link session may differ from what was foreseen


class TickFilter:
    """Times of ticks, smoothed by a phase-locked loop; all times in seconds.

    Phase and period are tracked by an alpha-beta filter whose gains fall from those of a least-squares line through the
    ticks so far to those of one through the last `MEMORY` ticks (Kalata 1984): it locks within a beat and then passes
    little of the jitter on. Two ticks in a row far from where they were expected mean another tempo: it locks anew.

    Attributes:
        phase: smoothed time of the last tick.
        period: from tick to tick.
    """

    def __init__(self, period: float) -> None:
        self.phase, self.period = -math.inf, period
        self._last = -math.inf  # the last tick as it arrived
        self._seen = self._strays = 0

    @property
    def locked(self) -> bool:
        """Whether the period is that of the ticks."""
        return self._seen > 2

    def forget(self) -> None:
        """Lock anew from the next tick on; the period stays until then."""
        self._seen = 0

    def is_stray(self, time: float) -> bool:
        """Whether a tick at this time is far from where it was expected."""
        return self.locked and abs(time - (self.phase + self.period)) > max(0.004, 0.25 * self.period)

    def tick(self, time: float) -> None:
        """A tick arrived."""
        error = time - (self.phase + self.period)
        self._strays = self._strays + 1 if self.is_stray(time) else 0
        if self._seen == 0:
            self.phase, self._seen = time, 1
        elif self._seen == 1 or self._strays == 2:
            self.phase, self.period, self._seen, self._strays = time, _plausible(time - self._last), 2, 0
        else:
            self._seen += 1
            n = min(self._seen, MEMORY)
            self.phase += self.period + 2 * (2 * n - 1) / (n * (n + 1)) * error
            self.period = _plausible(self.period + 6 / (n * (n + 1)) * error)
        self._last = time


class MidiClock:
    """Beats as the ticks, starts, stops and song positions of a MIDI clock say (`clock.Clock`).

    After a start the first tick is beat 0, whatever went before it: where it does not come when a master that never
    stopped ticking would have sent it, the phase is locked anew. Where ticks stay away without a stop, the music goes
    on at the last tempo.
    """

    source = "midi"

    def __init__(self, tempo: float = 120.0) -> None:
        self.running, self.jumps, self.origin = False, 0, 0.0
        self._filter = TickFilter(60 / tempo / TICKS_A_BEAT)
        self._next = 0  # number of the next tick in the song
        self._waits = True  # whether the first tick of the song, or of what goes on, is still to come
        self._lost = False

    @property
    def tempo(self) -> float:
        return 60 / (self._filter.period * TICKS_A_BEAT)

    @property
    def locked(self) -> bool:
        """Whether the tempo is that of the ticks."""
        return self._filter.locked

    def beat_at(self, time: float) -> float:
        if not self.running or self._waits:
            return self.origin
        return (self._next - 1 + (time - self._filter.phase) / self._filter.period) / TICKS_A_BEAT

    def time_of(self, beat: float) -> float:
        if not self.running or self._waits:
            return math.inf
        return self._filter.phase + (beat * TICKS_A_BEAT - (self._next - 1)) * self._filter.period

    def update(self, time: float) -> str | None:
        if self._lost or not self._is_silent(time):
            return None
        self._lost = True
        return f"the MIDI clock went away, playing on at {self.tempo:.1f}" if self.running else None

    def tick(self, time: float) -> None:
        """A tick arrived at a time."""
        missed = 0
        if self._lost or self._is_silent(time):  # the song went on: this is the tick nearest to where it is now
            missed = max(1, round((time - self._filter.phase) / self._filter.period)) - 1
            self._filter.forget()
            self._lost = False
        elif self._waits and self._filter.is_stray(time):  # the master stopped ticking while it stood still
            self._filter.forget()
        self._filter.tick(time)
        if self.running:
            self._next += 1 if self._waits else 1 + missed
            self._waits = False

    def start(self) -> None:
        """From the beginning."""
        self._go(0)

    def go_on(self) -> None:
        """From where it stopped or was positioned."""
        if not self.running:
            self._go(self._next)

    def stop(self) -> None:
        """Stand still."""
        if self.running:
            self.running, self.origin = False, self._next / TICKS_A_BEAT

    def position(self, sixteenths: int) -> None:
        """Where to go on, or where to go."""
        if self.running:
            self._go(sixteenths * TICKS_A_POSITION)
        else:
            self._next = sixteenths * TICKS_A_POSITION
            self.origin = self._next / TICKS_A_BEAT

    def _is_silent(self, time: float) -> bool:
        return math.inf > time - self._filter.phase > max(SILENCE, 8 * self._filter.period)

    def _go(self, tick: int) -> None:
        self.running, self.origin, self.jumps = True, tick / TICKS_A_BEAT, self.jumps + 1
        self._next, self._waits = tick, True


class LinkClock:
    """Beats of an Ableton Link session (`clock.Clock`), through aalink, which is an extra.

    Raises:
        InputError: aalink is not installed.
    """

    source, running = "link", True

    def __init__(self, tempo: float, now: Callable[[], float], link: Any = None) -> None:
        self._link = link or _open_link(tempo)
        self._now = now
        self.jumps, self.origin = 0, 0.0
        self._time, self._beat, self.tempo = now(), -math.inf, tempo
        self.update(self._time)

    def beat_at(self, time: float) -> float:
        return self._beat + (time - self._time) * self.tempo / 60

    def time_of(self, beat: float) -> float:
        return self._time + (beat - self._beat) * 60 / self.tempo

    def update(self, time: float) -> None:
        beat, time, tempo = self._link.beat, self._now(), self._link.tempo
        if not abs(beat - self.beat_at(time)) <= JUMP:
            self.jumps, self.origin = self.jumps + 1, max(0.0, beat)
        self._beat, self._time, self.tempo = beat, time, tempo

    def set_tempo(self, tempo: float, time: float) -> None:
        """Another tempo for all who take part."""
        self._link.tempo = tempo
        self.update(time)


def make_clock(clock: str, tempo: float, now: Callable[[], float]) -> Clock:
    """A clock by its name, one of `CLOCKS`.

    Raises:
        InputError: it is not there.
    """
    if clock == "midi":
        return MidiClock(tempo)
    return LinkClock(tempo, now) if clock == "link" else InternalClock(tempo, now())


def _open_link(tempo: float) -> Any:
    import asyncio

    try:
        import aalink
    except ImportError:
        raise InputError(
            "expected aalink for --clock link, found it is not installed; pip install 'latentmix[link]', "
            "or use --clock internal or midi"
        ) from None

    async def join() -> Any:  # it wants to be made in an event loop, for what is not used here
        return aalink.Link(tempo)

    link = asyncio.run(join())
    link.enabled = True
    return link


def _plausible(period: float) -> float:
    """A period of ticks that a tempo from 10 to 1000 could have."""
    return min(max(period, 60 / 1000 / TICKS_A_BEAT), 60 / 10 / TICKS_A_BEAT)
