"""Band gains, pitch and loudness -> samples: harmonics and noise, filtered, made exactly as loud as they should be.

Gains that are smooth over the bins fit together in overlap-add as they are: there is nothing to invert. (Harmonics plus
noise: Serra & Smith 1990; with a network before it: Engel et al. 2020, DDSP.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..dsp.bands import TOP, a_weights, band_triangles
from ..dsp.harmonics import HarmonicPulses
from ..dsp.stft import STFT
from ..dsp.wide_pitch import MAX_PITCH, MIN_PITCH
from .analysis import SILENCE, Controls
from .config import SoundConfig
from .onsets import OnsetSynthesis

NOISE_LENGTH = 1 << 18  # samples, about 5 s, then again
COMBS_AN_OCTAVE = 192
LOBE = 2  # bins on each side that a harmonic reaches, in a Hann window
LOUDEST = 12.0  # dB


class Synthesis(nn.Module):
    """Log gains (B, N, 2 * bands) of harmonics and noise, controls -> samples (B, N * hop), `STFT.delay` late."""

    triangles: Tensor
    weights: Tensor
    combs: Tensor
    noise: Tensor

    def __init__(self, config: SoundConfig, stft: STFT) -> None:
        super().__init__()
        self.config, self.stft = config, stft
        limit = min(TOP, 0.46 * config.sample_rate)
        self.pulses = HarmonicPulses(config.sample_rate, config.hop, limit)
        self.onsets = OnsetSynthesis(config.hop)
        self.triangles = nn.Buffer(band_triangles(stft.bins, config.bands, config.sample_rate), persistent=False)
        self.weights = nn.Buffer(a_weights(stft.bins, config.sample_rate) / stft.bins, persistent=False)
        self.combs = nn.Buffer(self._combs(), persistent=False)
        noise = torch.randn(NOISE_LENGTH, generator=torch.Generator().manual_seed(0))
        self.noise = nn.Buffer(noise, persistent=False)

    def start(self, batch: int) -> list[Tensor]:
        """Fresh state: of the pulses, place in the noise (B,), past pulses, past noise, that of the onsets, tail."""
        place = torch.zeros(batch, dtype=torch.int64, device=self.noise.device)
        past = self.stft.past(batch)
        return [self.pulses.start(batch), place, past, past.clone(), self.onsets.start(batch), self.stft.tail(batch)]

    def forward(self, gains: Tensor, controls: Controls, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Any number of frames; gains are relative to each other, the loudness is that of the controls."""
        source, place, past_pulses, past_noise, onset, tail = state
        pulses, source = self.pulses(controls.pitch, source)
        steps = torch.arange(pulses.shape[1], device=place.device)
        noise = self.noise[(place[:, None] + steps) % NOISE_LENGTH]
        pulses, past_pulses = self.stft.analyse(pulses, past_pulses)
        noise, past_noise = self.stft.analyse(noise, past_noise)
        harmonic, rough = self.bin_gains(gains, controls)
        y, tail = self.stft.synthesise(harmonic * pulses + rough * noise, tail)
        y, onset = self.onsets(y, controls.onsets, onset)
        return y, [source, (place + len(steps)) % NOISE_LENGTH, past_pulses, past_noise, onset, tail]

    def bin_gains(self, gains: Tensor, controls: Controls) -> tuple[Tensor, Tensor]:
        """Amplitudes of harmonics and noise, both (B, N, F), that add up to the loudness of the controls."""
        harmonic, rough = self.amplitudes(gains)
        power = torch.addcmul(rough.square(), self.comb(controls.pitch), harmonic.square())
        wanted = 10.0 ** (0.1 * controls.loudness.clamp(max=LOUDEST)) - SILENCE
        scale = (wanted.clamp(min=0.0).sqrt() * (power @ self.weights + SILENCE).rsqrt())[..., None]
        return scale * harmonic, scale * rough

    def amplitudes(self, gains: Tensor) -> tuple[Tensor, Tensor]:
        """Log gains (B, N, 2 * bands) -> harmonics and noise in each bin, both (B, N, F), relative to each other."""
        harmonic, rough = torch.exp(self._in_bins(gains)).unbind(-2)
        return harmonic, rough

    def power(self, gains: Tensor, comb: Tensor) -> Tensor:
        """Log gains (B, N, 2 * bands), `comb` of the pitch -> the power of both together in each bin, (B, N, F)."""
        harmonic, rough = torch.exp(self._in_bins(2.0 * gains)).unbind(-2)
        return torch.addcmul(rough, comb, harmonic)

    def comb(self, pitch: Tensor) -> Tensor:
        """Pitch (B, N) Hz -> the power that pulses have in each bin, on average over their phases; (B, N, F)."""
        place = torch.log2(pitch.float() / MIN_PITCH) * COMBS_AN_OCTAVE
        return self.combs[place.round().long().clamp(0, len(self.combs) - 1)]

    def _in_bins(self, gains: Tensor) -> Tensor:
        """(B, N, 2 * bands) -> (B, N, 2, F), on straight lines between bands."""
        return gains.unflatten(-1, (2, len(self.triangles))) @ self.triangles

    def _combs(self) -> Tensor:
        """`comb` of pitches from the lowest to the highest; (pitches, F)."""
        octaves = math.log2(MAX_PITCH / MIN_PITCH)
        pitch = MIN_PITCH * torch.exp2(torch.arange(math.ceil(octaves * COMBS_AN_OCTAVE) + 1) / COMBS_AN_OCTAVE)
        spacing = (pitch * (self.config.window / self.config.sample_rate))[:, None]  # bins
        bins = torch.arange(self.stft.bins)
        found = torch.zeros(len(pitch), len(bins))
        for k in range(-LOBE, LOBE + 1):
            number = (bins / spacing).round() + k
            distance = (bins - number * spacing).abs().clamp(max=LOBE)
            # of a Hann window: 1 in the middle, 1/2 a bin from it, 0 from two bins on
            lobe = torch.sinc(distance) / (1.0 - distance.square() + (distance == 1.0))
            lobe = torch.where(distance == 1.0, 0.5, lobe).square()
            found += lobe * (number >= 1.0) * (number * pitch[:, None] <= self.pulses.limit)
        even = (bins * self.config.sample_rate / self.config.window <= self.pulses.limit).float()
        return torch.where(spacing < 1.0, even, found * spacing * (2.0 / 3.0))
