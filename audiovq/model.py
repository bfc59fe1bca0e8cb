"""VQVAE: speech to discrete codes and back (van den Oord et al. 2017, arXiv 1711.00937), over spectrogram frames.

    waveform -> STFT, autocorrelation -> encoder -> residual quantizer -> codes (B, Q, N)
    codes -> decoder -> gain of each bin, pitch, periodicity of each band -> filtered pulses and noise -> inverse STFT

Everything is causal: `encode_step` and `decode_step` take a piece of any number of code frames and the state before it,
and a whole recording is one piece from a fresh state.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from . import checkpoint
from .errors import InputError
from .excitation import Excitation
from .layers import CausalStack
from .pitch import BINS, WINDOW, Autocorrelation, frequencies
from .quantizers import QuantizerConfig, make_quantizer
from .spectrogram import STFT

SAMPLE_RATE = 16000  # Hz
# a configuration comes from a file that could say anything
MOST = {
    "frame": 400,
    "frames_per_code": 8,
    "window": WINDOW,
    "encoder_width": 4096,
    "decoder_width": 4096,
    "latent_size": 1024,
    "codebooks": 32,
    "codes": 1 << 14,
    "bands": 64,
}
MOST_BLOCKS, MOST_DILATION = 32, 64
FLOOR = 1e-6  # power added before a logarithm; about -60 dB below speech


@dataclass(frozen=True)
class VQVAEConfig:
    """Everything that fixes the shape of a model.

    Attributes:
        sample_rate: Hz.
        frame: samples between spectrogram frames.
        frames_per_code: spectrogram frames in a code frame.
        window: samples of the STFT.
        encoder_width, decoder_width: features of a code frame inside.
        encoder_dilations, decoder_dilations: of the blocks; the past that counts is their sum.
        latent_size: D.
        codebooks, codes: Q and K.
        quantizer: how codebooks learn, one of `quantizers.KINDS`.
        lookup_dim: dimensions of the look-up; 0: all D.
        bands: of periodicity.
    """

    sample_rate: int = 16000
    frame: int = 160
    frames_per_code: int = 2
    window: int = 512
    encoder_width: int = 384
    decoder_width: int = 512
    encoder_dilations: tuple[int, ...] = (1, 2, 4)
    decoder_dilations: tuple[int, ...] = (1, 2, 4, 8, 1)
    latent_size: int = 64
    codebooks: int = 6
    codes: int = 1024
    quantizer: str = "ema"
    lookup_dim: int = 0
    bands: int = 16

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise ValueError(f"{name} {value}; it is 1 to {most}")
        for name in ("encoder_dilations", "decoder_dilations"):
            value = getattr(self, name)
            if len(value) > MOST_BLOCKS or not all(type(d) is int and 1 <= d <= MOST_DILATION for d in value):
                raise ValueError(f"{name} {value}; at most {MOST_BLOCKS} of 1 to {MOST_DILATION} frames")
        if not self.frame < self.window <= WINDOW:
            raise ValueError(f"window {self.window}; it is more than frame, {self.frame}, and at most {WINDOW}")
        if self.sample_rate != SAMPLE_RATE:
            raise ValueError(f"sample_rate {self.sample_rate}; the pitch's window is made for {SAMPLE_RATE}")
        QuantizerConfig(self.quantizer, self.latent_size, self.codebooks, self.codes, self.lookup_dim)

    @property
    def hop(self) -> int:
        """Samples of a code frame."""
        return self.frame * self.frames_per_code

    @property
    def bits_a_code(self) -> int:
        return (self.codes - 1).bit_length()


@dataclass(frozen=True)
class Speech:
    """What the decoder says of each spectrogram frame.

    Attributes:
        gain: (B, N, F) log amplitude.
        pitch: (B, N, BINS) logits over `pitch.frequencies`.
        periodicity: (B, N, bands) logits of the share of the power that repeats.
    """

    gain: Tensor
    pitch: Tensor
    periodicity: Tensor


class VQVAE(nn.Module):
    """The model; see the module's docstring."""

    band_of_bin: Tensor
    pitches: Tensor

    def __init__(self, config: VQVAEConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or VQVAEConfig()
        self.stft = STFT(config.window, config.frame)
        self.autocorrelation = Autocorrelation(config.sample_rate)
        self.excitation = Excitation(config.sample_rate, config.frame)
        features = config.frames_per_code * (self.stft.bins + BINS + 1)
        self.encoder = CausalStack(features, config.latent_size, config.encoder_width, config.encoder_dilations)
        self.quantizer = make_quantizer(
            QuantizerConfig(config.quantizer, config.latent_size, config.codebooks, config.codes, config.lookup_dim)
        )
        self.per_frame = self.stft.bins + BINS + config.bands
        self.decoder = CausalStack(
            config.latent_size, config.frames_per_code * self.per_frame, config.decoder_width, config.decoder_dilations
        )
        self.register_buffer("pitches", frequencies(), persistent=False)
        self.register_buffer("band_weights", band_weights(self.stft.bins, config.bands), persistent=False)

    # -- encoder ---------------------------------------------------------------------------------------------------

    def features(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N * hop), the WINDOW - frame samples before -> (B, N, features), samples to keep."""
        config = self.config
        whole = torch.cat([past, x], 1)
        spectrum, _ = self.stft.analyse(x, past[:, past.shape[1] - self.stft.delay :])
        power = torch.view_as_real(spectrum).square().sum(-1)
        level = torch.log(power + FLOOR)
        repeats = self.autocorrelation(whole.unfold(1, WINDOW, config.frame))
        loud = torch.log(power.mean(-1, keepdim=True) + FLOOR)
        frames = torch.cat([0.25 * level + 1.5, 2.0 * repeats, 0.25 * loud + 1.5], -1)
        return frames.unflatten(1, (-1, config.frames_per_code)).flatten(2), whole[:, x.shape[1] :]

    def initial_encoder_state(self, batch: int) -> list[Tensor]:
        past = self.pitches.new_zeros(batch, WINDOW - self.config.frame)
        return [past, *self.encoder.start(batch)]

    def latents(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Samples (B, N * hop), state -> latents before quantization (B, N, D), state."""
        features, past = self.features(x, state[0])
        z, after = self.encoder(features, state[1:])
        return z, [past, *after]

    # -- decoder ---------------------------------------------------------------------------------------------------

    def initial_decoder_state(self, batch: int) -> list[Tensor]:
        silent = self.stft.past(batch)
        return [self.excitation.start(batch), silent, silent.clone(), self.stft.tail(batch), *self.decoder.start(batch)]

    def speech(self, z: Tensor, state: list[Tensor]) -> tuple[Speech, list[Tensor]]:
        """Quantized latents (B, N, D), state of the decoder's stack -> what to say, state."""
        y, after = self.decoder(z, state)
        y = y.unflatten(2, (self.config.frames_per_code, self.per_frame)).flatten(1, 2)
        gain, pitch, periodicity = y.split([self.stft.bins, BINS, self.config.bands], -1)
        return Speech(4.0 * gain - 3.0, pitch, periodicity), after

    def best_pitch(self, logits: Tensor) -> Tensor:
        """Logits (B, N, BINS) -> Hz (B, N): the mean around the likeliest bin."""
        best = logits.argmax(-1, keepdim=True)
        near = (best + torch.arange(-3, 4, device=logits.device)).clamp(0, BINS - 1)
        weight = torch.softmax(logits.gather(-1, near), -1)
        return torch.exp((weight * self.pitches.log()[near]).sum(-1))

    def pitch_at(self, bins: Tensor) -> Tensor:
        """Fractional bins -> Hz, of any shape."""
        first, last = self.pitches[0].log(), self.pitches[-1].log()
        return torch.exp(first + bins * ((last - first) / (BINS - 1)))

    def voice(self, said: Speech, pitch: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Pitch (B, N) Hz and the filters -> samples (B, N * frame), state."""
        pulses, noise, source = self.excitation(pitch, state[0])
        pulses, past_pulses = self.stft.analyse(pulses, state[1])
        noise, past_noise = self.stft.analyse(noise, state[2])
        share = torch.sigmoid(said.periodicity) @ self.band_weights
        spectrum = torch.exp(said.gain.clamp(max=8.0)) * (share.sqrt() * pulses + (1.0 - share).sqrt() * noise)
        y, tail = self.stft.synthesise(spectrum, state[3])
        return y, [source, past_pulses, past_noise, tail]

    # -- what a codec uses -----------------------------------------------------------------------------------------

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | os.PathLike[str] = "speech_16k", device: str | torch.device = "cpu"
    ) -> VQVAE:
        """Load a model that comes with the package, by name, or from a folder of `model.safetensors` and `config.json`.

        Raises:
            InputError: missing, damaged, of another kind, version or shape.
        """
        stored = checkpoint.load(name_or_folder, VQVAEConfig)
        model = cls(stored.config)
        checkpoint.fill(model, stored)
        return model.to(device).eval()

    def save_pretrained(self, folder: str | os.PathLike[str], half: bool = False) -> None:
        """Write `model.safetensors` (float16 if `half`) and `config.json` into a folder, which is made if missing."""
        checkpoint.save(self, self.config, folder, half)

    @cached_property
    def fingerprint(self) -> bytes:
        """8 bytes that tell these weights from others; of a model that no longer learns."""
        return checkpoint.fingerprint(self, self.config)

    def codebooks_for(self, kbps: float) -> int:
        """How many codebooks come nearest to a rate, at least 1.

        Raises:
            InputError: not a rate above 0, or more than all of them give.
        """
        one = self.config.bits_a_code * self.config.sample_rate / self.config.hop / 1000
        most = one * self.config.codebooks
        if not 0.0 < kbps <= most * 1.001:
            raise InputError(f"expected a rate above 0 and up to {most:g} kbit/s, found {kbps:g}")
        return max(1, round(kbps / one))

    @property
    def delay(self) -> int:
        """Samples by which `decode_step` is behind `encode_step`."""
        return self.stft.delay

    @property
    def latency(self) -> int:
        """Algorithmic delay in samples: a code frame must be full before it is coded, and the overlap-add done."""
        return self.config.hop + self.stft.delay

    @property
    def warm_up(self) -> int:
        """Code frames after which a decoder that began in the middle gives what the unbroken one gives."""
        return self.decoder.warm_up + -(-self.stft.delay // self.config.hop)

    @torch.inference_mode()
    def encode_step(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Samples (B, N * hop) float32, state -> codes (B, Q, N) int64, state."""
        z, state = self.latents(x, state)
        return self.quantizer.encode(z.transpose(1, 2)), state

    @torch.inference_mode()
    def decode_step(self, codes: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Codes (B, q, N) with 1 <= q <= Q, state -> samples (B, N * hop) float32, state."""
        z = self.quantizer.decode(codes).transpose(1, 2)
        said, after = self.speech(z, state[4:])
        y, voice = self.voice(said, self.best_pitch(said.pitch), state[:4])
        return y, [*voice, *after]


def band_weights(bins: int, bands: int) -> Tensor:
    """Triangles, evenly spaced on the Bark scale (Traunmüller 1990), that add up to 1 in each bin; (bands, bins)."""
    hertz = torch.linspace(0.0, 8000.0, bins)
    bark = 26.81 * hertz / (1960.0 + hertz) - 0.53
    place = (bark - bark[0]) / (bark[-1] - bark[0]) * (bands - 1)
    return (1.0 - (place - torch.arange(bands)[:, None]).abs()).clamp(min=0.0)
