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

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..dsp.bands import band_centres
from .analysis import REACH, SILENCE, Controls
from .config import SoundConfig
from .synthesis import Synthesis

PERIODS = 1.5  # of the pitch, that a window is wide at least
NARROWEST = 2.0  # bins of a window: the power of a single one says little of noise
ROUNDS = 4  # neighbouring bands share bins, so that one is not enough
LIFT = 1.0  # nats by which harmonics are raised where nothing repeats; what is lacking beyond is noise
NOTHING = 1e-20  # power, for the quotient of two silences
MOST = 12.0  # nats of amplitude, as much as the network can be off


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
        (B, N) -> (B, N, bands) nats, within ±`MOST`.
        """
        wanted = self._relative(power, controls, synthesis)
        found = torch.zeros_like(wanted)
        for _ in range(ROUNDS):
            harmonic, rough = synthesis.amplitudes(gains + self.of_gains(found, controls))
            said = synthesis.comb(controls.pitch) * harmonic.square() + rough.square()
            found = (found + 0.5 * (wanted - self._relative(said, controls, synthesis))).clamp(-MOST, MOST)
        loudness = (power @ synthesis.weights)[..., None]
        return found * (loudness / (loudness + SILENCE))  # of silence there is nothing to be said

    def of_gains(self, correction: Tensor, controls: Controls) -> Tensor:
        """(B, N, bands) -> for the gains of harmonics and of noise, (B, N, 2 * bands).

        Where nothing repeats, what is lacking is noise; what is too much may be either.
        """
        harmonic = correction.clamp(max=LIFT) + controls.harmonicity[..., None] * (correction - LIFT).clamp(min=0.0)
        return torch.cat([harmonic, correction], -1)

    def _relative(self, power: Tensor, controls: Controls, synthesis: Synthesis) -> Tensor:
        """Power (B, N, F) -> log of the mean power around each band, of that of the loudness; (B, N, bands)."""
        whole = (power @ synthesis.weights)[..., None]
        harmonics = PERIODS / self.hertz * controls.pitch * (controls.harmonicity > 0.0)
        width = torch.maximum(self.widths, harmonics[..., None])
        low = (self.middles - 0.5 * width).clamp(min=0.0)
        high = (self.middles + 0.5 * width).clamp(max=float(self.bins))
        # in float64, for the sum over all bins is a million times the power of the highest of them
        total = F.pad(power.double().cumsum(-1), (1, 0))
        mean = (self._until(total, high) - self._until(total, low)) / (high - low)
        return torch.log((mean.float().clamp(min=0.0) + REACH * whole + NOTHING) / (whole + NOTHING))

    def _until(self, total: Tensor, place: Tensor) -> Tensor:
        """Sums of power before each bin (B, N, F + 1) -> up to places (B, N, bands) in bins, parts of bins too."""
        before = place.floor().long().clamp(max=self.bins - 1)
        low, high = total.gather(-1, before), total.gather(-1, before + 1)
        return low + (high - low) * (place - before).double()
