"""What the decoder's filter is driven by: pulses at the pitch and noise, both white, mixed band by band.

The source of the source-filter model (Dudley 1939; mixed excitation: McCree & Barnwell 1995). A spectrogram says
nothing of phase; that of the pulses is right enough, which is what makes a decoder of magnitudes speak after minutes of
training.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

NOISE_LENGTH = 1 << 16  # samples, about 4 s, then again
FIRST_PITCH = 120.0  # Hz, from which the first hop's pitch comes


class Excitation(nn.Module):
    """Pitch (B, N) in Hz, one value a hop -> pulses and noise (B, N * hop).

    A pulse falls where the phase, the integral of the pitch, passes an integer; it is shared between two samples, in
    proportion to where between them that is. Pitch goes linearly from one hop's value to the next. The noise is a
    table, so that the same codes always give the same sound.

    The power of the noise is 1 at all frequencies; that of the pulses is 1 at low ones and, because of the sharing,
    falls to a third at the highest, 2/3 in all.
    """

    noise: Tensor
    ramp: Tensor

    def __init__(self, sample_rate: int, hop: int) -> None:
        super().__init__()
        self.sample_rate, self.hop = sample_rate, hop
        noise = torch.randn(NOISE_LENGTH, generator=torch.Generator().manual_seed(0))
        self.noise = nn.Buffer(noise, persistent=False)
        self.ramp = nn.Buffer((torch.arange(hop, dtype=torch.float64) + 1) / hop, persistent=False)

    def start(self, batch: int) -> Tensor:
        """Fresh state (B, 4) float64: phase in periods, last pitch, place in the noise, the next sample's due."""
        state = torch.zeros(batch, 4, dtype=torch.float64, device=self.noise.device)
        state[:, 1] = FIRST_PITCH
        return state

    def forward(self, pitch: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pitch (B, N) Hz, state -> pulses (B, N * hop), noise (B, N * hop), state."""
        pulses, noise, states = self.with_states(pitch, state)
        return pulses, noise, states[:, -1]

    def with_states(self, pitch: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Likewise, with the state after each hop, (B, N, 4): from any of them on it can be driven another way."""
        count = pitch.shape[1] * self.hop
        pitch = pitch.double()
        before = torch.cat([state[:, 1:2], pitch[:, :-1]], 1)
        # the integral of a straight line over j samples of the hop: exact, and the same however the stream is cut
        per_hop = self.hop / self.sample_rate
        ramp = self.ramp
        inside = before[..., None] * ramp + 0.5 * (pitch - before)[..., None] * ramp.square()
        hops = torch.cat([state[:, :1], 0.5 * (before + pitch) * per_hop], 1).cumsum(1)
        phase = (hops[:, :-1, None] + inside * per_hop).flatten(1)
        last = torch.cat([state[:, :1], phase[:, :-1]], 1)
        falls = phase.floor() > last.floor()
        late = ((phase - phase.floor()) / (phase - last)).clamp(0.0, 1.0)  # samples since the pulse
        height = (1.0 / (phase - last).clamp(min=1e-6)).sqrt() * falls
        here, next_one = height * late, height * (1.0 - late)
        pulses = here + torch.cat([state[:, 3:4], next_one[:, :-1]], 1)
        place = state[:, 2:3].long() + torch.arange(count, device=pitch.device)
        number = torch.arange(1, pitch.shape[1] + 1, device=pitch.device)
        after = torch.stack(
            [
                hops[:, 1:] - hops[:, 1:].floor(),
                pitch,
                (state[:, 2:3] + number * self.hop) % NOISE_LENGTH,
                next_one[:, self.hop - 1 :: self.hop],
            ],
            2,
        )
        return pulses.float(), self.noise[place % NOISE_LENGTH], after
