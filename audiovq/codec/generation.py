"""New audio out of the learned prior: samples, and continuations of a recording; codes -> audio files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch

from latentmix.errors import InputError
from latentmix.files import PIPE, check_target, make_folder, open_input

from ..audio_io.reader import AudioSource, open_source
from ..audio_io.writer import check_suffix, open_sink
from ..model.prior import CodePrior
from .codec import Codec

CONTEXT_SECONDS = 30.0  # of a recording that its continuation takes note of
QUIET = -25.0  # dB beside loud frames: pauses are below, and what is too soft to end one


def load_prior(name_or_folder: str | os.PathLike[str]) -> CodePrior:
    """The learned prior beside a model's weights.

    Raises:
        InputError: no such model, or one without a prior.
    """
    from ..model.vqvae import CHECKPOINT

    return CodePrior.from_pretrained(CHECKPOINT.resolve(name_or_folder))


@contextlib.contextmanager
def open_recording(path: str, codec: Codec) -> Iterator[AudioSource]:
    """Audio of a file of any kind, .avq too.

    Raises:
        InputError: it cannot be read.
    """
    if not path.lower().endswith(".avq"):
        with open_source(path) as source:
            yield source
        return
    with open_input(path) as (stream, name):
        decoding = codec.open(stream, name)
        yield AudioSource(name, decoding.sample_rate, decoding.header.channels, decoding.samples, iter(decoding))
        if decoding.damage:
            raise InputError(f"{name}: expected a sound file, found {decoding.damage.describe(decoding.header)}")


def new_frames(prior: CodePrior, frames: int, temperature: float, seed: int) -> Iterator[np.ndarray]:
    """Codes (Q, 1) of new audio, frame after frame."""
    found = prior.frames(prior.start(), temperature, seed)
    return (frame[:, None].numpy() for frame in islice(found, frames))


def following_frames(
    prior: CodePrior, codes: np.ndarray, frames: int, temperature: float, seed: int, frame_rate: float
) -> Iterator[np.ndarray]:
    """Codes (Q, 1) of what could follow codes (Q, N), frame after frame."""
    heard = torch.from_numpy(codes[:, -round(CONTEXT_SECONDS * frame_rate) :].astype(np.int64))
    return (frame[:, None].numpy() for frame in islice(prior.following(heard, temperature, seed), frames))


def quiet_codes(codec: Codec, codes: np.ndarray) -> tuple[int, ...]:
    """Codes of the first codebook that stand in silence, found by decoding codes (Q, N) of speech.

    Those that do not occur are among them: where silence is to end, what is left must be sure to be heard, and a prior
    that is kept from all usual codes of silence would take to the rare ones.
    """
    waveform = codec.decode(codes.astype(np.int64))[0].numpy()
    frames = waveform[: len(waveform) // codec.hop * codec.hop].reshape(-1, codec.hop)
    levels = 10.0 * np.log10(np.square(frames).mean(1) + 1e-10)
    first = codes[0, : len(levels)].astype(np.int64)
    count = np.bincount(first, minlength=codec.codes)
    mean = np.bincount(first, levels, codec.codes) / np.maximum(count, 1)
    is_quiet = (count == 0) | (mean < np.percentile(levels, 95) + QUIET)
    return tuple(np.flatnonzero(is_quiet).tolist())


def late_frames(codec: Codec) -> int:
    """Code frames after the last one that is wanted, until decoding has got through it."""
    return -(-codec.model.delay // codec.hop)


def write_codes(
    codec: Codec, frames: Iterable[np.ndarray], path: str, samples: int, gains: Sequence[float] = (0.0,), part: int = 0
) -> float:
    """Decode codes (Q, n) piece by piece into an audio file; its length in seconds.

    Args:
        frames: `late_frames` more than what is wanted.
        samples: that are wanted.
        gains: dB by which each part was made louder to be coded, which is taken off again.
        part: samples of each part; the last one goes on to the end.

    Raises:
        InputError: the file cannot be written.
    """
    with open_sink(path, codec.sample_rate, 1) as sink:
        for block in codec.decode_sound((piece[None] for piece in _gathered(frames, codec.chunk_frames)), 1):
            place = np.arange(sink.samples, sink.samples + block.shape[1]) // max(part, 1)
            quieter = 10.0 ** (-np.asarray(gains)[np.minimum(place, len(gains) - 1)] / 20.0)
            sink.write((block * quieter.astype(np.float32))[:, : samples - sink.samples])
    return sink.samples / codec.sample_rate


def output_paths(output: str, count: int, stem: str) -> list[str]:
    """The file named, or so many numbered ones in the folder named.

    Raises:
        InputError: a file is named for several, or one that cannot be written.
    """
    if count == 1 and not output.endswith("/") and not os.path.isdir(output):
        if output != PIPE:
            check_suffix(output)
            check_target(output)
        return [output]
    if output == PIPE or os.path.splitext(output)[1]:
        raise InputError(f"{output}: expected a folder for {count} files, found the name of a file")
    make_folder(output)
    digits = max(len(str(count)), 2)
    return [os.path.join(output, f"{stem}-{number:0{digits}}.wav") for number in range(1, count + 1)]


def _gathered(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Pieces (Q, n) put together to ones of at least so many frames, but the last."""
    held: list[np.ndarray] = []
    for piece in pieces:
        held.append(piece)
        if sum(each.shape[1] for each in held) >= size:
            yield np.concatenate(held, 1)
            held = []
    if held:
        yield np.concatenate(held, 1)
