"""The network of MelodyVAE, a variational autoencoder of two-bar melodies (Kingma & Welling 2014, arXiv 1312.6114).

    tokens (B, 32) -> rhythm, pitch line -> encoder -> posterior N(mean, diag(exp(log_variance))) -> z (B, D)
    z (B, D) -> decoder -> logits of rhythm (B, 32, 3) and pitch (B, 32, P) -> fusion with a critic -> tokens

Each beat of the window has its share of z, and every share has its say in every step (`layers`). The decoder writes all
steps at once, so a melody costs one pass; that the steps agree with one another, between two melodies too, is learned
(`losses`) and looked after by a critic of melodies (`fusion`). The posterior above is the Gaussian one;
`MelodyVAEConfig.latent` chooses among the kinds of `latents`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from latentmix.tracing import OftenCalled

from ..music.attributes import ATTRIBUTES
from ..music.melody import ONSET
from ..music.windows import WINDOW_STEPS, fold_pitches
from .config import MelodyVAEConfig
from .critic import Critic
from .fusion import fused
from .latents.family import make_latent
from .latents.latent import Point
from .latents.quantized import VectorQuantized
from .layers import BEATS, BeatStack
from .prior import MelodyPrior
from .steps import StepFields, StepLogits
from .window_network import INVERSION_ROUNDS, INVERSION_STEP, MAX_AT_ONCE, WindowNetwork

RHYTHM_SYMBOLS = 3  # hold, note off, onset: the token, cut off at ONSET


class MelodyNetwork(WindowNetwork):
    """Tensors in, tensors out; see the module's docstring for the data flow, and `midi_vae.MelodyVAE` for melodies."""

    config: MelodyVAEConfig

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
        self.attribute_directions = nn.Buffer(torch.zeros(len(ATTRIBUTES), config.latent_size))
        self.attribute_names = ATTRIBUTES
        self._likeliest = OftenCalled(MelodyNetwork.tokens, self)

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

    def posterior(self, fields: StepFields) -> Point:
        """q(z | x) of B windows: a `Posterior` of the Gaussian, of another latent what it has instead."""
        return self.latent.posterior(self.encoder(self.inputs(fields)))

    def prior_symbols(self, tokens: Tensor) -> Tensor:
        """What the prior is a model of, (B, 32) int64: the codes of tokens, or onsets counted from the lowest pitch."""
        if isinstance(self.latent, VectorQuantized):
            return self.latent.posterior(self.encoder(self.inputs(self.fields(tokens)))).quantized.indices
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
        parts = folded.split(MAX_AT_ONCE)
        return torch.cat([self.posterior(self.fields(part.to(self.device))).mean for part in parts])

    @torch.inference_mode()
    def invert_windows(self, windows: np.ndarray) -> Tensor:
        """Latents (B, D) float32 that windows (B, 32) of tokens are decoded from: `inverted`, with any MIDI pitches."""
        folded = torch.from_numpy(fold_pitches(windows, self.config.lowest_pitch, self.config.pitches))
        return torch.cat([self.inverted(part.to(self.device)) for part in folded.split(MAX_AT_ONCE)])

    @torch.inference_mode()
    def inverted(self, tokens: Tensor) -> Tensor:
        """Latents (B, D) from which tokens (B, 32) int64, with pitches that the model knows, are decoded.

        The posterior mean z of x, and where something else y is decoded from there, z goes on by half of what the
        encoder hears as the difference of x and y, again and again (the loop of Alaluf et al. 2021, arXiv 2104.02699,
        with no network of its own). Of all z tried it is the first from which the fewest steps are decoded wrongly, so
        never worse than the mean. Of a latent in which there is nothing between two codes: the mean.

        Any thread may call it, also while others use the model.
        """
        mean = self.posterior(self.fields(tokens)).mean
        if not self.latent.interpolates:
            return mean
        best, heard = mean.clone(), self.tokens(mean)
        fewest = (heard != tokens).sum(1)
        left = fewest.nonzero()[:, 0]
        z, heard = mean[left], heard[left]
        for _ in range(INVERSION_ROUNDS):
            if not len(left):
                break
            z = z + INVERSION_STEP * (mean[left] - self.posterior(self.fields(heard)).mean)
            heard = self.tokens(z)
            wrong = (heard != tokens[left]).sum(1)
            better = wrong < fewest[left]
            best[left[better]], fewest[left[better]] = z[better], wrong[better]
            still = wrong > 0
            left, z, heard = left[still], z[still], heard[still]
        return best

    @torch.inference_mode()
    def decode_windows(
        self, z: Tensor, temperature: float = 0.0, generator: torch.Generator | None = None
    ) -> np.ndarray:
        """Latents (B, D) -> windows (B, 32) of tokens.

        Raises:
            InputError: z of another size, or not finite.
        """
        parts = self.latent_parts(z)
        if temperature <= 0.0:
            return torch.cat([self._likeliest(part) for part in parts]).cpu().numpy()
        return torch.cat([self.tokens(part, temperature, generator) for part in parts]).cpu().numpy()

    @torch.inference_mode()
    def sample_latents(self, n: int, temperature: float = 1.0, seed: int | None = None) -> Tensor:
        """Latents (n, D) of the learned prior, from which melodies drawn from it are decoded: `inverted`.

        Raises:
            InputError: n below 1.
        """
        if isinstance(self.latent, VectorQuantized):
            return self.latent.vectors(self.drawn_symbols(n, temperature, seed, "melody"))
        symbols = self.drawn_symbols(n, temperature, seed, "melody", middle=True)
        tokens = torch.where(symbols >= ONSET, symbols + self.config.lowest_pitch, symbols)
        return self.inverted(tokens)


def _choose(logits: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """Indices (B, S) out of logits (B, S, V)."""
    if temperature <= 0.0:
        return logits.max(-1).indices  # twice as quick as argmax
    probabilities = torch.softmax(logits / temperature, dim=-1)
    return torch.multinomial(probabilities.flatten(0, 1), 1, generator=generator).view(logits.shape[:2])
