"""The configuration of a model of sounds, as it stands beside its weights."""

from __future__ import annotations

from dataclasses import dataclass

from latentmix.sizes import check_dilations, check_sizes

from ..model.quantizers import QuantizerConfig

RATES = (44_100, 48_000)  # Hz
CUTOFF = 20.0  # Hz: what is below is not heard, has no pitch, and hides the pitch of what is
MAX_DELAY = 0.025  # seconds between an input and its output
MAX_SIZES = {
    "bands": 128,
    "encoder_width": 1024,
    "decoder_width": 1024,
    "latent_size": 128,
    "codebooks": 16,
    "codes": 4096,
}
MAX_BLOCKS, MAX_DILATION = 12, 64


@dataclass(frozen=True)
class SoundConfig:
    """Everything that fixes the shape of a model of sounds.

    Attributes:
        sample_rate: Hz, one of `RATES`.
        hop: samples of a frame.
        window: samples of a spectrum, and the delay.
        bands: whose gains the decoder gives, of harmonics and of noise.
        encoder_width, decoder_width: features of a frame inside.
        encoder_dilations, decoder_dilations: of the blocks, in frames; the past that counts is their sum.
        latent_size: D.
        codebooks, codes: Q and K.
        quantizer: how codebooks learn, one of `quantizers.KINDS`.

    Raises:
        ValueError: a size that cannot be.
    """

    sample_rate: int = 48_000
    hop: int = 480
    window: int = 1024
    bands: int = 128
    encoder_width: int = 256
    decoder_width: int = 384
    encoder_dilations: tuple[int, ...] = (1, 2, 4)
    decoder_dilations: tuple[int, ...] = (1, 2, 4, 8)
    latent_size: int = 48
    codebooks: int = 4
    codes: int = 256
    quantizer: str = "nsvq"

    def __post_init__(self) -> None:
        if self.sample_rate not in RATES:
            raise ValueError(f"sample_rate {self.sample_rate}; it is one of {RATES}")
        if not 64 <= self.hop < self.window <= MAX_DELAY * self.sample_rate or self.window % 2:
            most = int(MAX_DELAY * self.sample_rate)
            raise ValueError(f"hop {self.hop}, window {self.window}; 64 <= hop < window <= {most}, window even")
        check_sizes(self, MAX_SIZES, least={"codes": 2, "bands": 2})  # bands have neighbours: of one there is no width
        check_dilations(self, ("encoder_dilations", "decoder_dilations"), MAX_BLOCKS, MAX_DILATION)
        self.quantizer_config()

    @classmethod
    def at_rate(cls, sample_rate: int, quantizer: str = "nsvq") -> SoundConfig:
        """Frames of 10 ms and windows of 21 ms at that rate.

        >>> SoundConfig.at_rate(44_100).window
        940
        """
        window = 2 * (sample_rate * 16 // 1500)
        return cls(sample_rate=sample_rate, hop=sample_rate // 100, window=window, quantizer=quantizer)

    def quantizer_config(self) -> QuantizerConfig:
        return QuantizerConfig(self.quantizer, self.latent_size, self.codebooks, self.codes)

    @property
    def frame_rate(self) -> float:
        """Frames a second."""
        return self.sample_rate / self.hop
