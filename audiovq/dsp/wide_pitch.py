"""Pitch of music from 30 to 2,000 Hz, frame by frame and without a look ahead.

Normalised autocorrelation (Boersma 1993) of two windows, a long one for low pitches, and of all paths through the
pitches of the past the best so far (Viterbi, of which only the forward half is left where nothing may wait).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .pitch import taper_correction
from .stft import squared

MIN_PITCH, MAX_PITCH = 30.0, 2000.0  # Hz
BINS_AN_OCTAVE = 48
BINS = round(BINS_AN_OCTAVE * math.log2(MAX_PITCH / MIN_PITCH)) + 1
LONG, SHORT = 0.085, 0.043  # seconds of the windows
LONG_BELOW, SHORT_ABOVE = 80.0, 160.0  # Hz; between them both windows have a say
HIGHEST = 6000.0  # Hz: what is above says little of the pitch and makes peaks that are narrower than a bin
FFT_STEP = 512
COMPRESSION = 0.75  # power of the power spectrum: a strong overtone counts less (Tolonen & Karjalainen 2000)
FLOOR = 1e-5  # compressed power, over all bins; silence has no pitch
RISE = 0.4  # from the lowest autocorrelation of shorter periods to that of the period; a tone has 1 to 2
FLAT_COST = 0.6  # where it does not rise at all: what varies slowly is like itself a moment later
OCTAVE_COST = 0.03  # per octave below the highest: a multiple of the period repeats as well as the period
JUMP_COST = 0.02  # per bin
MAX_JUMP = 6  # bins a frame that a tone glides
LEAP_COST = 0.4  # to any other pitch
SWITCH_COST = 0.2  # between voiced and unvoiced
UNVOICED_SCORE = 0.5  # a frame whose autocorrelation is below is better off unvoiced
MEMORY = 0.85  # of what a path is worth, from frame to frame


@dataclass(frozen=True)
class Pitch:
    """Of each frame.

    Attributes:
        hertz: (B, N), carried on through what has no pitch.
        voiced: (B, N) bool.
        strength: (B, N) autocorrelation at the period, 0 to 1.
        spectrum, mid_spectrum: (B, N, bins) power of the long and of the short window.
    """

    hertz: Tensor
    voiced: Tensor
    strength: Tensor
    spectrum: Tensor
    mid_spectrum: Tensor


def hertz_at(bins: Tensor) -> Tensor:
    """Fractional bins -> Hz, of any shape.

    >>> hertz_at(torch.tensor([0.0, 48.0, 96.0]))
    tensor([ 30.,  60., 120.])
    """
    return MIN_PITCH * torch.exp2(bins / BINS_AN_OCTAVE)


class _Lags(nn.Module):
    """Power spectra of windows -> normalised autocorrelation at the periods of some bins.

    The Wiener-Khinchin theorem as a matrix product: exact at periods between samples, and nothing is computed that
    nobody looks at.
    """

    window: Tensor
    cosines: Tensor

    def __init__(self, sample_rate: int, seconds: float, hertz: Tensor) -> None:
        super().__init__()
        self.length = round(seconds * sample_rate)
        lag = sample_rate / hertz
        # a window and the longest period do not wrap round; sizes that an FFT is quick at
        self.size = -(-(self.length + math.ceil(float(lag.max()))) // FFT_STEP) * FFT_STEP
        window = torch.hann_window(self.length)
        self.window = nn.Buffer(window / window.square().sum().sqrt(), persistent=False)
        self.bins = math.ceil(HIGHEST / sample_rate * self.size)
        turn = 2.0 * torch.pi / self.size * torch.arange(self.bins)
        taper = (2.0 - 2.0 * torch.arange(self.bins) / self.bins).clamp(max=1.0)
        cosines = torch.cos(turn[:, None] * lag) * taper_correction(window, lag)
        cosines = torch.cat([torch.ones(self.bins, 1), cosines], 1) * taper[:, None]
        self.cosines = nn.Buffer(cosines, persistent=False)

    def power(self, frames: Tensor) -> Tensor:
        """Samples (..., length or more, of which the last count) -> power (..., bins), 1 for white noise of power 1."""
        frames = frames[..., frames.shape[-1] - self.length :] * self.window
        return squared(torch.fft.rfft(frames, self.size))

    def forward(self, power: Tensor) -> Tensor:
        found = power[..., : self.bins].pow(COMPRESSION) @ self.cosines
        return found[..., 1:] / (found[..., :1] + FLOOR)


class PitchTracker(nn.Module):
    """Samples -> the pitch of every hop.

    Args:
        sample_rate: Hz.
        hop: samples.

    Attributes:
        past: samples before a piece that its first frames see.
    """

    score_cost: Tensor
    jump_cost: Tensor
    neighbours: Tensor
    share: Tensor

    def __init__(self, sample_rate: int, hop: int) -> None:
        super().__init__()
        hertz = hertz_at(torch.arange(BINS + BINS_AN_OCTAVE))  # to half the shortest period, where its tone has its low
        low, high = int((hertz < LONG_BELOW).sum()), int((hertz < SHORT_ABOVE).sum())
        self.sample_rate, self.hop = sample_rate, hop
        self.long = _Lags(sample_rate, LONG, hertz[:high])
        self.short = _Lags(sample_rate, SHORT, hertz[low:])
        self.share = nn.Buffer(torch.linspace(0.0, 1.0, high - low), persistent=False)
        hertz = hertz[:BINS]
        self.past = self.long.length - hop
        self.score_cost = nn.Buffer(OCTAVE_COST * torch.log2(MAX_PITCH / hertz), persistent=False)
        jumps = torch.arange(-MAX_JUMP, MAX_JUMP + 1).abs() * JUMP_COST
        self.jump_cost = nn.Buffer(jumps, persistent=False)
        self.neighbours = nn.Buffer(torch.arange(-1, 2), persistent=False)

    def start(self, batch: int) -> list[Tensor]:
        """Fresh state: what each path is worth (B, BINS + 1), the unvoiced one last; the last pitch (B,) in bins."""
        worth = self.score_cost.new_zeros(batch, BINS + 1)
        worth[:, :-1] = -SWITCH_COST
        return [worth, self.score_cost.new_full((batch,), 3.0 * BINS_AN_OCTAVE)]

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Pitch, list[Tensor]]:
        """Samples (B, past + N * hop), state -> pitch of the N hops, state."""
        power = self.long.power(x.unfold(1, self.long.length, self.hop))
        late = x[:, self.long.length - self.short.length :].unfold(1, self.short.length, self.hop)
        near_power = self.short.power(late)
        far, near = self.long(power), self.short(near_power)
        both = len(self.share)
        middle = torch.lerp(far[..., -both:], near[..., :both], self.share)
        strength = torch.cat([far[..., :-both], middle, near[..., both:]], -1)
        lowest = strength.flip(-1).cummin(-1).values.flip(-1)
        flat = (1.0 - (strength - lowest) / RISE).clamp(min=0.0)[..., :BINS]
        strength = strength[..., :BINS]
        scores = strength - self.score_cost - FLAT_COST * flat
        worth, last = state
        bins, voiced = [], []
        for score in scores.unbind(1):
            worth, found, is_voiced = self._advance(worth, score)
            last = torch.where(is_voiced, found, last)
            bins.append(last)
            voiced.append(is_voiced)
        at = torch.stack(bins, 1)
        place = at.round().long().clamp(0, BINS - 1)[..., None]
        strength = strength.gather(-1, place)[..., 0].clamp(0.0, 1.0)
        return Pitch(hertz_at(at), torch.stack(voiced, 1), strength, power, near_power), [worth, last]

    def _advance(self, worth: Tensor, score: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the paths are worth a frame later, the best one's fractional bin, and whether it is voiced."""
        worth = MEMORY * (worth - worth.amax(1, keepdim=True))
        voiced, unvoiced = worth[:, :-1], worth[:, -1:]
        padded = torch.nn.functional.pad(voiced, (MAX_JUMP, MAX_JUMP), value=-1e3)
        glide = (padded.unfold(1, 2 * MAX_JUMP + 1, 1) - self.jump_cost).amax(2)
        best = voiced.amax(1, keepdim=True)
        come = torch.maximum(torch.maximum(best - LEAP_COST, unvoiced - SWITCH_COST), glide)
        rest = torch.maximum(unvoiced, best - SWITCH_COST) + UNVOICED_SCORE
        now = come + score
        top, place = now.max(1)
        inner = place.clamp(1, BINS - 2)[:, None]
        left, middle, right = score.gather(1, inner + self.neighbours).unbind(1)
        bend = (left - 2.0 * middle + right).clamp(max=-1e-6)
        shift = (0.5 * (left - right) / bend).clamp(-1.0, 1.0)
        return torch.cat([now, rest], 1), inner[:, 0] + shift, top > rest[:, 0]
