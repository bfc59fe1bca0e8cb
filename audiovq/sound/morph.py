"""Recordings -> frames -> mixes of them, whole: what lies between two sounds, and how a mix of many is made."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .analysis import Controls
from .model import Sound, SoundModel
from .onsets import LOWEST_ONSET, QUARTERS

PIECE = 500  # frames that are encoded or decoded at a time
LOUDNESS_POWER = 0.3  # loudness grows with about this power of the power (Stevens 1957)
SINGS = 0.1  # of the frames at least that have a pitch, of a recording that has one
UNVOICED = 0.02  # weight of the pitch of one that has none
PLACES = 17  # at which a way between two sounds is looked at to make it even
FADE_SECONDS = 0.002
LOOKED_AT = 1000  # frames for that
SILENT = -100.0  # dB


@dataclass(frozen=True)
class Recording:
    """A recording as the model knows it.

    Attributes:
        sound: of (1, N).
        samples: T, at the model's rate.
    """

    sound: Sound
    samples: int


def encode(model: SoundModel, samples: np.ndarray) -> Recording:
    """Samples (T,) within ±1 at the model's rate -> its frames (1, N); silence fills the last one."""
    hop, found = model.config.hop, []
    padded = np.pad(samples, (0, -len(samples) % hop))[None].astype(np.float32)
    state = model.initial_encoder_state(1)
    for start in range(0, padded.shape[1], PIECE * hop):
        sound, state = model.encode_step(torch.from_numpy(padded[:, start : start + PIECE * hop]), state)
        found.append(sound)
    return Recording(_with_first_pitch(joined(found)), len(samples))


def _with_first_pitch(sound: Sound) -> Sound:
    """What comes before the first pitch has that one already, which nobody could know then."""
    played = sound.controls
    sung = torch.nonzero(played.harmonicity[0] > 0.0)[:, 0]
    pitch = played.pitch.clone()
    if len(sung):
        pitch[:, : int(sung[0])] = pitch[0, sung[0]]
    return replace(sound, controls=replace(played, pitch=pitch))


def sung_share(sound: Sound) -> float:
    """What the pitch of a recording counts for in a mix: little where hardly anything has one."""
    return 1.0 if float((sound.controls.harmonicity > 0.0).float().mean()) >= SINGS else UNVOICED


