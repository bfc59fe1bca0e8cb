"""A folder of MIDI files -> windows of melody to train on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError

from ..midi.masks import any_of
from ..music.melody import ONSET, Melody, steps_per_bar
from ..music.transcription import Excerpt, transcribe
from ..music.windows import WINDOW_STEPS, fold_pitches, window_layout

MIN_ONSETS = 2  # in a window; fewer are rests and long notes, which teach little
SUFFIXES = (".mid", ".midi", ".smf", ".kar")
MAX_WINDOWS = 64  # of one file, evenly spaced, so that one long movement does not outweigh twenty tunes
MAX_SHIFT = 14  # semitones of transposition up or down
_STEPS = np.arange(WINDOW_STEPS)
CHUNK = 32  # files that a process reads at a time
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class WindowDataset:
    """Windows of melody as they stand in their tunes.

    Attributes:
        windows: (N, 32) int16 tokens, pitches within the model's.
        files: how many gave windows.
        refused: (path, reason) of those that could not be read.
    """

    windows: np.ndarray
    files: int
    refused: tuple[tuple[str, str], ...] = ()


def find_midi_files(folder: str | os.PathLike[str]) -> list[Path]:
    """MIDI files in a folder and the folders in it, sorted.

    Raises:
        InputError: no folder, or no MIDI file in it.
    """
    return [Path(path) for path in _paths_of_midi_files(folder)]


def _paths_of_midi_files(folder: str | os.PathLike[str]) -> list[str]:
    root = os.fspath(Path(folder))
    files = [path for path in _files_in(root) if path.lower().endswith(SUFFIXES)]
    if root == os.curdir:
        files = [os.path.normpath(path) for path in files]  # without it, as of any other folder
    files.sort(key=lambda path: os.path.normcase(path).split(os.sep))  # name by name, as paths are sorted
    if not files:
        raise InputError(f"{folder}: expected a folder with MIDI files ({', '.join(SUFFIXES)}), found none")
    return files


def _files_in(folder: str) -> Iterator[str]:
    """The files in a folder and in the folders in it, without those behind links to folders."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:  # a folder that may not be read has none
        for entry in entries:
            if entry.is_file():
                yield entry.path
            elif entry.is_dir(follow_symlinks=False):
                yield from _files_in(entry.path)


def melody_windows(melody: Melody | Excerpt, lowest_pitch: int, pitches: int) -> np.ndarray:
    """Every window of a melody that starts on a bar line and lies within it; (n, 32) int16, n >= 0."""
    return fold_pitches(_windows_as_written(melody), lowest_pitch, pitches).astype(np.int16)


def _windows_as_written(melody: Melody | Excerpt) -> np.ndarray:
    layout = window_layout(melody.metre)
    size, used = steps_per_bar(melody.metre), len(layout.places)
    count = (len(melody.tokens) - used) // size + 1
    if count < 1:
        return np.zeros((0, WINDOW_STEPS), np.int16)
    onsets = np.zeros(len(melody.tokens) + 1, np.int64)  # before each step
    (melody.tokens >= ONSET).cumsum(out=onsets[1:])
    stop = count * size
    has_enough = onsets[used : used + stop : size][:count] - onsets[:stop:size] >= MIN_ONSETS
    passages = melody.tokens[(has_enough.nonzero()[0] * size)[:, None] + _STEPS[:used]]
    if used == WINDOW_STEPS:
        return passages
    windows = np.zeros((len(passages), WINDOW_STEPS), np.int16)
    windows[:, layout.places] = passages
    return windows


def load_windows(
    folder: str | os.PathLike[str],
    lowest_pitch: int,
    pitches: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int | None = None,
) -> WindowDataset:
    """Read all MIDI files of a folder.

    Args:
        lowest_pitch, pitches: the model's range.
        progress: called with files done and in all.
        workers: processes that read; as many as there are cores if None. One is this one.

    Raises:
        InputError: no file gave a window.
    """
    files = _paths_of_midi_files(folder)
    found: list[np.ndarray] = []
    refused: list[tuple[str, str]] = []
    results = read_all(files, partial(file_windows, lowest_pitch=lowest_pitch, pitches=pitches), workers)
    for done, (path, result) in enumerate(zip(files, results, strict=True), start=1):
        if isinstance(result, str):
            refused.append((path, result))
        elif len(result):
            found.append(result)
        progress(done, len(files))
    if not found:
        raise InputError(
            f"{folder}: expected melodies of at least one window of bars, found none in {len(files)} files, "
            f"{len(refused)} of them unreadable"
        )
    return WindowDataset(np.concatenate(found), len(found), tuple(refused))


def read_all(files: list[str], read: Callable[[str], T], workers: int | None) -> Iterator[T]:
    """What `read` gives for each file, in order, by so many processes; None: as many as there are cores."""
    if len(files) <= CHUNK or workers == 1:  # not worth a process
        yield from map(read, files)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(read, files, chunksize=CHUNK)


def file_windows(path: str | os.PathLike[str], lowest_pitch: int, pitches: int) -> np.ndarray | str:
    """The windows (n, 32) int16 of a MIDI file, n from 0 to `MAX_WINDOWS`; or why it cannot be read, in one line."""
    try:
        source = transcribe(path)
        sections = list(source.sections())
    except InputError as error:
        return str(error)
    kept: list[np.ndarray] = []
    for section in sections:
        try:
            kept.append(_windows_as_written(section))
        except InputError:  # bars longer than a window
            continue
    if not kept:
        return np.zeros((0, WINDOW_STEPS), np.int16)
    windows = np.concatenate(kept) if len(kept) > 1 else kept[0]
    if len(windows) > MAX_WINDOWS:
        windows = windows[np.linspace(0, len(windows) - 1, MAX_WINDOWS).round().astype(int)]
    pitch = source.line.pitch
    if not any_of((pitch < lowest_pitch) | (pitch >= lowest_pitch + pitches)):
        return windows
    return fold_pitches(windows, lowest_pitch, pitches).astype(np.int16)


class Batches:
    """Random windows, each transposed by up to `MAX_SHIFT` semitones within the model's range."""

    def __init__(self, windows: np.ndarray, lowest_pitch: int, pitches: int) -> None:
        self.windows = torch.from_numpy(windows)
        self._range = lowest_pitch, pitches

    def draw(self, size: int, generator: torch.Generator, share: int = 0) -> Tensor:
        """(size, 32) int64 tokens, whatever the share of the run: the generator is its own."""
        index = torch.randint(len(self.windows), (size,), generator=generator)
        return transposed(self.windows[index].long(), *self._range, generator)


def transposed(tokens: Tensor, lowest_pitch: int, pitches: int, generator: torch.Generator) -> Tensor:
    """Windows (B, 32) int64, each by a number of its own of at most `MAX_SHIFT` semitones, within a range."""
    onset = tokens >= ONSET
    lowest, highest = torch.where(onset, tokens, 999).amin(1) - ONSET, tokens.amax(1) - ONSET
    down = (lowest_pitch - lowest).clamp(min=-MAX_SHIFT)
    up = (lowest_pitch + pitches - 1 - highest).clamp(max=MAX_SHIFT)
    shift = down + (torch.rand(len(tokens), generator=generator) * (up - down + 1)).floor().long()
    return torch.where(onset, tokens + shift[:, None], tokens)
