"""What a preset is: pitch, loudness, harmonicity, onsets and timbre of the frames of a recording, 236 bytes each."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
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
from .correction import MAX_CORRECTION
from .model import Sound, SoundModel
from .morph import Recording, decode, encode
from .onsets import LOWEST_ONSET, QUARTERS
from .preset_names import PRESETS

MAX_FRAMES = 60_000  # ten minutes
MAX_BYTES = 24 << 20  # as many frames of the largest timbre have no more
MODEL = "model"  # whose latents these are
ONSETS = "onsets"  # dB, in int8
LACKING = "lacking"  # what goes beside the latent in a timbre, in int8
STEPS_A_NEPER = 127 / MAX_CORRECTION


def write_preset(path: str | os.PathLike[str], model: SoundModel, recording: Recording) -> None:
    """Write the frames of a recording into a file.

    Raises:
        InputError: it cannot be written.
    """
    replace_file(path, preset_bytes(model, recording))


def preset_bytes(model: SoundModel, recording: Recording) -> bytes:
    """The frames of a recording as a file holds them."""
    played = recording.sound.controls
    latent, lacking = recording.sound.timbre.tensor_split([model.config.latent_size], -1)
    half = {"loudness": played.loudness, "harmonicity": played.harmonicity, "timbre": latent}
    found = {name: part[0].half().contiguous() for name, part in half.items()}
    if lacking.shape[-1]:
        found[LACKING] = (lacking[0] * STEPS_A_NEPER).round().clamp(-127, 127).to(torch.int8)
    onsets = played.onsets[0].round().to(torch.int8)
    return save({**found, ONSETS: onsets, "pitch": played.pitch[0].contiguous(), MODEL: _mark(model)})


def read_preset(model: SoundModel, name: str) -> Recording:
    """A preset as a model knows it; one that is not the general model hears it, and encodes what it heard.

    Raises:
        InputError: no such preset, or a damaged file.
    """
    path = PRESETS.get(name, Path(name))
    try:
        return preset_from(model, read_bounded(path, MAX_BYTES))
    except PresetError as error:
        raise InputError(f"{path}: {error}") from None


class PresetError(InputError):
    """Bytes that are no preset, or one of a model that is not at hand."""


def preset_from(model: SoundModel, data: bytes) -> Recording:
    """The inverse of `preset_bytes`, of whatever bytes there are; as `read_preset`.

    Raises:
        PresetError: no preset, values that are no sound, or the frames of a third model.
    """
    try:
        parts = load(data)
        pitch, loudness, harmonicity, timbre = (
            parts[part].float()[None] for part in ("pitch", "loudness", "harmonicity", "timbre")
        )
        of = parts[MODEL]
    except (SafetensorError, KeyError):
        raise PresetError("expected a preset, the frames of a sound; found something else, or a damaged one") from None
    sound = Sound(Controls.steady(pitch, loudness, harmonicity), timbre)
    _check(sound)
    is_own, frames = torch.equal(of, _mark(model)), timbre.shape[1]
    known = model if is_own else SoundModel.from_pretrained()
    if not torch.equal(of, _mark(known)) or timbre.shape[2] != known.config.latent_size:
        raise PresetError("expected a sound of the model that is here, found one of another; take the recording again")
    controls = replace(sound.controls, onsets=_onsets(parts, frames))
    sound = Sound(controls, torch.cat([timbre, _lacking(parts, frames, known.config.bands)], 2))
    if is_own:
        return Recording(sound, frames * model.config.hop)
    heard = decode(known, sound, frames * known.config.hop)
    return encode(model, _at_rate(heard, known.config.sample_rate, model.config.sample_rate))


def _lacking(parts: Mapping[str, Tensor], frames: int, bands: int) -> Tensor:
    """What the decoder's gains lack, (1, N, bands) nats of amplitude; nothing in presets of before that was kept.

    Raises:
        PresetError: other numbers, or of other frames or bands.
    """
    found = parts.get(LACKING)
    if found is None:
        return torch.zeros(1, frames, bands)
    if found.dtype != torch.int8 or found.shape != (frames, bands):
        raise PresetError(f"expected corrections of {frames} frames and {bands} bands in a preset, found others")
    return found[None].float() / STEPS_A_NEPER


def _onsets(parts: Mapping[str, Tensor], frames: int) -> Tensor:
    """dB (1, N, `QUARTERS`); none in presets of before they were kept.

    Raises:
        PresetError: other numbers, or of other frames.
    """
    found = parts.get(ONSETS, torch.zeros(frames, QUARTERS, dtype=torch.int8))
    is_right = found.dtype == torch.int8 and found.shape == (frames, QUARTERS)
    if not is_right or not bool(found.ge(LOWEST_ONSET).logical_and(found.le(0)).all()):
        raise PresetError(f"expected onsets of {frames} frames, {LOWEST_ONSET:.0f} to 0 dB, in a preset, found others")
    return found[None].float()


def _check(sound: Sound) -> None:
    of = sound.controls
    frames = of.pitch.shape[-1]
    rows = (of.pitch, of.loudness, of.harmonicity)
    if any(each.shape != (1, frames) for each in rows) or sound.timbre.shape[:-1] != (1, frames):
        raise PresetError("expected as many frames of pitch, loudness, harmonicity and timbre in a preset")
    if not 1 <= frames <= MAX_FRAMES:
        raise PresetError(f"expected 1 to {MAX_FRAMES} frames in a preset, found {frames}")
    finite = all(bool(torch.isfinite(each).all()) for each in (*rows, sound.timbre))
    if not finite or float(of.pitch.min()) <= 0.0 or float(of.loudness.abs().max()) > 200.0:
        raise PresetError("expected finite frames of a sound in a preset, found others")


def _mark(model: SoundModel) -> Tensor:
    return torch.from_numpy(np.frombuffer(fingerprint(model, model.config), np.uint8).copy())


def _at_rate(samples: np.ndarray, has: int, wanted: int) -> np.ndarray:
    def blocks() -> Iterator[np.ndarray]:
        yield samples[None]

    return np.concatenate(list(resampled(blocks(), has, wanted)), 1)[0]
