"""Speech -> labelled samples, in files of one run or in the shards of a corpus, read in random pieces."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError
from latentmix.files import find_files, replacing

from ..audio_io.kinds import readable_suffixes
from ..audio_io.reader import open_source
from ..dsp.periodicity import track_periodicity
from ..dsp.pitch import track_pitch
from ..dsp.resampling import resampled
from ..model.config import VQVAEConfig

LABEL_OFFSET = 160  # samples before the end of a frame at which its pitch is taken; the encoder has heard both sides
MIN_GAIN, MAX_GAIN = -18.0, 6.0  # dB of the random gain
FILES_A_PROCESS = 10  # at least: a process takes seconds to start


@dataclass(frozen=True)
class Labelled:
    """One recording, or many of them on end.

    Attributes:
        samples: (T,) int16.
        bins: (N,) float16, fractional pitch bin.
        voiced: (N,) bool.
        periodicity: (N, bands) float16, share of the power of a band that repeats with the pitch.
    """

    samples: np.ndarray
    bins: np.ndarray
    voiced: np.ndarray
    periodicity: np.ndarray


def label(x: np.ndarray, config: VQVAEConfig) -> Labelled:
    """Cut a waveform (T,) float32 to whole code frames and label it."""
    x = x[: len(x) // config.hop * config.hop]
    waveform = torch.from_numpy(np.ascontiguousarray(x))
    track = track_pitch(waveform, config.frame, LABEL_OFFSET, config.pitch_bins)
    share = track_periodicity(waveform, track.bin, config.frame, LABEL_OFFSET, config.bands)
    samples = np.clip(np.round(x * 32767.0), -32768, 32767).astype(np.int16)
    return Labelled(samples, track.bin.astype(np.float16), track.voiced, share.astype(np.float16))


@dataclass  # not frozen: Fabric puts tensors of another precision in their place
class SpeechBatch:
    """Pieces of speech.

    Attributes:
        samples: (B, T) float32.
        bins: (B, N) float32, fractional pitch bin of each spectrogram frame.
        voiced: (B, N) float32, 0 or 1.
        periodicity: (B, N, bands) float32.
    """

    samples: Tensor
    bins: Tensor
    voiced: Tensor
    periodicity: Tensor

    def to(self, device: torch.device | str) -> SpeechBatch:
        return SpeechBatch(*(getattr(self, field.name).to(device) for field in dataclasses.fields(self)))


NAMES = tuple(field.name for field in dataclasses.fields(Labelled))


class SpeechSource(Protocol):
    """Where pieces to learn from are drawn.

    Attributes:
        config: of the model that they are for.
    """

    config: VQVAEConfig

    def draw(self, size: int, code_frames: int, generator: torch.Generator, share: int = 0) -> SpeechBatch:
        """`size` pieces of `code_frames` code frames, each at a random level, for that share of a run's batches."""


class SpeechBatches:
    """Random pieces of a `Labelled` that is kept in .npy files, without reading them all; a `SpeechSource`."""

    def __init__(self, folder: Path, config: VQVAEConfig) -> None:
        self.config = config
        self.data = Labelled(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in NAMES))

    @classmethod
    def is_complete(cls, folder: Path) -> bool:
        return all((folder / f"{name}.npy").is_file() for name in NAMES)

    def draw(self, size: int, code_frames: int, generator: torch.Generator, share: int = 0) -> SpeechBatch:
        """Pieces, or all there is if it is less, whatever the share: the generator is its own."""
        hop, per_code = self.config.hop, self.config.frames_per_code
        last = len(self.data.samples) // hop - code_frames
        starts = torch.randint(max(1, last), (size,), generator=generator).tolist()

        def cut(rows: np.ndarray, unit: int) -> np.ndarray:
            return np.stack([rows[s * unit : (s + code_frames) * unit] for s in starts])

        rows = (cut(getattr(self.data, name), hop if name == "samples" else per_code) for name in NAMES)
        return at_random_levels(*rows, generator=generator)


def at_random_levels(*rows: np.ndarray, generator: torch.Generator) -> SpeechBatch:
    """Of stacked pieces of each field of `Labelled`."""
    samples, bins, voiced, share = (torch.from_numpy(each.astype(np.float32)) for each in rows)
    gain = MIN_GAIN + (MAX_GAIN - MIN_GAIN) * torch.rand(len(samples), 1, generator=generator)
    samples = samples / 32767.0 * 10.0 ** (gain / 20.0)
    return SpeechBatch(samples.clamp(-1.0, 1.0), bins, voiced, share)


@dataclass(frozen=True)
class Prepared:
    """What a folder gave: seconds of audio, files read, and one line for each file that was left out."""

    seconds: float
    files: int
    refused: tuple[str, ...]


def left_out(refused: Sequence[str]) -> str:
    """What is said, after a count of files, of those of them that cannot be used, with the first of the reasons."""
    return f", {len(refused)} of them left out ({refused[0]})" if refused else ""


def prepare(
    source: Path, kept: Path, config: VQVAEConfig, progress: Callable[[int, int], None] = lambda done, total: None
) -> Prepared:
    """Label the recordings of a folder, on all cores, and keep them, on end, in `kept`; all are in memory at once.

    Raises:
        InputError: the folder gives less than a second of audio.
    """
    paths = sorted(path for path, _ in find_files(os.fspath(source), readable_suffixes()))
    parts: list[Labelled] = []
    refused: list[str] = []
    with contextlib.ExitStack() as stack:
        for done, result in enumerate(_label_files(paths, config, stack), start=1):
            if isinstance(result, str):
                refused.append(result)
            else:
                parts.append(result)
            progress(done, len(paths))
    samples = sum(len(p.samples) for p in parts)
    if samples < config.sample_rate:
        raise InputError(
            f"{source}: expected at least a second of audio to train on, found {samples / config.sample_rate:.2f} s "
            f"in {len(paths)} files{left_out(refused)}"
        )
    for name in NAMES:
        with replacing(kept / f"{name}.npy") as file:
            np.save(file, np.concatenate([getattr(p, name) for p in parts]))
    return Prepared(samples / config.sample_rate, len(parts), tuple(refused))


def _label_files(paths: list[str], config: VQVAEConfig, stack: contextlib.ExitStack) -> Iterable[Labelled | str]:
    """In order; in processes, which end with `stack`, where there is enough to do to be worth their start."""
    workers = min(os.cpu_count() or 1, len(paths) // FILES_A_PROCESS)
    if workers < 2:
        return map(partial(label_file, config=config), paths)
    context = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    pool = stack.enter_context(ProcessPoolExecutor(workers, context, initializer=_one_thread))
    return pool.map(partial(label_file, config=config), paths, chunksize=4)


def _one_thread() -> None:
    torch.set_num_threads(1)


def label_file(path: str, config: VQVAEConfig) -> Labelled | str:
    """A recording, several channels mixed to one, or why there is none, in a line."""
    try:
        with open_source(path) as source:
            mono = (block.mean(0, keepdims=True) for block in source.blocks)
            blocks = list(resampled(mono, source.sample_rate, config.sample_rate))
    except InputError as error:
        return str(error)
    return label(np.concatenate(blocks, 1)[0], config)
