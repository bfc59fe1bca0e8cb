"""Audio <-> codes <-> .avq files, as streams: memory does not depend on the length. Knows no network."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError

from ..audio_io.reader import AudioSource, waveform_source
from ..bitstream.chunks import MISSING, short_fingerprint, write_chunk
from ..bitstream.container import Writer
from ..bitstream.header import Header
from ..bitstream.packing import Coder, Packing
from ..dsp.resampling import resampled
from .chunked_model import ChunkedModel
from .decoding import Decoding

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
    """

    samples: int
    sample_rate: int
    channels: int
    codebooks: int
    size: int

    @property
    def seconds(self) -> float:
        return self.samples / self.sample_rate

    @property
    def kbps(self) -> float:
        """kbit/s of the file, everything counted."""
        return self.size * 8 / 1000 / self.seconds


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
        """Audio -> codes. Several channels are mixed to one.

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
        source = waveform_source(samples, sample_rate)
        mono = (block.mean(0, keepdims=True) for block in source.blocks)
        pieces = self.encode_chunks(resampled(mono, sample_rate, self.sample_rate), 1, self.codebooks_for(kbps))
        return torch.from_numpy(np.concatenate([piece[0] for piece in pieces], 1))

    def encode_source(self, source: AudioSource, kbps: float | None = None) -> np.ndarray:
        """Audio that is read block by block, mixed to one channel -> codes (Q, N) int16 of all its whole code frames.

        Raises:
            InputError: the audio cannot be used.
        """
        counted = 0

        def blocks() -> Iterator[np.ndarray]:
            nonlocal counted
            mono = (block.mean(0, keepdims=True) for block in source.blocks)
            for block in resampled(mono, source.sample_rate, self.sample_rate):
                counted += block.shape[1]
                yield block

        codes = np.concatenate([piece[0] for piece in self.encode_chunks(blocks(), 1, self.codebooks_for(kbps))], 1)
        return codes[:, : -(-counted // self.hop)]

    def decode(self, codes: Tensor | np.ndarray, length: int | None = None) -> Tensor:
        """Codes -> audio.

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
        pieces += self.decode_chunks((whole[:, :, i : i + step] for i in range(0, whole.shape[2], step)), len(whole))
        return torch.from_numpy(np.concatenate(pieces, 1)[:, :length])

    # -- files -----------------------------------------------------------------------------------------------------

    def compress(
        self,
        source: AudioSource,
        stream: BinaryIO,
        kbps: float | None = KBPS,
        keep_channels: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Compressed:
        """Read audio to its end and write an .avq file, which needs no seeking.

        Args:
            kbps: of each channel; None: all codebooks. What entropy coding saves pays for one more codebook than the
                rate has room for as plain bits, in as many chunks as it can.
            keep_channels: code every channel apart, instead of their mean.
            progress: is told how many samples of each channel are done.

        Raises:
            InputError: the audio cannot be used.
            OSError: the stream cannot be written.
        """
        channels = source.channels if keep_channels else 1
        sure = self.codebooks_for(kbps)
        header = Header(
            bytes(self.model.fingerprint),
            short_fingerprint(self.coder),
            self.sample_rate,
            self.hop,
            sure if self.coder is None else min(sure + 1, self.codebooks),
            self.codes,
            channels,
            self.chunk_frames,
            source.sample_rate,
        )
        counted = 0

        def blocks() -> Iterator[np.ndarray]:
            nonlocal counted
            for block in source.blocks:
                counted += block.shape[1]
                yield block if keep_channels else block.mean(0, keepdims=True)
                if progress:
                    progress(counted)

        chunks = self.encode_chunks(
            resampled(blocks(), source.sample_rate, self.sample_rate), channels, header.codebooks
        )
        first = next(chunks)  # nothing is written where nothing can be read
        writer, packing, frames = Writer(stream, header), Packing(self.codes, self.coder), 0
        frame_bytes = math.inf if kbps is None else kbps * KBIT_BYTES * channels * self.hop / self.sample_rate
        for codes in itertools.chain([first], chunks):
            frames += codes.shape[2]
            write_chunk(writer, packing, codes, sure, frame_bytes * frames - END_BYTES)
            if hasattr(stream, "flush"):
                stream.flush()
        writer.finish(counted)
        return Compressed(counted, source.sample_rate, channels, header.codebooks, writer.size)

    def open(self, stream: BinaryIO, name: str, sample_rate: int | None = None, start: float = 0.0) -> Decoding:
        """An .avq file to be decoded, block by block.

        Args:
            name: for messages.
            sample_rate: of what comes out, in Hz; None: that of the original.
            start: seconds from where on; a stream that can seek goes there by the index.

        Raises:
            InputError: not an .avq file, or one of a newer version or of other weights.
        """
        try:
            return Decoding(self, stream, sample_rate, start)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None


def load_coder(name_or_folder: str | os.PathLike[str]) -> Coder | None:
    """The entropy coder beside a model's weights; None if there is none.

    Raises:
        InputError: no such model, or a damaged coder.
    """
    from ..entropy.coder import EntropyModel
    from ..model.vqvae import CHECKPOINT

    folder = CHECKPOINT.resolve(name_or_folder)
    return EntropyModel.load(folder) if (folder / "entropy.json").is_file() else None
