"""Blocks of samples (C, n) float32 -> 16-bit audio files and pipes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
import soundfile

from latentmix.errors import InputError
from latentmix.files import PIPE, growing, replacing, standard_output

from . import wav
from .reader import BLOCK


@dataclass(frozen=True)
class FileFormat:
    """What soundfile calls a format, and the highest rate (Hz) and most channels that it can hold."""

    name: str
    subtype: str
    max_rate: int
    max_channels: int


# WAV is written here, so that it can go through a pipe. Asked for more than this, libsndfile 1.2 crashes.
FORMATS = {
    ".wav": None,
    ".flac": FileFormat("FLAC", "PCM_16", 655_350, 8),
    ".ogg": FileFormat("OGG", "VORBIS", 200_000, 64),
}


class AudioSink:
    """Somewhere that 16-bit samples are written to.

    Attributes:
        samples: of each channel, so far.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate, self.channels, self.samples = sample_rate, channels, 0

    def write(self, block: np.ndarray) -> None:
        """Samples (C, n) float32; what is beyond full scale is clipped."""
        self._put(np.clip(np.rint(block.T * 32768.0), -32768, 32767).astype("<i2"))
        self.samples += block.shape[1]

    def _put(self, samples: np.ndarray) -> None:
        raise NotImplementedError


class _WavSink(AudioSink):
    def __init__(self, name: str, stream: BinaryIO, sample_rate: int, channels: int, samples: int | None) -> None:
        super().__init__(sample_rate, channels)
        self._name, self._stream = name, stream
        stream.write(wav.pack_header(sample_rate, channels, samples))

    def _put(self, samples: np.ndarray) -> None:
        if 2 * self.channels * (self.samples + len(samples)) > wav.MAX_BYTES:
            raise InputError(f"{self._name}: expected less than 4 GB of samples, found more; write .flac instead")
        rest = memoryview(samples.tobytes())
        while rest:  # without a buffer it may take less than it is given
            rest = rest[self._stream.write(rest) :]
        self._stream.flush()


class GrowingWav(_WavSink):
    """A WAV file of what goes on until somebody says stop."""

    def settle(self) -> None:
        """Say in the header how much there is: from now on the file is whole, though it goes on."""
        end = self._stream.tell()
        self._stream.seek(0)
        self._stream.write(wav.pack_header(self.sample_rate, self.channels, self.samples))
        self._stream.seek(end)


class _SoundfileSink(AudioSink):
    """Lets the C library write by itself: called back from there, Python would lose Ctrl-C."""

    def __init__(self, name: str, file: BinaryIO, sample_rate: int, channels: int, kind: FileFormat) -> None:
        super().__init__(sample_rate, channels)
        self._name, self._kind, self._kept = name, kind, file
        try:
            self._file = soundfile.SoundFile(
                file.fileno(), "w", sample_rate, channels, kind.subtype, format=kind.name, closefd=False
            )
        except RuntimeError as error:
            self._fail(error)

    def _put(self, samples: np.ndarray) -> None:
        for start in range(0, len(samples), BLOCK):
            try:
                self._file.write(samples[start : start + BLOCK])
            except (AssertionError, RuntimeError) as error:  # the former where less was written than given
                self._fail(error)

    def close(self) -> None:
        self._file.close()

    def check(self) -> None:
        """Read the last sample back: what failed to be written on closing is told to nobody."""
        os.lseek(self._kept.fileno(), 0, os.SEEK_SET)
        try:
            with soundfile.SoundFile(self._kept.fileno(), closefd=False) as file:
                last = max(self.samples - 1, 0)
                if file.frames != self.samples or file.seek(last) != last or len(file.read(2)) != self.samples - last:
                    raise RuntimeError("it is incomplete")
        except RuntimeError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> NoReturn:
        """Raise what the system says; the C library keeps that to itself."""
        self._kept.seek(0, os.SEEK_END)
        self._kept.write(bytes(BLOCK))
        self._kept.flush()
        raise InputError(f"{self._name}: cannot write {self._kind.name}: {error or 'the disk may be full'}") from None


@contextlib.contextmanager
def open_sink(
    path: str | os.PathLike[str], sample_rate: int, channels: int, samples: int | None = None
) -> Iterator[AudioSink]:
    """A 16-bit WAV, FLAC or Ogg Vorbis file by its suffix, or WAV on standard output for `-`.

    A file appears when the block ends well, whole, or not at all.

    Args:
        samples: of each channel, if known beforehand; only standard output needs it, for its header.

    Raises:
        InputError: another suffix, a place that cannot be written, or too many channels for the format.
    """
    path = os.fspath(path)
    if path == PIPE:
        with standard_output() as stream:
            yield _WavSink("standard output", stream, sample_rate, channels, samples)
        return
    kind = FORMATS[check_suffix(path)]
    if kind and (sample_rate > kind.max_rate or channels > kind.max_channels):
        raise InputError(
            f"{path}: expected at most {kind.max_rate} Hz and {kind.max_channels} channels for {kind.name}, "
            f"found {sample_rate} and {channels}; write .wav, or another rate by --rate"
        )
    with replacing(path) as file:
        if kind is None:
            sink = _WavSink(path, file, sample_rate, channels, 0)
            yield sink
            file.seek(0)
            file.write(wav.pack_header(sample_rate, channels, sink.samples))
        else:
            library = _SoundfileSink(path, file, sample_rate, channels, kind)
            with contextlib.closing(library):
                yield library
            library.check()


@contextlib.contextmanager
def open_growing(path: str | os.PathLike[str], sample_rate: int, channels: int) -> Iterator[GrowingWav]:
    """A 16-bit WAV file in its place, which keeps what was written up to the last `settle` even if this is killed.

    Raises:
        InputError: a place that cannot be written, a full disk, more than 4 GB.
    """
    with growing(path) as file:
        sink = GrowingWav(os.fspath(path), file, sample_rate, channels, 0)
        try:
            yield sink
        finally:
            sink.settle()


def check_suffix(path: str | os.PathLike[str]) -> str:
    """The suffix of a file to write, in lower case.

    Raises:
        InputError: it is none of FORMATS.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        *most, last = FORMATS
        ending = f"{', '.join(most)} or {last}"
        raise InputError(f"{os.fspath(path)}: expected a name that ends in {ending}, or - for a pipe")
    return suffix
