"""Grooves -> sound, by a small synthesized kit of nine one-shots."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import numpy as np

from latentmix.errors import InputError
from latentmix.files import replace_file

from ..drums.groove import FULL, Groove
from ..drums.kit import INSTRUMENTS
from ..music.bars import STEPS_A_BEAT
from .sound import MAX_SECONDS, PEAK, as_stored, sound_format

SAMPLE_RATE = 44100
TAIL_SECONDS = 1.0  # after the last bar
LOUDNESS = {"kick": 1.0, "snare": 0.8, "closed_hat": 0.35, "open_hat": 0.4, "crash": 0.45, "ride": 0.35}


def drums_to_wav(path: str | os.PathLike[str], grooves: Sequence[Groove]) -> None:
    """Write grooves one after another as sound, in mono.

    Args:
        path: ends in .wav, .flac (16 bits) or .ogg (Vorbis).
        grooves: at least one.

    Raises:
        InputError: above 20 minutes, an unknown suffix, an unwritable place.
    """
    import soundfile

    kind, subtype = sound_format(path)
    sound = render_drums(grooves, path=os.fspath(path))
    file = io.BytesIO()
    soundfile.write(file, as_stored(sound, subtype), SAMPLE_RATE, format=kind, subtype=subtype)
    replace_file(path, file.getvalue())


def render_drums(grooves: Sequence[Groove], sample_rate: int = SAMPLE_RATE, path: str = "sound") -> np.ndarray:
    """Samples (T,) float32 of grooves one after another, `PEAK` the loudest; a crash rings on for a second.

    Raises:
        InputError: above 20 minutes.
    """
    seconds = [len(g.velocities) * 60.0 / g.tempo / STEPS_A_BEAT for g in grooves]
    if sum(seconds) > MAX_SECONDS:
        most = MAX_SECONDS // 60
        raise InputError(f"{path}: expected at most {most} minutes of sound, found {sum(seconds) / 60:.0f}")
    kit = [one_shot(name, sample_rate) for name in INSTRUMENTS]
    sound = np.zeros(round((sum(seconds) + TAIL_SECONDS) * sample_rate), np.float32)
    start = 0.0
    for groove, length in zip(grooves, seconds, strict=True):
        for step, instrument, velocity in groove.notes():
            at = max(round((start + step * 60.0 / groove.tempo / STEPS_A_BEAT) * sample_rate), 0)
            part = kit[instrument][: len(sound) - at]
            sound[at : at + len(part)] += part * (velocity / FULL) ** 1.5
        start += length
    return sound * (PEAK / max(float(np.abs(sound).max()), 1e-6))


def one_shot(name: str, sample_rate: int) -> np.ndarray:
    """One hit of an instrument of `kit.INSTRUMENTS`, (T,) float32: sines whose pitch falls, and filtered noise."""
    time = np.arange(round(1.2 * sample_rate)) / sample_rate
    noise = np.random.default_rng(INSTRUMENTS.index(name)).standard_normal(len(time))
    bright = np.diff(noise, prepend=0.0)  # high frequencies alone
    fade = lambda seconds: np.exp(-time / seconds)  # noqa: E731
    fall = lambda low, high, seconds: np.sin(  # noqa: E731
        2 * np.pi * (low * time + (high - low) * seconds * (1.0 - np.exp(-time / seconds)))
    )
    sounds = {
        "kick": lambda: fall(48, 160, 0.03) * fade(0.12) + 0.15 * bright * fade(0.004),
        "snare": lambda: 0.5 * fall(180, 330, 0.02) * fade(0.06) + 0.35 * noise * fade(0.07),
        "closed_hat": lambda: bright * fade(0.025),
        "open_hat": lambda: bright * fade(0.16),
        "low_tom": lambda: fall(85, 130, 0.05) * fade(0.2) + 0.05 * noise * fade(0.02),
        "mid_tom": lambda: fall(120, 180, 0.05) * fade(0.17) + 0.05 * noise * fade(0.02),
        "high_tom": lambda: fall(165, 240, 0.05) * fade(0.14) + 0.05 * noise * fade(0.02),
        "crash": lambda: np.diff(bright, prepend=0.0) * fade(0.35) + 0.2 * noise * fade(0.05),
        "ride": lambda: 0.6 * bright * fade(0.2) + 0.2 * fall(3150, 3150, 1.0) * fade(0.25),
    }
    made: np.ndarray = (LOUDNESS.get(name, 0.7) * sounds[name]()).astype(np.float32)
    return made
