"""Pieces of speech -> pieces with higher voices, sung vowels and noise among them, their labels right by construction.

Corpora of read speech have hardly a voice above 300 Hz. A higher one is made of a lower one by the vocoder that the
codec is built on (Dudley 1939): the envelope of its spectrogram, with harmonics smoothed away over a pitch's width
(as CheapTrick does; Morise 2015), is what pulses at another pitch and noise are filtered with. So the pitch of what
comes out is known, and no tracker has to find it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..dsp.excitation import Excitation
from ..dsp.periodicity import band_weights
from ..dsp.pitch import BIN_STEP, MIN_PITCH, frequencies, frequency_at
from ..dsp.stft import STFT, squared
from ..model.config import VQVAEConfig
from .dataset import SpeechBatch

PITCHED_TO = (220.0, 720.0)  # Hz, of the median of a higher voice
FORMANTS_BY = (1.0, 1.35)  # shorter vocal tracts: of the formants' frequencies
SUNG = (150.0, 760.0)  # Hz
SNR = (-5.0, 20.0)  # dB, of noisy pieces
VOWEL_LEVELS = (-38.0, -14.0)  # dB of full scale, root mean square
FORMANTS = ((280.0, 1000.0), (850.0, 2800.0), (2300.0, 3500.0), (3300.0, 4600.0))  # Hz, from and to, of each
BREATH = (-5.0, -1.0)  # powers of ten: the share of noise in a sung vowel
TINY = 1e-9  # power


@dataclass(frozen=True)
class AugmentationConfig:
    """Shares of the pieces, 0 to 1.

    Attributes:
        pitched: whose voice is made higher.
        vowels: that are sung vowels instead.
        noisy: that noise is added to, of these and of the others.
    """

    pitched: float = 0.0
    vowels: float = 0.0
    noisy: float = 0.0

    def __post_init__(self) -> None:
        shares = self.pitched, self.vowels, self.noisy, self.pitched + self.vowels
        if not all(0.0 <= share <= 1.0 for share in shares):
            raise ValueError(f"{self}; shares are 0 to 1, pitched and vowels together too")

    @property
    def does_nothing(self) -> bool:
        return not (self.pitched or self.vowels or self.noisy)


class Augmentation:
    """Call it with a batch on the CPU; thread-safe, for it keeps nothing."""

    def __init__(self, config: AugmentationConfig, model: VQVAEConfig) -> None:
        self.config = config
        self.stft = STFT(model.window, model.frame)
        self.excitation = Excitation(model.sample_rate, model.frame)
        self.sample_rate, self.last_bin = model.sample_rate, float(model.pitch_bins - 1)
        self.highest = float(frequencies(model.pitch_bins)[-1])
        self.weights = band_weights(self.stft.bins, model.bands)
        turn = torch.pi * torch.arange(self.stft.bins) / (self.stft.bins - 1)
        self.whitening = (2.0 / 3.0 + torch.cos(turn) / 3.0).rsqrt()  # pulses shared between two samples are not white

    @torch.no_grad()
    def __call__(self, batch: SpeechBatch, generator: torch.Generator) -> SpeechBatch:
        """What became of the pieces; all random choices are the generator's."""
        config = self.config
        if config.does_nothing:
            return batch
        drawn = torch.rand(len(batch.samples), 2, generator=generator)
        pitched = (drawn[:, 0] < config.pitched).nonzero()[:, 0]
        sung = ((drawn[:, 0] >= config.pitched) & (drawn[:, 0] < config.pitched + config.vowels)).nonzero()[:, 0]
        noisy = (drawn[:, 1] < config.noisy).nonzero()[:, 0]
        for rows, made in ((pitched, self.pitched), (sung, self.vowels)):
            if len(rows):
                batch = _put(batch, rows, made(_take(batch, rows), generator))
        if len(noisy):
            others = batch.samples.roll(1, 0)[noisy]
            batch = _put(batch, noisy, self.noisy(_take(batch, noisy), others, generator))
        return batch

    def pitched(self, batch: SpeechBatch, generator: torch.Generator) -> SpeechBatch:
        """Each voice at a pitch of its own in `PITCHED_TO`, its formants in between; as loud as before."""
        count = len(batch.samples)
        median = _median(batch.bins, batch.voiced)
        target = _log_uniform(PITCHED_TO, (count, 1), generator)
        bins = (batch.bins + torch.log(target / frequency_at(median)) / BIN_STEP).clamp(0.0, self.last_bin)
        spectrum = self.stft.analyse(batch.samples, self.stft.past(count))[0]
        envelope = self._envelope(squared(spectrum), frequency_at(batch.bins))
        stretch = _log_uniform(FORMANTS_BY, (count, 1, 1), generator)
        place = (torch.arange(self.stft.bins) / stretch).expand_as(envelope)
        envelope = _at(envelope, place)
        samples = self._spoken(envelope, bins, batch.periodicity, generator)
        scale = batch.samples.square().mean(1, keepdim=True) / (samples.square().mean(1, keepdim=True) + TINY)
        return replace(batch, samples=_bounded(samples * scale.sqrt()), bins=bins)

    def vowels(self, batch: SpeechBatch, generator: torch.Generator) -> SpeechBatch:
        """Vowels of four formants or of none, as many and as long as the pieces: glides, vibrato, pauses."""
        count, frames = batch.bins.shape
        time = torch.linspace(0.0, 1.0, frames)

        def drawn(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(count, 1, generator=generator)

        semitones = drawn(-3.0, 3.0) * time + drawn(0.0, 0.6) * torch.sin(drawn(0.0, 6.3) + drawn(25.0, 50.0) * time)
        pitch = _log_uniform(SUNG, (count, 1), generator) * 2.0 ** (semitones / 12.0)
        bins = (torch.log(pitch / MIN_PITCH) / BIN_STEP).clamp(0.0, self.last_bin)
        hertz = torch.linspace(0.0, self.sample_rate / 2, self.stft.bins)
        power = (1.0 + (hertz / 200.0).square()) ** -drawn(0.7, 2.2)  # 4 to 13 dB an octave
        for low, high in FORMANTS:
            peak, width = _log_uniform((low, high), (count, 1), generator), drawn(60.0, 250.0)
            resonance = (peak**2 + width**2) ** 2 / ((hertz**2 - peak**2).square() + (hertz * width).square() + 1.0)
            power = power * torch.where(drawn(0.0, 1.0) < 0.8, resonance, 1.0)
        begin, end = drawn(-0.5, 0.4), drawn(0.6, 1.5)
        on = torch.sigmoid((time - begin) * 40.0) * torch.sigmoid((end - time) * 40.0)
        on = on * (1.0 + drawn(0.0, 0.5) * torch.sin(drawn(0.0, 6.3) + drawn(3.0, 12.0) * time))
        voiced = (on > 0.05).float()
        breath = 10.0 ** drawn(*BREATH)
        share = ((1.0 - breath) * voiced)[..., None].expand_as(batch.periodicity).contiguous()
        envelope = power[:, None] * on[..., None].square()
        noise = self._spoken(envelope * breath[..., None], bins, torch.zeros_like(share), generator)
        samples = self._sung(power * (1.0 - breath), bins, on, generator) + noise
        level = 10.0 ** (drawn(*VOWEL_LEVELS) / 20.0)
        samples = samples * level / (samples.square().mean(1, keepdim=True) + TINY).sqrt()
        return SpeechBatch(_bounded(samples), bins, voiced, share)

    def _sung(self, power: Tensor, bins: Tensor, on: Tensor, generator: torch.Generator) -> Tensor:
        """Power (B, F), pitch bins and loudness (B, N) -> harmonics (B, N * frame) and nothing between them."""
        pitch = _at_samples(frequency_at(bins), self.stft.hop)
        phase = (2.0 * torch.pi * (pitch.double() / self.sample_rate).cumsum(1)).float()
        step = self.sample_rate / 2 / (self.stft.bins - 1)
        samples, nyquist = torch.zeros_like(phase), self.sample_rate / 2
        begins = 2.0 * torch.pi * torch.rand(len(bins), int(nyquist / pitch.min()) + 1, generator=generator)
        begins = begins * (torch.rand(len(bins), 1, generator=generator) < 0.5)
        for number in range(1, int(nyquist / pitch.min()) + 1):
            middle = number * pitch.mean(1, keepdim=True)
            height = (
                _at(power, (middle / step).clamp(max=self.stft.bins - 1.0)) * 2.0 * middle / number / nyquist
            ).sqrt()
            audible = number * pitch < 0.97 * nyquist
            samples = samples + height * audible * torch.sin(number * phase + begins[:, number - 1 : number])
        return samples * _at_samples(on, self.stft.hop)

    def noisy(self, batch: SpeechBatch, others: Tensor, generator: torch.Generator) -> SpeechBatch:
        """Noise of any tilt, or another piece (B, T), beside each; what repeats of a band is that much less."""
        count, length = batch.samples.shape
        white = torch.fft.rfft(torch.randn(count, length, generator=generator))
        tilt = torch.rand(count, 1, generator=generator)  # 0: white, 1: 6 dB an octave
        shape = (torch.arange(white.shape[1]) / white.shape[1] * self.sample_rate / 2 + 50.0) ** -tilt
        noise = torch.fft.irfft(white * shape, length)
        noise = torch.where(torch.rand(count, 1, generator=generator) < 0.7, noise, others)
        snr = SNR[0] + (SNR[1] - SNR[0]) * torch.rand(count, 1, generator=generator)
        ratio = batch.samples.square().mean(1, keepdim=True) / (noise.square().mean(1, keepdim=True) + TINY)
        noise = noise * (ratio.sqrt() * 10.0 ** (-snr / 20.0))
        voice, other = (
            squared(self.stft.analyse(x, self.stft.past(count))[0]) @ self.weights.t() for x in (batch.samples, noise)
        )
        share = batch.periodicity * voice / (voice + other + TINY)
        mixed = batch.samples + noise
        return replace(batch, samples=_bounded(mixed), periodicity=share)

    def _spoken(self, envelope: Tensor, bins: Tensor, share: Tensor, generator: torch.Generator) -> Tensor:
        """Power (B, N, F), pitch bins (B, N), periodicity (B, N, bands) of frames -> samples (B, N * frame)."""
        count = len(bins)
        # a label is the pitch at its frame's beginning, and the excitation comes to the pitch at its hop's end
        pitch = frequency_at(torch.cat([bins[:, 1:], bins[:, -1:]], 1))
        state = self.excitation.start(count)
        state[:, 0], state[:, 1] = torch.rand(count, generator=generator).double(), frequency_at(bins[:, 0]).double()
        pulses, _, _ = self.excitation(pitch, state)
        noise = torch.randn(pulses.shape, generator=generator)
        pulses, noise = (self.stft.analyse(x, self.stft.past(count))[0] for x in (pulses, noise))
        of_pulses = share @ self.weights
        source = pulses * (self.whitening * of_pulses.sqrt()) + noise * (1.0 - of_pulses).clamp(min=0.0).sqrt()
        y, tail = self.stft.synthesise(source * envelope.sqrt(), self.stft.tail(count))
        return torch.cat([y, tail], 1)[:, self.stft.delay :]

    def _envelope(self, power: Tensor, pitch: Tensor) -> Tensor:
        """Mean of the power (B, N, F) over a pitch's width (B, N) in Hz around each bin."""
        total = torch.nn.functional.pad(power.double().cumsum(-1), (1, 0))
        half = 0.5 * (pitch * (2.0 * (self.stft.bins - 1) / self.sample_rate)).clamp(min=3.0)[..., None]
        centre = torch.arange(self.stft.bins) + 0.5
        low, high = (centre - half).clamp(min=0.0), (centre + half).clamp(max=float(self.stft.bins))
        return ((_at(total, high) - _at(total, low)) / (high - low)).clamp(min=0.0).float()


def _at(rows: Tensor, place: Tensor) -> Tensor:
    """Values (..., n) at fractional places (..., m), between neighbours in a straight line."""
    lower = place.floor().clamp(0, rows.shape[-1] - 2).long()
    return torch.lerp(rows.gather(-1, lower), rows.gather(-1, lower + 1), (place - lower).to(rows.dtype))


def _at_samples(rows: Tensor, hop: int) -> Tensor:
    """Values (B, N), each at the beginning of its frame -> (B, N * hop), in straight lines."""
    place = (torch.arange(rows.shape[1] * hop) / hop).expand(len(rows), -1)
    return _at(rows, place.clamp(max=rows.shape[1] - 1.0))


def _log_uniform(bounds: tuple[float, float], shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    low, high = map(math.log, bounds)
    return torch.exp(low + (high - low) * torch.rand(shape, generator=generator))


def _median(bins: Tensor, voiced: Tensor) -> Tensor:
    """Of the voiced frames of each piece, or of all where none is; (B, 1)."""
    kept = torch.where((voiced > 0) | (voiced.sum(1, keepdim=True) == 0), bins, torch.nan)
    return kept.nanmedian(1, keepdim=True)[0]


def _bounded(samples: Tensor) -> Tensor:
    """Pieces that peak above full scale made quieter as a whole."""
    return samples / samples.abs().amax(1, keepdim=True).clamp(min=1.0)


def _take(batch: SpeechBatch, rows: Tensor) -> SpeechBatch:
    return SpeechBatch(batch.samples[rows], batch.bins[rows], batch.voiced[rows], batch.periodicity[rows])


def _put(batch: SpeechBatch, rows: Tensor, some: SpeechBatch) -> SpeechBatch:
    """The batch with other pieces at rows."""
    pairs = ((getattr(batch, name), getattr(some, name)) for name in ("samples", "bins", "voiced", "periodicity"))
    return SpeechBatch(*(whole.index_copy(0, rows, part.to(whole.dtype)) for whole, part in pairs))
