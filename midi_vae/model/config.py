"""The configuration of a MelodyVAE, as it stands beside its weights."""

from __future__ import annotations

from dataclasses import dataclass

from latentmix.sizes import check_sizes

from .latents.family import LATENTS
from .latents.latent import LatentSizes
from .layers import BEATS

MAX_BLOCKS, MAX_SIZE = 64, 1024


@dataclass(frozen=True)
class MelodyVAEConfig:
    """Everything that fixes the shape of a model.

    Attributes:
        latent_size: D, latent dimensions, a multiple of 8: each beat of the window has as many.
        width: features of a beat.
        across: features that the beats exchange in a block.
        encoder_blocks, decoder_blocks: how many.
        step_width: of a step's embedding and of its output features.
        lowest_pitch, pitches: the MIDI pitches it knows; others are folded into them by octaves.
        prior_width, prior_rounds: features of the learned prior, and how often its tower goes through its dilations.
        latent: the kind of latent variable, a name of `latents.family.LATENTS`.
        codes: K, of a latent with codes.
        flow_width, flow_steps: of a latent with a flow.
        critic_width: features of the critic.
        fusion: weight of what the critic says in decoding (`fusion.fused`), 0 to 1; at 0 it is not asked.

    Raises:
        ValueError: sizes that cannot be, or no such latent.
    """

    latent_size: int = 256
    width: int = 128
    across: int = 256
    encoder_blocks: int = 1
    decoder_blocks: int = 6
    step_width: int = 32
    lowest_pitch: int = 21
    pitches: int = 88
    prior_width: int = 128
    prior_rounds: int = 2
    latent: str = "gaussian"
    codes: int = 256
    flow_width: int = 256
    flow_steps: int = 2
    critic_width: int = 80
    fusion: float = 0.3

    def __post_init__(self) -> None:
        if self.latent not in LATENTS:
            raise ValueError(f"latent {self.latent}; it is one of {', '.join(LATENTS)}")
        if not 0.0 <= self.fusion <= 1.0:
            raise ValueError(f"fusion {self.fusion}; it is 0 to 1")
        sizes = self.__dataclass_fields__.keys() - {"latent", "fusion"}
        few = ("blocks", "rounds", "flow_steps")
        most = {name: MAX_BLOCKS if name.endswith(few) else MAX_SIZE for name in sizes}
        check_sizes(self, most, least={"lowest_pitch": 0, "codes": 4})
        if self.latent_size % BEATS:
            raise ValueError(f"latent_size {self.latent_size}; it is a multiple of {BEATS}")
        if self.pitches < 12 or self.lowest_pitch + self.pitches > 128:
            raise ValueError(f"{self.pitches} pitches from {self.lowest_pitch} on; they are at least 12 and end at 127")
        LATENTS[self.latent].check(self.latent_sizes)

    @property
    def latent_sizes(self) -> LatentSizes:
        return LatentSizes(self.latent_size, self.codes, self.flow_width, self.flow_steps)
