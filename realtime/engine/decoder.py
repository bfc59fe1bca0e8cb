"""What live playing needs of a melody model: melodies -> latents, latents -> tokens, soon enough.

On CUDA the decode step is recorded once as a graph and replayed (`Graphed`); on the CPU it runs on one thread, for its
products are too small to share, without Python between them and with small weights (`tracing.trace`).

Chance is drawn beforehand: at a temperature T the symbol with the largest logit + T * noise, the noise from a Gumbel
distribution, is a draw from softmax(logits / T) (Gumbel 1954), so that the same place gives the same melody again and a
turn of the temperature changes a few notes rather than all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError
from latentmix.tracing import Graphed, trace
from midi_vae import interpolation
from midi_vae.chart import chart_codes
from midi_vae.crossing import plane_codes
from midi_vae.long_form import next_phrase
from midi_vae.model.conductor import Conductor
from midi_vae.music.melody import ONSET, Melody
from midi_vae.travel import even_travel

from ..music.mixer import Coded
from .playable import playable_partners

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE

WARM_UPS = 10  # first passes allocate, choose kernels and fill caches


class Decoder:
    """Melodies <-> latents of one model, for one thread at a time.

    Attributes:
        model: in evaluation mode, on its device.
        latent_size: D.
        attributes: names of what can be turned up and down.
    """

    def __init__(self, model: MelodyVAE, seed: int | None = None) -> None:
        interpolation.check_mixable(model)
        self.model = model
        self.latent_size = model.config.latent_size
        self.attributes = tuple(model.attribute_names)
        self._directions = model.attribute_directions.detach().cpu().numpy()
        self._seed = seed
        self._steps: dict[int, _Step] = {}
        self._conductor: Conductor | None = None  # loaded once it is needed

    def encode(self, melodies: Sequence[Melody]) -> Coded:
        """1 to 8 melodies as partners, in the metre of the first and the length of the longest, with their latents.

        Raises:
            InputError: as `playable_partners`.
        """
        together = playable_partners(melodies)
        with one_thread():
            return Coded(together, interpolation.codes(self.model, together).cpu().numpy())

    def decode(self, latents: np.ndarray, temperature: float = 0.0) -> np.ndarray:
        """Latents (W, D) -> windows (W, 32) int64 of tokens.

        Raises:
            ValueError: latents of another shape, or not finite.
        """
        if latents.ndim != 2 or latents.shape[1] != self.latent_size or not np.isfinite(latents).all():
            raise ValueError(f"expected finite latents (W, {self.latent_size}), found {latents.shape} {latents.dtype}")
        step = self._steps.get(len(latents))
        if step is None:
            if len(self._steps) >= 8:
                self._steps.clear()  # lengths come and go; what a graph holds is small but not nothing
            step = self._steps[len(latents)] = _Step(self.model, len(latents), self._seed)
        return step(latents, temperature)

    def shift(self, amounts: Mapping[str, float]) -> np.ndarray:
        """What to add to latents to move attributes, in standard deviations of the training data; (D,) float32."""
        steps = np.array([amounts.get(name, 0.0) for name in self.attributes], np.float32)
        return steps @ self._directions

    def aside(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """How far the even way from a to b, latents (W, D), goes off the straight line; (K, W, D), evenly spaced.

        About a tenth of a second a window. Unlike the rest, for any thread at any time.
        """
        device = self.model.device
        with one_thread():
            places = even_travel(self.model, *(torch.from_numpy(each).to(device) for each in (a, b))).places
        straight = np.linspace(0.0, 1.0, len(places), dtype=np.float32)[:, None, None]
        return places.cpu().numpy() - ((1.0 - straight) * a + straight * b)

    def chart(self, latents: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Even travel over a plane: latents (P, W, D) of places at which melodies (M, W, D) have shares (P, M).

        About a third of a second for a window. For any thread at any time.
        """
        device = self.model.device
        with one_thread():
            z, at = torch.from_numpy(latents).to(device), torch.from_numpy(shares.astype(np.float32))
            return chart_codes(self.model, z, at).cpu().numpy()

    def plane(self, a: Melody, b: Melody) -> np.ndarray:
        """Rhythm and pitch of two partners apart: latents (rows, columns, W, D), rhythm across, pitch upwards.

        About a quarter of a second for a window. For any thread at any time.

        Raises:
            InputError: a melody without notes.
        """
        with one_thread():
            return plane_codes(self.model, a, b).cpu().numpy()

    def go_on(self, phrases: Sequence[Coded], check: Callable[[], object] = lambda: None) -> Coded:
        """What comes after phrases, the first of which is the melodies as given, by the conductor beside the model.

        About a tenth of a second for a window of a melody. For one thread at a time, but any.
        `check` is called before each; what it raises ends it.

        Raises:
            InputError: there is no conductor, or it does not go with the model.
        """
        with one_thread():
            if self._conductor is None:
                if self.model.folder is None:
                    raise InputError("expected a model of a folder, in which there is a conductor, found one of none")
                self._conductor = Conductor.beside(self.model.folder, self.model.device)
            tunes = zip(*(phrase.partners for phrase in phrases), strict=True)
            return self.encode([next_phrase(self.model, self._conductor, tune, check) for tune in tunes])

    def warm_up(self, windows: int) -> None:
        """Decode some times, so that the first melody that matters comes as soon as all others."""
        for _ in range(WARM_UPS):
            self.decode(np.zeros((windows, self.latent_size), np.float32))


