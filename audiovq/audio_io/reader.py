"""Audio files and pipes -> blocks of samples (C, n) float32; soundfile stops here and in `writer.py`."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import soundfile

from latentmix.errors import InputError
from latentmix.files import PIPE, open_file, standard_input

from ..dsp.resampling import resampled
from . import ffmpeg, missing, mpeg, ogg, wav
from .channels import LAYOUTS, VORBIS_LAYOUTS
from .missing import SHORT_SECONDS
from .parts import find_parts

# what is looked for in folders; a file that is named may have any suffix
SUFFIXES = frozenset(
    ".wav .wave .bwf .rf64 .bw64 .w64 .flac .ogg .oga .opus .mp3 .mp2 .mpga .aif .aiff .aifc .au .snd .caf .sph .nist "
    ".voc .sf .ircam .paf .avr .8svx .gsm".split()
)
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
        layout: the loudspeaker of each channel, as `channels` names them; None if nobody knows.
        notices: lines on what was changed so far, complete after the last block.
    """

    name: str
    sample_rate: int
    channels: int
    samples: int | None
    blocks: Iterator[np.ndarray]
    layout: tuple[str, ...] | None = None
    notices: list[str] = field(default_factory=list)


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
            yield _open_file(stack.enter_context(open_file(path)), path, path, stack)


def waveform_source(waveform: np.ndarray, sample_rate: int) -> AudioSource:
    """Samples (C, T) or (T,) float32 as audio to be read.

    Raises:
        InputError: another shape, no samples, or an unusual rate or number of channels.
    """
    name, samples = "waveform", waveform[None] if waveform.ndim == 1 else waveform
    if samples.ndim != 2 or not samples.size:
        raise InputError(f"{name}: expected samples of shape (C, T), found {tuple(waveform.shape)}")
    _check_format(name, sample_rate, len(samples))
    blocks = (samples[:, i : i + BLOCK] for i in range(0, samples.shape[1], BLOCK))
    return _source(name, sample_rate, len(samples), samples.shape[1], blocks, LAYOUTS.get(len(samples)))


class _Clipping:
    """Holds samples within full scale, and counts those that were not.

    Raises:
        InputError: a sample is not finite, or far beyond full scale.
    """

    def __init__(self, name: str, sample_rate: int) -> None:
        self._name, self._sample_rate = name, sample_rate
        self._position = self._clipped = 0
        self._peak = 1.0

    def __call__(self, block: np.ndarray) -> np.ndarray:
        start, self._position = self._position, self._position + block.shape[1]
        peak = float(np.abs(block).max(initial=0.0))
        if peak <= 1.0:
            return block
        if peak <= MAX_PEAK:
            self._peak = max(self._peak, peak)
            self._clipped += int((np.abs(block) > 1.0).sum())
            return np.clip(block, -1.0, 1.0)
        first = int(np.argmax(~(np.abs(block) <= MAX_PEAK).all(0)))
        found = block[:, first][~(np.abs(block[:, first]) <= MAX_PEAK)][0]
        seconds = (start + first) / self._sample_rate
        raise InputError(
            f"{self._name}: expected samples between -1 and 1, found {found:g} at {seconds:.3f} s; "
            "repair or scale the recording"
        )

    def notices(self) -> list[str]:
        if not self._clipped:
            return []
        above = 20.0 * np.log10(self._peak)
        return [f"{self._clipped} samples above full scale, by up to {above:.1f} dB, are clipped; scale it down first"]


