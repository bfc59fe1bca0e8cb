"""A file -> what a model knows of it, and how far off the model is from a recording that it was not made for."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import torch

from latentmix.errors import InputError

from ..audio_io.mono import read_mono
from ..dsp.spectral_distance import spectral_distance
from .config import CUTOFF
from .model import Sound, SoundModel
from .morph import Recording, decode, encode, part
from .preset_names import preset_of
from .presets import read_preset

MAX_SECONDS = 600.0  # of a recording
UNHEARD = -90.0  # dB, A-weighted, of the loudest frame of a recording in which nothing is heard
LOOKED_AT = 3.0  # seconds of the recording
FAR = 5.5  # dB: chords of strings and brass are beyond, single notes of most instruments are not


def misfit(model: SoundModel, samples: np.ndarray, recording: Recording) -> float:
    """Distance of log spectra between a recording (T,) and what the model makes of it, dB; as of `bench_sound.py`.

    Of a long recording its strongest `LOOKED_AT` seconds are compared, for it may begin with anything.
    """
    hop, frames = model.config.hop, min(round(LOOKED_AT * model.config.frame_rate), recording.sound.timbre.shape[1])
    strength = np.square(np.pad(samples, (0, -len(samples) % hop)).astype(np.float64)).reshape(-1, hop).sum(1)
    until = np.concatenate([[0.0], np.cumsum(strength)])
    start = int((until[frames:] - until[:-frames]).argmax())
    heard = samples[start * hop : (start + frames) * hop]
    if len(heard) < model.config.sample_rate // 4 or not np.abs(heard).max():
        return 0.0  # too short, or silent
    made = decode(model, part(recording.sound, start, start + frames), len(heard))
    ours, real = (torch.from_numpy(each.astype(np.float32))[None] for each in (made, heard))
    return float(spectral_distance(ours, real, model.config.sample_rate, only_heard=True).mean)


def read_recording(
    model: SoundModel,
    path: str | os.PathLike[str],
    tell: Callable[[str], None] = lambda line: None,
    most: float = MAX_SECONDS,
    is_instrument: bool = False,
) -> Recording:
    """Read and encode a recording of any rate and number of channels, or take a preset.

    It is said where nothing is heard, what was changed, and how far off the model is if it is far.

    Args:
        path: of a recording, or the name of a preset.
        tell: is given lines for people.
        most: seconds of a recording.
        is_instrument: notes are made of it, and of silence there are none.

    Raises:
        InputError: it cannot be read, is longer than `most`, or is to be an instrument and nothing is heard in it.
    """
    preset = preset_of(path)
    if preset is not None:
        return read_preset(model, preset)
    samples = read_mono(path, model.config.sample_rate, most, tell, cutoff=CUTOFF)
    recording = encode(model, samples)
    line = unheard_line(os.fspath(path), recording.sound)
    if line is not None and is_instrument:
        raise InputError(line)
    if line is None:  # of what is not heard it does not matter what is made
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


def unheard_line(name: str, sound: Sound) -> str | None:
    """What is said of a sound (1, N) in which nothing is heard; None where something is."""
    if float(sound.controls.loudness.max()) > UNHEARD:
        return None
    return f"{name}: expected a sound, found nothing that is heard"
