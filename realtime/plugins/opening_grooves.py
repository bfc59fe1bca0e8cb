"""The grooves that the drum plugin opens with: four patterns of two bars, our own, played as the model says."""

from __future__ import annotations

import numpy as np

from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import INSTRUMENTS
from midi_vae.drums.mixing import humanise
from midi_vae.drums.vae import GrooveVAE

TEMPO = 112.0  # as of `web.opening`
STRUCK = 90  # before they are played
# x is a hit on its sixteenth; one bar, which is repeated, or two
_GROOVES: dict[str, dict[str, str]] = {
    "backbeat": {
        "kick": "x.......x.x.....x.......x.x....x",
        "snare": "....x.......x...",
        "closed_hat": "x.x.x.x.x.x.x.x.",
    },
    "half-time": {
        "kick": "x..x..........x.x..x......x.....",
        "snare": "........x.......",
        "closed_hat": "x.x.x.x.x.x.x...",
        "open_hat": "..............x.",
    },
    "toms": {
        "kick": "x..x..x.x..x..x.",
        "low_tom": "..x.....x.....x...x.....x.......",
        "mid_tom": "......x.....x.........x.....x...",
        "high_tom": "............................x.xx",
        "ride": "x...x...x...x...",
    },
    "push": {
        "kick": "x.....x...x.....x.....x...x...x.",
        "snare": "....x..x.x..x...",
        "ride": "x.xxx.xxx.xxx.xx",
    },
}


def opening_grooves(model: GrooveVAE) -> list[Groove]:
    """Four grooves of two bars of 4/4."""
    return [humanise(model, _groove(name, lines)) for name, lines in _GROOVES.items()]


def _groove(name: str, lines: dict[str, str]) -> Groove:
    velocities = np.zeros((32, len(INSTRUMENTS)), np.uint8)
    for instrument, line in lines.items():
        both = line * (32 // len(line))
        velocities[:, INSTRUMENTS.index(instrument)] = [STRUCK * (each == "x") for each in both]
    return Groove(velocities, tempo=TEMPO, name=name)
