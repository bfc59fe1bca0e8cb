"""Vowels whose pitch is known: pulses through resonators, for tests of what listens to speech."""

from __future__ import annotations

import numpy as np

RATE = 16000  # Hz
VOWELS = {  # formants in Hz (Peterson & Barney 1952, men)
    "a": (730, 1090, 2440),
    "i": (270, 2290, 3010),
    "u": (300, 870, 2240),
}


def pulses(pitch: np.ndarray) -> np.ndarray:
    """Pitch (T,) in Hz of every sample -> pulses (T,), each shared between the two samples around it."""
    phase = np.cumsum(pitch / RATE)
    whole = np.floor(phase)
    falls = np.flatnonzero(np.diff(whole, prepend=0.0))
    late = (phase - whole)[falls] / (pitch[falls] / RATE)
    x = np.zeros(len(pitch) + 1)
    np.add.at(x, falls, 1.0 - late)
    np.add.at(x, falls - 1, late)
    return x[:-1]


def resonate(x: np.ndarray, formants: tuple[float, ...], bandwidth: float = 80.0) -> np.ndarray:
    """Through two-pole resonators, one after the other, by their impulse response of 50 ms."""
    time = np.arange(RATE // 20)
    for hertz in formants:
        turn, decay = 2 * np.pi * hertz / RATE, np.exp(-np.pi * bandwidth / RATE)
        response = decay**time * np.sin(turn * (time + 1)) / np.sin(turn)
        x = np.convolve(x, response)[: len(x)]
    return x


def vowel(pitch: np.ndarray | float, seconds: float = 1.0, kind: str = "a", level: float = 0.1) -> np.ndarray:
    """A voiced sound (T,) float32 whose root mean square is `level`."""
    pitch = np.broadcast_to(np.asarray(pitch, float), round(seconds * RATE))
    x = resonate(pulses(pitch), VOWELS[kind])
    return (x * level / np.sqrt(np.mean(x**2))).astype(np.float32)


def hiss(seconds: float = 1.0, level: float = 0.1, seed: int = 0) -> np.ndarray:
    """White noise (T,) float32."""
    return (np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * level).astype(np.float32)
