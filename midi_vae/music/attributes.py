"""Attributes of melodies that can be turned up and down: what they are, measured on windows; numpy."""

from __future__ import annotations

import numpy as np

from .melody import HOLD, ONSET

ATTRIBUTES = ("density", "height", "range", "syncopation", "legato")
# How deep in the bar a sixteenth lies: bar, half, quarter, eighth, sixteenth (Longuet-Higgins & Lee 1984).
DEPTH = np.array([0, 4, 3, 4, 2, 4, 3, 4, 1, 4, 3, 4, 2, 4, 3, 4] * 2)


def measure(windows: np.ndarray) -> np.ndarray:
    """Attributes of windows (B, 32) of tokens; (B, 5) float64 in the order of `ATTRIBUTES`.

    density: onsets. height: mean pitch, range: highest less lowest pitch, in semitones. syncopation: onsets that are
    held over a stronger step than their own, by how much stronger it is (after Longuet-Higgins & Lee 1984), as a share
    of the onsets. legato: sounding share of the time from the first onset on.

    >>> measure(np.array([[62, 1, 64, 1] * 8]))[0].tolist()
    [16.0, 61.0, 2.0, 0.0, 0.5]
    """
    tokens = np.asarray(windows)
    onset = tokens >= ONSET
    count = np.maximum(onset.sum(1), 1)
    pitch = np.where(onset, tokens - ONSET, np.nan)
    empty = ~onset.any(1)
    pitch[empty] = 60.0
    height, spread = np.nanmean(pitch, 1), np.nanmax(pitch, 1) - np.nanmin(pitch, 1)
    return np.stack([onset.sum(1), height, spread, _syncopation(tokens) / count, _sounding_share(tokens)], axis=1)


def _syncopation(tokens: np.ndarray) -> np.ndarray:
    """Sum over the onsets of how much stronger the strongest step held over is; (B,)."""
    total = np.zeros(len(tokens))
    depth = np.full(len(tokens), -1)  # of the note that sounds, -1 for none
    gain = np.zeros(len(tokens))
    for step in range(tokens.shape[1]):
        held = (tokens[:, step] == HOLD) & (depth >= 0)
        gain = np.where(held, np.maximum(gain, depth - DEPTH[step]), gain)
        ends = ~held
        total += np.where(ends, gain, 0.0)
        gain = np.where(ends, 0.0, gain)
        starts = tokens[:, step] >= ONSET
        depth = np.where(starts, DEPTH[step], np.where(tokens[:, step] == HOLD, depth, -1))
    return total + gain


def _sounding_share(tokens: np.ndarray) -> np.ndarray:
    """Sounding steps over all steps from the first onset on; (B,), 1 where there is no onset."""
    steps = np.arange(tokens.shape[1])
    latest = np.maximum.accumulate(np.where(tokens != HOLD, steps, -1), axis=1)
    symbol = np.take_along_axis(tokens, np.maximum(latest, 0), axis=1)
    sounds = (symbol >= ONSET) & (latest >= 0)
    begun = np.maximum.accumulate(tokens >= ONSET, axis=1)
    return np.where(begun.any(1), sounds.sum(1) / np.maximum(begun.sum(1), 1), 1.0)
