"""Recordings -> samples and their analysis, in files of one run or in the shards of a corpus, read in random pieces."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError
from latentmix.files import replacing

from ..audio_io.mono import find_recordings, read_mono
from ..sound.analysis import Controls, SoundAnalysis
from ..sound.config import CUTOFF, SoundConfig
from .dataset import Prepared, left_out

LANES = 16  # stretches that are analysed side by side: a frame of many costs little more than one of one
PART = 50  # frames analysed at a time
LANE_FRAMES = 1_000  # of a lane of a recording by itself, at least: each lane begins without a past
GAP = 0.2  # seconds of silence after each recording
MIN_SECONDS, MAX_SECONDS = 20.0, 6 * 3600.0  # of audio to train on
BLOCK, ASIDE = 400, 12  # frames of a block, and one block in so many is kept aside for judging
MIN_GAIN, MAX_GAIN = -12.0, 6.0  # dB of the random gain
NAMES = ("samples", "controls", "features")


@dataclass(frozen=True)
class SoundBatch:
    """Pieces of recordings.

    Attributes:
        samples: (B, N * hop).
        controls: of (B, N).
        features: (B, N, 3 * bands).
    """

    samples: Tensor
    controls: Controls
    features: Tensor

    def to(self, device: torch.device | str) -> SoundBatch:
        controls = self.controls.map(lambda of: of.to(device))
        return SoundBatch(self.samples.to(device), controls, self.features.to(device))


class SoundSource(Protocol):
    """Where pieces to learn from are drawn, and those that are kept aside for judging."""

    def draw(self, size: int, frames: int, generator: torch.Generator, share: int = 0) -> SoundBatch:
        """`size` pieces of so many frames, each at a random level, for that share of a run's batches."""

    def aside(self, size: int, frames: int) -> SoundBatch:
        """Pieces that are never drawn, the same each time."""


