"""An .avq file -> blocks of audio."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import BinaryIO

import numpy as np

from latentmix.errors import InputError

from ..bitstream.chunks import MISSING, TOGETHER, Damage, packing_of, read_chunks
from ..bitstream.container import Reader, read_end
from ..dsp.resampling import Resampler, resampled
from .chunked_model import ChunkedModel
from .concealment import Concealment
from .levels import RAMP_SECONDS, Levelling
from .tandem import CodesWriter, carrying


class Decoding:
    """An .avq file on its way to audio: iterate, once, over blocks (C, n) float32.

    Attributes:
        header: of the file.
        sample_rate: of what comes out, in Hz.
        samples: of each channel in the whole file, None where the stream cannot say.
        damage: what was found so far to be wrong; complete after the last block.
    """

    def __init__(
        self,
        codec: ChunkedModel,
        stream: BinaryIO,
        sample_rate: int | None = None,
        start: float = 0.0,
        codec_of: Callable[[bytes], ChunkedModel | None] = lambda fingerprint: None,
    ) -> None:
        """Like `Codec.open`.

        Args:
            codec_of: is asked for the codec with the weights of a file that was made with other ones.
        """
        end = read_end(stream) if stream.seekable() else None
        self._reader = Reader(stream)
        self.header = header = self._reader.header
        if header.model != bytes(codec.model.fingerprint):
            codec = codec_of(header.model) or codec
        self._codec = codec
        expected = (bytes(codec.model.fingerprint), codec.sample_rate, codec.hop, codec.codes)
        if (header.model, header.sample_rate, header.hop, header.codes) != expected:
            raise InputError(
                f"expected a file made with the weights of {codec.name} ({expected[0].hex()}), found one made with "
                f"other weights ({header.model.hex()}); name those by --model"
            )
        if header.codebooks > codec.codebooks:
            raise InputError(f"expected at most {codec.codebooks} codebooks, found {header.codebooks}")
        self._packing = packing_of(header, codec.coder)
        self._together = TOGETHER if stream.seekable() else 1
        self.sample_rate = sample_rate or header.original_rate
        self.samples = None if end is None else self._length(end.samples)
        self._first = round(start * self.sample_rate)  # sample that is given first
        self._chunk = 0 if end is None else self._chunk_before(start)
        self._indexed = self._reader.seek(self._chunk, end) if end and self._chunk else 0
        self.damage = Damage()

    def __iter__(self) -> Iterator[np.ndarray]:
        header, channels, delay = self.header, self.header.channels, self._codec.model.delay
        conceal = Concealment(channels, header.codebooks, header.sample_rate)
        chunks = read_chunks(self._reader, self._packing, self.damage, self._indexed, self._together)
        chunks = islice(chunks, self._chunk - self._indexed, None)
        skip, made = self._first_made()
        levelling = Levelling(header.sample_rate)
        first_frame = self._chunk * header.chunk_frames
        first = first_frame * header.hop - delay + skip
        writer = CodesWriter(self._codec.layout, channels, first, first_frame, header.gain)

        def filled() -> Iterator[np.ndarray]:
            for chunk in chunks:
                levelling.expect(chunk.levels, chunk.is_lost)
                writer.expect(np.where(chunk.is_lost[:, None, None], MISSING, chunk.codes), chunk.levels)
                yield conceal.fill(chunk)

        decoded = self._codec.decode_chunks(filled(), channels, 0, self._together)
        if header.has_levels:
            decoded = map(levelling.levelled, decoded)
        decoded = map(conceal.fade, _after(decoded, skip))
        scale = np.float32(10.0 ** (-header.gain / 20.0))
        pieces: Iterator[np.ndarray] = (piece * scale if header.gain else piece for piece in decoded)
        if self.sample_rate == header.sample_rate:
            pieces = carrying(pieces, writer)
        # the codes hold a little more than the original; how much is known at the end
        most = -(-(header.hop + delay) * self.sample_rate // header.sample_rate)
        held = np.zeros((channels, 0), np.float32)
        for block in resampled(pieces, header.sample_rate, self.sample_rate):
            early = min(max(self._first - made, 0), block.shape[1])
            held, made = np.concatenate([held, block[:, early:]], 1), made + block.shape[1]
            if held.shape[1] > most:
                yield held[:, :-most]
                held = held[:, -most:]
        end = self._reader.end
        surplus = 0 if end is None else max(made - self._length(end.samples), 0)
        if held.shape[1] > surplus:
            yield held[:, : held.shape[1] - surplus]

    def _chunk_before(self, start: float) -> int:
        """The chunk to begin at so that the decoder and the resampler have settled at `start` seconds.

        Where chunks have levels, one more comes before, for a level is measured on all of its chunk.
        """
        header = self.header
        settled = Resampler(header.sample_rate, self.sample_rate).half + self._codec.model.delay + header.hop
        settled += math.ceil(RAMP_SECONDS * header.sample_rate) if header.has_levels else 0
        frame = (int(start * header.sample_rate) - settled) // header.hop - self._codec.model.warm_up
        return max(frame // header.chunk_frames - header.has_levels, 0)

    def _first_made(self) -> tuple[int, int]:
        """Samples that the decoder's output begins with and are skipped, and which sample of ours comes then."""
        rate, delay = self.header.sample_rate, self._codec.model.delay
        before = self._chunk * self.header.chunk_frames * self.header.hop - delay
        if before <= 0:
            return -before, 0
        step = rate // math.gcd(rate, self.sample_rate)  # samples after which the two rates meet
        first = -(-before // step) * step
        return first - before, first * self.sample_rate // rate

    def _length(self, samples: int) -> int:
        return -(-samples * self.sample_rate // self.header.original_rate)


def _after(pieces: Iterable[np.ndarray], skip: int) -> Iterator[np.ndarray]:
    """Pieces (C, n) without their first samples, so many in all; some may be empty then."""
    for piece in pieces:
        left_out = min(skip, piece.shape[1])
        skip -= left_out
        yield piece[:, left_out:]
