"""What commands of `midi-vae` do: read, check, make, write, tell; of what, `melody_jobs` and `drum_jobs` say."""

from __future__ import annotations

import abc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from latentmix.errors import InputError

from .. import labels
from .options import MakingOptions, PassageOptions
from .outputs import Outputs


class Piece(Protocol):
    """A melody or a groove."""

    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Piece)
J = TypeVar("J", bound="Job[Any]")


@dataclass(frozen=True)
class Ways:
    """How to go from one piece to the next; as of `midi_vae.interpolation.line`."""

    exact_ends: bool = True
    straight: bool = False
    spherical: bool = False


@dataclass(frozen=True)
class Made(Generic[P]):
    """What a command made.

    Attributes:
        pieces, labels: one each.
        original: what they were made from, if it is to be shown beside them.
        ends: indices of those that are inputs themselves.
        lines: indices of the pieces on each line.
        columns: of a grid.
    """

    pieces: list[P]
    labels: list[str]
    original: P | None = None
    ends: Sequence[int] = ()
    lines: Sequence[Sequence[int]] = ()
    columns: int | None = None


@dataclass(frozen=True)
class Job(abc.ABC, Generic[P]):
    """What a command has in hand once its input and its outputs are found to be good."""

    max_bars: ClassVar[int]  # that a command makes
    unit: ClassVar[str] = "bars"
    passages: list[Any]
    outputs: Outputs
    making: MakingOptions
    model_name: str
    model: Any

    @classmethod
    def prepare(
        cls: type[J],
        files: Sequence[Path],
        excerpt: PassageOptions | None,
        making: MakingOptions,
        count: int,
        stem: str = "",
        separate: bool = False,
        more_bars: int = 0,
    ) -> J:
        """Read and check everything for a command that makes so many pieces, by so many bars longer than what it reads;
        nothing is written yet."""
        cls.refuse(excerpt, making)
        passages = cls.read(files, excerpt, making) if excerpt else []
        bars = count * (cls.bars(passages) + more_bars)
        if bars > cls.max_bars:
            raise InputError(
                f"expected at most {cls.max_bars} {cls.unit} in all, found {bars}; choose fewer steps or bars"
            )
        output, inputs = making.output, tuple(str(file) for file in files)
        outputs = Outputs(output.output, separate, stem, output.wav, output.soundfont, output.png, inputs)
        outputs.check(count, output.force)
        return cls.load(passages, outputs, making)

    @property
    @abc.abstractmethod
    def pieces(self) -> list[P]:
        """Of the passages."""

    @classmethod
    @abc.abstractmethod
    def refuse(cls, excerpt: PassageOptions | None, making: MakingOptions) -> None:
        """Raises BadParameter for options that this kind does not have."""

    @classmethod
    @abc.abstractmethod
    def read(cls, files: Sequence[Path], excerpt: PassageOptions, making: MakingOptions) -> list[Any]:
        """The passages of files."""

    @classmethod
    @abc.abstractmethod
    def bars(cls, passages: list[Any]) -> int:
        """Of the longest piece that a mix of them may have."""

    @classmethod
    @abc.abstractmethod
    def load(cls: type[J], passages: list[Any], outputs: Outputs, making: MakingOptions) -> J:
        """The job with its model."""

    @abc.abstractmethod
    def journey(self, steps: int, ways: Ways) -> list[P]: ...

    @abc.abstractmethod
    def grid(self, rows: int, columns: int, ways: Ways) -> list[list[P]]: ...

    @abc.abstractmethod
    def blend(self, weights: list[float], ways: Ways) -> P: ...

    @abc.abstractmethod
    def reconstruct(self) -> P: ...

    @abc.abstractmethod
    def vary(self, amount: float, count: int, seed: int) -> list[P]: ...

    @abc.abstractmethod
    def sample(self, count: int, temperature: float, seed: int) -> list[P]: ...

    @abc.abstractmethod
    def finished(self, made: Made[P], name: str) -> list[P]:
        """The pieces under their name, and with what was asked to be changed."""

    @abc.abstractmethod
    def figures(self, pieces: list[P], made: Made[P]) -> dict[str, Any]:
        """Of the passages and of what was made, for `--json`."""

    @abc.abstractmethod
    def write(self, pieces: list[P], made: Made[P], name: str) -> list[str]:
        """The files written."""

    @abc.abstractmethod
    def print_made(self, figures: dict[str, Any]) -> None:
        """The figures for people."""


def finish(job: Job[P], make: Callable[[], Made[P]], seed: int | None = None) -> None:
    """Make pieces, write them, and tell."""
    start = time.perf_counter()
    made = make()
    seconds = time.perf_counter() - start
    name = labels.title(piece.name for piece in job.pieces)
    pieces = job.finished(made, name)
    figures = {
        **job.figures(pieces, made),
        "seed": seed,
        "model": job.model_name,
        "decode_seconds": round(seconds, 4),
        "files": job.write(pieces, made, name),
    }
    if job.making.output.json:
        print(json.dumps(figures, indent=2))
    else:
        job.print_made(figures)


def journey(job: Job[P], steps: int, ways: Ways) -> Made[P]:
    """Lines from each piece to the next."""
    made = job.journey(steps, ways)
    joints = range(0, len(made), steps - 1)
    lines = [range(joint, joint + steps) for joint in joints[:-1]]
    return Made(made, labels.on_journey(len(made), steps), ends=joints if ways.exact_ends else (), lines=lines)


def grid(found: list[list[P]], ways: Ways) -> Made[P]:
    """All that lies between four corners, row by row."""
    rows, columns = len(found), len(found[0])
    made = [piece for row in found for piece in row]
    corners = (0, columns - 1, (rows - 1) * columns, rows * columns - 1)
    places = [f"{i // columns + 1}, {i % columns + 1}" for i in range(len(made))]
    for corner, letter in zip(corners, labels.LETTERS, strict=False):
        places[corner] = letter
    lines = [range(row * columns, (row + 1) * columns) for row in range(rows)]
    lines += [range(column, len(made), columns) for column in range(columns)]
    return Made(made, places, ends=corners if ways.exact_ends else (), lines=lines, columns=columns)


def blend(job: Job[P], weights: list[float], ways: Ways) -> Made[P]:
    """One piece out of several."""
    return Made([job.blend(weights, ways)], [labels.of_weights(weights)])


def reconstruct(job: Job[P]) -> Made[P]:
    """What the model makes of a piece."""
    return Made([job.reconstruct()], ["reconstruction"], job.pieces[0])


def vary(job: Job[P], amount: float, count: int, seed: int) -> Made[P]:
    """Variations of a piece."""
    return Made(job.vary(amount, count, seed), labels.numbers(count), job.pieces[0])


def sample(job: Job[P], count: int, temperature: float, seed: int) -> Made[P]:
    """New pieces."""
    return Made(job.sample(count, temperature, seed), labels.numbers(count))
