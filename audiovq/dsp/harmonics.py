"""Pulses of exact pitch: all harmonics below a limit, none above, in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FIRST_PITCH = 220.0  # Hz, from which the first hop's pitch comes
NEAR = 1e-5  # radians of half a period's phase below which the quotient is its limit


class HarmonicPulses(nn.Module):
    """Pitch (B, N) in Hz, one value a hop -> pulses (B, N * hop) with the spectral density of white noise of power 1.

    A sum of K cosines of one phase is a quotient of two sines (Winham & Steiglitz 1970; Moorer 1976, eq. 2), so that a
    pulse costs the same at all pitches and nothing is mirrored at the Nyquist frequency. Pitch goes linearly from one
    hop's value to the next.

    Args:
        sample_rate: Hz.
        hop: samples.
        limit: Hz, above which there is no harmonic.
    """

    ramp: Tensor

    def __init__(self, sample_rate: int, hop: int, limit: float) -> None:
        super().__init__()
        self.sample_rate, self.hop, self.limit = sample_rate, hop, limit
        self.ramp = nn.Buffer((torch.arange(hop, dtype=torch.float64) + 1) / hop, persistent=False)

    def start(self, batch: int) -> Tensor:
        """Fresh state (B, 2) float64: phase in periods, last pitch."""
        state = torch.zeros(batch, 2, dtype=torch.float64, device=self.ramp.device)
        state[:, 1] = FIRST_PITCH
        return state

    def forward(self, pitch: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Pitch (B, N) Hz, state -> pulses (B, N * hop) float32, state. The same however the stream is cut."""
        pitch = pitch.double()
        before = torch.cat([state[:, 1:], pitch[:, :-1]], 1)
        per_hop = self.hop / self.sample_rate
        inside = before[..., None] * self.ramp + 0.5 * (pitch - before)[..., None] * self.ramp.square()
        hops = torch.cat([state[:, :1], 0.5 * (before + pitch) * per_hop], 1).cumsum(1)
        phase = hops[:, :-1, None] + inside * per_hop
        half = math.pi * (phase - phase.round()).float()
        # as many harmonics as the hop's highest pitch has room for
        count = (self.limit / torch.maximum(before, pitch)).floor().float()[..., None]
        bottom = torch.sin(half)
        is_near = bottom.abs() < NEAR
        quotient = torch.sin((2.0 * count + 1.0) * half) / torch.where(is_near, 1.0, bottom)
        cosines = 0.5 * (torch.where(is_near, 2.0 * count + 1.0, quotient) - 1.0)
        pulses = cosines * (2.0 * (before / self.sample_rate).sqrt().float())[..., None]
        after = torch.stack([hops[:, -1] - hops[:, -1].floor(), pitch[:, -1]], 1)
        return pulses.flatten(1), after
