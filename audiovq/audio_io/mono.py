"""A whole recording as one channel at one rate, and the recordings of a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from latentmix.errors import InputError
from latentmix.files import find_files

from ..dsp.high_pass import without_rumble
from ..dsp.resampling import resampled
from .channels import Downmix
from .kinds import readable_suffixes
from .reader import open_source

MAX_SECONDS = 4 * 3600.0
RUMBLE = 0.01  # share of the power below the cutoff that is taken out; sounds have less there


def read_mono(
    path: str | os.PathLike[str],
    sample_rate: int,
    max_seconds: float = MAX_SECONDS,
    tell: Callable[[str], None] = lambda line: None,
    first: float | None = None,
    cutoff: float | None = None,
) -> np.ndarray:
    """Samples (T,) float32, several channels mixed to one (ITU-R BS.775).

    Args:
        first: so many seconds are enough, and the rest is not read; it is told.
        tell: is given lines on what was changed.
        cutoff: Hz; what is below, an offset or rumble, is taken out where it has more than `RUMBLE` of the power.

    Raises:
        InputError: it cannot be read, is damaged, or is longer.
    """
    pieces, length = [], 0
    with open_source(path) as source:
        downmix = Downmix(source.channels, source.layout, source.sample_rate)
        for block in resampled(downmix(source.blocks), source.sample_rate, sample_rate):
            pieces.append(block[0])
            length += block.shape[1]
            if first is not None and length > round(first * sample_rate):
                tell(f"{os.fspath(path)}: only its first {first:g} s are taken")
                pieces[-1] = pieces[-1][: round(first * sample_rate) - length]
                break
            if length > max_seconds * sample_rate:
                raise InputError(f"{os.fspath(path)}: expected at most {max_seconds:g} s, found more; cut it first")
    for line in [*source.notices, *downmix.notices]:
        tell(f"{os.fspath(path)}: {line}")
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if cutoff is not None:
        samples, share = without_rumble(samples, sample_rate, cutoff, RUMBLE)
        if share:
            what = f"below {cutoff:g} Hz, {100.0 * share:.0f} % of the power (rumble, or an offset), is taken out"
            tell(f"{os.fspath(path)}: {what}")
    return samples


def find_recordings(folder: str | os.PathLike[str]) -> list[Path]:
    """All audio files of a folder and those in it, or the one file that it is, in order.

    Raises:
        InputError: there are none.
    """
    place = Path(folder)
    readable = readable_suffixes()
    found = [place] if place.is_file() else sorted(Path(path) for path, _ in find_files(os.fspath(folder), readable))
    if not found:
        kinds = ", ".join(sorted(readable))
        raise InputError(f"{place}: expected recordings in the folder, found none that ends in {kinds}")
    return [path for path in found if path.is_file()]
