"""How far off a model is from a recording that it was not made for."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import torch

from audiovq.audio_io.mono import read_mono
from audiovq.sound.model import SoundModel
from audiovq.sound.morph import MAX_SECONDS, Recording, decode, encode, part, unheard_line
from audiovq.sound.preset_names import preset_of
from audiovq.sound.presets import read_preset
from audiovq.training.sound_losses import spectral_distance
from latentmix.errors import InputError

LOOKED_AT = 3.0  # seconds of the recording
FAR = 5.5  # dB: chords of strings and brass are beyond, single notes of most instruments are not


def misfit(model: SoundModel, samples: np.ndarray, recording: Recording) -> float:
    """Distance of log spectra between a recording (T,) and what the model makes of it, dB; as of `bench_sound.py`."""
    frames = min(round(LOOKED_AT * model.config.frame_rate), recording.sound.timbre.shape[1])
    heard = samples[: frames * model.config.hop]
    if len(heard) < model.config.sample_rate // 4 or not np.abs(heard).max():
        return 0.0  # too short, or silent
    made = decode(model, part(recording.sound, 0, frames), len(heard))
    ours, real = (torch.from_numpy(each.astype(np.float32))[None] for each in (made, heard))
    return float(spectral_distance(ours, real, model.config.sample_rate, only_heard=True).mean)


def read_fitting(
    model: SoundModel,
    path: str | os.PathLike[str],
    tell: Callable[[str], None],
    most: float = MAX_SECONDS,
    is_instrument: bool = False,
) -> Recording:
    """Read and encode a recording, or take a preset; say so where nothing is heard, or the model is far from it.

    Args:
        path: of a recording, or the name of a preset.
        tell: is given lines for people.
        most: seconds of a recording.
        is_instrument: notes are made of it, and of silence there are none.

    Raises:
        InputError: as `read_recording`; or no instrument, as nothing is heard.
    """
    preset = preset_of(path)
    if preset is not None:
        return read_preset(model, preset)
    samples = read_mono(path, model.config.sample_rate, most, tell)
    recording = encode(model, samples)
    line = unheard_line(os.fspath(path), recording.sound)
    if line is not None:
        if is_instrument:
            raise InputError(line)
        tell(line)
    line = misfit_line(os.fspath(path), misfit(model, samples, recording))
    if line is not None:
        tell(line)
    return recording


def misfit_line(name: str, far: float) -> str | None:
    """What is said of it; None where it is near enough."""
    if far < FAR:
        return None
    return (
        f"{name}: what the model makes of it is {far:.1f} dB from it, where about 3 are usual: several notes at once, "
        "or a kind of sound that it does not know; audiovq train-sound learns yours"
    )
