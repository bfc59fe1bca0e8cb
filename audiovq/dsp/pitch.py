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
BINS = 128  # of adults who speak, to 400 Hz; models of children and of singing have more, evenly spaced as these are
MIN_PITCH, MAX_PITCH = 60.0, 400.0  # Hz, of the first and the last of `BINS`
BIN_STEP = math.log(MAX_PITCH / MIN_PITCH) / (BINS - 1)  # from one bin to the next, in the logarithm: 26 cents
OCTAVE = 47  # bins in which the frequency doubles, rounded up
WINDOW = 800  # samples: three periods of the lowest pitch
UNVOICED_SCORE = 0.45  # a frame whose autocorrelation is below is better off unvoiced
JUMP_COST = 0.015  # per bin and frame
MAX_JUMP = 8  # bins a frame
SWITCH_COST = 0.25  # between voiced and unvoiced
OCTAVE_COST = 0.04  # per octave below the highest: a multiple of the period repeats as well as the period
FFT = 1080  # a window and the longest period do not wrap round; 2³·3³·5 is quick
PART = 2000  # frames that are looked at together, so that memory does not grow with the recording


def frequencies(bins: int = BINS) -> Tensor:
    """Centres of the bins, evenly spaced in the logarithm; (bins,) Hz.

    >>> frequencies(175)[[0, 127, 174]].round()
    tensor([ 60., 400., 807.])
    """
    return torch.exp(torch.linspace(math.log(MIN_PITCH), math.log(MIN_PITCH) + BIN_STEP * (bins - 1), bins))


def frequency_at(bins: Tensor) -> Tensor:
    """Fractional bins -> Hz, of any shape.

    >>> frequency_at(torch.tensor([0.0, 63.5, 127.0])).round()
    tensor([ 60., 155., 400.])
    """
    return torch.exp(math.log(MIN_PITCH) + bins * BIN_STEP)


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
    """Samples (..., WINDOW) -> normalised autocorrelation at the periods of the bins (..., bins), -1 to 1.

    That of a windowed piece over that of the window (Boersma 1993, eq. 9); near 0 in silence.
    """

    window: Tensor
    lower: Tensor
    share: Tensor
    correction: Tensor

    def __init__(self, bins: int = BINS) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW)
        lag = SAMPLE_RATE / frequencies(bins)
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
        r = torch.fft.irfft(power, self.size).reshape(
            -1, self.size
        )  # of a matrix, columns are picked five times as fast
        at = torch.lerp(r.index_select(1, self.lower), r.index_select(1, self.lower + 1), self.share)
        found = (at * self.correction / (r[:, :1] + 1e-7)).clamp(-1.0, 1.0)
        return found.reshape(*x.shape[:-1], len(self.lower))


def track_pitch(x: Tensor, hop: int, offset: int, bins: int = BINS) -> PitchTrack:
    """The pitch of speech at `SAMPLE_RATE`.

    Args:
        x: (T,) samples; frame i is centred on sample (i + 1) * hop - offset, N = T // hop.
        bins: of `frequencies` that are considered.
    """
    correlation = Autocorrelation(bins + OCTAVE)
    parts = [_falling_before(correlation(frames), bins) for _, frames in centred_windows(x, hop, offset)]
    scores = torch.cat([torch.zeros(0, bins), *parts]).numpy()
    octaves = (BINS - 1 - np.arange(bins)) * (BIN_STEP / math.log(2.0))  # below `MAX_PITCH`
    return _best_path(scores - (OCTAVE_COST * octaves).astype(np.float32))


def _falling_before(r: Tensor, bins: int) -> Tensor:
    """Autocorrelation (N, bins + OCTAVE) -> scores (N, bins).

    Any sound that is mostly low resembles itself a moment later. From `MAX_PITCH` on a period counts by how far the
    autocorrelation has risen since its lowest point at a shorter one, half a period before (McLeod & Wyvill 2005).
    """
    lowest = r.flip(-1).cummin(-1)[0].flip(-1)[:, :bins].clamp(min=0.0)
    return torch.cat([r[:, :BINS], r[:, BINS:bins] - lowest[:, BINS:]], 1)[:, :bins]


def _best_path(scores: np.ndarray) -> PitchTrack:
    """Viterbi over voiced states, one a bin, and one unvoiced; scores (N, bins)."""
    count, bins = scores.shape
    padded = np.full(bins + 2 * MAX_JUMP, -np.inf)  # float64: an hour adds up
    voiced, unvoiced = padded[MAX_JUMP:-MAX_JUMP], 0.0  # of the best path that ends here
    voiced[:] = 0.0
    around = np.lib.stride_tricks.sliding_window_view(padded, bins)  # a row for each jump
    jumps = np.abs(np.arange(-MAX_JUMP, MAX_JUMP + 1)) * JUMP_COST
    reach, places = np.empty(around.shape), np.arange(bins)
    came_from = np.zeros((count, bins), np.int16)  # a bin, or -1 from unvoiced
    started_at = np.zeros(count, np.int16)  # unvoiced came from this bin, or -1
    for i, score in enumerate(scores):
        np.subtract(around, jumps[:, None], out=reach)
        best = reach.argmax(0)
        value = reach[best, places]
        fresh = unvoiced - SWITCH_COST > value
        came_from[i] = np.where(fresh, -1, best + places - MAX_JUMP)
        last = int(voiced.argmax())
        ended = voiced[last] - SWITCH_COST
        started_at[i] = last if ended > unvoiced else -1
        np.add(np.where(fresh, unvoiced - SWITCH_COST, value), score, out=voiced)
        unvoiced = max(unvoiced, ended) + UNVOICED_SCORE
    state = int(voiced.argmax()) if voiced.max() > unvoiced else -1
    path = np.full(count, -1)
    for i in range(count - 1, -1, -1):
        path[i] = state
        state = int(started_at[i] if state < 0 else came_from[i, state])
    return _refine(path, scores)


def _refine(path: np.ndarray, scores: np.ndarray) -> PitchTrack:
    """Peaks between bins by a parabola; pitch carried through unvoiced stretches by interpolation."""
    known, bins = path >= 0, scores.shape[1]
    if not known.any():
        return PitchTrack(np.full(len(path), BINS / 2, np.float32), known)
    rows = np.nonzero(known)[0]
    inner = np.clip(path[rows], 1, bins - 2)
    left, middle, right = (scores[rows, inner + k] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0.0)
    found = inner + np.clip(shift, -1.0, 1.0)
    return PitchTrack(np.interp(np.arange(len(path)), rows, found).astype(np.float32), known)
