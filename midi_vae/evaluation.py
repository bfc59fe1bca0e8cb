"""What a mix of melodies is judged by; numpy, tokens of melodies (S,) as in `melody`.

Distances are shares of differing steps. Likelihood is that of a key-free 5-gram model with Witten-Bell back-off (Witten
& Bell 1991), so that a transposed tune is as likely as the tune. It can be fooled by silence: read it with the onsets.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from .music.melody import ONSET

MAX_INTERVAL = 16  # semitones; larger ones count as this
Symbol: TypeAlias = int | str
Row = TypeVar("Row")
Model = TypeVar("Model", bound="BackOffModel[Any]")
VOCABULARY = 40  # symbols that the zero-gram spreads its half counts over
SAME = 0.1  # ends that differ in less than this share of steps say nothing about a path


@dataclass
class BackOffModel(Generic[Row]):
    """A symbol given the few before, by counts that back off to fewer (Witten & Bell 1991).

    Attributes:
        order: n of the n-gram.
        vocabulary: symbols that the zero-gram spreads its half counts over.
    """

    order: int = 5
    vocabulary: int = VOCABULARY
    counts: dict[tuple[Symbol, ...], dict[Symbol, int]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(int))
    )

    def fit(self: Model, rows: Iterable[Row]) -> Model:
        for row in rows:
            symbols = self._padded(row)
            for i in range(self.order - 1, len(symbols)):
                for k in range(self.order):
                    self.counts[tuple(symbols[i - k : i])][symbols[i]] += 1
        return self

    def nats_a_step(self, row: Row, first: int = 0) -> float:
        """Mean -log p of a step, from the first that counts on."""
        symbols = self._padded(row)
        places = range(self.order - 1 + first, len(symbols))
        return -sum(
            math.log(self._probability(tuple(symbols[i - self.order + 1 : i]), symbols[i])) for i in places
        ) / len(places)

    def _padded(self, row: Row) -> list[Symbol]:
        return ["start"] * (self.order - 1) + self._symbols(row)

    def _symbols(self, row: Row) -> list[Symbol]:
        """A symbol for each step."""
        raise NotImplementedError

    def _probability(self, context: tuple[Symbol, ...], symbol: Symbol) -> float:
        # .get throughout: a look-up must not make entries
        seen = self.counts.get(context)
        if not context:
            seen = seen or {}
            return (seen.get(symbol, 0) + 0.5) / (sum(seen.values()) + 0.5 * self.vocabulary)
        lower = self._probability(context[1:], symbol)
        if not seen:
            return lower
        return (seen.get(symbol, 0) + len(seen) * lower) / (sum(seen.values()) + len(seen))


class IntervalModel(BackOffModel[np.ndarray]):
    """Hold, note off, or the interval to the last onset, given the four symbols before.

    >>> model = IntervalModel().fit([np.array([62, 0, 64, 0] * 8)])
    >>> model.nats_a_step(np.array([67, 0, 69, 0] * 8)) < model.nats_a_step(np.array([67, 1, 72, 0] * 8))
    True
    """

    def _symbols(self, row: np.ndarray) -> list[Symbol]:
        symbols: list[Symbol] = []
        last = None
        for token in np.asarray(row).tolist():
            if token < ONSET:
                symbols.append(token)
                continue
            interval = 0 if last is None else token - last
            symbols.append(100 + max(-MAX_INTERVAL, min(MAX_INTERVAL, interval)))
            last = token
        return symbols


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Share of steps that differ."""
    return float(np.mean(np.asarray(a) != np.asarray(b)))


@dataclass(frozen=True)
class PathFigures:
    """Means over the lines whose ends differ.

    Attributes:
        path: length of the way over the distance of its ends; 1 is ideal.
        max_jump: largest single step over the distance of the ends; 1 / (points - 1) is ideal.
        distinct: different melodies on a line.
        lines: how many there were.
    """

    path: float
    max_jump: float
    distinct: float
    lines: int


