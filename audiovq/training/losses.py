"""What the codec is trained on: pure functions of waveforms and of what the decoder said."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from ..dsp.periodicity import band_weights
from ..dsp.stft import squared

RESOLUTIONS = ((256, 40), (512, 80), (1024, 100))  # window in samples, mel bands
LEVELLED, LEVEL_BANDS = 512, 8  # window and bands in which levels are compared
FLOOR = 1e-5  # amplitude, before logarithms
BIN_FLOOR = 1e-6  # power, before logarithms
COMPRESSION = 0.3  # loudness grows with about this power of amplitude (Stevens 1957)
STRETCH = 25  # frames over which levels are compared, 0.2 s
FAINT = 1e-4  # of a piece's power: what a band has below counts for little
SPEAKING, MEL_FLOOR, FAINTEST = 0.03, 1e-6, 1e-7  # of a piece's power: a frame that speaks, a band; and that power
PITCH_SPREAD = 0.8  # bins; a label's weight on its neighbours


@dataclass(frozen=True)
class SpectralTerms:
    """Scalars.

    Attributes:
        mel: mean absolute difference of log mel amplitudes, over several resolutions.
        fine: mean absolute difference of compressed amplitudes, bin by bin.
        level: difference of the log powers of stretches, band by band.
    """

    mel: Tensor
    fine: Tensor
    level: Tensor


class SpectralLoss(nn.Module):
    """Multi-resolution spectral distance of waveforms (Yamamoto et al. 2020, arXiv 1910.11480; mel as in HiFi-GAN)."""

    levels: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        for window, bands in RESOLUTIONS:
            bank = melscale_fbanks(window // 2 + 1, 0.0, sample_rate / 2, bands, sample_rate, norm="slaney")
            self.register_buffer(f"bank_{window}", bank / bank.sum(0).clamp(min=1e-6), persistent=False)
            self.register_buffer(f"window_{window}", torch.hann_window(window), persistent=False)
        self.levels = nn.Buffer(band_weights(LEVELLED // 2 + 1, LEVEL_BANDS).t(), persistent=False)

    def amplitudes(self, x: Tensor, window: int) -> Tensor:
        """(B, T) -> (B, N, F), 1 for white noise of variance 1."""
        shape = getattr(self, f"window_{window}")
        spectrum = torch.stft(x, window, window // 4, window=shape, center=False, return_complex=True)
        power = squared(spectrum).transpose(1, 2)
        return (power / shape.square().sum() + FLOOR**2).sqrt()

    def loudness(self, x: Tensor, window: int) -> Tensor:
        """(B, T) -> (B, N, F), compressed amplitudes."""
        return self.amplitudes(x, window).pow(COMPRESSION)

    def forward(self, made: Tensor, real: Tensor) -> SpectralTerms:
        """Waveforms (B, T), aligned."""
        mel, fine, level = made.new_zeros(()), made.new_zeros(()), made.new_zeros(())
        for window, _ in RESOLUTIONS:
            a, b = self.amplitudes(made, window), self.amplitudes(real, window)
            bank = getattr(self, f"bank_{window}")
            mel = mel + F.l1_loss((a @ bank + FLOOR).log(), (b @ bank + FLOOR).log())
            fine = fine + F.l1_loss(a.pow(COMPRESSION), b.pow(COMPRESSION))
            if window == LEVELLED:
                level = level_loss(a, b, self.levels)
        return SpectralTerms(mel / len(RESOLUTIONS), fine / len(RESOLUTIONS), level)


def bin_loss(magnitude: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Mean absolute difference of log magnitudes, bin by bin; all (B, N, F); scalar, nats.

    What mel bands leave out: how high each harmonic stands.
    """
    difference = ((magnitude.square() + BIN_FLOOR).log() - (wanted.square() + BIN_FLOOR).log()).abs()
    return 0.5 * (weight * difference).sum() / weight.sum()


def level_loss(made: Tensor, real: Tensor, bank: Tensor) -> Tensor:
    """Distance of the log powers of stretches, band by band and in all; scalar, nats of amplitude.

    Distances of logarithms frame by frame and bin by bin are least at the median, which is quieter than the mean, and
    hardly see that a high voice has nearly all its power in a few bins. This one asks that what is decoded is as loud
    as what was coded.

    Args:
        made, real: amplitudes (B, N, F).
        bank: (F, bands).
    """
    stretches = max(made.shape[1] // STRETCH, 1)
    power = [torch.stack([p.mean(1) for p in (a.square() @ bank).chunk(stretches, 1)], 1) for a in (made, real)]
    power = [torch.cat([p, p.sum(-1, keepdim=True)], -1) for p in power]
    faint = FAINT * power[1][..., -1:].mean(1, keepdim=True) + FLOOR**2
    return 0.5 * ((power[0] + faint).log() - (power[1] + faint).log()).abs().mean()


def timbre_loss(made: Tensor, real: Tensor, spectral: SpectralLoss) -> Tensor:
    """Distance of the mean log mel spectra of pieces, where the original speaks; both (B, T); scalar, nats.

    What formants that decoding sharpens do to a voice on the whole, which frame by frame they are not to be asked.
    """
    a, b = (spectral.amplitudes(x, LEVELLED).square() for x in (made, real))
    power = b.mean((1, 2), keepdim=True) + FAINTEST
    heard = (b.mean(-1, keepdim=True) > SPEAKING * power).float()
    bank = spectral.get_buffer(f"bank_{LEVELLED}")
    difference = (a @ bank + MEL_FLOOR * power).log() - (b @ bank + MEL_FLOOR * power).log()
    return 0.5 * ((difference * heard).sum(1) / heard.sum(1).clamp(min=1.0)).abs().mean()


def pitch_loss(logits: Tensor, bins: Tensor, weight: Tensor) -> Tensor:
    """Cross-entropy to a narrow bell around the label; scalar, nats.

    Args:
        logits: (B, N, pitch bins).
        bins: (B, N) fractional.
        weight: (B, N), 0 where there is no pitch.
    """
    offset = torch.arange(logits.shape[-1], device=bins.device) - bins[..., None]
    target = torch.softmax(-0.5 * (offset / PITCH_SPREAD).square(), -1)
    nats = -(target * logits.log_softmax(-1)).sum(-1)
    return (nats * weight).sum() / weight.sum().clamp(min=1.0)


def periodicity_loss(logits: Tensor, share: Tensor) -> Tensor:
    """Binary cross-entropy to the share of the power that repeats, both (B, N, bands); scalar, nats."""
    return F.binary_cross_entropy_with_logits(logits, share)


def spread_loss(z: Tensor) -> Tensor:
    """Squared distance of the latents' covariance from the identity, a mean over its entries; scalar.

    The straight-through estimator does not tell an encoder that a dimension of small variance drowns in quantization
    noise. Latents that are white (Bardes et al. 2022, VICReg) share the codes out evenly and keep codebooks in use.

    Args:
        z: (B, N, D).
    """
    rows = z.flatten(0, 1)
    rows = rows - rows.mean(0)
    covariance = rows.t() @ rows / len(rows)
    return (covariance - torch.eye(z.shape[2], device=z.device)).square().mean()
