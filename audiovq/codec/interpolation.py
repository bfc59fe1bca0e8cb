"""What lies between two recordings in the latent space of the codec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from latentmix.errors import InputError

from ..audio_io.reader import AudioSource
from .codec import Codec
from .generation import late_frames
from .intake import LOOK_AHEAD, Intake

BATCH = 500  # frames that are quantized at once
MAX_SECONDS = 600  # of a recording


@dataclass(frozen=True)
class WholeRecording:
    """What was read of a recording, to be mixed.

    Attributes:
        samples: (1, T) float32 at the codec's rate.
        gain: dB by which it was made louder to be coded.
        notices: lines on what was changed.
    """

    samples: np.ndarray
    gain: int
    notices: tuple[str, ...]


def mixed_codes(codec: Codec, first: WholeRecording, second: WholeRecording, steps: int) -> Iterator[np.ndarray]:
    """Codes (Q, N) of steps from one recording to another, on straight lines between their latents.

    Silence follows each, so long that decoding, which is late, gets through `step_samples` of it.

    Args:
        first, second: silence follows the shorter one.
        steps: recordings, both ends included.
    """
    length = step_samples(codec, first, second) + late_frames(codec) * codec.hop
    a, b = (_latents(codec, np.pad(x.samples, ((0, 0), (0, length - x.samples.shape[1])))) for x in (first, second))
    for step in range(steps):
        z = torch.lerp(a, b, step / (steps - 1)).transpose(1, 2)  # (1, D, N)
        pieces = [codec.model.quantizer.encode(z[:, :, i : i + BATCH])[0] for i in range(0, z.shape[2], BATCH)]
        yield torch.cat(pieces, 1).cpu().numpy().astype(np.int16)


def read_whole(source: AudioSource, codec: Codec) -> WholeRecording:
    """A recording as `Codec.compress` reads it, mixed to one channel.

    Raises:
        InputError: it cannot be read, or is longer than `MAX_SECONDS`.
    """
    intake, pieces = Intake(source, codec.sample_rate, codec.model.cutoff, look_ahead=LOOK_AHEAD), []
    for block in intake:
        pieces.append(block)
        if intake.samples > MAX_SECONDS * source.sample_rate:
            raise InputError(f"{source.name}: expected at most {MAX_SECONDS} s to mix, found more; cut it first")
    return WholeRecording(np.concatenate(pieces, 1), intake.gain, tuple(intake.notices))


def step_samples(codec: Codec, first: WholeRecording, second: WholeRecording) -> int:
    """How long each step from one to the other is; at the codec's rate."""
    return -(-max(first.samples.shape[1], second.samples.shape[1]) // codec.hop) * codec.hop


def _latents(codec: Codec, samples: np.ndarray) -> torch.Tensor:
    """Samples (1, T), T a multiple of the hop -> latents (1, N, D)."""
    state, size, found = codec.model.initial_encoder_state(1), codec.chunk_frames * codec.hop, []
    with torch.inference_mode():
        for start in range(0, samples.shape[1], size):
            x = torch.from_numpy(np.ascontiguousarray(samples[:, start : start + size])).to(codec.device)
            z, state = codec.model.latents(x, state)
            found.append(z)
        return torch.cat(found, 1)
