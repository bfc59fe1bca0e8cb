"""Which of the bundled weights suit a recording."""

from __future__ import annotations

import os

import numpy as np
import torch

from ..audio_io.channels import Downmix
from ..audio_io.reader import AudioSource, open_source
from ..dsp.pitch import SAMPLE_RATE, frequency_at, track_pitch
from ..dsp.resampling import resampled

USUAL, HIGH = "speech_16k", "high_voices_16k"
LISTEN = 20.0  # seconds of a recording that decide
HIGH_PITCH = 245.0  # Hz, median by power, which hum between words has little of: few adults read so high
MIN_VOICED = 0.3  # share of the power: with less there is no voice to go by
FRAME, BINS = 160, 175  # samples between frames; pitches up to 807 Hz


def choose_weights(path: str | os.PathLike[str]) -> str:
    """`HIGH` for a recording of children, singing or calling, by its median pitch, else `USUAL`.

    Raises:
        InputError: it cannot be read.
    """
    with open_source(path) as source:
        pitch = _median_pitch(source)
    return HIGH if pitch is not None and pitch > HIGH_PITCH else USUAL


def _median_pitch(source: AudioSource) -> float | None:
    """Hz, of the first seconds; None where there is too little voice."""
    mono = Downmix(source.channels, source.layout, source.sample_rate)(source.blocks)
    wanted, samples = round(LISTEN * SAMPLE_RATE), np.zeros(0, np.float32)
    for block in resampled(mono, source.sample_rate, SAMPLE_RATE):
        samples = np.append(samples, block[0])
        if len(samples) >= wanted:
            break
    samples = samples[:wanted]
    samples = samples[: len(samples) // FRAME * FRAME]
    track = track_pitch(torch.from_numpy(samples), FRAME, FRAME // 2, BINS)
    power = np.square(samples.reshape(-1, FRAME)).mean(1)
    voiced = np.where(track.voiced, power, 0.0)
    if voiced.sum() <= MIN_VOICED * power.sum():
        return None
    order = np.argsort(track.bin)
    half = int(np.searchsorted(np.cumsum(voiced[order]), 0.5 * voiced.sum()))
    return float(frequency_at(torch.tensor(track.bin[order[half]])))
