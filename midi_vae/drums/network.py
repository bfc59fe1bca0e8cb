"""The network of GrooveVAE, a variational autoencoder of two bars of drums (Kingma & Welling 2014, arXiv 1312.6114).

    cells (B, 32, 3, 9) -> encoder -> posterior N(mean, diag(exp(log_variance))) -> z (B, D)
    z (B, D) -> decoder -> for each cell the logit of a hit, its velocity and its offset -> cells (B, 32, 3, 9)

A cell is one of nine instruments on one of 32 sixteenths: (hit 0 or 1, velocity 0 to 1, offset in sixteenths). As in
the melody model each beat of the window has its share of z. Which cells are struck is decided for all at once: as many
as the decoder expects, the likeliest first, so that what lies between two grooves is not thinner than they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError

from ..model.latents.gaussian import Gaussian, Posterior
from ..model.latents.latent import LatentSizes
from ..model.layers import BEATS, BeatStack
from ..model.prior import MelodyPrior
from ..model.window_network import INVERSION_ROUNDS, INVERSION_STEP, MAX_AT_ONCE, WindowNetwork
from ..music.melody import ONSET
from ..music.windows import WINDOW_STEPS
from .config import GrooveVAEConfig
from .feel import Feel, Heard, played
from .kit import INSTRUMENTS

SETS = 2 ** len(INSTRUMENTS)  # of instruments that can be struck on one step


@dataclass(frozen=True)
class GrooveLogits:
    """What the decoder says of each cell, each (B, 32, 9): logit of a hit, velocity 0 to 1, offset in sixteenths."""

    hit: Tensor
    velocity: Tensor
    offset: Tensor


class GrooveNetwork(WindowNetwork):
    """Tensors in, tensors out; see the module's docstring for the data flow, and `GrooveVAE` for grooves."""

    config: GrooveVAEConfig

    def __init__(self, config: GrooveVAEConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GrooveVAEConfig()
        beat, latents = WINDOW_STEPS // BEATS * 3 * len(INSTRUMENTS), config.latent_size // BEATS
        self.latent = Gaussian(LatentSizes(config.latent_size, 0, 0, 0))
        self.encoder = BeatStack(beat, self.latent.heads * latents, config.width, config.across, config.encoder_blocks)
        self.decoder = BeatStack(latents, beat, config.width, config.across, config.decoder_blocks)
        self.prior = MelodyPrior(SETS - ONSET, config.prior_width, config.prior_rounds)  # as many symbols as sets
        self.feel = Feel(config.feel_width, config.feel_blocks, len(config.styles))

    def posterior(self, cells: Tensor) -> Posterior:
        """q(z | x) of cells (B, 32, 3, 9)."""
        return self.latent.posterior(self.encoder(cells.unflatten(1, (BEATS, -1)).flatten(2)))

    def logits(self, z: Tensor) -> GrooveLogits:
        """p(x | z) of latents (B, D)."""
        beats = self.decoder(z.unflatten(1, (BEATS, -1)))
        cells = beats.unflatten(2, (WINDOW_STEPS // BEATS, 3, len(INSTRUMENTS))).flatten(1, 2)
        said = played(cells[:, :, 1], cells[:, :, 2])
        return GrooveLogits(cells[:, :, 0], said.velocity, said.offset)

    def cells(self, z: Tensor) -> Tensor:
        """Latents (B, D) -> cells (B, 32, 3, 9), the likeliest."""
        said = self.logits(z)
        hit = expected_hits(said.hit)
        return torch.stack([hit, hit * said.velocity.clamp(0.0, 1.0), hit * said.offset], 2)

    @torch.inference_mode()
    def encode_cells(self, cells: np.ndarray) -> Tensor:
        """Posterior means (B, D) float32 of cells (B, 32, 3, 9)."""
        parts = torch.from_numpy(np.asarray(cells, np.float32)).split(MAX_AT_ONCE)
        return torch.cat([self.posterior(part.to(self.device)).mean for part in parts])

    @torch.inference_mode()
    def invert_cells(self, cells: np.ndarray) -> Tensor:
        """Latents (B, D) float32 that cells (B, 32, 3, 9) are decoded from: `inverted`."""
        parts = torch.from_numpy(np.asarray(cells, np.float32)).split(MAX_AT_ONCE)
        return torch.cat([self.inverted(part.to(self.device)) for part in parts])

    @torch.inference_mode()
    def inverted(self, cells: Tensor) -> Tensor:
        """Latents (B, D) from which cells (B, 32, 3, 9) are decoded.

        As `MelodyNetwork.inverted`: from the posterior mean on by half of what the encoder hears as the difference of
        the cells and what is decoded, again and again. Velocities and offsets come nearer each time, so of all z tried
        it is the last from which the fewest cells are struck wrongly: never more than from the mean.

        Any thread may call it, also while others use the model.
        """
        best = z = mean = self.posterior(cells).mean
        heard = self.cells(z)
        fewest = _wrong_hits(heard, cells)
        for _ in range(INVERSION_ROUNDS):
            z = z + INVERSION_STEP * (mean - self.posterior(heard).mean)
            heard = self.cells(z)
            wrong = _wrong_hits(heard, cells)
            best = torch.where((wrong <= fewest)[:, None], z, best)
            fewest = torch.minimum(wrong, fewest)
        return best

    @torch.inference_mode()
    def decode_cells(self, z: Tensor) -> np.ndarray:
        """Latents (B, D) -> cells (B, 32, 3, 9) float32.

        Raises:
            InputError: z of another size, or not finite.
        """
        return torch.cat([self.cells(part) for part in self.latent_parts(z)]).cpu().numpy()

    @torch.inference_mode()
    def feel_of(self, heard: Heard, tempo: float, style: str | None = None) -> Tensor:
        """Cells (B, 32, 3, 9) of the hits of windows, with the velocities and offsets that a drummer may give them.

        Raises:
            InputError: a style that the model does not know.
        """
        index = len(self.config.styles) if style is None else self._style(style)
        found = []
        for part in map(Heard._make, zip(*(each.split(MAX_AT_ONCE) for each in heard), strict=True)):
            hits, count = part.hits, len(part.hits)
            said = self.feel(part, hits.new_full((count,), tempo), torch.full((count,), index, device=hits.device))
            found.append(torch.stack([hits, hits * said.velocity.clamp(1 / 127, 1.0), hits * said.offset], 2))
        return torch.cat(found)

    def _style(self, name: str) -> int:
        if name not in self.config.styles:
            known = ", ".join(self.config.styles) or "none"
            raise InputError(f"expected a style out of {known}, found {name!r}")
        return self.config.styles.index(name)

    @torch.inference_mode()
    def sample_latents(self, n: int, temperature: float = 1.0, seed: int | None = None, tempo: float = 120.0) -> Tensor:
        """Latents (n, D) of grooves whose hits are drawn from the learned model of hits, and then given feel.

        Raises:
            InputError: n below 1.
        """
        hits = hits_of(self.drawn_symbols(n, temperature, seed, "groove"))
        return self.inverted(self.feel_of(Heard.alone(hits), tempo))


def _wrong_hits(heard: Tensor, cells: Tensor) -> Tensor:
    """How many cells (B, 32, 3, 9) are struck in one and not in the other; (B,)."""
    return ((heard[:, :, 0] > 0.5) != (cells[:, :, 0] > 0.5)).sum((1, 2))


def expected_hits(logits: Tensor) -> Tensor:
    """As many hits as are expected in each window, the likeliest cells; (B, 32, 9) of logits -> 1.0 or 0.0."""
    flat = logits.flatten(1)
    count = flat.sigmoid().sum(1).round().long()
    rank = flat.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    return (rank < count[:, None]).to(flat.dtype).view_as(logits)


def sets_of(hits: Tensor) -> Tensor:
    """Hits (..., 32, 9) -> which set of instruments is struck on each step, (..., 32) int64 below 512."""
    return (hits.long() << torch.arange(hits.shape[-1], device=hits.device)).sum(-1)


def hits_of(sets: Tensor) -> Tensor:
    """The inverse of `sets_of`; (B, 32) -> (B, 32, 9) float32."""
    return ((sets[..., None] >> torch.arange(len(INSTRUMENTS), device=sets.device)) & 1).float()
