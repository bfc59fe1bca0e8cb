"""A folder of MIDI files with drums -> windows of grooves to train on.

An `info.csv` with the columns `midi_filename`, `split` and `style`, such as the Groove MIDI Dataset has (Gillick et al.
2019), says which files are for what and in which style they are; without one all files are for all.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError
from latentmix.files import open_file

from ..drums.feel import Heard
from ..drums.groove import FULL, Groove
from ..drums.kit import INSTRUMENTS
from ..drums.transcription import read_drums
from ..drums.windows import HIT, OFFSET, VELOCITY, to_cells
from ..music.windows import HALF, WINDOW_STEPS, window_layout
from .dataset import find_midi_files

MIN_HITS = 4  # in a window
INFO = "info.csv"
MAX_INFO_BYTES = 1 << 26
WINDOW = np.dtype(
    [
        ("velocity", "u1", (WINDOW_STEPS, len(INSTRUMENTS))),
        ("offset", "f4", (WINDOW_STEPS, len(INSTRUMENTS))),
        ("lag", "f4"),  # mean offset of the whole file: mostly of how it was recorded
        ("tempo", "f4"),
        ("style", "i2"),  # index into `GrooveDataset.styles`, or their number
        ("cut", "?"),  # the file begins here with a hit, which may have been early once
        ("full", "?"),  # has hits in the last quarter of each bar of 4/4
        ("source", "i4"),  # number of the file
        ("usual", "f4", (HALF, len(INSTRUMENTS))),  # of the piece, as of `drums.feel.Heard`
    ]
)


@dataclass(frozen=True, eq=False)
class GrooveDataset:
    """Windows of drums.

    Attributes:
        windows: (N,) of dtype `WINDOW`.
        styles: by index.
        files: how many gave windows.
        refused: what is wrong with those that could not be read, a line each.
    """

    windows: np.ndarray
    styles: tuple[str, ...]
    files: int
    refused: tuple[str, ...]


@dataclass(frozen=True)
class _Listed:
    split: str
    style: str


def read_info(folder: str | os.PathLike[str]) -> dict[str, _Listed]:
    """What `info.csv` says of each file, by its path in the folder; nothing if there is none.

    Raises:
        InputError: it has other columns.
    """
    path = Path(folder) / INFO
    if not path.is_file():
        return {}
    with open_file(path) as file:
        return parse_info(file.read(MAX_INFO_BYTES), str(path))


def parse_info(content: bytes, path: str) -> dict[str, _Listed]:
    """As `read_info`, of what is in the file.

    Raises:
        InputError: it has other columns.
    """
    rows = list(csv.DictReader(content[:MAX_INFO_BYTES].decode("utf-8", "replace").splitlines()))
    if not rows or {"midi_filename", "split"} - rows[0].keys():
        found = ", ".join(map(str, rows[0])) if rows else "none"
        raise InputError(f"{path}: expected the columns midi_filename and split, found {found}")
    return {row["midi_filename"]: _Listed(row["split"], (row.get("style") or "").split("/")[0]) for row in rows}


def load_grooves(
    folder: str | os.PathLike[str],
    split: str | None = None,
    styles: tuple[str, ...] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> GrooveDataset:
    """Read the drums of all MIDI files of a folder, every window that starts on a bar line.

    Args:
        split: of `info.csv`; None, or no such file, is all.
        styles: known ones; those of `info.csv` if None.
        progress: called with files done and in all.

    Raises:
        InputError: no file gave a window.
    """
    info = read_info(folder)
    names = {path.relative_to(folder).as_posix(): path for path in find_midi_files(folder)}
    chosen = [name for name in names if not split or not info or (name in info and info[name].split == split)]
    if styles is None:
        styles = tuple(sorted({each.style for each in info.values() if each.style}))
    found, refused = [np.zeros(0, WINDOW)], []
    for done, name in enumerate(chosen, start=1):
        style = info[name].style if name in info else ""
        try:
            rows = file_grooves(names[name])
        except InputError as error:
            refused.append(str(error))
        else:
            rows["style"] = styles.index(style) if style in styles else len(styles)
            rows["source"] = done
            found.append(rows)
        progress(done, len(chosen))
    windows = np.concatenate(found)
    if not len(windows):
        raise InputError(f"{folder}: expected drums of at least {MIN_HITS} hits in two bars, found none")
    return GrooveDataset(windows, styles, len(np.unique(windows["source"])), tuple(refused))


def file_grooves(path: str | os.PathLike[str]) -> np.ndarray:
    """The windows of a file, (N,) of dtype `WINDOW` without style and source; none if it has too few hits.

    Raises:
        InputError: it cannot be read.
    """
    line = read_drums(path)
    lag, rows = float(line.offset.mean()), [np.zeros(0, WINDOW)]
    for piece in line.pieces():
        try:
            bars = window_layout(piece.metre).bars
        except InputError:  # a bar longer than a window
            continue
        usual = Heard.in_turn(torch.from_numpy(to_cells(piece)[:, :, HIT])).usual[0]
        for bar in range(max(piece.bars - bars + 1, 1)):
            stop = min(bar + bars, piece.bars)
            cells = to_cells(_bars(piece, bar, stop))[0]
            if (cells[:, HIT] > 0).sum() >= MIN_HITS:
                row = np.zeros(1, WINDOW)
                row["velocity"], row["offset"] = np.rint(cells[:, VELOCITY] * FULL), cells[:, OFFSET]
                row["lag"], row["tempo"] = lag, piece.tempo
                row["cut"] = bar == 0 and bool(((cells[0, HIT] > 0) & (cells[0, OFFSET] == 0.0)).any())
                row["full"] = bool(cells.reshape(2, 16, 3, -1)[:, 12:, HIT].any((1, 2)).all())
                row["usual"] = usual
                rows.append(row)
    return np.concatenate(rows)


def _bars(piece: Groove, first: int, stop: int) -> Groove:
    size = piece.steps_per_bar
    steps = slice(first * size, stop * size)
    return Groove(piece.velocities[steps], piece.lateness[steps], piece.metre, piece.tempo)


class GrooveBatch(NamedTuple):
    """Some windows.

    Attributes:
        cells: (B, 32, 3, 9).
        timed: (B, 32, 9), whether the offset of a hit is as it was played.
        lag, tempo: (B,).
        style: (B,) int64.
        usual: (B, 16, 9) of the piece, as of `drums.feel.Heard`.
    """

    cells: Tensor
    timed: Tensor
    lag: Tensor
    tempo: Tensor
    style: Tensor
    usual: Tensor

    @property
    def heard(self) -> Heard:
        """The hits in their pieces."""
        return Heard(self.cells[:, :, HIT], self.usual)


class GrooveBatches:
    """Windows in random order, each file as often as the square root of its length asks."""

    def __init__(self, windows: np.ndarray) -> None:
        self.velocity = torch.from_numpy(np.ascontiguousarray(windows["velocity"]))
        self.offset = torch.from_numpy(np.ascontiguousarray(windows["offset"]))
        self.rest = {name: torch.from_numpy(windows[name].copy()) for name in ("lag", "tempo", "style", "cut", "usual")}
        _, source, counts = np.unique(windows["source"], return_inverse=True, return_counts=True)
        self.weights = torch.from_numpy(1.0 / np.sqrt(counts[source]))

    def draw(self, size: int, generator: torch.Generator, share: int = 0) -> GrooveBatch:
        """Random windows, whatever the share of the run: the generator is its own."""
        return self.take(torch.multinomial(self.weights, size, replacement=True, generator=generator))

    def take(self, index: Tensor) -> GrooveBatch:
        """The windows of some indices (B,)."""
        velocity, offset = self.velocity[index].float() / FULL, self.offset[index]
        hit = (velocity > 0).float()
        timed = hit.clone()
        timed[:, 0] *= 1.0 - (self.rest["cut"][index].float()[:, None] * (offset[:, 0] == 0.0))
        style = self.rest["style"][index].long()
        lag, tempo, usual = (self.rest[name][index] for name in ("lag", "tempo", "usual"))
        return GrooveBatch(torch.stack([hit, velocity, offset], 2), timed, lag, tempo, style, usual)

    def all(self) -> GrooveBatch:
        """All of them, in order."""
        return self.take(torch.arange(len(self.velocity)))