def decode(model: SoundModel, sound: Sound, samples: int) -> np.ndarray:
    """Frames (1, N) -> the first (samples,) float32 of them, without the delay; faded in and out."""
    late = -(-model.delay // model.config.hop)
    silent = Controls(
        F.pad(sound.controls.pitch, (0, late), mode="replicate"),
        F.pad(sound.controls.loudness, (0, late), value=SILENT),
        F.pad(sound.controls.harmonicity, (0, late)),
        F.pad(sound.controls.onsets, (0, 0, 0, late)),
    )
    whole = Sound(silent, F.pad(sound.timbre, (0, 0, 0, late)))
    state, made = model.initial_decoder_state(1), []
    for start in range(0, whole.timbre.shape[1], PIECE):
        y, state = model.decode_step(part(whole, start, start + PIECE), state)
        made.append(y[0].numpy())
    heard = np.concatenate(made)[model.delay : model.delay + samples]
    fade = min(round(FADE_SECONDS * model.config.sample_rate), samples // 2)
    ramp = np.linspace(0.0, 1.0, fade, endpoint=False, dtype=np.float32)
    heard[:fade] *= ramp  # what sounds before the first sample and after the last is cut off, which would click
    heard[samples - fade :] *= ramp[::-1]
    return heard


def part(sound: Sound, start: int, stop: int) -> Sound:
    """Frames (1, N) from one to before another."""
    return Sound(sound.controls.map(lambda of: of[:, start:stop]), sound.timbre[:, start:stop])


def joined(sounds: Sequence[Sound], dim: int = 1) -> Sound:
    """Frames (1, N), (1, M), ... on end, (1, N + M + ...); along the first dimension, as a batch."""
    controls = Controls(
        *(torch.cat(same, dim) for same in zip(*(each.controls.tensors() for each in sounds), strict=True))
    )
    return Sound(controls, torch.cat([each.timbre for each in sounds], dim))


def stretched(sound: Sound, frames: int) -> Sound:
    """A sound (1, N) in so many frames; what is between frames is on straight lines, of pitch in the logarithm."""
    played = sound.controls
    rows = torch.stack([played.pitch.log(), played.loudness, played.harmonicity], 1)
    rows = torch.cat([rows, sound.timbre.transpose(1, 2)], 1)
    quarters = played.onsets.flatten(1)[:, None]
    if rows.shape[2] != frames:
        rows = F.interpolate(rows, frames, mode="linear", align_corners=frames > 1)
        quarters = F.interpolate(quarters, QUARTERS * frames, mode="linear")
    onsets = quarters[:, 0].unflatten(1, (frames, QUARTERS))
    return Sound(Controls(rows[:, 0].exp(), rows[:, 1], rows[:, 2], onsets), rows[:, 3:].transpose(1, 2))


def blend(
    sounds: Sequence[Sound],
    weights: Sequence[float] | Tensor,
    timbre_weights: Sequence[float] | None = None,
    sung: Sequence[float] | Tensor | None = None,
) -> Sound:
    """The mean of sounds of as many frames: pitch in log Hz, loudness as it is felt, timbre in the latent space.

    Args:
        weights: at least one above 0; none below.
        timbre_weights: those of the timbre, where they are others.
        sung: `sung_share` of the recordings that these are parts of; by default of these alone.
    """

    def like(numbers: Sequence[float] | Tensor) -> Tensor:
        return numbers if isinstance(numbers, Tensor) else sounds[0].timbre.new_tensor(numbers)

    share = like(weights)[:, None, None]
    share = share / share.sum()
    of_timbre = share if timbre_weights is None else like(timbre_weights)[:, None, None]
    harmonicity = torch.stack([each.controls.harmonicity for each in sounds])
    shares = [sung_share(each) for each in sounds] if sung is None else sung
    of_pitch = share * like(shares)[:, None, None]
    pitch = torch.stack([each.controls.pitch for each in sounds]).log()
    # of a frame, and of the ends of its quarters
    levels = [F.pad(each.controls.onsets, (1, 0)) + each.controls.loudness[..., None] for each in sounds]
    felt = 10.0 ** (0.1 * LOUDNESS_POWER * torch.stack(levels))
    mixed = (10.0 / LOUDNESS_POWER) * torch.log10((share[..., None] * felt).sum(0).clamp(min=1e-9))
    loudness, quarters = mixed.split([1, QUARTERS], -1)
    controls = Controls(
        ((of_pitch * pitch).sum(0) / of_pitch.sum(0)).exp(),
        loudness[..., 0].clamp(min=SILENT),
        (share * harmonicity).sum(0),
        (quarters - loudness).clamp(LOWEST_ONSET, 0.0),
    )
    timbre = torch.stack([each.timbre for each in sounds])
    return Sound(controls, (of_timbre[..., None] * timbre).sum(0) / of_timbre.sum())


def level(sound: Sound) -> Tensor:
    """dB, A-weighted, of the mean power of a whole sound (1, N); a scalar."""
    return 10.0 * torch.log10((10.0 ** (0.1 * sound.controls.loudness)).mean())


def between(a: Sound, b: Sound, place: float, timbre_place: float) -> Sound:
    """The sound at a share of the way: its length, its level and its pitch are too, and its timbre at another one."""
    frames = max(1, round((1.0 - place) * a.timbre.shape[1] + place * b.timbre.shape[1]))
    ends = [stretched(each, frames) for each in (a, b)]
    mixed = blend(ends, (1.0 - place, place), (1.0 - timbre_place, timbre_place))
    wanted = torch.lerp(level(ends[0]), level(ends[1]), place)
    played = mixed.controls
    loudness = (played.loudness + wanted - level(mixed)).clamp(min=SILENT)
    return replace(mixed, controls=replace(played, loudness=loudness))


@torch.inference_mode()
def even_places(model: SoundModel, a: Sound, b: Sound, steps: int) -> list[float]:
    """Where on the straight line between two timbres to stop so that what is heard changes evenly.

    Heard is the log power of the decoder's bands; the way along it is measured at `PLACES` and cut into equal parts.
    """
    a, b = part(a, 0, LOOKED_AT), part(b, 0, LOOKED_AT)
    places = np.linspace(0.0, 1.0, PLACES)
    spectra = [_spectrum(model, between(a, b, place, place)) for place in places.tolist()]
    moved = [float((after - before).abs().mean()) for before, after in itertools.pairwise(spectra)]
    way = np.concatenate([[0.0], np.cumsum(np.maximum(moved, 1e-6))])
    return np.interp(np.linspace(0.0, way[-1], steps), way, places).tolist()


def _spectrum(model: SoundModel, sound: Sound) -> Tensor:
    """Mean log power of the bands over the louder frames, without the level; (bands,)."""
    gains, _ = model.gains(sound, model.decoder.start(1))
    harmonic, rough = model.synthesis.bin_gains(gains, sound.controls)
    power = (harmonic.square() + rough.square()) @ model.analysis.bands
    loud = sound.controls.loudness >= sound.controls.loudness.amax() - 20.0
    log = torch.log(power[loud] + 1e-10).mean(0)
    return log - log.mean()


def steps_between(model: SoundModel, a: Recording, b: Recording, steps: int) -> Iterator[np.ndarray]:
    """Samples (T,) of `steps` sounds from one recording to another, both ends included."""
    of_timbre = even_places(model, a.sound, b.sound, steps)
    for number, timbre_place in enumerate(of_timbre):
        place = number / (steps - 1)
        mixed = between(a.sound, b.sound, place, timbre_place)
        yield decode(model, mixed, round((1.0 - place) * a.samples + place * b.samples))