def path_figures(
    lines: Sequence[np.ndarray], between: Callable[[np.ndarray, np.ndarray], float] = distance, same: float = SAME
) -> PathFigures:
    """Of lines (P, S) of tokens each, or of anything else that there is a distance of; nearer ends than `same` are
    left out.
    """
    rows = []
    for line in lines:
        ends = between(line[0], line[-1])
        if ends < same:
            continue
        hops = [between(p, q) for p, q in itertools.pairwise(line)]
        rows.append((sum(hops) / ends, max(hops) / ends, len(np.unique(line, axis=0))))
    path, max_jump, distinct = np.mean(rows, axis=0).tolist() if rows else [math.nan] * 3
    return PathFigures(path, max_jump, distinct, len(rows))


@dataclass(frozen=True)
class MiddleFigures:
    """Means over lines.

    Attributes:
        likelihood_gap: nats a step by which the middle is less likely than its ends; below 0 it is likelier.
        onset_gap: by how many onsets the middle differs from the mean of its ends.
    """

    likelihood_gap: float
    onset_gap: float


def middle_figures(model: IntervalModel, lines: Sequence[np.ndarray]) -> MiddleFigures:
    """Of lines (P, S) of tokens each."""
    gaps, onsets = [], []
    for line in lines:
        first, middle, last = (np.asarray(line[i]) for i in (0, len(line) // 2, -1))
        ends = (model.nats_a_step(first) + model.nats_a_step(last)) / 2
        gaps.append(model.nats_a_step(middle) - ends)
        counts = [int((tokens >= ONSET).sum()) for tokens in (first, middle, last)]
        onsets.append(abs(counts[1] - (counts[0] + counts[2]) / 2))
    return MiddleFigures(float(np.mean(gaps)), float(np.mean(onsets)))


def splice_figures(lines: np.ndarray | Sequence[np.ndarray]) -> dict[str, float]:
    """Whether middles are mixed or cut together, of lines (P, S) of tokens; over the steps in which the ends differ.

    middle_new: share of steps that are neither end's. middle_switches: how often the source changes from one such step
    to the next; two halves joined have 1. middle_splices: share of lines with at most 1.
    """
    new, switches = [], []
    for line in lines:
        first, middle, last = line[0], line[len(line) // 2], line[-1]
        differ = first != last
        if differ.any():
            source = np.where(middle == first, 0, np.where(middle == last, 1, 2))[differ]
            new.append((source == 2).mean())
            switches.append((np.diff(source) != 0).sum())
    return {
        "middle_new": float(np.mean(new)),
        "middle_switches": float(np.mean(switches)),
        "middle_splices": float(np.mean(np.array(switches) <= 1)),
    }


def evenest_line(points: np.ndarray, count: int) -> np.ndarray:
    """Of decoded points (N, S) of a way the ends and `count` - 2 in between, in order: the most even; (count, S).

    Most even is what has the least sum of squared changes, as shares of the change between the ends, and of 0.0075 for
    each onset lost or gained against the straight line between the ends' numbers; by dynamic programming.

    >>> evenest_line(np.array([[62, 62], [62, 62], [62, 64], [64, 64]]), 3).tolist()
    [[62, 62], [62, 64], [64, 64]]
    """
    ends = max(distance(points[0], points[-1]), 1.0 / points.shape[1])
    hops = np.square((points[:, None] != points).mean(2) / ends)
    hops = np.where(np.tri(len(points), dtype=bool).T, hops, np.inf)
    onsets = (points >= ONSET).sum(1)
    best, came = hops[0], []
    for due in np.linspace(onsets[0], onsets[-1], count)[1:-1]:
        cost = (best + 0.0075 * np.abs(onsets - due))[:, None] + hops
        came.append(cost.argmin(0))
        best = cost.min(0)
    chosen = [len(points) - 1]
    for step in reversed(came):
        chosen.append(int(step[chosen[-1]]))
    return points[[0, *reversed(chosen)]]
