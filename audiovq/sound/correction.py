"""What the decoder leaves wrong in the spectrum of a sound, by band: heard as it is encoded, mixed like its timbre.

A latent of a sound that is unlike what the model was trained on says little of it: rain, a cymbal or a chord would come
back with the spectrum of some breath. But the encoder can ask the decoder what it will make of a frame, and what is
lacking, in nats of amplitude for each band, goes beside the latent. So any spectrum comes back, as finely as the bands
tell, and the latent says the rest: what is harmonic and what is noise, and what is finer than a band.

Powers are compared in windows at least `PERIODS` of the pitch wide, as in CheapTrick (Morise 2015, doi
10.1016/j.specom.2014.09.003): between two harmonics there is nothing to correct, and there will be one once the pitch
is another.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..dsp.bands import band_centres
from .analysis import REACH, SILENCE, Controls
from .config import SoundConfig
from .synthesis import Synthesis

PERIODS = 1.5  # of the pitch, that a window is wide at least
NARROWEST = 2.0  # bins of a window: the power of a single one says little of noise
ROUNDS, STEP = 3, 0.6  # of what is lacking, at a time: neighbouring bands share bins, so that one is not enough
LIFT = 1.0  # nats by which harmonics are raised where nothing repeats; what is lacking beyond is noise
NOTHING = 1e-20  # power, for the quotient of two silences
MAX_CORRECTION = 12.0  # nats of amplitude, as much as the network can be off


class Correction(nn.Module):
    """Power of frames and what the decoder says of them -> nats of amplitude (B, N, bands) that are to be added.

    A frame depends on no other one, so that pieces of any size give what the whole gives. Any thread may call it; on an
    audio thread it allocates, as all of torch does.
    """

    middles: Tensor
    widths: Tensor

    def __init__(self, config: SoundConfig, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.hertz = config.sample_rate / config.window  # of a bin
        centres = band_centres(config.bands, config.sample_rate)
        self.middles = nn.Buffer(centres / self.hertz + 0.5, persistent=False)
        self.widths = nn.Buffer((torch.gradient(centres)[0] / self.hertz).clamp(min=NARROWEST), persistent=False)

    def forward(self, power: Tensor, gains: Tensor, controls: Controls, synthesis: Synthesis) -> Tensor:
        """Power (B, N, F) of frames, as of `Analysis`; log gains (B, N, 2 * bands) of the decoder for them; controls of
        (B, N) -> (B, N, bands) nats, within ±`MAX_CORRECTION`.
        """
        windows, comb = self._windows(controls), synthesis.comb(controls.pitch)
        weights = synthesis.weights[:, None]
        loudness = power @ weights
        wanted = windows.relative(power, loudness)
        found = torch.zeros_like(wanted)
        for _ in range(ROUNDS):
            said = synthesis.power(gains + self.of_gains(found, controls), comb)
            lacking = wanted - windows.relative(said, said @ weights)
            found = torch.add(found, lacking, alpha=STEP).clamp(-MAX_CORRECTION, MAX_CORRECTION)
        return found * (loudness / (loudness + SILENCE))  # of silence there is nothing to be said

    def of_gains(self, correction: Tensor, controls: Controls) -> Tensor:
        """(B, N, bands) -> for the gains of harmonics and of noise, (B, N, 2 * bands).

        Where nothing repeats, what is lacking is noise; what is too much may be either.
        """
        beyond = (correction - LIFT).clamp(min=0.0)
        harmonic = torch.addcmul(correction, (controls.harmonicity - 1.0)[..., None], beyond)
        return torch.cat([harmonic, correction], -1)

    def _windows(self, controls: Controls) -> _Windows:
        """Around each band, as wide as the pitch of a frame wants."""
        harmonics = PERIODS / self.hertz * controls.pitch * (controls.harmonicity > 0.0)
        half = 0.5 * torch.maximum(self.widths, harmonics[..., None])
        places = torch.cat([self.middles - half, self.middles + half], -1).clamp(0.0, float(self.bins))
        last = places.floor().long().clamp(max=self.bins - 1)
        low, high = places.chunk(2, -1)
        return _Windows(last, last + 1 - places, 1.0 / (high - low))


@dataclass(frozen=True)
class _Windows:
    """From where to where the power of each band is compared; two places a band, the lower of all bands first.

    Attributes:
        last: (B, N, 2 * bands) bin that a place is in.
        beyond: (B, N, 2 * bands), share of that bin that is beyond the place.
        per_bin: (B, N, bands), one over the width in bins.
    """

    last: Tensor
    beyond: Tensor
    per_bin: Tensor

    def relative(self, power: Tensor, whole: Tensor) -> Tensor:
        """Power (B, N, F), A-weighted (B, N, 1) -> log of the mean around each band, of the latter; (B, N, bands)."""
        # in double precision, for the sum over all bins is a million times the power of the highest of them
        until = power.cumsum(-1, dtype=torch.float64).gather(-1, self.last) - power.gather(-1, self.last) * self.beyond
        low, high = until.chunk(2, -1)
        mean = ((high - low).float() * self.per_bin).clamp(min=NOTHING)
        return torch.log(torch.add(mean, whole, alpha=REACH) / (whole + NOTHING))
