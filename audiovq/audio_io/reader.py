"""Audio files and pipes -> blocks of samples (C, n) float32; soundfile stops here and in `writer.py`."""

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
from latentmix.files import PIPE, open_file, standard_input

from . import wav

# what is looked for in folders; a file that is named may have any suffix
SUFFIXES = frozenset(".wav .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .snd .caf .w64 .rf64".split())
MIN_RATE, MAX_RATE = 1_000, 384_000  # Hz
MAX_CHANNELS = 64
MAX_PEAK = 16.0  # of a sample, where 1 is full scale; beyond, the scale must be another one
BLOCK = 1 << 16  # samples of a block, over all channels


@dataclass(frozen=True)
class AudioSource:
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
def open_source(path: str | os.PathLike[str]) -> Iterator[AudioSource]:
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
            yield _open_stream(path, stack.enter_context(open_file(path)), stack)
        else:
            stack.enter_context(open_file(path))  # its errors are clearer than those of soundfile
            yield _open_file(path, path, stack)


def waveform_source(waveform: np.ndarray, sample_rate: int, name: str = "waveform") -> AudioSource:
    """Samples (C, T) or (T,) float32 as audio to be read.

    Raises:
        InputError: another shape, no samples, or an unusual rate or number of channels.
    """
    samples = waveform[None] if waveform.ndim == 1 else waveform
    if samples.ndim != 2 or not samples.size:
        raise InputError(f"{name}: expected samples of shape (C, T), found {tuple(waveform.shape)}")
    _check_format(name, sample_rate, len(samples))
    blocks = (samples[:, i : i + BLOCK] for i in range(0, samples.shape[1], BLOCK))
    return AudioSource(name, sample_rate, len(samples), samples.shape[1], _checked(blocks, name, sample_rate))


def check_samples(block: np.ndarray, name: str, place: int, sample_rate: int) -> np.ndarray:
    """A block (C, n) that starts at sample `place`, clipped to full scale.

    Raises:
        InputError: a sample is not finite, or far beyond full scale.
    """
    peak = float(np.abs(block).max(initial=0.0))
    if peak <= 1.0:
        return block
    if peak <= MAX_PEAK:
        return np.clip(block, -1.0, 1.0)
    first = int(np.argmax(~(np.abs(block) <= MAX_PEAK).all(0)))
    found = block[:, first][~(np.abs(block[:, first]) <= MAX_PEAK)][0]
    raise InputError(
        f"{name}: expected samples between -1 and 1, found {found:g} at {(place + first) / sample_rate:.3f} s; "
        "repair or scale the recording"
    )


def _open_file(path: str | int, name: str, stack: contextlib.ExitStack) -> AudioSource:
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
    return AudioSource(name, file.samplerate, file.channels, known, blocks)


def _open_stream(name: str, stream: BinaryIO, stack: contextlib.ExitStack) -> AudioSource:
    form, read = wav.read_header(stream)
    if form is not None:
        _check_format(name, form.sample_rate, form.channels)
        samples = None if form.size is None else form.size // form.frame_bytes
        blocks = _checked(_wav_blocks(stream, form), name, form.sample_rate)
        return AudioSource(name, form.sample_rate, form.channels, samples, blocks)
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
    if not MIN_RATE <= sample_rate <= MAX_RATE or not 1 <= channels <= MAX_CHANNELS:
        raise InputError(
            f"{name}: expected {MIN_RATE} to {MAX_RATE} Hz and at most {MAX_CHANNELS} channels, "
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


def _wav_blocks(stream: BinaryIO, form: wav.WavFormat) -> Iterator[np.ndarray]:
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
