"""A model that is still on its way: the music starts with the melodies as they are, mixes follow once it is there.

To import torch takes seconds; one melody alone, unchanged, needs no model to be played.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from latentmix.errors import InputError
from midi_vae.music.melody import Melody

from ..music.mixer import Coded
from ..music.parameters import ATTRIBUTES
from .playable import playable_partners

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE

    from .decoder import Decoder

LOOK_SECONDS = 0.05


class ModelLoader:
    """A model that is loaded when it is asked for, once. Thread-safe.

    Args:
        load: loads it; it may raise InputError, then and each time.
        attributes: that it will have.
    """

    def __init__(self, load: Callable[[], MelodyVAE], attributes: Sequence[str] = ATTRIBUTES) -> None:
        self.attributes = tuple(attributes)
        self._load, self._lock = load, threading.Lock()
        self._model: MelodyVAE | None = None

    def get(self) -> MelodyVAE:
        """The model; it may take seconds, the first time.

        Raises:
            InputError: it cannot be loaded.
        """
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model


class PendingDecoder:
    """Stands in for a decoder whose model is not there yet (`mixer.Coder`): it knows melodies, but no latents."""

    latent_size = 1

    def __init__(self, attributes: tuple[str, ...]) -> None:
        self.attributes = attributes

    def encode(self, melodies: Sequence[Melody]) -> Coded:
        """1 to 8 melodies as partners, without latents.

        Raises:
            InputError: as `playable_partners`.
        """
        together = playable_partners(melodies)
        return Coded(together, np.zeros((len(together), 1, 1), np.float32))

    def decode(self, latents: np.ndarray, temperature: float = 0.0) -> np.ndarray:
        """
        Raises:
            RuntimeError: always; the engine asks only once it has a model.
        """
        raise RuntimeError("the model is still being loaded")

    def chart(self, latents: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """
        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("the model is still being loaded")

    def plane(self, a: Melody, b: Melody) -> np.ndarray:
        """
        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("the model is still being loaded")

    def go_on(self, phrases: Sequence[Coded], check: Callable[[], object] = lambda: None) -> Coded:
        """
        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("the model is still being loaded")

    def shift(self, amounts: Mapping[str, float]) -> np.ndarray:
        """Nothing."""
        return np.zeros(1, np.float32)


class Loading:
    """What takes seconds, done in a thread of its own.

    Args:
        steps: what is done, one after another.
        failed: called with a line for people where one of them raises; the others are not done then.

    Attributes:
        failure: that line; None: it did not fail, so far.
    """

    def __init__(self, steps: Sequence[Callable[[], object]], failed: Callable[[str], None]) -> None:
        self.failure: str | None = None
        self._steps, self._failed = steps, failed
        self._thread = threading.Thread(target=self._run, name="latentmix model", daemon=True)
        self._thread.start()

    def wait(self, stop: threading.Event | None = None) -> None:
        """Until it is done or has failed, or somebody says stop."""
        while self._thread.is_alive() and not (stop is not None and stop.is_set()):
            self._thread.join(LOOK_SECONDS)

    def _run(self) -> None:
        try:
            for step in self._steps:
                step()
        except Exception as error:
            self.failure = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            self._failed(self.failure)


def prepared(loader: ModelLoader, seed: int | None, melodies: Sequence[Melody]) -> tuple[Decoder, Coded]:
    """A decoder of a model that is still to be loaded, warmed up, and what it made of melodies.

    Raises:
        InputError: it cannot be loaded.
    """
    decoder = make_decoder(loader.get(), seed)
    coded = decoder.encode(melodies)
    decoder.warm_up(coded.latents.shape[1])
    return decoder, coded


def make_decoder(model: MelodyVAE, seed: int | None) -> Decoder:
    """A decoder of a model."""
    from .decoder import Decoder  # torch takes seconds to import

    return Decoder(model, seed)
