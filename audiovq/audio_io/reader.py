"""Audio files and pipes -> blocks of samples (C, n) float32; soundfile stops here and in `sinks.py`."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soundfile

from latentmix.errors import InputError
from latentmix.files import standard_input

from . import wav

# what is looked for in folders; a file that is named may have any suffix
SUFFIXES = frozenset(".wav .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf .w64 .rf64".split())
LOWEST_RATE, HIGHEST_RATE = 1_000, 384_000  # Hz
MOST_CHANNELS = 64
LOUDEST = 16.0  # of a sample, where 1 is full scale; beyond, the scale must be another one
BLOCK = 1 << 16  # samples of a block, over all channels
PIPE = "-"


@dataclass(frozen=True)
class Source:
    """Audio that is read block by block, once.

    Attributes:
        name: for messages.
        sample_rate: Hz.
        channels: C.
        samples: of each channel, as announced; None if nobody knows.
        blocks: arrays (C, n) float32, n >= 1, all finite and within full scale; raises InputError on reading
            anything else, and if there is not a single sample.
    """

    name: str
    sample_rate: int
    channels: int
    samples: int | None
    blocks: Iterator[np.ndarray]


@contextlib.contextmanager
def open_source(path: str | os.PathLike[str]) -> Iterator[Source]:
    """Audio of a file, or of standard input for `-`.

    WAV through a pipe is read as it comes; other formats are kept in a temporary file first.

    Raises:
        InputError: not there, not readable, not audio, or with an unusual rate or number of channels.
    """
    path = os.fspath(path)
    with contextlib.ExitStack() as stack:
        if path == PIPE:
            yield _open_stream("standard input", standard_input(), stack)
        elif os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
            yield _open_stream(path, stack.enter_context(_open(path)), stack)
        else:
            stack.enter_context(_open(path))  # its errors are clearer than those of soundfile
            yield _open_file(path, path, stack)


def check_samples(block: np.ndarray, name: str, place: int, sample_rate: int) -> np.ndarray:
    """A block (C, n) that starts at sample `place`, clipped to full scale.

    Raises:
        InputError: a sample is not finite, or far beyond full scale.
    """
    peak = float(np.abs(block).max(initial=0.0))
    if peak <= 1.0:
        return block
    if peak <= LOUDEST:
        return np.clip(block, -1.0, 1.0)
    first = int(np.argmax(~(np.abs(block) <= LOUDEST).all(0)))
    found = block[:, first][~(np.abs(block[:, first]) <= LOUDEST)][0]
    raise InputError(
        f"{name}: expected samples between -1 and 1, found {found:g} at {(place + first) / sample_rate:.3f} s; "
        "repair or scale the recording"
    )


def _open(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot read the file: {getattr(error, 'strerror', None) or error}") from None


def _open_file(path: str | int, name: str, stack: contextlib.ExitStack) -> Source:
    try:
        file = stack.enter_context(soundfile.SoundFile(path, closefd=False))
    except (RuntimeError, TypeError, ValueError, OSError) as error:
        reason = str(getattr(error, "error_string", "") or error).splitlines()[0].strip(" .")
        raise InputError(
            f"{name}: expected audio such as WAV, FLAC, Ogg or MP3, found something else ({reason}); "
            "convert it first, with ffmpeg for example"
        ) from None
    _check_format(name, file.samplerate, file.channels)
    blocks = _checked(_blocks(file, name), name, file.samplerate)
    known = file.frames if 0 <= file.frames < 1 << 62 else None
    return Source(name, file.samplerate, file.channels, known, blocks)


def _open_stream(name: str, stream: BinaryIO, stack: contextlib.ExitStack) -> Source:
    form, read = wav.read_header(stream)
    if form is not None:
        _check_format(name, form.sample_rate, form.channels)
        samples = None if form.size is None else form.size // form.frame_bytes
        blocks = _checked(_wav_blocks(stream, form), name, form.sample_rate)
        return Source(name, form.sample_rate, form.channels, samples, blocks)
    try:
        kept = stack.enter_context(tempfile.TemporaryFile())
        kept.write(read)
        shutil.copyfileobj(stream, kept)
        size = kept.tell()
        kept.flush()
        os.lseek(kept.fileno(), 0, os.SEEK_SET)
    except OSError as error:
        raise InputError(f"{name}: cannot keep it in a temporary file: {error.strerror}") from None
    if not size:
        raise InputError(f"{name}: expected audio, found nothing")
    return _open_file(kept.fileno(), name, stack)


def _check_format(name: str, sample_rate: int, channels: int) -> None:
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE or not 1 <= channels <= MOST_CHANNELS:
        raise InputError(
            f"{name}: expected {LOWEST_RATE} to {HIGHEST_RATE} Hz and at most {MOST_CHANNELS} channels, "
            f"found {sample_rate} Hz and {channels}"
        )


def _blocks(file: soundfile.SoundFile, name: str) -> Iterator[np.ndarray]:
    size = max(BLOCK // file.channels, 1)
    while True:
        try:
            block = file.read(size, dtype="float32", always_2d=True)
        except (RuntimeError, OSError) as error:
            reason = str(getattr(error, "error_string", "") or error).splitlines()[0].strip(" .")
            raise InputError(f"{name}: cannot read the audio to its end: {reason}") from None
        if not len(block):
            return
        yield np.ascontiguousarray(block.T)


def _wav_blocks(stream: BinaryIO, form: wav.Format) -> Iterator[np.ndarray]:
    """Samples as they come, so that nobody waits for a block to be full."""
    left, rest = form.size, b""
    read = getattr(stream, "read1", stream.read)
    while left is None or left > 0:
        data = read(BLOCK if left is None else min(BLOCK, left))
        if not data:
            return
        left = None if left is None else left - len(data)
        data = rest + data
        whole = len(data) // form.frame_bytes * form.frame_bytes
        rest = data[whole:]
        if whole:
            yield form.samples(data[:whole])


def _checked(blocks: Iterator[np.ndarray], name: str, sample_rate: int) -> Iterator[np.ndarray]:
    place = 0
    for block in blocks:
        yield check_samples(block, name, place, sample_rate)
        place += block.shape[1]
    if not place:
        raise InputError(f"{name}: expected audio, found 0 samples")
