"""Which drums are struck when: a looped pattern of hits beside the grid, which may be another one from step to step.

A hit may come half a sixteenth before its step. So at each step the early hits of the next one are planned as well,
from the pattern that is known by then. Where another pattern comes in between, a drum that was struck early is not
struck again for that step, and an early hit that nobody planned is struck on it: nothing twice, nothing left out. Pure,
no torch, no clock: places are sixteenths from the start of the song.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .sequencer import MAX_STEPS, Layer, NoteChange, swung

HELD = 0.5  # sixteenths that a hit is held, if the same drum is not struck sooner


class DrumHit(NamedTuple):
    """MIDI note 0..127, velocity 1..127, and by how much of a sixteenth it is late, -0.5..0.5."""

    note: int
    velocity: int
    offset: float = 0.0


@dataclass(frozen=True)
class DrumPattern:
    """A looped groove.

    Attributes:
        version: counts up; a later one replaces an earlier one.
        steps: the hits of each sixteenth, at most one of each note.
        steps_per_bar, steps_per_beat: of its metre.

    Raises:
        ValueError: no steps, too many, or hits that cannot be.
    """

    version: int
    steps: tuple[tuple[DrumHit, ...], ...]
    steps_per_bar: int = 16
    steps_per_beat: int = 4

    def __post_init__(self) -> None:
        if not 0 < len(self.steps) <= MAX_STEPS:
            raise ValueError(f"expected 1 to {MAX_STEPS} steps, found {len(self.steps)}")
        if min(self.steps_per_bar, self.steps_per_beat) < 1:
            raise ValueError("expected bars and beats of at least a step")
        for hits in self.steps:
            if len({hit.note for hit in hits}) < len(hits):
                raise ValueError("expected each note once on a step")
            for note, velocity, offset in hits:
                if not (0 <= note <= 127 and 1 <= velocity <= 127 and -0.5 <= offset <= 0.5):
                    raise ValueError(f"expected a note, a velocity and an offset, found {note}, {velocity}, {offset}")

    def at(self, step: int) -> tuple[DrumHit, ...]:
        """The hits of a step of the song."""
        return self.steps[step % len(self.steps)]


NO_DRUMS = DrumPattern(0, ((),))


class DrumLayer(Layer[DrumPattern]):
    """Plays grooves: `step` plans hits, `next_at` and `pop` give them when their time has come."""

    def __init__(self) -> None:
        super().__init__(NO_DRUMS)
        self._queue: list[tuple[float, int, NoteChange]] = []  # place, order, what
        self._order = 0
        self._early: tuple[int, frozenset[int]] = (0, frozenset())  # a step, and the notes already planned for it
        self._sounding: dict[int, int] = {}  # note -> order of its hit

    def step(self, step: int, follow: str = "step", swing: float = 0.5) -> None:
        """Plan what is struck from a step on: its own hits, and those of the next that come before it."""
        self.take(step, follow)
        here, planned = swung(step, swing), self._early[1] if self._early[0] == step else frozenset()
        for hit in self.pattern.at(step):
            if hit.note not in planned:
                self._plan(max(here + hit.offset, here), hit)
        early = [hit for hit in self.coming(step + 1, follow).at(step + 1) if hit.offset < 0]
        for hit in early:
            self._plan(swung(step + 1, swing) + hit.offset, hit)
        self._early = step + 1, frozenset(hit.note for hit in early)

    @property
    def is_used(self) -> bool:
        """Whether there ever was something to play."""
        return self.pattern is not NO_DRUMS

    @property
    def next_at(self) -> float:
        """Where something starts or ends next; infinity if nothing does."""
        return self._queue[0][0] if self._queue else math.inf

    def pop(self) -> Sequence[NoteChange]:
        """What starts or ends at `next_at`; a drum that still sounds ends before it is struck again."""
        at, order, change = heapq.heappop(self._queue)
        if not change.starts:  # whose hit has its own number
            return [change] if self._ended(change.pitch, order) else []
        ended = [NoteChange(change.pitch, False)] if self._ended(change.pitch) else []
        self._sounding[change.pitch] = order
        heapq.heappush(self._queue, (at + HELD, order, NoteChange(change.pitch, False)))
        return [*ended, change]

    def silence(self) -> list[NoteChange]:
        """End what sounds, and forget what was planned."""
        ended = [NoteChange(note, False) for note in self._sounding]
        self._sounding.clear()
        self._queue.clear()
        self._early = 0, frozenset()
        return ended

    def _plan(self, at: float, hit: DrumHit) -> None:
        self._order += 1
        heapq.heappush(self._queue, (at, self._order, NoteChange(hit.note, True, hit.velocity)))

    def _ended(self, note: int, order: int | None = None) -> bool:
        """Whether a note sounded until now, of this hit if one is given."""
        if order is not None and self._sounding.get(note) != order:
            return False
        return self._sounding.pop(note, None) is not None
