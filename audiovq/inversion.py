"""Magnitudes and first phases of spectrogram frames -> samples whose spectrogram has these magnitudes.

A choice of phases is seldom the spectrogram of any signal: overlap-add blurs the magnitudes that do not fit together.
Taking phases from the spectrogram of the result, again and again, mends that (Griffin & Lim 1984).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .spectrogram import STFT

ROUNDS = 2  # of each frame: doubling them gives a little more for twice the time


class SpectrogramInversion(nn.Module):
    """Griffin & Lim's rounds without a look ahead: real-time iterative spectrogram inversion.

    (Beauregard, Zhu & Wyse 2005.) What earlier frames have put down stays; each frame takes its phases, `ROUNDS` times,
    from the overlap of what they left with itself. No delay is added to that of overlap-add.
    """

    analysis: Tensor
    both: Tensor

    def __init__(self, stft: STFT) -> None:
        super().__init__()
        self.window, self.hop = stft.window, stft.hop
        self.register_buffer("analysis", stft.hann * stft.scale, persistent=False)
        self.register_buffer("dual", stft.dual.clone(), persistent=False)
        self.register_buffer("both", self.analysis * self.dual, persistent=False)

    def forward(self, magnitude: Tensor, phase: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """Frame after frame.

        Args:
            magnitude: (B, N, F).
            phase: (B, N, F) complex, of modulus 1.
            tail: (B, window - hop) what earlier frames have left, at first `STFT.tail`.

        Returns:
            Samples (B, N * hop), `window - hop` late as those of `STFT.synthesise`, and the tail.
        """
        first, length = magnitude * phase, magnitude.shape[1] * self.hop
        y = F.pad(tail, (0, length))
        for i in range(magnitude.shape[1]):
            wanted, spectrum = magnitude[:, i], first[:, i]
            past = y[:, i * self.hop : i * self.hop + self.window]
            seen = past * self.analysis
            for _ in range(ROUNDS):
                whole = torch.addcmul(seen, torch.fft.irfft(spectrum, self.window), self.both)
                spectrum = wanted * torch.sgn(torch.fft.rfft(whole))
            past.addcmul_(torch.fft.irfft(spectrum, self.window), self.dual)
        return y[:, :length], y[:, length:]


def invert_at_once(magnitude: Tensor, phase: Tensor, stft: STFT) -> Tensor:
    """A round of Griffin & Lim over whole pieces: what training hears, quick and with a gradient to the magnitudes.

    Args:
        magnitude, phase: as of `SpectrogramInversion`; the pieces begin and end in silence.

    Returns:
        (B, N * hop) samples, `window - hop` late.
    """
    with torch.no_grad():
        y, tail = stft.synthesise(magnitude * phase, stft.tail(len(magnitude)))
        aligned = torch.cat([y, tail], 1)[:, stft.delay :]
        phase = torch.sgn(stft.analyse(aligned, stft.past(len(aligned)))[0])
    return stft.synthesise(magnitude * phase, stft.tail(len(magnitude)))[0]
