"""What a preset is: pitch, loudness, harmonicity and timbre of the frames of a recording, a hundred bytes each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from latentmix.checkpoint import fingerprint
from latentmix.errors import InputError
from latentmix.files import read_bounded, replace_file

from ..dsp.resampling import resampled
from .analysis import Controls
from .model import Sound, SoundModel
from .morph import Recording, decode, encode
from .preset_names import PRESETS

MAX_BYTES = 1 << 20
MODEL = "model"  # whose latents these are


def write_preset(path: str | os.PathLike[str], model: SoundModel, recording: Recording) -> None:
    """Write the frames of a recording into a file.

    Raises:
        InputError: it cannot be written.
    """
    played = recording.sound.controls
    half = {"loudness": played.loudness, "harmonicity": played.harmonicity, "timbre": recording.sound.timbre}
    found = {name: part[0].half().contiguous() for name, part in half.items()}
    replace_file(path, save({**found, "pitch": played.pitch[0].contiguous(), MODEL: _mark(model)}))


def read_preset(model: SoundModel, name: str) -> Recording:
    """A preset as a model knows it; one that is not the general model hears it, and encodes what it heard.

    Raises:
        InputError: no such preset, or a damaged file.
    """
    path = PRESETS.get(name, Path(name))
    try:
        parts = load(read_bounded(path, MAX_BYTES))
        pitch, loudness, harmonicity, timbre = (
            parts[part].float()[None] for part in ("pitch", "loudness", "harmonicity", "timbre")
        )
        is_of_this = torch.equal(parts[MODEL], _mark(model))
    except (SafetensorError, KeyError) as error:
        raise InputError(f"{path}: expected a preset, found something else: {error}") from None
    sound = Sound(Controls(pitch, loudness, harmonicity), timbre)
    if is_of_this:
        return Recording(sound, timbre.shape[1] * model.config.hop)
    general = SoundModel.from_pretrained()
    heard = decode(general, sound, timbre.shape[1] * general.config.hop)
    return encode(model, _at_rate(heard, general.config.sample_rate, model.config.sample_rate))


def _mark(model: SoundModel) -> Tensor:
    return torch.from_numpy(np.frombuffer(fingerprint(model, model.config), np.uint8).copy())


def _at_rate(samples: np.ndarray, has: int, wanted: int) -> np.ndarray:
    def blocks() -> Iterator[np.ndarray]:
        yield samples[None]

    return np.concatenate(list(resampled(blocks(), has, wanted)), 1)[0]
