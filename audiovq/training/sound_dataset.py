"""A folder of recordings -> samples and their analysis in files of one run, read in random pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError

from ..audio_io.mono import find_recordings, read_mono
from ..sound.analysis import Controls, SoundAnalysis
from ..sound.config import SoundConfig

LANES = 16  # stretches that are analysed side by side: a frame of many costs little more than one of one
PART = 50  # frames analysed at a time
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
        played = self.controls
        controls = Controls(played.pitch.to(device), played.loudness.to(device), played.harmonicity.to(device))
        return SoundBatch(self.samples.to(device), controls, self.features.to(device))


@dataclass(frozen=True)
class Prepared:
    """What a folder gave: seconds, files read, and one line for each file that was left out."""

    seconds: float
    files: int
    refused: tuple[str, ...]


class SoundBatches:
    """Random pieces of recordings that lie analysed in .npy files, without reading them all.

    One block in `ASIDE` is never drawn to be trained on; where there is too little for that, all are.
    """

    def __init__(self, folder: Path, config: SoundConfig) -> None:
        self.config = config
        self.samples, self.controls, self.features = (np.load(folder / f"{n}.npy", mmap_mode="r") for n in NAMES)
        self.frames = len(self.features)
        loud = self.controls[:, 1].astype(np.float32)
        self._heard = loud > max(float(np.quantile(loud, 0.98)) - 60.0, -90.0)

    @classmethod
    def is_complete(cls, folder: Path) -> bool:
        return all((folder / f"{name}.npy").is_file() for name in NAMES)

    def starts(self, frames: int, aside: bool) -> np.ndarray:
        """First frames of pieces that lie in blocks that are kept aside, or in none of them, and begin with sound."""
        first = np.arange(max(1, self.frames - frames))
        kept = [(place // BLOCK) % ASIDE == ASIDE - 1 for place in (first, first + frames - 1)]
        right = (kept[0] & kept[1]) if aside else ~(kept[0] | kept[1])
        heard = self._heard[first] | self._heard[np.minimum(first + frames // 2, self.frames - 1)]
        for wanted in (right & heard, heard, np.ones(len(first), bool)):
            if wanted.any():
                return first[wanted]
        return first

    def draw(self, starts: np.ndarray, size: int, frames: int, generator: torch.Generator) -> SoundBatch:
        """`size` pieces that begin at random `starts`, each at a random level."""
        chosen = starts[torch.randint(len(starts), (size,), generator=generator).numpy()]
        gain = MIN_GAIN + (MAX_GAIN - MIN_GAIN) * torch.rand(size, 1, generator=generator)
        return self.cut(chosen, frames, gain)

    def cut(self, starts: np.ndarray, frames: int, gain: Tensor | float = 0.0) -> SoundBatch:
        """Pieces of so many frames from `starts`, `gain` dB louder (B, 1)."""
        hop, frames = self.config.hop, min(frames, self.frames)

        def of(rows: np.ndarray, unit: int = 1) -> Tensor:
            pieces = [rows[s * unit : (s + frames) * unit] for s in starts]
            return torch.from_numpy(np.stack(pieces).astype(np.float32))

        pitch, loudness, harmonicity = of(self.controls).unbind(-1)
        samples = of(self.samples, hop) / 32767.0 * 10.0 ** (torch.as_tensor(gain) / 20.0)
        return SoundBatch(samples, Controls(pitch, loudness + gain, harmonicity), of(self.features))


def prepare(
    source: Path, kept: Path, config: SoundConfig, progress: Callable[[str, int, int], None] = lambda *_: None
) -> Prepared:
    """Read the recordings of a folder, analyse them, and keep them, on end, in `kept`.

    Args:
        progress: is told what is done, how much of it and of how much.

    Raises:
        InputError: the folder gives too little audio, or too much.
    """
    paths, pieces, refused, total = find_recordings(source), [], [], 0
    gap = np.zeros(round(GAP * config.sample_rate), np.int16)
    for done, path in enumerate(paths, start=1):
        try:
            x = read_mono(path, config.sample_rate)
        except InputError as error:
            refused.append(str(error))
        else:
            pieces += [np.clip(np.rint(x * 32767.0), -32768, 32767).astype(np.int16), gap]
            total += len(x)
        progress("reading", done, len(paths))
        if total > MAX_SECONDS * config.sample_rate:
            raise InputError(f"{source}: expected at most {MAX_SECONDS / 3600:g} hours of recordings, found more")
    seconds = total / config.sample_rate
    if seconds < MIN_SECONDS:
        raise InputError(
            f"{source}: expected at least {MIN_SECONDS:g} s of sound to train on, found {seconds:.1f} s in "
            f"{len(paths)} files, {len(refused)} of them unreadable; five minutes are a good beginning"
        )
    samples = np.concatenate(pieces)
    controls, features = analyse(samples, config, progress)
    samples = samples[: len(features) * config.hop]
    for name, array in zip(NAMES, (samples, controls, features), strict=True):
        beside = kept / f"{name}.tmp.npy"
        np.save(beside, array)
        beside.replace(kept / f"{name}.npy")
    return Prepared(seconds, len(paths) - len(refused), tuple(refused))


@torch.inference_mode()
def analyse(
    samples: np.ndarray, config: SoundConfig, progress: Callable[[str, int, int], None] = lambda *_: None
) -> tuple[np.ndarray, np.ndarray]:
    """Samples (T,) int16 -> controls (N, 3) float32 and features (N, 3 * bands) float16, in lanes side by side."""
    from ..sound.model import SoundModel

    analysis: SoundAnalysis = SoundModel(config).analysis
    each = len(samples) // (LANES * config.hop)  # frames of a lane
    lanes = samples[: each * LANES * config.hop].reshape(LANES, -1)
    state, controls, features = analysis.start(LANES), [], []
    for first in range(0, each, PART):
        piece = lanes[:, first * config.hop : min(first + PART, each) * config.hop]
        found, state = analysis(torch.from_numpy(piece.astype(np.float32) / 32767.0), state)
        played = (found.controls.pitch, found.controls.loudness, found.controls.harmonicity)
        controls.append(torch.stack(played, -1).numpy())
        features.append(found.features.numpy().astype(np.float16))
        progress("listening", min(first + PART, each), each)
    return np.concatenate(controls, 1).reshape(-1, 3), np.concatenate(features, 1).reshape(LANES * each, -1)
