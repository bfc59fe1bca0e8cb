"""A waveform to the bytes of an .avq file and back, at once."""

from __future__ import annotations

import functools
import io
import os

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError
from latentmix.threads import one_thread

from ..audio_io.reader import waveform_source
from .choice import AUTO, USUAL, suited
from .codec import KBPS, Codec, bundled_codec


def compress(
    waveform: Tensor | np.ndarray,
    sample_rate: int,
    kbps: float = KBPS,
    keep_channels: bool = False,
    model: str | os.PathLike[str] = AUTO,
) -> bytes:
    """The bytes of an .avq file, as `audiovq compress` writes it. Thread-safe; on the calling thread alone.

    Args:
        waveform: (C, T) or (T,) floating point, full scale ±1.
        sample_rate: Hz, any.
        kbps: kbit/s of each channel, on average at most.
        keep_channels: code every channel apart, instead of mixing them to one.
        model: a bundled name or a folder, loaded once; or the bundled one that suits the pitch of the voice
            (`choice.suited`).

    Raises:
        InputError: no samples, some that are not finite, a rate that the model does not have, or no such model.
    """
    stream = io.BytesIO()
    samples = np.asarray(torch.as_tensor(waveform).detach().cpu(), np.float32)
    source = waveform_source(samples, sample_rate)
    with one_thread():
        if model == AUTO:
            codec, (source,) = suited(bundled_codec(USUAL), source)
        else:
            codec = _codec(os.fspath(model))
        codec.compress(source, stream, kbps, keep_channels)
    return stream.getvalue()


def decompress(
    data: bytes, sample_rate: int | None = None, model: str | os.PathLike[str] = "speech_16k"
) -> tuple[Tensor, int]:
    """The audio of an .avq file's bytes. Thread-safe; on the calling thread alone.

    Args:
        sample_rate: of what comes out, in Hz; None: that of the original.
        model: the one that the bytes were made with, if it is not bundled.

    Returns:
        waveform (C, T) float32, as long as the original to the sample; its rate in Hz.

    Raises:
        InputError: not an .avq file, one of other weights, or a damaged one; `Codec.open` bridges damage.
    """
    with one_thread():
        decoding = _codec(os.fspath(model)).open(io.BytesIO(data), "data", sample_rate)
        blocks = list(decoding)
    if decoding.damage:
        raise InputError(f"data: expected a sound file, found {decoding.damage.describe(decoding.header)}")
    return torch.from_numpy(np.concatenate(blocks, 1)), decoding.sample_rate


@functools.lru_cache(maxsize=2)
def _codec(model: str) -> Codec:
    return Codec.from_pretrained(model)
