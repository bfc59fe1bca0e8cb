"""The way from accent to accent through a voice: whole bars, divided ones, and those in which notes were held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .fermatas import Fermatas, Held
from .masks import all_of, any_of

FREE_STEPS = 4  # of them in a file of abc2midi that are not counted
MIN_REGULAR, MIN_REGULAR_ELSEWHERE = 0.5, 0.8  # share of steps from accent to accent that need no explanation
MAX_ANEW, MAX_ANEW_HELD = 0.34, 0.1  # share of bars that begin anew; where notes are held
USUAL = 0.2  # share of the other notes that are as long as the held ones, from which on not two of a bar were held
MAX_DIVIDED = 0.25  # share of the accents of another program that are where a repeat would divide bars
MAX_WRONG = 0.05  # share of notes at the beginning of bars without an accent
_DIVIDED, _ANEW = 1.5, 1.9  # prices of a step: to a divided bar, to bars that begin anew; over held ones: `fermatas`
_LONG, _PASSED = 0.3, 1.3  # and of a bar line that it passes under a note, or at a note without an accent
_MAX_LINES = 12  # bar lines of a step that are looked at

Metre = tuple[int, int, int]  # tick, numerator, denominator


@dataclass(frozen=True)
class Reading:
    """What accents say of a voice.

    Attributes:
        held: (start, end, ticks too long) of held notes, ascending, as played.
        starts: ticks at which bars begin anew, as written; the first one after a pickup is among them.
        pickup: its ticks, 0 where there is none.
        is_first: of the voice that speaks for the file.
    """

    held: tuple[tuple[int, int, int], ...]
    starts: tuple[int, ...]
    pickup: int
    is_first: bool = False

    def written(self, ticks: np.ndarray) -> np.ndarray:
        """Times as written of times as played, (n,) int64 each: a held note goes by faster, with all beside it."""
        if not self.held:
            return ticks
        edges, values, late = [0.0], [0.0], 0
        for start, end, excess in self.held:
            edges += [start, end]
            values += [start - late, end - late - excess]
            late += excess
        last = max(float(ticks.max(initial=0)), edges[-1]) + 1
        return np.rint(np.interp(ticks, [*edges, last], [*values, last - late])).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Step:
    """A way from one mark to the next: its price, what was held, whether bars begin anew where it ends."""

    price: float
    held: tuple[tuple[int, int, int], ...] = ()
    is_new: bool = False


class Walk:
    """The way through a voice from bar line to bar line."""

    def __init__(
        self,
        onsets: np.ndarray,
        ends: np.ndarray,
        is_mark: np.ndarray,
        metres: Sequence[Metre],
        resolution: float,
        is_abc: bool,
    ) -> None:
        self.onsets, self.is_mark, self.is_abc = onsets, is_mark, is_abc
        self.regular = MIN_REGULAR if is_abc else MIN_REGULAR_ELSEWHERE
        self.sounding = np.maximum(ends - onsets, 1)
        self.near = max(2, int(resolution / 96))
        self.metres = [(tick, round(4 * resolution * n / d)) for tick, n, d in metres]
        places = {0, *onsets[is_mark].tolist()}
        places |= {tick for tick, _ in self.metres if all(abs(tick - each) > self.near for each in places)}
        self.marks = sorted(place for place in places if place == 0 or place > self.near)
        first = self.marks[1] if len(self.marks) > 1 else 0
        self.pickup = first % self.bar(0)
        self.pickup *= self.near < self.pickup < self.bar(0) - self.near
        self.is_first_bar_plain = bool(is_mark[0]) and first <= self.bar(0) + self.near
        if self.pickup and self.pickup != first and self._is_sounding(self.pickup):
            self.pickup = 0  # an unaccented note, where the bar after a pickup would begin
        if (
            not is_abc and self.pickup
        ):  # accents inside of bars, as of a rhythm, and not of the few that a repeat divides
            inside = sum(place % self.bar(0) <= self.near for place in self.marks[1:])
            self.pickup *= inside <= MAX_DIVIDED * len(self.marks)
        self.may_hold = True
        self.notes = Fermatas(onsets, ends, self.near, resolution)
        self.states: list[dict[int, tuple[float, int, _Step]]] = []  # by phase: price, phase before, step

    def bar(self, tick: int) -> int:
        """Ticks of a bar there."""
        if len(self.metres) == 1:
            return self.metres[0][1]
        return [size for at, size in self.metres if at <= tick + self.near or at == self.metres[0][0]][-1]

    def reading(self) -> Reading | None:
        """The cheapest way; None where it explains too little."""
        if self._is_regular():
            return Reading((), (self.pickup,) if self.pickup else (), self.pickup)
        for self.may_hold in (True, False):
            self._go()
            if (reading := self._chosen()) is not None:
                return reading
        return None

    def _is_regular(self) -> bool:
        """Whether all accents are on bar lines, or where repeats divide bars, and all that begins there has one."""
        if len(self.metres) > 1:
            return False
        size, marks = self.bar(0), np.array(self.marks)
        on_bars, on_marks = ((at - self.pickup + self.near) % size <= 2 * self.near for at in (self.onsets, marks))
        if any_of(on_bars & ~self.is_mark):
            return False
        divided = ~on_marks[1:]
        before = np.append(on_marks[:1] | (self.pickup > 0), on_marks[1:-1])
        at_rest = np.abs(marks[1:] % size) <= self.near
        steps = np.diff(marks)
        return all_of(~divided | (at_rest & before & (steps < size) & (self.pickup > 0)))

    def _go(self) -> None:
        """Find the cheapest ways to all phases at each mark."""
        begin = {0: (0.0, 0, _Step(0.0))}
        if self.pickup:
            begin[self.bar(0) - self.pickup] = (0.0, 0, _Step(0.0))
        self.states = [begin]
        for start, end in zip(self.marks[:-1], self.marks[1:], strict=True):
            following: dict[int, tuple[float, int, _Step]] = {}
            size, after = self.bar(start), self.bar(end)
            for phase, (price, _, _) in self.states[-1].items():
                for to, step in self._steps(start, end, phase, size):
                    to = to if after == size else 0
                    if to not in following or price + step.price < following[to][0]:
                        following[to] = (price + step.price, phase, step)
            self.states.append(following)

    def _chosen(self) -> Reading | None:
        last = self.states[-1]
        phase = end = min(last, key=lambda each: last[each][0] + self._end(each).price)
        steps: list[_Step] = []
        for state in reversed(self.states[1:]):
            _, phase, step = state[phase]
            steps.append(step)
        steps.reverse()
        steps.append(self._end(end) if any(step.held for step in steps) else _Step(0.0))
        regular = sum(step.price <= _LONG for step in steps)
        anew = sum(step.is_new for step in steps)
        most = MAX_ANEW_HELD if self.may_hold else MAX_ANEW
        if regular < max(self.regular * (len(steps) - FREE_STEPS * self.is_abc), 1) or anew > most * len(steps):
            return None
        if not self.is_abc and any(step.price >= _PASSED for step in steps):
            return None
        if (
            any(len(step.held) > 1 for step in steps)
            and self._as_long([n for step in steps for n in step.held]) > USUAL
        ):
            return None  # bars of another metre
        reading = Reading(tuple(each for step in steps for each in step.held), (), self.pickup if phase else 0)
        starts = [each for each, step in zip(self.marks[1:], steps, strict=False) if step.is_new]
        written = reading.written(np.array(starts, np.int64)).tolist()
        reading = replace(reading, starts=(*([reading.pickup] if reading.pickup else []), *written))
        return reading if self._accents_fit(reading) else None

    def _as_long(self, held: Sequence[tuple[int, int, int]]) -> float:
        """Share of the other notes that are as long as held ones are played."""
        others = self.sounding[~np.isin(self.onsets, [start for start, _, _ in held])]
        longer = [np.count_nonzero(others >= end - start - self.near) for start, end, _ in held]
        return float(np.mean(longer)) / max(len(others), 1)

    def _accents_fit(self, reading: Reading) -> bool:
        """Whether the notes at the beginning of bars are the accented ones."""
        if (places := self._phases(reading)) is None:
            return True
        on_bar = places <= self.near
        return bool(np.count_nonzero(on_bar & ~self.is_mark) <= MAX_WRONG * max(int(np.count_nonzero(on_bar)), 1))

    def agrees(self, reading: Reading) -> bool:
        """Whether the accents of this voice stand where bars begin by another voice's reading."""
        places = self._phases(reading)
        if places is None:
            return False
        allowed = places[self.is_mark]
        return bool(np.all((allowed <= self.near) | (np.abs(allowed - (self.bar(0) - reading.pickup)) <= self.near)))

    def _phases(self, reading: Reading) -> np.ndarray | None:
        """Ticks from the last bar line to each onset; None where the bars are not all alike."""
        if len({size for _, size in self.metres}) > 1 or len(reading.starts) > bool(reading.pickup):
            return None
        written = reading.written(self.onsets) - reading.pickup + self.near
        phases: np.ndarray = np.maximum(written % self.bar(0) - self.near, 0)
        return phases

    def _steps(self, start: int, end: int, phase: int, size: int) -> list[tuple[int, _Step]]:
        """The ways from a mark to the next: the phase in the bar where each ends, from 0 up to the size of a bar."""
        rest = size - self.pickup if self.pickup else 0
        steps = [(0, _Step(_ANEW, is_new=True))]
        for excess, price, held in self._explanations(start, end, phase, size, rest):
            reached = phase + end - start - excess
            to = reached % size
            long = self._passing(start, end, phase, size, held)
            if min(to, size - to) <= self.near:
                steps.append((0, _Step(price + long, held)))
            elif rest and abs(to - rest) <= self.near:
                steps.append((rest, _Step(price + long + (_PASSED if reached > size and not excess else 0.0), held)))
            elif reached < size and not excess:
                steps.append((to, _Step(_DIVIDED)))
        return steps

    def _passing(self, start: int, end: int, phase: int, size: int, held: tuple[tuple[int, int, int], ...]) -> float:
        """What it costs that bars begin between two marks: notes start there without an accent, or sound on."""
        price, stop = 0.0, end - self.near
        for line in range(start + size - phase, stop, size)[:_MAX_LINES]:
            passed = 0
            for _, last, excess in held:
                passed += excess if last - excess <= line + passed + self.near else 0
            if line + passed >= stop:
                break
            at = int(self.onsets.searchsorted(line + passed + self.near))
            is_onset = at > 0 and self.onsets[at - 1] >= line + passed - self.near
            price += _PASSED if is_onset else _LONG if self._is_sounding(line + passed) else 0.0
        return price if held or price >= _PASSED else 0.0

    def _is_sounding(self, tick: int) -> bool:
        """Whether a note begins or sounds on at a tick."""
        at = int(self.onsets.searchsorted(tick + self.near)) - 1
        return at >= 0 and bool(self.onsets[at] + self.sounding[at] > tick + self.near)

    def _explanations(
        self, start: int, end: int, phase: int, size: int, rest: int
    ) -> list[tuple[int, float, tuple[Held, ...]]]:
        """By how much a step may be too long, what that costs, and which notes were held."""
        found: list[tuple[int, float, tuple[Held, ...]]] = [(0, 0.0, ())]
        reached = phase + end - start
        if not self.may_hold or phase not in (0, rest) or min(reached % size, size - reached % size) <= self.near:
            return found
        return found + self.notes.explanations(start, end)

    def _end(self, phase: int) -> _Step:
        """What follows the last mark: nothing says where its bar ends, unless a held note is twice too long."""
        start, size = self.marks[-1], self.bar(self.marks[-1])
        end = int(self.onsets[-1] + self.sounding[-1])
        reached = phase + end - start
        if reached <= size + self.near and (not self.pickup or abs(reached - size) <= self.near):
            return _Step(0.0)
        steps = sorted(self._steps(start, end, phase, size), key=lambda each: each[0] == 0 and self.pickup > 0)
        return min((step for _, step in steps if not step.is_new), key=lambda step: step.price, default=_Step(0.0))
