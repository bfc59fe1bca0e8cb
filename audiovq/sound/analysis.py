"""Samples -> what is played (pitch, loudness, harmonicity) and what its sound is like, frame by frame, causal."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..dsp.bands import a_weights, band_triangles
from ..dsp.stft import STFT, squared
from ..dsp.wide_pitch import BINS_AN_OCTAVE, MAX_PITCH, MIN_PITCH, PitchTracker
from .config import SoundConfig
from .onsets import QUARTERS, OnsetAnalysis

SILENCE = 1e-10  # power, -100 dB
REACH = 1e-7  # power of a band, of that of the loudness, below which it is all the same
LAG = 0.02  # seconds by which the middle of the tracker's window is behind the pulses that its pitch is for
STEEPEST = 1.5 / 12.0  # octaves a frame that a pitch glides; what moves further is another note
PERIODS = 4.0  # that a window holds at least before its power stands still from frame to frame


@dataclass(frozen=True)
class Controls:
    """What is played, apart from timbre; (B, N), but for the onsets.

    Attributes:
        pitch: Hz, carried on through what has none.
        loudness: dB, A-weighted; 0 is white noise of power 1, -100 silence.
        harmonicity: share that repeats with the pitch, 0 to 1; 0 where there is no pitch.
        onsets: (B, N, `QUARTERS`), dB by which it is quieter at the ends of the quarters of a frame, before an onset.
    """

    pitch: Tensor
    loudness: Tensor
    harmonicity: Tensor
    onsets: Tensor

    @classmethod
    def steady(cls, pitch: Tensor, loudness: Tensor, harmonicity: Tensor) -> Controls:
        """Without an onset."""
        return cls(pitch, loudness, harmonicity, loudness.new_zeros(*loudness.shape, QUARTERS))

    def held(self) -> Controls:
        """Frames that stand still: the onset is over."""
        return Controls.steady(self.pitch, self.loudness, self.harmonicity)

    def tensors(self) -> tuple[Tensor, ...]:
        """In the order of the attributes."""
        return self.pitch, self.loudness, self.harmonicity, self.onsets

    def map(self, change: Callable[[Tensor], Tensor]) -> Controls:
        """The same done to each tensor, whose first dimensions are (B, N)."""
        return Controls(*map(change, self.tensors()))

    def for_network(self) -> Tensor:
        """(B, N, `CONTROL_FEATURES`), of about unit size."""
        height = torch.log2(self.pitch / MIN_PITCH) / math.log2(MAX_PITCH / MIN_PITCH)
        angles = math.pi * torch.stack([height, 2.0 * height, 4.0 * height], -1)
        waves = torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)
        plain = torch.stack([2.0 * height - 1.0, 0.04 * self.loudness + 1.2, self.harmonicity], -1)
        return torch.cat([plain, waves], -1)


CONTROL_FEATURES = 9


@dataclass(frozen=True)
class Analysis:
    """Of each frame.

    Attributes:
        controls: of (B, N).
        power: of a short window, (B, N, F).
        features: (B, N, 3 * bands): log power of bands of a short and of a long window, against the loudness; share of
            the power of each band that repeats with the pitch.
    """

    controls: Controls
    power: Tensor
    features: Tensor


class SoundAnalysis(nn.Module):
    """Samples (B, N * hop), state -> `Analysis` of N frames, state; pieces of any size give what the whole gives."""

    bands: Tensor
    long_bands: Tensor
    weights: Tensor
    mid_weights: Tensor
    long_weights: Tensor
    turn: Tensor
    states = 5  # tensors of a state

    def __init__(self, config: SoundConfig, stft: STFT) -> None:
        super().__init__()
        self.config, self.stft = config, stft
        self.tracker = PitchTracker(config.sample_rate, config.hop)
        self.onsets = OnsetAnalysis(config.hop, stft)
        rate, size = config.sample_rate, self.tracker.long.size
        bins = size // 2 + 1

        def means(bins: int) -> Tensor:
            triangles = band_triangles(bins, config.bands, rate)
            return (triangles / triangles.sum(1, keepdim=True).clamp(min=1e-6)).t().contiguous()

        def loudness(bins: int) -> Tensor:
            return a_weights(bins, rate) / bins

        self.bands = nn.Buffer(means(stft.bins), persistent=False)
        self.long_bands = nn.Buffer(means(bins), persistent=False)
        self.weights = nn.Buffer(loudness(stft.bins), persistent=False)
        self.mid_weights = nn.Buffer(loudness(self.tracker.short.size // 2 + 1), persistent=False)
        self.long_weights = nn.Buffer(loudness(bins), persistent=False)
        self.turn = nn.Buffer(2.0 * torch.pi * rate / size * torch.arange(bins), persistent=False)

    def start(self, batch: int) -> list[Tensor]:
        """Fresh state: samples of the past, last two pitches in octaves (B, 2), state of the onsets, of the tracker."""
        tracker = self.tracker.start(batch)
        octaves = (tracker[-1] / BINS_AN_OCTAVE)[:, None].expand(-1, 2).clone()
        past = self.weights.new_zeros(batch, self.tracker.past)
        return [past, octaves, self.onsets.start(batch), *tracker]

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Analysis, list[Tensor]]:
        past = state[0]
        spectrum, _ = self.stft.analyse(x, past[:, past.shape[1] - self.stft.delay :])
        short = squared(spectrum)
        whole = torch.cat([past, x], 1)
        pitch, after = self.tracker(whole, state[3:])
        strength = pitch.strength * pitch.voiced
        power = self._power(short, pitch.mid_spectrum, pitch.spectrum, pitch.hertz, strength)
        octaves = torch.cat([state[1], torch.log2(pitch.hertz / MIN_PITCH)], 1)
        onsets, amplitudes = self.onsets(whole, short, state[2])
        controls = Controls(self._ahead(octaves), 10.0 * torch.log10(power + SILENCE), strength, onsets)
        repeating = pitch.spectrum * torch.cos(self.turn / pitch.hertz[..., None])
        long, repeated = (torch.stack([pitch.spectrum, repeating], -2) @ self.long_bands).unbind(-2)
        share = repeated / (long + SILENCE)
        both = self._against(torch.cat([short @ self.bands, long], -1), power)
        kept = [whole[:, x.shape[1] :], octaves[:, -2:], amplitudes, *after]
        return Analysis(controls, short, torch.cat([both, share], -1)), kept

    def _ahead(self, octaves: Tensor) -> Tensor:
        """Octaves above `MIN_PITCH` (B, 2 + N) -> Hz (B, N) where a glide will be a lag later, on a straight line.

        Pulses are wanted for now, and the window has its middle in the past: on a voice that glides 50 cents in a frame
        that is another semitone.
        """
        steps = octaves.diff(dim=1)
        before, now = steps[:, :-1], steps[:, 1:]
        # the gentler of the last two slopes, none where they differ in sign: so jitter is no glide (minmod, Roe 1986)
        slope = torch.where(before * now > 0.0, torch.sign(now) * torch.minimum(before.abs(), now.abs()), 0.0)
        slope = slope * (torch.maximum(before.abs(), now.abs()) <= STEEPEST)
        lag = LAG * self.config.frame_rate
        return (MIN_PITCH * torch.exp2(octaves[:, 2:] + lag * slope)).clamp(MIN_PITCH, MAX_PITCH)

    def _power(self, short: Tensor, mid: Tensor, long: Tensor, hertz: Tensor, strength: Tensor) -> Tensor:
        """A-weighted power (B, N) of a window that is as long as the pitch wants, so that it does not flutter."""
        powers = [short @ self.weights, mid @ self.mid_weights, long @ self.long_weights]
        log_short, log_mid, log_long = (torch.log(power + SILENCE) for power in powers)
        lacking = torch.log2(PERIODS * self.config.sample_rate / self.config.window / hertz).clamp(0.0, 2.0) * strength
        near = torch.lerp(log_short, log_mid, lacking.clamp(max=1.0))
        return torch.exp(torch.lerp(near, log_long, (lacking - 1.0).clamp(min=0.0)))

    def _against(self, bands: Tensor, power: Tensor) -> Tensor:
        """Log of the power of bands over that of the loudness, of about unit size."""
        whole = power[..., None] + SILENCE
        return 0.25 * torch.log(bands / whole + REACH)
