"""MelodyVAE: a variational autoencoder of two-bar melodies (Kingma & Welling 2014, arXiv 1312.6114).

    tokens (B, 32) -> rhythm, pitch line -> encoder -> posterior N(mean, diag(exp(log_variance))) -> z (B, D)
    z (B, D) -> decoder -> logits of rhythm (B, 32, 3) and pitch (B, 32, P) -> fusion with a critic -> tokens

Each beat of the window has its share of z, and every share has its say in every step (`layers`). The decoder writes all
steps at once, so a melody costs one pass; that the steps agree with one another, between two melodies too, is learned
(`losses`) and looked after by a critic of melodies (`fusion`). The posterior above is the Gaussian one;
`MelodyVAEConfig.latent` chooses among the kinds of `latents`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from latentmix import checkpoint
from latentmix.checkpoint_format import CheckpointFormat
from latentmix.errors import InputError

from .. import interpolation as mixing
from ..music.melody import ONSET, Melody
from ..music.windows import WINDOW_STEPS, fold_pitches, from_windows, window_of
from .attributes import ATTRIBUTES
from .critic import Critic
from .fusion import fused
from .latents.family import LATENTS, make_latent
from .latents.gaussian import Posterior
from .latents.latent import LatentSizes
from .layers import BEATS, BeatStack
from .prior import MelodyPrior
from .steps import StepFields, StepLogits
from .tracing import OftenCalled

CHECKPOINT = CheckpointFormat("latentmix.midi_vae", 2, Path(__file__).parents[1] / "weights")

MOST_BLOCKS, LARGEST_SIZE = 64, 1024  # in a configuration, which comes from a file that could say anything
MOST_AT_ONCE = 4096  # windows encoded or decoded in one go; bounds the memory of long tunes
RHYTHM_SYMBOLS = 3  # hold, note off, onset: the token, cut off at ONSET


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
        for name in self.__dataclass_fields__.keys() - {"latent", "fusion"}:
            few = name.endswith(("blocks", "rounds", "flow_steps"))
            value, most = getattr(self, name), MOST_BLOCKS if few else LARGEST_SIZE
            least = {"lowest_pitch": 0, "codes": 4}.get(name, 1)
            if not least <= value <= most:
                raise ValueError(f"{name} {value}; it is {least} to {most}")
        if self.latent_size % BEATS:
            raise ValueError(f"latent_size {self.latent_size}; it is a multiple of {BEATS}")
        if self.pitches < 12 or self.lowest_pitch + self.pitches > 128:
            raise ValueError(f"{self.pitches} pitches from {self.lowest_pitch} on; they are at least 12 and end at 127")
        LATENTS[self.latent].check(self.latent_sizes)

    @property
    def latent_sizes(self) -> LatentSizes:
        return LatentSizes(self.latent_size, self.codes, self.flow_width, self.flow_steps)


class MelodyVAE(nn.Module):
    """The model; see the module's docstring for the data flow and `from_pretrained` for weights.

    >>> model = MelodyVAE(MelodyVAEConfig(width=16, latent_size=16))
    >>> z = model.encode([Melody.from_notes([(0, 4, 60), (4, 8, 64)], bars=2)])
    >>> z.shape, model.decode(z)[0].bars
    (torch.Size([1, 16]), 2)
    """

    def __init__(self, config: MelodyVAEConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MelodyVAEConfig()
        size, beat = config.step_width, WINDOW_STEPS // BEATS * config.step_width
        latents = config.latent_size // BEATS
        self.rhythm_embedding = nn.Embedding(RHYTHM_SYMBOLS, size)
        self.pitch_embedding = nn.Embedding(config.pitches, size)
        self.latent = make_latent(config.latent, config.latent_sizes)
        self.encoder = BeatStack(beat, self.latent.heads * latents, config.width, config.across, config.encoder_blocks)
        self.decoder = BeatStack(latents, beat, config.width, config.across, config.decoder_blocks)
        self.step_norm = nn.LayerNorm(size)
        self.rhythm_head = nn.Linear(size, RHYTHM_SYMBOLS)
        self.pitch_head = nn.Linear(size, config.pitches)
        # of the symbols of melodies; where a melody is 32 codes, of these: then there are as many symbols as codes
        pitches = self.latent.codes - ONSET if self.latent.codes else config.pitches
        self.prior = MelodyPrior(pitches, config.prior_width, config.prior_rounds)
        self.critic = Critic(config.pitches, config.critic_width)
        self.register_buffer("attribute_directions", torch.zeros(len(ATTRIBUTES), config.latent_size))
        self.attribute_names = ATTRIBUTES
        self._likeliest = OftenCalled(MelodyVAE.tokens, self)

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | os.PathLike[str] = "melody_2bar", device: str | torch.device = "cpu"
    ) -> MelodyVAE:
        """Load a model that comes with the package, by name, or from a folder of `model.safetensors` and `config.json`.

        Raises:
            InputError: missing, damaged, of another kind, version or shape.
        """
        stored = checkpoint.load(CHECKPOINT, name_or_folder, MelodyVAEConfig)
        model = cls(stored.config)
        checkpoint.fill(model, stored)
        return model.to(device).eval()

    def save_pretrained(self, folder: str | os.PathLike[str], half: bool = False) -> None:
        """Write `model.safetensors` (float16 if `half`) and `config.json` into a folder, which is made if missing."""
        checkpoint.save(CHECKPOINT, self, self.config, folder, half)

    @property
    def device(self) -> torch.device:
        return self.rhythm_head.weight.device

    # Tensors in, tensors out: what training and live playing use.

    def fields(self, tokens: Tensor) -> StepFields:
        """Take tokens (B, 32) int64, with pitches that the model knows, apart."""
        onset = tokens >= ONSET
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        latest = torch.where(onset, steps, -1).cummax(1).values
        first = onset.to(torch.uint8).argmax(1, keepdim=True)
        source = torch.where(latest < 0, first, latest)
        pitch = tokens.gather(1, source) - ONSET - self.config.lowest_pitch
        return StepFields(tokens.clamp(max=ONSET), pitch.clamp(0, self.config.pitches - 1))

    def inputs(self, fields: StepFields) -> Tensor:
        """The steps of each beat, embedded, side by side; (B, 8, C): what the encoder reads."""
        steps = self.rhythm_embedding(fields.rhythm) + self.pitch_embedding(fields.pitch)
        return steps.unflatten(1, (BEATS, -1)).flatten(2)

    def posterior(self, fields: StepFields) -> Posterior:
        """q(z | x) of B windows; of another latent than the Gaussian what it has instead, with the code as `mean`."""
        return self.latent.posterior(self.encoder(self.inputs(fields)))

    def prior_symbols(self, tokens: Tensor) -> Tensor:
        """What the prior is a model of, (B, 32) int64: the codes of tokens, or onsets counted from the lowest pitch."""
        if self.latent.codes:
            return self.posterior(self.fields(tokens)).quantized.indices
        return torch.where(tokens >= ONSET, tokens - self.config.lowest_pitch, tokens)

    def logits(self, z: Tensor, fusion: float | None = None) -> StepLogits:
        """p(x | z) of latents (B, D), with what the critic makes of it.

        Args:
            fusion: weight of the critic; None is that of the configuration.
        """
        beats = self.decoder(z.unflatten(1, (BEATS, -1)))
        steps = self.step_norm(beats.unflatten(2, (WINDOW_STEPS // BEATS, -1)).flatten(1, 2))
        said = StepLogits(self.rhythm_head(steps), self.pitch_head(steps))
        weight = self.config.fusion if fusion is None else fusion
        return fused(said, self.critic, weight) if weight else said

    def tokens(self, z: Tensor, temperature: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        """Latents (B, D) -> tokens (B, 32) int64: the likeliest at temperature 0, else drawn step by step."""
        logits = self.logits(z)
        rhythm = _choose(logits.rhythm, temperature, generator)
        pitch = _choose(logits.pitch, temperature, generator)
        return torch.where(rhythm == ONSET, pitch + (self.config.lowest_pitch + ONSET), rhythm)

    @torch.inference_mode()
    def encode_windows(self, windows: np.ndarray) -> Tensor:
        """Posterior means (B, D) float32 of windows (B, 32) of tokens with any MIDI pitches."""
        folded = torch.from_numpy(fold_pitches(windows, self.config.lowest_pitch, self.config.pitches))
        parts = folded.split(MOST_AT_ONCE)
        return torch.cat([self.posterior(self.fields(part.to(self.device))).mean for part in parts])

    @torch.inference_mode()
    def decode_windows(
        self, z: Tensor, temperature: float = 0.0, generator: torch.Generator | None = None
    ) -> np.ndarray:
        """Latents (B, D) -> windows (B, 32) of tokens.

        Raises:
            InputError: z of another size, or not finite.
        """
        if z.ndim != 2 or z.shape[1] != self.config.latent_size or not torch.isfinite(z).all():
            raise InputError(
                f"expected finite latents of shape (B, {self.config.latent_size}), found {tuple(z.shape)}"
                + ("" if z.ndim != 2 or z.shape[1] != self.config.latent_size else " with NaN or infinity")
            )
        parts = z.to(self.device, torch.float32).split(MOST_AT_ONCE)
        if temperature <= 0.0:
            return torch.cat([self._likeliest(part) for part in parts]).cpu().numpy()
        return torch.cat([self.tokens(part, temperature, generator) for part in parts]).cpu().numpy()

    # Melodies in, melodies out: one window each. Longer ones: `mixing`.

    def encode(self, melodies: Sequence[Melody]) -> Tensor:
        """Posterior means (B, D) float32 of melodies that each fit one window (2 bars of 4/4)."""
        return self.encode_windows(window_of(melodies))

    def decode(
        self, z: Tensor, temperature: float = 0.0, like: Melody | None = None, seed: int | None = None
    ) -> list[Melody]:
        """Latents (B, D) -> B melodies of one window.

        Args:
            z: any latents.
            temperature: 0 takes the likeliest symbols; above, symbols are drawn, flatter the higher it is.
            like: gives metre, tempo and program; 4/4, 120 and piano if None.
            seed: of the draw.
        """
        generator = torch.Generator(self.device).manual_seed(seed) if seed is not None else None
        return self._melodies(self.decode_windows(z, temperature, generator), like)

    def reconstruct(self, melodies: Sequence[Melody]) -> list[Melody]:
        """decode(encode(x)), each with the metre, tempo and program of its own."""
        windows = self.decode_windows(self.encode(melodies))
        return [from_windows(row[None], melody, melody.bars) for row, melody in zip(windows, melodies, strict=True)]

    def interpolate(self, a: Melody, b: Melody, steps: int = 9, exact_ends: bool = False) -> list[Melody]:
        """A straight line from a to b in `steps` melodies, in the metre of a (`mixing.line` does more)."""
        return mixing.line(self, a, b, steps, exact_ends=exact_ends)

    def sample(self, n: int, temperature: float = 1.0, seed: int | None = None) -> list[Melody]:
        """n new melodies from the learned prior (`prior.MelodyPrior`).

        Args:
            temperature: below 1 more usual, above 1 stranger; 0 takes the likeliest at each step.
            seed: the same seed gives the same melodies.
        """
        return self._melodies(self.decode_windows(self.sample_latents(n, temperature, seed)), None)

    @torch.inference_mode()
    def sample_latents(self, n: int, temperature: float = 1.0, seed: int | None = None) -> Tensor:
        """Latents (n, D) of the learned prior: the posterior means of melodies drawn from it.

        Raises:
            InputError: n below 1.
        """
        if n < 1:
            raise InputError(f"expected at least 1 melody, found {n}")
        generator = torch.Generator()  # on the CPU, so that a seed means the same on every device
        generator.manual_seed(seed) if seed is not None else generator.seed()
        symbols = self.prior.sample(n, temperature, generator)
        if self.latent.codes:
            return self.latent.vectors(symbols)
        tokens = torch.where(symbols >= ONSET, symbols + self.config.lowest_pitch, symbols)
        return self.posterior(self.fields(tokens)).mean

    def _melodies(self, windows: np.ndarray, like: Melody | None) -> list[Melody]:
        like = like or Melody(np.zeros(WINDOW_STEPS, np.int16))
        return [from_windows(row[None], replace(like, name="")) for row in windows]


def _choose(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """Indices (B, S) out of logits (B, S, V)."""
    if temperature <= 0.0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits / temperature, dim=-1)
    return torch.multinomial(probabilities.flatten(0, 1), 1, generator=generator).view(logits.shape[:2])
