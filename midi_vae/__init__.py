"""Melodies in a latent space: read them from MIDI, encode, mix, sample, write them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentmix.errors import InputError

if TYPE_CHECKING:
    from .music.melody import Melody
    from .vae import MelodyVAE

__all__ = ["InputError", "Melody", "MelodyVAE"]


def __getattr__(name: str) -> Any:
    if name == "Melody":  # needs NumPy, which the help of a command does not wait for
        from .music.melody import Melody

        return Melody
    if name == "MelodyVAE":  # needs torch, which takes seconds to import: only for those who use the model
        from .vae import MelodyVAE

        return MelodyVAE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