class SoundBatches:
    """Random pieces of recordings that lie analysed in .npy files, without reading them all; a `SoundSource`.

    One block in `aside_of` is never drawn to be trained on; where there is too little for that, all are.
    """

    def __init__(self, folder: Path, config: SoundConfig, aside_of: int = ASIDE) -> None:
        self.config, self._aside_of = config, aside_of
        self.samples, self.controls, self.features = (np.load(folder / f"{n}.npy", mmap_mode="r") for n in NAMES)
        self.frames = len(self.features)
        loud = self.controls[:, 1].astype(np.float32)
        self._starts: dict[tuple[int, bool], np.ndarray] = {}
        self._heard = loud > max(float(np.quantile(loud, 0.98)) - 60.0, -90.0)

    @classmethod
    def is_complete(cls, folder: Path) -> bool:
        return all((folder / f"{name}.npy").is_file() for name in NAMES)

    def starts(self, frames: int, aside: bool) -> np.ndarray:
        """First frames of pieces that lie in blocks that are kept aside, or in none of them, and begin with sound."""
        if (frames, aside) not in self._starts:
            self._starts[frames, aside] = self._find_starts(frames, aside)
        return self._starts[frames, aside]

    def _find_starts(self, frames: int, aside: bool) -> np.ndarray:
        first = np.arange(max(1, self.frames - frames))
        kept = [(place // BLOCK) % self._aside_of == self._aside_of - 1 for place in (first, first + frames - 1)]
        right = (kept[0] & kept[1]) if aside else ~(kept[0] | kept[1])
        heard = self._heard[first] | self._heard[np.minimum(first + frames // 2, self.frames - 1)]
        for wanted in (right & heard, heard, np.ones(len(first), bool)):
            if wanted.any():
                return first[wanted]
        return first

    def draw(self, size: int, frames: int, generator: torch.Generator, share: int = 0) -> SoundBatch:
        """As of `SoundSource`, whatever the share: the generator is its own."""
        starts = self.starts(frames, aside=False)
        chosen = starts[torch.randint(len(starts), (size,), generator=generator).numpy()]
        return self._cut(chosen, frames, random_gain(size, generator))

    def aside(self, size: int, frames: int) -> SoundBatch:
        """As of `SoundSource`, evenly among all of them."""
        starts = self.starts(frames, aside=True)
        return self._cut(starts[np.linspace(0, len(starts) - 1, size).astype(int)], frames, torch.zeros(size, 1))

    def _cut(self, starts: np.ndarray, frames: int, gain: Tensor) -> SoundBatch:
        hop, frames = self.config.hop, min(frames, self.frames)

        def of(rows: np.ndarray, unit: int = 1) -> np.ndarray:
            return np.stack([rows[s * unit : (s + frames) * unit] for s in starts])

        return sound_batch((of(self.samples, hop), of(self.controls), of(self.features)), gain)


def random_gain(size: int, generator: torch.Generator) -> Tensor:
    return MIN_GAIN + (MAX_GAIN - MIN_GAIN) * torch.rand(size, 1, generator=generator)


def sound_batch(rows: tuple[np.ndarray, ...], gain: Tensor) -> SoundBatch:
    """Of stacked samples, controls and features, each piece so many dB louder (B, 1)."""
    samples, controls, features = (torch.from_numpy(each.astype(np.float32)) for each in rows)
    pitch, loudness, harmonicity = controls.unbind(-1)
    samples = samples / 32767.0 * 10.0 ** (gain / 20.0)
    return SoundBatch(samples, Controls.steady(pitch, loudness + gain, harmonicity), features)


def prepare(
    source: Path, kept: Path, config: SoundConfig, progress: Callable[[int, int, str], None] = lambda *_: None
) -> Prepared:
    """Read the recordings of a folder, analyse them, and keep them, on end, in `kept`.

    Args:
        progress: is told how much is done, of how much, and of what.

    Raises:
        InputError: the folder gives too little audio, or too much.
    """
    paths, pieces, refused, total = find_recordings(source), [], [], 0
    gap = round(GAP * config.sample_rate)
    for done, path in enumerate(paths, start=1):
        try:
            samples = _read(path, config)
        except InputError as error:
            refused.append(str(error))
        else:
            pieces.append(samples)
            total += len(samples) - gap
        progress(done, len(paths), "reading")
        if total > MAX_SECONDS * config.sample_rate:
            raise InputError(f"{source}: expected at most {MAX_SECONDS / 3600:g} hours of recordings, found more")
    seconds = total / config.sample_rate
    if seconds < MIN_SECONDS:
        raise InputError(
            f"{source}: expected at least {MIN_SECONDS:g} s of sound to train on, found {seconds:.1f} s in "
            f"{len(paths)} files{left_out(refused)}; five minutes are a good beginning"
        )
    samples, controls, features = Analyser(config)(np.concatenate(pieces), LANES, progress)
    for name, array in zip(NAMES, (samples, controls, features), strict=True):
        with replacing(kept / f"{name}.npy") as file:
            np.save(file, array)
    return Prepared(seconds, len(paths) - len(refused), tuple(refused))


def _read(path: str | os.PathLike[str], config: SoundConfig) -> np.ndarray:
    """Samples (T,) int16 of a recording, and silence after it.

    Raises:
        InputError: it cannot be read, or nothing is heard in it, of which there is nothing to learn.
    """
    x = np.pad(read_mono(path, config.sample_rate, cutoff=CUTOFF), (0, round(GAP * config.sample_rate)))
    samples = np.clip(np.rint(x * 32767.0), -32768, 32767).astype(np.int16)
    if not samples.any():
        raise InputError(f"{os.fspath(path)}: expected a sound, found nothing that is heard")
    return samples


class Analyser:
    """Samples (T,) int16 -> those of whole frames, controls (N, 3) float32 and features (N, 3 * bands) float16."""

    def __init__(self, config: SoundConfig) -> None:
        from ..sound.model import SoundModel

        self.config = config
        self._analysis: SoundAnalysis = SoundModel(config).analysis

    def file(self, path: str) -> tuple[np.ndarray, ...]:
        """Of a recording, as long ones as are worth it in lanes.

        Raises:
            InputError: it cannot be read, or is too long.
        """
        samples = _read(path, self.config)
        return self(samples, min(max(len(samples) // (LANE_FRAMES * self.config.hop), 1), LANES))

    @torch.inference_mode()
    def __call__(
        self, samples: np.ndarray, lanes: int, progress: Callable[[int, int, str], None] = lambda *_: None
    ) -> tuple[np.ndarray, ...]:
        """In so many stretches side by side, each from a fresh state."""
        hop = self.config.hop
        each = len(samples) // (lanes * hop)  # frames of a lane
        samples = samples[: each * lanes * hop]
        state, controls, features = self._analysis.start(lanes), [], []
        for first in range(0, each, PART):
            piece = samples.reshape(lanes, -1)[:, first * hop : min(first + PART, each) * hop]
            found, state = self._analysis(torch.from_numpy(piece.astype(np.float32) / 32767.0), state)
            played = (found.controls.pitch, found.controls.loudness, found.controls.harmonicity)
            controls.append(torch.stack(played, -1).numpy())
            features.append(found.features.numpy().astype(np.float16))
            progress(min(first + PART, each), each, "listening")
        whole = (np.concatenate(rows, 1).reshape(lanes * each, -1) for rows in (controls, features))
        return samples, *whole
