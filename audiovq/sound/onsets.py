"""How loud the quarters of a frame are before an onset: what a window is too long to tell.

A frame's loudness is that of its whole window, so a hit would begin to sound a window before its time. But all of the
window has been heard by the time at which its oldest samples are made, so it can be told by how much they are quieter
than overlap-add will make them (the gain control of transform codecs, ISO/IEC 13818-7). The pulses of a low voice are
no onsets: what counts is the loudest quarter of the last two frames.
"""

from __future__ import annotations

import itertools
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..dsp.stft import STFT

QUARTERS = 4
MEMORY = 2 * QUARTERS  # quarters, 20 ms: the period of a pitch of 50 Hz
LOWEST_ONSET = -52.0  # dB
QUIET = 1e-10  # power, -100 dB


def quarter_bounds(hop: int) -> list[int]:
    """Samples of a frame between which its quarters lie, as even as whole numbers are.

    >>> quarter_bounds(441)
    [0, 110, 220, 331, 441]
    """
    return [round(hop * k / QUARTERS) for k in range(QUARTERS + 1)]


class OnsetAnalysis(nn.Module):
    """Samples and spectra -> dB (B, N, `QUARTERS`), 0 or below, by which to make the end of each quarter quieter.

    Of frame i the quarters are those of the samples that `STFT.synthesise` gives for it.
    """

    means: Tensor
    overlap: Tensor

    def __init__(self, hop: int, stft: STFT) -> None:
        super().__init__()
        self.hop, self.stft = hop, stft
        bounds = quarter_bounds(hop)
        # quarters of power lie around the places that they count for, as far as these samples have been heard
        self.ahead = min(bounds[1] // 2, stft.delay)
        means = torch.zeros(hop, QUARTERS)
        for k, (start, stop) in enumerate(itertools.pairwise(bounds)):
            means[start:stop, k] = 1.0 / (stop - start)
        self.means = nn.Buffer(means, persistent=False)
        frames = -(-stft.window // hop)
        window = F.pad(stft.hann * stft.dual * stft.scale, (0, frames * hop - stft.window))
        self.past_frames = frames - 1
        # what a frame that is j frames old weighs at the ends of the quarters; the newest comes last
        at = torch.tensor([[j * hop + end for end in bounds[1:]] for j in reversed(range(frames))])
        self.overlap = nn.Buffer(F.pad(window, (0, hop + 1))[at], persistent=False)

    def start(self, batch: int) -> Tensor:
        """Fresh state: amplitudes of past frames, (batch, `past_frames`)."""
        return self.means.new_zeros(batch, self.past_frames)

    def forward(self, whole: Tensor, power: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Past samples and N * hop new ones (B, ...), power of the frames (B, N, F), state -> dB, state.

        Of the past `stft.delay` and two frames are looked at.
        """
        frames = power.shape[1]
        amplitudes = torch.cat([state, power.mean(-1).sqrt()], 1)
        made = amplitudes.unfold(1, self.past_frames + 1, 1) @ self.overlap
        end = whole.shape[1] - self.stft.delay + self.ahead
        span = whole[:, end - (frames + MEMORY // QUARTERS) * self.hop : end]
        powers = span.square().unflatten(1, (-1, self.hop)) @ self.means
        loudest = F.max_pool1d(powers.flatten(1)[:, None], MEMORY, 1)[:, 0, 1:].unflatten(1, (-1, QUARTERS))
        decibels = 10.0 * torch.log10((loudest + QUIET) / (made.square() + QUIET))
        return decibels.clamp(LOWEST_ONSET, 0.0), amplitudes[:, frames:]


class OnsetSynthesis(nn.Module):
    """Makes samples quieter by dB that were told for the ends of quarters, on straight lines between these."""

    lines: Tensor

    def __init__(self, hop: int) -> None:
        super().__init__()
        lines = torch.zeros(QUARTERS + 1, hop)
        for k, (start, stop) in enumerate(itertools.pairwise(quarter_bounds(hop))):
            share = torch.arange(1, stop - start + 1) / (stop - start)
            lines[k, start:stop], lines[k + 1, start:stop] = 1.0 - share, share
        self.lines = nn.Buffer(lines * math.log(10.0) / 20.0, persistent=False)

    def start(self, batch: int) -> Tensor:
        """Fresh state: dB at the end of the last frame, (batch, 1)."""
        return self.lines.new_zeros(batch, 1)

    def forward(self, y: Tensor, decibels: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N * hop), dB (B, N, `QUARTERS`), state -> samples, state."""
        before = torch.cat([state, decibels[:, :-1, -1]], 1)
        lines = torch.cat([before[..., None], decibels], -1) @ self.lines
        return y * lines.exp().flatten(1), decibels[:, -1, -1:]