def _open_file(stream: BinaryIO, path: str, name: str, stack: contextlib.ExitStack) -> AudioSource:
    """A file that can seek, opened at `path` too; `name` is for messages."""
    wave = _open_unfinished_wav(stream, name)
    if wave:
        return wave
    if not os.fstat(stream.fileno()).st_size:
        raise InputError(f"{name}: expected audio, found an empty file")
    layout = wav.layout_of(stream)
    stream.seek(mpeg.tag_size(stream.read(32), 0))  # in front of AAC, out of streams
    head = stream.read(ffmpeg.HEAD)
    if head[:4] == b"OggS" and missing.in_all(stream, ogg.ends_early):
        reason = ValueError("pages of Opus that end before their packets, as remuxed WebM has")
        return _open_by_ffmpeg(head, path, name, stack, reason)
    told: list[str] = []
    try:
        files = [
            stack.enter_context(_ReadOnce(part, closefd=False)) for part in find_parts(stream, path, name, stack, told)
        ]
    except (RuntimeError, TypeError, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        if first_samples := _open_first_samples(stream, name):
            return first_samples
        return _open_by_ffmpeg(head, path, name, stack, error)
    first = files[0]
    for file in files:
        _check_format(name, file.samplerate, file.channels)
    known = [-(-file.frames * first.samplerate // file.samplerate) for file in files]
    samples = sum(known) if all(0 <= file.frames < 1 << 62 for file in files) else None
    parts = len(files)
    blocks = itertools.chain.from_iterable(_like(file, first, name, path if parts == 1 else None) for file in files)
    order = VORBIS_LAYOUTS if first.format == "OGG" and first.subtype in ("VORBIS", "OPUS") else LAYOUTS
    layout = layout or order.get(first.channels)
    source = _source(name, first.samplerate, first.channels, samples, blocks, layout)
    source.notices.extend(told + missing.lines(stream, sum(file.frames / file.samplerate for file in files)))
    return source


def _like(file: soundfile.SoundFile, first: soundfile.SoundFile, name: str, whole: str | None) -> Iterator[np.ndarray]:
    """Blocks of a part, with rate and channels of the first one; `whole` is the file that it is all of."""
    blocks = _blocks(file, name, whole)
    if file.channels != first.channels:
        blocks = (np.repeat(block.mean(0, keepdims=True), first.channels, 0) for block in blocks)
    return resampled(blocks, file.samplerate, first.samplerate) if file.samplerate != first.samplerate else blocks


def _open_unfinished_wav(stream: BinaryIO, name: str) -> AudioSource | None:
    """A WAV file whose writer never came to fill in how long it is; any other is left at its start."""
    form, read = wav.read_header(stream)
    size = os.fstat(stream.fileno()).st_size
    if form is None or not wav.is_unfinished(stream, read, size):
        stream.seek(0)
        return None
    stream.seek(len(read))
    return _samples_of_wav(stream, form, name, (size - len(read)) // form.frame_bytes)


def _open_first_samples(stream: BinaryIO, name: str) -> AudioSource | None:
    """A WAV that libsndfile refuses, as one with samples in two chunks: the first, as through a pipe; more is told."""
    stream.seek(0)
    form, read = wav.read_header(stream)
    if form is None or form.size is None:
        return None
    told = missing.lines(stream, 0.0)
    stream.seek(len(read))
    source = _samples_of_wav(stream, form, name, None)
    source.notices.extend(told)
    return source


def _samples_of_wav(stream: BinaryIO, form: wav.WavFormat, name: str, samples: int | None) -> AudioSource:
    """What follows a header that was read."""
    _check_format(name, form.sample_rate, form.channels)
    return _source(name, form.sample_rate, form.channels, samples, wav.read_blocks(stream, form), form.layout)


def _open_by_ffmpeg(head: bytes, path: str, name: str, stack: contextlib.ExitStack, error: Exception) -> AudioSource:
    """What libsndfile does not know, where ffmpeg may; `error` is what libsndfile said."""
    found = ffmpeg.find_reader(head)
    if found is None or not ffmpeg.is_installed():
        kind = f"{found[1]}, which takes the program ffmpeg" if found else "something else"
        what = "install it, or convert the file first" if found else "convert it first, with ffmpeg for example"
        raise InputError(
            f"{name}: expected audio such as WAV, FLAC, Ogg or MP3, found {kind} ({_reason(error)}); {what}"
        ) from None
    seconds = ffmpeg.told_seconds(path, found[0])
    transcoding = ffmpeg.Transcoding(path, found[0])
    stack.callback(transcoding.close)
    form, _ = wav.read_header(transcoding.stream)
    if form is None:
        raise InputError(
            f"{name}: expected audio, found {found[1]}, of which ffmpeg reads nothing: {transcoding.reason()}"
        )
    _check_format(name, form.sample_rate, form.channels)

    def blocks() -> Iterator[np.ndarray]:
        read = wav.read_blocks(transcoding.stream, form)
        yield from read if seconds is None else ffmpeg.without_filling(read, seconds, form.sample_rate)
        transcoding.check(name)

    return _source(name, form.sample_rate, form.channels, None, blocks(), form.layout)


def _open_stream(name: str, stream: BinaryIO, stack: contextlib.ExitStack) -> AudioSource:
    form, read = wav.read_header(stream)
    if form is not None:
        return _samples_of_wav(stream, form, name, None if form.size is None else form.size // form.frame_bytes)
    try:
        with tempfile.NamedTemporaryFile(delete=False) as kept:
            stack.callback(os.unlink, kept.name)
            kept.write(read)
            shutil.copyfileobj(stream, kept)
            size = kept.tell()
    except OSError as error:
        raise InputError(f"{name}: cannot keep it in a temporary file: {error.strerror}") from None
    if not size:
        raise InputError(f"{name}: expected audio, found nothing")
    return _open_file(stack.enter_context(open_file(kept.name)), kept.name, name, stack)


def _source(
    name: str,
    sample_rate: int,
    channels: int,
    samples: int | None,
    blocks: Iterable[np.ndarray],
    layout: tuple[str, ...] | None,
) -> AudioSource:
    """Audio whose samples are checked as they are read."""
    notices: list[str] = []
    clip = _Clipping(name, sample_rate)

    def checked() -> Iterator[np.ndarray]:
        read, place = 0, None
        for block in blocks:
            read += block.shape[1]
            block = clip(block)
            for line in clip.notices():  # who takes only the beginning is told as well
                if place is None:
                    place = len(notices)
                    notices.append(line)
                notices[place] = line
            yield block
        if not read:
            raise InputError(f"{name}: expected audio, found 0 samples")
        if samples and read < samples - SHORT_SECONDS * sample_rate:
            notices.append(f"damaged: only {read / sample_rate:.2f} of {samples / sample_rate:.2f} s could be read")

    return AudioSource(name, sample_rate, channels, samples, checked(), layout, notices)


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", "") or error).splitlines()[0].strip(" .")


def _check_format(name: str, sample_rate: int, channels: int) -> None:
    if not MIN_RATE <= sample_rate <= MAX_RATE or not 1 <= channels <= MAX_CHANNELS:
        raise InputError(
            f"{name}: expected {MIN_RATE} to {MAX_RATE} Hz and at most {MAX_CHANNELS} channels, "
            f"found {sample_rate} Hz and {channels}"
        )


class _ReadOnce(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read from its start to its end.

    Where it can seek, soundfile does so after each block, to where it is. In MP3 libmpg123 begins anew there, without
    the bytes before it on which frames lean (variable rate, after silence), and up to some 40 ms come out wrong.
    """

    def seekable(self) -> bool:
        return self.format != "MP3" and super().seekable()


def _blocks(file: soundfile.SoundFile, name: str, whole: str | None) -> Iterator[np.ndarray]:
    """Of Opus that libsndfile takes for damaged on the way, ffmpeg says whether it is."""
    size, read = max(BLOCK // file.channels, 1), 0
    while True:
        try:
            block = file.read(size, dtype="float32", always_2d=True)
        except (RuntimeError, OSError) as error:
            if whole is not None and file.subtype == "OPUS" and ffmpeg.is_installed():
                yield from ffmpeg.rest(whole, "ogg", name, read)
                return
            raise InputError(f"{name}: cannot read the audio to its end: {_reason(error)}") from None
        if not len(block):
            return
        read += len(block)
        yield np.ascontiguousarray(block.T)
