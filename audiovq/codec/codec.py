"""Audio <-> codes <-> .avq files, as streams: memory does not depend on the length. Knows no network."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError

from ..audio_io.reader import AudioSource, waveform_source
from ..bitstream.chunks import MISSING, short_fingerprint, write_chunk
from ..bitstream.container import Writer
from ..bitstream.header import Header
from ..bitstream.packing import Coder, Packing
from .chunked_model import ChunkedModel
from .decoding import Decoding
from .intake import LOOK_AHEAD, Intake
from .levels import LevelMeter

KBPS = 1.5
END_BYTES = 32  # of a file that are kept free for its end, where bytes are counted
KBIT_BYTES = 125


@dataclass(frozen=True)
class Compressed:
    """What became of audio.

    Attributes:
        samples: of each channel of the original.
        sample_rate: of the original, in Hz.
        channels, codebooks: in the file; of codebooks the most that a chunk can have.
        size: bytes of the file.
        gain: dB by which a quiet recording was made louder to be coded.
        notices: lines on what was changed.
    """

    samples: int
    sample_rate: int
    channels: int
    codebooks: int
    size: int
    gain: int = 0
    notices: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate

    @property
    def kbps(self) -> float:
        """kbit/s of the file, everything counted."""
        return self.size * 8 / 1000 / self.seconds


@dataclass(frozen=True)
class Encoded:
    """Codes of a recording.

    Attributes:
        codes: (Q, N) int16.
        gain: dB by which a quiet recording was made louder to be coded.
        notices: lines on what was changed.
    """

    codes: np.ndarray
    gain: int
    notices: tuple[str, ...]


class Codec(ChunkedModel):
    """A model, an entropy coder that goes with it or none, and what can be done with them.

    Thread-safe: what a stream has come to is kept in the stream, and threads may share the codec.
    """

    @classmethod
    def from_pretrained(cls, name_or_folder: str | os.PathLike[str] = "speech_16k", device: str = "cpu") -> Codec:
        """The codec of a bundled name, or of a folder that `VQVAE.save_pretrained` wrote.

        Raises:
            InputError: neither, or damaged weights.
        """
        from ..model.vqvae import VQVAE

        model = VQVAE.from_pretrained(name_or_folder, device)
        return cls(model.eval(), load_coder(name_or_folder), os.path.basename(os.fspath(name_or_folder)))

    # -- arrays ----------------------------------------------------------------------------------------------------

    def encode(self, waveform: Tensor | np.ndarray, sample_rate: int, kbps: float | None = None) -> Tensor:
        """Audio -> codes. Several channels are mixed to one. What was decoded and not changed has its codes again.

        Args:
            waveform: (C, T) or (T,) float32, full scale ±1.
            sample_rate: Hz, any.
            kbps: rate that decides how many codebooks are used, those it has room for as plain bits; None: all.

        Returns:
            codes (Q, N) int16.

        Raises:
            InputError: no samples, or some that are not finite.
        """
        samples = np.asarray(torch.as_tensor(waveform).detach().cpu(), np.float32)
        intake = self._intake(waveform_source(samples, sample_rate))
        wanted = self.codebooks_for(kbps)
        pieces = (intake.carried(piece, wanted)[0] for piece in self.encode_chunks(intake, 1, wanted))
        return torch.from_numpy(np.concatenate([piece[0] for piece in pieces], 1))

    def encode_source(self, source: AudioSource, codebooks: int | None = None, to_the_end: bool = False) -> Encoded:
        """Audio that is read block by block, as `compress` does it, mixed to one channel -> codes.

        Args:
            codebooks: Q; None: all.
            to_the_end: with the frames of silence after it that the decoder needs to give all of the audio back;
                else those that the audio reaches into.

        Raises:
            InputError: the audio cannot be used.
        """
        intake = self._intake(source, look_ahead=LOOK_AHEAD)
        wanted = codebooks or self.codebooks
        pieces = (intake.carried(piece, wanted)[0] for piece in self.encode_chunks(intake, 1, wanted))
        codes = np.concatenate([piece[0] for piece in pieces], 1)
        samples = -(-intake.samples * self.sample_rate // source.sample_rate)
        frames = codes.shape[1] if to_the_end else -(-samples // self.hop)
        return Encoded(codes[:, :frames], intake.gain, tuple(intake.notices))

    def _intake(self, source: AudioSource, **more: Any) -> Intake:
        return Intake(source, self.sample_rate, self.model.cutoff, layout=self.layout, **more)

    def decode(self, codes: Tensor | np.ndarray, length: int | None = None) -> Tensor:
        """Codes -> audio, which carries them in the lowest of 16 bits (`tandem.py`).

        Args:
            codes: (Q, N) or (C, Q, N) integers; the first codebooks are enough, and later ones may be -1 where they
                are left out.
            length: samples wanted, at most what the codes hold; None: all.

        Returns:
            (1, T) or (C, T) float32 at `sample_rate`.

        Raises:
            InputError: other shapes, or codes that there are not.
        """
        whole = np.asarray(torch.as_tensor(codes).cpu())
        whole = whole[None] if whole.ndim == 2 else whole
        if whole.ndim != 3 or whole.dtype.kind not in "iu" or not 1 <= whole.shape[1] <= self.codebooks:
            raise InputError(
                f"codes: expected integers of shape (Q, N) with Q from 1 to {self.codebooks}, "
                f"found {whole.dtype} {tuple(whole.shape)}"
            )
        if whole.size and not (whole[:, 0].min() >= 0 and MISSING <= whole.min() <= whole.max() < self.codes):
            raise InputError(
                f"codes: expected 0 to {self.codes - 1}, or {MISSING} but in the first codebook, "
                f"found {whole.min()} to {whole.max()}, and {whole[:, 0].min()} in the first"
            )
        step = self.chunk_frames
        pieces = [np.zeros((len(whole), 0), np.float32)]
        pieces += self.decode_sound((whole[:, :, i : i + step] for i in range(0, whole.shape[2], step)), len(whole))
        return torch.from_numpy(np.concatenate(pieces, 1)[:, :length])

    # -- files -----------------------------------------------------------------------------------------------------

    def compress(
        self,
        source: AudioSource,
        stream: BinaryIO,
        kbps: float | None = KBPS,
        keep_channels: bool = False,
        progress: Callable[[int], None] | None = None,
        look_ahead: float = LOOK_AHEAD,
    ) -> Compressed:
        """Read audio to its end and write an .avq file, which needs no seeking.

        Args:
            kbps: of each channel; None: all codebooks. What entropy coding saves pays for one more codebook than the
                rate has room for as plain bits, in as many chunks as it can.
            keep_channels: code every channel apart, instead of their mix (ITU-R BS.775).
            progress: is told how many samples of each channel are read.
            look_ahead: seconds that may be kept in memory to learn how loud a quiet recording is: it is coded at a
                usual level, and given back at its own. 0: every chunk is written as soon as it is there.

        Raises:
            InputError: the audio cannot be used.
            OSError: the stream cannot be written.
        """
        sure = self.codebooks_for(kbps)
        most = sure if self.coder is None else min(sure + 1, self.codebooks)
        intake = self._intake(source, keep_channels=keep_channels, look_ahead=look_ahead, progress=progress)
        channels = intake.channels
        meter = LevelMeter(channels, self.sample_rate, self.model.delay)
        chunks = self.encode_chunks(meter.heard(intake), channels, most)
        first = next(chunks)  # nothing is written where nothing can be read
        header = Header(
            bytes(self.model.fingerprint),
            short_fingerprint(self.coder),
            self.sample_rate,
            self.hop,
            most,
            self.codes,
            channels,
            self.chunk_frames,
            source.sample_rate,
            intake.gain,
        )
        writer, packing, frames = Writer(stream, header), Packing(self.codes, self.coder), 0
        frame_bytes = math.inf if kbps is None else kbps * KBIT_BYTES * channels * self.hop / self.sample_rate
        for codes in itertools.chain([first], chunks):
            frames += codes.shape[2]
            codes, carried = intake.carried(codes, sure, can_lack=True)
            levels = meter.next(codes.shape[2] * self.hop)
            levels = np.where(carried, carried, levels)
            write_chunk(writer, packing, codes, levels, sure, frame_bytes * frames - END_BYTES)
            if hasattr(stream, "flush"):
                stream.flush()
        writer.finish(intake.samples)
        return Compressed(
            intake.samples, source.sample_rate, channels, most, writer.size, intake.gain, tuple(intake.notices)
        )

    def open(self, stream: BinaryIO, name: str, sample_rate: int | None = None, start: float = 0.0) -> Decoding:
        """An .avq file to be decoded, block by block.

        Args:
            name: for messages.
            sample_rate: of what comes out, in Hz; None: that of the original.
            start: seconds from where on; a stream that can seek goes there by the index.

        Raises:
            InputError: not an .avq file, or one of a newer version, or of weights that are neither these nor bundled.
        """
        try:
            return Decoding(self, stream, sample_rate, start, codec_of)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None


@functools.lru_cache(maxsize=4)
def bundled_codec(name: str, device: str = "cpu") -> Codec:
    """A codec that comes with the package, loaded once. Thread-safe."""
    return Codec.from_pretrained(name, device)


def codec_of(fingerprint: bytes) -> Codec | None:
    """The bundled codec with these weights; None: there is none. Thread-safe."""
    from ..model.vqvae import CHECKPOINT

    for described in sorted(CHECKPOINT.bundled.glob(f"*/{CHECKPOINT.config_file}")):
        with contextlib.suppress(InputError):  # of another kind
            CHECKPOINT.read_description(described)
            if (codec := bundled_codec(described.parent.name)).model.fingerprint == fingerprint:
                return codec
    return None


def load_coder(name_or_folder: str | os.PathLike[str]) -> Coder | None:
    """The entropy coder beside a model's weights; None if there is none.

    Raises:
        InputError: no such model, or a damaged coder.
    """
    from ..entropy.coder import EntropyModel
    from ..model.vqvae import CHECKPOINT

    folder = CHECKPOINT.resolve(name_or_folder)
    return EntropyModel.load(folder) if (folder / "entropy.json").is_file() else None
