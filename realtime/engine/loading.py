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
from midi_vae.music.partners import partners
from midi_vae.music.windows import window_layout

from ..music.mixer import Coded
from ..music.parameters import ATTRIBUTES

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE

MAX_WINDOWS = 64  # of one melody, 128 bars of 4/4: longer ones decode too slowly to follow a hand


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

    def shift(self, amounts: Mapping[str, float]) -> np.ndarray:
        """Nothing."""
        return np.zeros(1, np.float32)


def playable_partners(melodies: Sequence[Melody]) -> tuple[Melody, ...]:
    """1 to 8 melodies in the metre of the first and the length of the longest.

    Raises:
        InputError: more melodies, bars that are longer than a window, or more than 64 windows.
    """
    layout = window_layout(melodies[0].metre)
    together = partners(melodies) if len(melodies) > 1 else list(melodies)
    most = MAX_WINDOWS * layout.bars
    if together[0].bars > most:
        raise InputError(f"expected melodies of at most {most} bars to play live, found {together[0].bars} bars")
    return tuple(together)
