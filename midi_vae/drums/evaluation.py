"""What drums are judged by; numpy, cells (32, 3, 9) of a window as in `windows`.

The distance of two windows counts a cell that only one of them strikes as 1, and one that both strike as half the sum
of what its velocity (of full scale) and its offset (of a sixteenth) differ by. Likelihood is that of a 5-gram of the
sets of instruments that are struck together, step by step, with Witten-Bell back-off; it knows no feel and can be
fooled by silence: read it with the hits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..evaluation import BackOffModel, Symbol
from ..music.windows import HALF
from .kit import INSTRUMENTS, KICK
from .windows import HIT, OFFSET, VELOCITY

SETS = 2 ** len(INSTRUMENTS)
SAME = 4.0  # ends that differ by less say nothing about a path: so many cells
FEW = 12  # hits of a style, an instrument and a place, below which a template asks the next coarser one


class HitModel(BackOffModel[np.ndarray]):
    """Which instruments are struck on a step, given the four steps before; rows are cells (32, 3, 9)."""

    def __init__(self, order: int = 5) -> None:
        super().__init__(order, SETS)

    def _symbols(self, row: np.ndarray) -> list[Symbol]:
        hits: list[Symbol] = ((row[:, HIT] > 0.5).astype(int) @ (1 << np.arange(len(INSTRUMENTS)))).tolist()
        return hits


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Cells in which two windows differ, see above."""
    one, both = (a[:, HIT] > 0.5) != (b[:, HIT] > 0.5), (a[:, HIT] > 0.5) & (b[:, HIT] > 0.5)
    apart = np.abs(a[:, VELOCITY] - b[:, VELOCITY]) + np.abs(a[:, OFFSET] - b[:, OFFSET])
    return float(one.sum() + 0.5 * apart[both].sum())


@dataclass(frozen=True)
class CodedFigures:
    """What is left of windows that were encoded and decoded again.

    Attributes:
        hits_f1: harmonic mean of the shares of decoded hits that are right and of hits that were found.
        velocity_error, offset_error: mean absolute errors of the hits found, of full scale and of a sixteenth.
    """

    hits_f1: float
    velocity_error: float
    offset_error: float


def coded_figures(cells: np.ndarray, back: np.ndarray) -> CodedFigures:
    """Of windows (B, 32, 3, 9) and what they became."""
    was, became = cells[:, :, HIT] > 0.5, back[:, :, HIT] > 0.5
    found = was & became
    errors = np.abs(cells - back)
    return CodedFigures(
        float(2 * found.sum() / max(was.sum() + became.sum(), 1)),
        float(errors[:, :, VELOCITY][found].mean()),
        float(errors[:, :, OFFSET][found].mean()),
    )


@dataclass(frozen=True)
class MiddleFigures:
    """Of the middles of lines.

    Attributes:
        likelihood_gap: nats a step by which they are less likely than their ends; below 0 they are likelier.
        hit_gap: mean of the hits that they have more or less than the mean of their ends.
        hit_change: the same with its sign: below 0 they are thinner.
        kickless: bars without a kick where both ends have one, in all.
    """

    likelihood_gap: float
    hit_gap: float
    hit_change: float
    kickless: int


def middle_figures(model: HitModel, lines: Sequence[np.ndarray]) -> MiddleFigures:
    """Of lines (P, 32, 3, 9) each; a line's bars without a kick are counted at each of its points."""
    gaps, changes, kickless = [], [], 0
    for line in lines:
        first, middle, last = line[0], line[len(line) // 2], line[-1]
        gaps.append(model.nats_a_step(middle) - (model.nats_a_step(first) + model.nats_a_step(last)) / 2)
        counts = (line[:, :, HIT] > 0.5).sum((1, 2))
        changes.append(float(counts[len(line) // 2] - (counts[0] + counts[-1]) / 2))
        kicks = np.asarray((line[:, :, HIT, KICK] > 0.5).reshape(len(line), -1, HALF).any(2))
        kickless += int((~kicks & kicks[0] & kicks[-1]).sum())
    return MiddleFigures(float(np.mean(gaps)), float(np.mean(np.abs(changes))), float(np.mean(changes)), kickless)


# Which cells of a bar (16, 9) a template has one value for, of velocities and of offsets, and which for want of those.
_BY_DRUM = np.arange(HALF * len(INSTRUMENTS)).reshape(HALF, -1)
_DRUMS = np.tile(np.arange(len(INSTRUMENTS)), (HALF, 1))
_STEPS = np.tile(np.arange(HALF)[:, None], (1, len(INSTRUMENTS)))
_OF_THE_BEAT = np.array([0, 1, 2, 1])[_STEPS % 4]  # on the beat, sixteenths beside it, eighths between


@dataclass
class StyleTemplate:
    """A fixed feel for each style, made of medians.

    By drum it has a velocity and an offset for each drum on each step of the bar. Else it is what a sequencer has: one
    pattern of accents for the bar and one swing, the same for all drums, the swing an offset for the sixteenths beside
    a beat and one for the eighths between two. Where a style has too few hits of a kind, what holds for all styles;
    then for the drum on all steps, or for all.

    Attributes:
        by_drum: see above.
        velocity, offset: (styles + 1, 16, 9), the last of all styles.
    """

    by_drum: bool = True
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(0))
    offset: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def fit(self, cells: np.ndarray, styles: np.ndarray, count: int) -> StyleTemplate:
        """To windows (N, 32, 3, 9), their styles (N,) and how many there are."""
        bars = cells.reshape(-1, HALF, 3, len(INSTRUMENTS))
        struck, style = bars[:, :, HIT] > 0.5, np.repeat(styles, len(bars) // len(cells))
        kinds = (_BY_DRUM, _BY_DRUM) if self.by_drum else (_STEPS, _OF_THE_BEAT)
        coarse = _DRUMS if self.by_drum else np.zeros_like(_DRUMS)
        values = [bars[:, :, channel] for channel in (VELOCITY, OFFSET)]
        self.velocity, self.offset = (
            self._medians(each, struck, style, count, kind, coarse) for each, kind in zip(values, kinds, strict=True)
        )
        return self

    def _medians(
        self,
        values: np.ndarray,
        struck: np.ndarray,
        style: np.ndarray,
        count: int,
        kind: np.ndarray,
        coarse: np.ndarray,
    ) -> np.ndarray:
        """(count + 1, 16, 9) of values (B, 16, 9) of hits, for kinds of cells (16, 9)."""
        found = np.zeros((count + 1, *kind.shape))
        for large in np.unique(coarse):
            cells = coarse == large
            anywhere = values[:, cells][struck[:, cells]]
            found[:, cells] = np.median(anywhere) if len(anywhere) else 0.0
        for each in np.unique(kind):
            cells = kind == each
            here, hits = values[:, cells], struck[:, cells]
            if hits.sum() >= FEW:
                found[:, cells] = np.median(here[hits])
            for number in range(count):
                mine = hits & (style == number)[:, None]
                if mine.sum() >= FEW:
                    found[number, cells] = np.median(here[mine])
        return found

    def play(self, hits: np.ndarray, styles: np.ndarray) -> np.ndarray:
        """Cells (B, 32, 3, 9) of hits (B, 32, 9) and styles (B,)."""
        played = [np.tile(each[styles], (1, 2, 1)) for each in (self.velocity, self.offset)]
        return np.stack([hits, hits * played[0], hits * played[1]], 2)
