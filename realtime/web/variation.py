"""New melodies out of the model, which may still be loading: each waits for it, in a thread of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from midi_vae.music.melody import Melody

if TYPE_CHECKING:
    from ..engine.loading import ModelLoader


def random_melody(model: ModelLoader, like: Melody, temperature: float, seed: int) -> Melody:
    """A melody out of nothing but chance, with tempo and program of another. Thread-safe, not real-time-safe."""
    made = model.get().sample(1, temperature, seed)[0]
    return replace(made, tempo=like.tempo, program=like.program, name=f"random {seed % 1000:03}")


def varied(model: ModelLoader, melody: Melody, amount: float, seed: int) -> Melody:
    """A variation of a melody, of its name. Thread-safe, not real-time-safe."""
    from midi_vae.interpolation import vary  # torch takes seconds to import

    return replace(vary(model.get(), melody, amount, 1, seed=seed)[0], name=melody.name)
