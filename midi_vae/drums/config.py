"""The configuration of a GrooveVAE, as it stands beside its weights."""

from __future__ import annotations

from dataclasses import dataclass

from latentmix.sizes import check_sizes

from ..model.layers import BEATS

MAX_BLOCKS, MAX_SIZE, MAX_STYLES = 64, 1024, 256


@dataclass(frozen=True)
class GrooveVAEConfig:
    """Everything that fixes the shape of a model.

    Attributes:
        latent_size: D, latent dimensions, a multiple of 8: each beat of the window has as many.
        width, across: features of a beat, and those that beats exchange in a block (`model.layers.BeatBlock`).
        encoder_blocks, decoder_blocks: how many.
        prior_width, prior_rounds: of the model of hits that random grooves are drawn from.
        feel_width, feel_blocks: of the network that gives hits velocities and offsets.
        styles: that it knows by name.

    Raises:
        ValueError: sizes that cannot be.
    """

    latent_size: int = 384
    width: int = 128
    across: int = 256
    encoder_blocks: int = 2
    decoder_blocks: int = 3
    prior_width: int = 96
    prior_rounds: int = 1
    feel_width: int = 96
    feel_blocks: int = 4
    styles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sizes, few = self.__dataclass_fields__.keys() - {"styles"}, ("blocks", "rounds")
        check_sizes(self, {name: MAX_BLOCKS if name.endswith(few) else MAX_SIZE for name in sizes})
        if self.latent_size % BEATS:
            raise ValueError(f"latent_size {self.latent_size}; it is a multiple of {BEATS}")
        if len(self.styles) > MAX_STYLES or not all(isinstance(style, str) for style in self.styles):
            raise ValueError(f"styles {self.styles!r:.80}; they are at most {MAX_STYLES} names")
