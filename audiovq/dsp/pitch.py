"""Pitch: the grid of frequencies that the codec knows, and the tracker that labels training speech.

The tracker is normalised autocorrelation (Boersma 1993) with the best path through time found by dynamic programming
(Talkin 1995, RAPT; Viterbi). It sees a whole recording at once; coding never runs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .stft import squared

SAMPLE_RATE = 16000  # Hz
BINS = 128
MIN_PITCH, MAX_PITCH = 60.0, 400.0  # Hz
WINDOW = 800  # samples: three periods of the lowest pitch
UNVOICED_SCORE = 0.45  # a frame whose autocorrelation is below is better off unvoiced
JUMP_COST = 0.015  # per bin and frame
MAX_JUMP = 8  # bins a frame
SWITCH_COST = 0.25  # between voiced and unvoiced
OCTAVE_COST = 0.04  # per octave below the highest: a multiple of the period repeats as well as the period
FFT = 1080  # a window and the longest period do not wrap round; 2³·3³·5 is quick
PART = 2000  # frames that are looked at together, so that memory does not grow with the recording


def frequencies() -> Tensor:
    """Centres of the bins, evenly spaced in the logarithm; (BINS,) Hz."""
    return torch.exp(torch.linspace(math.log(MIN_PITCH), math.log(MAX_PITCH), BINS))


def frequency_at(bins: Tensor) -> Tensor:
    """Fractional bins -> Hz, of any shape.

    >>> frequency_at(torch.tensor([0.0, 63.5, 127.0])).round()
    tensor([ 60., 155., 400.])
    """
    return torch.exp(math.log(MIN_PITCH) + bins * (math.log(MAX_PITCH / MIN_PITCH) / (BINS - 1)))


def centred_windows(x: Tensor, hop: int, offset: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows of samples (T,) around (i + 1) * hop - offset, for i below T // hop; beyond the ends is silence.

    Yields:
        in parts of at most `PART` frames: their numbers (n,) and samples (n, WINDOW).
    """
    windows = torch.nn.functional.pad(x, (WINDOW, WINDOW)).unfold(0, WINDOW, 1)
    count = x.shape[0] // hop
    for frames in torch.arange(count).split(PART) if count else ():
        yield frames, windows[(frames + 1) * hop - offset + WINDOW - WINDOW // 2]


def taper_correction(window: Tensor, lag: Tensor) -> Tensor:
    """What an autocorrelation is multiplied by to undo the fall that its window causes (Boersma 1993, eq. 9).

    Args:
        window: (WINDOW,).
        lag: samples, fractional, of any shape.
    """
    size = 1 << (2 * len(window) - 1).bit_length()
    own = torch.fft.irfft(torch.fft.rfft(window, size).abs().square(), size)
    lower = lag.long()
    return own[0] / torch.lerp(own[lower], own[lower + 1], lag - lower)


@dataclass(frozen=True)
class PitchTrack:
    """One value a frame; both (N,).

    Attributes:
        bin: fractional index into `frequencies`, carried on through unvoiced stretches.
        voiced: bool.
    """

    bin: np.ndarray
    voiced: np.ndarray


class Autocorrelation(torch.nn.Module):
    """Samples (..., WINDOW) -> normalised autocorrelation at the periods of the bins (..., BINS), -1 to 1.

    That of a windowed piece over that of the window (Boersma 1993, eq. 9); near 0 in silence.
    """

    window: Tensor
    lower: Tensor
    share: Tensor
    correction: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW)
        lag = SAMPLE_RATE / frequencies()
        lower = lag.floor().long()
        self.size = FFT
        for name, value in (
            ("window", window),
            ("lower", lower),
            ("share", lag - lower),
            ("correction", taper_correction(window, lag)),
        ):
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        power = squared(torch.fft.rfft(x * self.window, self.size))
        r = torch.fft.irfft(power, self.size)
        at = torch.lerp(r[..., self.lower], r[..., self.lower + 1], self.share)
        return (at * self.correction / (r[..., :1] + 1e-7)).clamp(-1.0, 1.0)


def track_pitch(x: Tensor, hop: int, offset: int) -> PitchTrack:
    """The pitch of speech at `SAMPLE_RATE`.

    Args:
        x: (T,) samples; frame i is centred on sample (i + 1) * hop - offset, N = T // hop.
    """
    correlation = Autocorrelation()
    parts = [correlation(frames) for _, frames in centred_windows(x, hop, offset)]
    scores = torch.cat([torch.zeros(0, BINS), *parts]).numpy()
    scores = scores - OCTAVE_COST * np.linspace(np.log2(MAX_PITCH / MIN_PITCH), 0.0, BINS, dtype=np.float32)
    return _best_path(scores)


def _best_path(scores: np.ndarray) -> PitchTrack:
    """Viterbi over BINS voiced states and one unvoiced; scores (N, BINS)."""
    count = len(scores)
    jumps = np.abs(np.arange(-MAX_JUMP, MAX_JUMP + 1)) * JUMP_COST
    voiced, unvoiced = np.zeros(BINS), 0.0  # of the best path that ends here; float64: an hour adds up
    came_from = np.zeros((count, BINS), np.int16)  # a bin, or -1 from unvoiced
    started_at = np.zeros(count, np.int16)  # unvoiced came from this bin, or -1
    for i, score in enumerate(scores):
        reach = np.lib.stride_tricks.sliding_window_view(
            np.pad(voiced, MAX_JUMP, constant_values=-np.inf), 2 * MAX_JUMP + 1
        )
        reach = reach - jumps
        best = reach.argmax(1)
        value = reach[np.arange(BINS), best]
        fresh = unvoiced - SWITCH_COST > value
        came_from[i] = np.where(fresh, -1, best + np.arange(BINS) - MAX_JUMP)
        last = int(voiced.argmax())
        started_at[i] = last if voiced[last] - SWITCH_COST > unvoiced else -1
        new_unvoiced = max(unvoiced, voiced[last] - SWITCH_COST) + UNVOICED_SCORE
        voiced = np.where(fresh, unvoiced - SWITCH_COST, value) + score
        unvoiced = new_unvoiced
    state = int(voiced.argmax()) if voiced.max() > unvoiced else -1
    path = np.full(count, -1)
    for i in range(count - 1, -1, -1):
        path[i] = state
        state = int(started_at[i] if state < 0 else came_from[i, state])
    return _refine(path, scores)


def _refine(path: np.ndarray, scores: np.ndarray) -> PitchTrack:
    """Peaks between bins by a parabola; pitch carried through unvoiced stretches by interpolation."""
    known = path >= 0
    if not known.any():
        return PitchTrack(np.full(len(path), BINS / 2, np.float32), known)
    rows = np.nonzero(known)[0]
    inner = np.clip(path[rows], 1, BINS - 2)
    left, middle, right = (scores[rows, inner + k] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0.0)
    bins = inner + np.clip(shift, -1.0, 1.0)
    return PitchTrack(np.interp(np.arange(len(path)), rows, bins).astype(np.float32), known)
