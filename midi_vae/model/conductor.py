"""Conductor: a model of tunes as sequences of the latents of two bars, which says how the next two bars go.

    latents of the windows 1, 2, 4 and 8 before, beat by beat; how many came before, and whether it ends here
        -> blocks over the beats -> what every step is told
    symbols of the window so far, and what its steps are told -> causal tower -> p(next symbol)

A conductor that leads a decoder of short passages is that of Roberts et al. 2018 (arXiv 1803.05428), whose decoder
plays what it says; here symbols are drawn, as in `prior`, and encoded, so that what is played is decoded from the
latent of something that could be a melody. Phrases return because the windows of 2, 4, 8 and 16 bars ago are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentmix.checkpoint import Pretrained
from latentmix.errors import InputError
from latentmix.sizes import check_sizes

from ..checkpoint import CONDUCTOR_CHECKPOINT
from ..music.melody import ONSET
from ..music.windows import WINDOW_STEPS
from .layers import BEATS, BeatStack, CausalTowers, TowerSteps
from .prior import nucleus

LAGS = (1, 2, 4, 8)  # windows
PLACES = 8  # windows after which counting begins again: 16 bars of 4/4
MAX_SIZES = dict.fromkeys(("latent_size", "pitches", "width", "across", "blocks", "rounds"), 1024)


@dataclass(frozen=True)
class ConductorConfig:
    """Everything that fixes the shape of a conductor.

    Attributes:
        latent_size, lowest_pitch, pitches: of the model of windows that it goes with.
        width: features of a beat and of a step.
        across: features that the beats exchange.
        blocks: over the beats.
        rounds: how often the tower goes through its dilations.
        nearest: whether only the window before is looked at, a chain of first order: for comparison.

    Raises:
        ValueError: sizes that cannot be.
    """

    latent_size: int = 256
    lowest_pitch: int = 21
    pitches: int = 88
    width: int = 128
    across: int = 192
    blocks: int = 2
    rounds: int = 1
    nearest: bool = False

    def __post_init__(self) -> None:
        check_sizes(self, MAX_SIZES)
        if self.latent_size % BEATS or not 0 <= self.lowest_pitch <= 128 - self.pitches:
            raise ValueError(f"latent_size {self.latent_size}, pitches {self.pitches} from {self.lowest_pitch} on")

    @property
    def lags(self) -> tuple[int, ...]:
        """How many windows before those are that are looked at."""
        return LAGS[:1] if self.nearest else LAGS


@dataclass(frozen=True)
class Past:
    """What is known when a window begins, of B tunes.

    Attributes:
        latents: (B, lags, D) of the windows so many before; 0 where there is none.
        known: (B, lags) bool, where there is one.
        place: (B,) int64, windows that came before, modulo `PLACES`.
        ends: (B,) bool, whether this is the last one.
    """

    latents: Tensor
    known: Tensor
    place: Tensor
    ends: Tensor


class Conductor(Pretrained, nn.Module):
    """p(next window | those before); see the module's docstring."""

    checkpoint = CONDUCTOR_CHECKPOINT
    config_class = ConductorConfig
    default = "melody_2bar"

    def __init__(self, config: ConductorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ConductorConfig()
        self.symbols = ONSET + config.pitches
        inputs = len(config.lags) * (config.latent_size // BEATS + 1) + PLACES + 1
        self.context = BeatStack(
            inputs, WINDOW_STEPS // BEATS * config.width, config.width, config.across, config.blocks
        )
        self.tower = CausalTowers(1, self.symbols + 1, config.width, config.rounds)  # one more: the edge of the window
        self.head = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, self.symbols))

    @classmethod
    def beside(cls, folder: Path, device: str | torch.device = "cpu") -> Conductor:
        """The conductor that lies in the folder of a model.

        Raises:
            InputError: there is none, or it is damaged.
        """
        if not (folder / CONDUCTOR_CHECKPOINT.config_file).is_file():
            raise InputError(
                f"{folder}: expected {CONDUCTOR_CHECKPOINT.config_file} and {CONDUCTOR_CHECKPOINT.tensor_file} beside "
                "the model, found none; train them with scripts/train_conductor.py and put them there"
            )
        return cls.from_pretrained(folder, device)

    def told(self, past: Past) -> Tensor:
        """What each step is told; (B, 32, width)."""
        latents = past.latents.unflatten(2, (BEATS, -1)).permute(0, 2, 1, 3).flatten(2)
        place = F.one_hot(past.place, PLACES)
        same = torch.cat([past.known, place, past.ends[:, None]], 1).to(latents.dtype)
        beats = self.context(torch.cat([latents, same[:, None].expand(-1, BEATS, -1)], 2))
        return beats.unflatten(2, (WINDOW_STEPS // BEATS, -1)).flatten(1, 2)

    def forward(self, symbols: Tensor, told: Tensor) -> Tensor:
        """Symbols (B, 32) int64, what their steps are told -> logits of each given those before it, (B, 32, 2 + P)."""
        edge = symbols.new_full((len(symbols), 1), self.symbols)
        return self.head(self.tower(torch.cat([edge, symbols[:, :-1]], 1)[None], told[None])[0])

    @torch.inference_mode()
    def sample(
        self, past: Past, temperature: float, generator: torch.Generator, share: float, leaning: Tensor | None = None
    ) -> Tensor:
        """Tokens (B, 32) int64 of a next window, from the nucleus of p^(1 / temperature) that has a share of it; a
        temperature of 0 takes the likeliest. `leaning` (B, 2 + P) on the CPU is added to log p of each symbol."""
        told, see = self.told(past), TowerSteps(self.tower)
        symbols = [torch.full((len(told),), self.symbols, device=told.device)]
        for step in range(WINDOW_STEPS):
            logits = self.head(see(symbols[-1][None], told[None, :, step])[0]).cpu()
            logits = logits if leaning is None else logits + leaning
            if temperature > 0.0:
                probabilities = nucleus(torch.softmax(logits / temperature, -1), share)
                drawn = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
            else:
                drawn = logits.argmax(-1)
            symbols.append(drawn.to(told.device))
        window = torch.stack(symbols[1:], 1)
        return torch.where(window >= ONSET, window + self.config.lowest_pitch, window)

    @torch.inference_mode()
    def nats_a_step(self, tokens: Tensor, past: Past) -> Tensor:
        """How unlikely windows (B, 32) of tokens are, mean of their steps; (B,)."""
        symbols = torch.where(tokens >= ONSET, tokens - self.config.lowest_pitch, tokens)
        logits = self(symbols, self.told(past))
        return F.cross_entropy(logits.transpose(1, 2), symbols, reduction="none").mean(1)
