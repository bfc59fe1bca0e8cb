"""A folder of MIDI files -> tunes as sequences of windows: what a conductor is trained on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError
from latentmix.files import replacing

from ..model.conductor import PLACES
from ..music.melody import ONSET, steps_per_bar
from ..music.transcription import Excerpt, transcribe
from ..music.windows import WINDOW_STEPS, fold_pitches, window_layout
from .dataset import MAX_SHIFT, MAX_WINDOWS, find_midi_files, read_all

NAMES = ("windows", "starts", "bars")


@dataclass(frozen=True, eq=False)
class Tunes:
    """Windows of tunes, one for each bar that has a whole window from it on.

    Attributes:
        windows: (N, 32) int16 tokens, tune after tune.
        starts: (T + 1,) int64, where each tune begins; the last one is N.
        bars: (T,) int64, bars in a window of each tune.
        refused: (path, reason) of files that could not be read.
    """

    windows: np.ndarray
    starts: np.ndarray
    bars: np.ndarray
    refused: tuple[tuple[str, str], ...] = ()

    def save(self, path: Path) -> None:
        """Write them as .npz, whole or not at all."""
        with replacing(path) as file:
            np.savez(file, **{name: getattr(self, name) for name in NAMES})

    @classmethod
    def load(cls, path: Path) -> Tunes:
        """What `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(*(stored[name] for name in NAMES))


def load_tunes(
    folder: str | os.PathLike[str],
    lowest_pitch: int,
    pitches: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tunes:
    """Read all MIDI files of a folder.

    Args:
        lowest_pitch, pitches: the model's range.
        progress: called with files done and in all.

    Raises:
        InputError: no file has a melody of a window.
    """
    paths = [str(path) for path in find_midi_files(folder)]
    windows, bars, refused = [], [], []
    results = read_all(paths, partial(file_tunes, lowest_pitch=lowest_pitch, pitches=pitches), None)
    for done, (path, result) in enumerate(zip(paths, results, strict=True), start=1):
        if isinstance(result, str):
            refused.append((path, result))
        else:
            for size, rows in result:
                windows.append(rows)
                bars.append(size)
        progress(done, len(paths))
    if not windows:
        raise InputError(
            f"{folder}: expected melodies of at least one window of bars, found none in {len(paths)} files"
        )
    starts = np.cumsum([0, *(len(rows) for rows in windows)])
    return Tunes(np.concatenate(windows), starts, np.array(bars), tuple(refused))


def file_tunes(path: str, lowest_pitch: int, pitches: int) -> list[tuple[int, np.ndarray]] | str:
    """Bars in a window, and windows (n, 32) int16, of each stretch of one metre."""
    try:
        sections = list(transcribe(path).sections())
    except InputError as error:
        return str(error)
    found = [_windows(section, lowest_pitch, pitches) for section in sections]
    return [each for each in found if each is not None]


def _windows(section: Excerpt, lowest_pitch: int, pitches: int) -> tuple[int, np.ndarray] | None:
    try:
        layout = window_layout(section.metre)
    except InputError:  # bars longer than a window
        return None
    size, used = steps_per_bar(section.metre), len(layout.places)
    count = (len(section.tokens) - used) // size + 1
    if count < 1:
        return None
    windows = np.zeros((count, WINDOW_STEPS), np.int16)
    windows[:, layout.places] = section.tokens[(np.arange(count) * size)[:, None] + np.arange(used)]
    return layout.bars, fold_pitches(windows, lowest_pitch, pitches).astype(np.int16)


class TuneBatches:
    """Random windows with those so many windows before them, transposed together.

    Long tunes count as `MAX_WINDOWS` windows at most, so that one long movement does not outweigh twenty songs.
    """

    def __init__(self, tunes: Tunes, lags: tuple[int, ...], lowest_pitch: int, pitches: int) -> None:
        self.windows, self.lags = torch.from_numpy(tunes.windows), torch.tensor(lags)
        self.lowest, self.highest = lowest_pitch, lowest_pitch + pitches - 1
        sizes = np.diff(tunes.starts)
        tune = np.repeat(np.arange(len(sizes)), sizes)
        number = np.arange(len(tune)) - tunes.starts[tune]
        self.bars = torch.from_numpy(tunes.bars[tune])
        self.number = torch.from_numpy(number)
        self.ends = torch.from_numpy(sizes[tune] - 1 - number < tunes.bars[tune])
        heard = (tunes.windows >= ONSET).any(1)
        self.share = torch.from_numpy(np.minimum(1.0, MAX_WINDOWS / sizes[tune]) * heard).cumsum(0)

    def draw(self, size: int, generator: torch.Generator, share: int = 0) -> dict[str, Tensor]:
        """Of `size` examples: windows (size, 1 + lags, 32) int64 tokens, the wanted one first; known (size, lags) bool;
        place (size,) int64; ends (size,) bool."""
        spot = torch.rand(size, generator=generator, dtype=torch.float64) * self.share[-1]
        return self.at(torch.searchsorted(self.share, spot).clamp(max=len(self.share) - 1), generator)

    def at(self, index: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """What `draw` gives, of the windows (size,) int64 by their number."""
        back = self.lags * self.bars[index, None]
        known = back <= self.number[index, None]
        windows = self.windows[torch.cat([index[:, None], index[:, None] - back * known], 1)].long()
        onset = windows >= ONSET
        lowest = torch.where(onset, windows, 999).amin((1, 2)) - ONSET
        down = (self.lowest - lowest).clamp(-MAX_SHIFT, 0)
        up = (self.highest + ONSET - windows.amax((1, 2))).clamp(0, MAX_SHIFT)
        shift = down + (torch.rand(len(index), generator=generator) * (up - down + 1)).floor().long()
        windows = torch.where(onset, windows + shift[:, None, None], windows)
        place = torch.div(self.number[index], self.bars[index], rounding_mode="floor") % PLACES
        return {"windows": windows, "known": known, "place": place, "ends": self.ends[index]}
