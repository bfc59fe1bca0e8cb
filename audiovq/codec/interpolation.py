"""What lies between two recordings in the latent space of the codec."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from latentmix.errors import InputError

from .codec import Codec
from .generation import open_recording
from .intake import Intake

BATCH = 500  # frames that are quantized at once
MAX_SECONDS = 600  # of a recording


def mixed_codes(codec: Codec, first: np.ndarray, second: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """Codes (Q, N) of steps from one recording to another, on straight lines between their latents.

    Args:
        first, second: samples (1, T) float32 at the codec's rate; silence follows the shorter one.
        steps: recordings, both ends included.
    """
    length = -(-max(first.shape[1], second.shape[1]) // codec.hop) * codec.hop
    a, b = (_latents(codec, np.pad(x, ((0, 0), (0, length - x.shape[1])))) for x in (first, second))
    for step in range(steps):
        z = torch.lerp(a, b, step / (steps - 1)).transpose(1, 2)  # (1, D, N)
        pieces = [codec.model.quantizer.encode(z[:, :, i : i + BATCH])[0] for i in range(0, z.shape[2], BATCH)]
        yield torch.cat(pieces, 1).cpu().numpy().astype(np.int16)


def read_whole(path: str, codec: Codec) -> np.ndarray:
    """Samples (1, T) float32 of a recording, mixed to one channel, at the codec's rate.

    Raises:
        InputError: it cannot be read, or is longer than `MAX_SECONDS`.
    """
    with open_recording(path, codec) as source:
        intake, pieces = Intake(source, codec.sample_rate, codec.model.cutoff), []
        for block in intake:
            pieces.append(block)
            if intake.samples > MAX_SECONDS * source.sample_rate:
                raise InputError(f"{path}: expected at most {MAX_SECONDS} s to mix, found more; cut it first")
        return np.concatenate(pieces, 1)


def _latents(codec: Codec, samples: np.ndarray) -> torch.Tensor:
    """Samples (1, T), T a multiple of the hop -> latents (1, N, D)."""
    state, size, found = codec.model.initial_encoder_state(1), codec.chunk_frames * codec.hop, []
    with torch.inference_mode():
        for start in range(0, samples.shape[1], size):
            x = torch.from_numpy(np.ascontiguousarray(samples[:, start : start + size])).to(codec.device)
            z, state = codec.model.latents(x, state)
            found.append(z)
        return torch.cat(found, 1)
