"""The configuration of a model, as it stands beside its weights."""

from __future__ import annotations

import re
from dataclasses import dataclass

from latentmix.sizes import check_dilations, check_sizes

from ..dsp.pitch import BINS, SAMPLE_RATE, WINDOW
from .quantizers import QuantizerConfig

# what a configuration asks for stays below 1 GB in each part
MAX_SIZES = {
    "frame": 400,
    "frames_per_code": 8,
    "window": WINDOW,
    "encoder_width": 2048,
    "decoder_width": 2048,
    "latent_size": 512,
    "codebooks": 32,
    "codes": 4096,
    "bands": 64,
    "pitch_bins": 192,
}
MAX_BLOCKS, MAX_DILATION = 16, 64
MAX_LEVEL = 12.0  # dB
CODES_OF = r"([0-9a-f]{16})?"  # of 8 bytes


@dataclass(frozen=True)
class VQVAEConfig:
    """Everything that fixes the shape of a model.

    Attributes:
        sample_rate: Hz.
        frame: samples between spectrogram frames.
        frames_per_code: spectrogram frames in a code frame.
        window: samples of the STFT.
        encoder_width, decoder_width: features of a code frame inside.
        encoder_dilations, decoder_dilations: of the blocks, in code frames; the past that counts is their sum.
        latent_size: D.
        codebooks, codes: Q and K.
        quantizer: how codebooks learn, one of `quantizers.KINDS`.
        lookup_dim: dimensions of the look-up; 0: all D.
        bands: of periodicity.
        pitch_bins: of `pitch.frequencies`: 128 reach 400 Hz, 175 807 Hz.
        levels: dB that decoding adds to frames of 1, 2, ... Q codebooks, so that all are as loud as the original;
            measured once weights are there. Empty: nothing.
        codes_of: fingerprint, in hexadecimal, of the weights that the codebooks are from, where encoder and decoder, or
            the decoder alone, were trained further since: a code stands for the same latents, so either reads the
            other's files. Empty: none.

    Raises:
        ValueError: a size that cannot be.
    """

    sample_rate: int = SAMPLE_RATE
    frame: int = 160
    frames_per_code: int = 2
    window: int = 512
    encoder_width: int = 384
    decoder_width: int = 512
    encoder_dilations: tuple[int, ...] = (1, 2, 4)
    decoder_dilations: tuple[int, ...] = (1, 2, 4, 8, 1)
    latent_size: int = 64
    codebooks: int = 7
    codes: int = 1024
    quantizer: str = "ema"
    lookup_dim: int = 0
    bands: int = 16
    pitch_bins: int = BINS  # so it is where a checkpoint does not say, for it was the only one
    levels: tuple[float, ...] = ()
    codes_of: str = ""

    def __post_init__(self) -> None:
        check_sizes(self, MAX_SIZES)
        check_dilations(self, ("encoder_dilations", "decoder_dilations"), MAX_BLOCKS, MAX_DILATION)
        if not self.frame < self.window:
            raise ValueError(f"window {self.window}; it is more than frame, {self.frame}")
        if self.sample_rate != SAMPLE_RATE:
            raise ValueError(f"sample_rate {self.sample_rate}; the windows are made for {SAMPLE_RATE}")
        if not 0 <= self.lookup_dim <= self.latent_size:
            raise ValueError(f"lookup_dim {self.lookup_dim}; it is 0 to latent_size, {self.latent_size}")
        if self.levels and not (len(self.levels) == self.codebooks and all(_is_level(v) for v in self.levels)):
            raise ValueError(
                f"levels {self.levels}; one for each of {self.codebooks} codebooks, {MAX_LEVEL:g} dB at most"
            )
        if not re.fullmatch(CODES_OF, self.codes_of):
            raise ValueError(f"codes_of {self.codes_of!r}; a fingerprint of 16 hexadecimal digits, or nothing")
        self.quantizer_config()

    def quantizer_config(self) -> QuantizerConfig:
        return QuantizerConfig(self.quantizer, self.latent_size, self.codebooks, self.codes, self.lookup_dim)

    @property
    def hop(self) -> int:
        """Samples of a code frame."""
        return self.frame * self.frames_per_code

    @property
    def bits_a_code(self) -> int:
        return (self.codes - 1).bit_length()


def _is_level(value: object) -> bool:
    return type(value) is float and abs(value) <= MAX_LEVEL