class _Step:
    """One pass for a number of windows, with buffers of its own."""

    def __init__(self, model: MelodyVAE, windows: int, seed: int | None) -> None:
        self._model, device = model, model.device
        generator = torch.Generator()  # on the CPU, so that a seed means the same on every device
        generator.manual_seed(seed) if seed is not None else generator.seed()
        with torch.inference_mode(), one_thread():
            logits = model.logits(torch.zeros(windows, model.config.latent_size, device=device))
            self._noise = [
                -torch.log(-torch.log(torch.rand(each.shape, generator=generator).clamp(1e-12, 1 - 1e-7))).to(device)
                for each in (logits.rhythm, logits.pitch)
            ]
        self._latents = torch.zeros(windows, model.config.latent_size, pin_memory=device.type == "cuda")
        self._temperature = torch.zeros((), pin_memory=device.type == "cuda")
        self._is_cpu = device.type == "cpu"
        function: Callable[[Tensor, Tensor], Tensor] = partial(self._function, model)
        if self._is_cpu and not model.training:
            with one_thread():
                function = trace(self._function, model, [self._latents, self._temperature])
        self._tokens = Graphed(function)

    def __call__(self, latents: np.ndarray, temperature: float) -> np.ndarray:
        with torch.inference_mode(), one_thread():
            self._latents.numpy()[:] = latents
            self._temperature.fill_(temperature)
            if self._is_cpu:
                return self._tokens(self._latents, self._temperature).numpy()
            device = self._model.device
            inputs = [each.to(device, non_blocking=True) for each in (self._latents, self._temperature)]
            return self._tokens(*inputs).cpu().numpy()

    def _function(self, model: MelodyVAE, z: Tensor, temperature: Tensor) -> Tensor:
        return decoded(model, self._noise, z, temperature)


def decoded(model: MelodyVAE, noise: Sequence[Tensor], z: Tensor, temperature: Tensor) -> Tensor:
    """Latents (W, D), temperature (), noise of a Gumbel distribution (W, 32, 3), (W, 32, P) -> tokens (W, 32) int64."""
    logits = model.logits(z)
    rhythm = (logits.rhythm + temperature * noise[0]).argmax(-1)
    pitch = (logits.pitch + temperature * noise[1]).argmax(-1)
    return torch.where(rhythm == ONSET, pitch + (model.config.lowest_pitch + ONSET), rhythm)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """torch computes on one thread of the CPU meanwhile: more only get in the way of products this small."""
    before = torch.get_num_threads()
    if before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
