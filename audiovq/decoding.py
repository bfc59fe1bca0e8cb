"""An .avq file -> blocks of audio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from .chunks import Damage, packing_of, read_chunks
from .concealment import Concealment
from .container import Reader, read_end
from .errors import InputError
from .resampling import resampled

if TYPE_CHECKING:
    from .codec import Codec


class Decoding:
    """An .avq file on its way to audio: iterate over blocks (C, n) float32.

    Attributes:
        header: of the file.
        sample_rate: of what comes out, in Hz.
        samples: of each channel in all, None where the stream cannot say.
        damage: what was found so far to be wrong; complete after the last block.
    """

    def __init__(self, codec: Codec, stream: BinaryIO, sample_rate: int | None) -> None:
        end = read_end(stream) if stream.seekable() else None
        self._codec, self._reader = codec, Reader(stream)
        self.header = header = self._reader.header
        expected = (bytes(codec.model.fingerprint), codec.sample_rate, codec.hop, codec.codes)
        if (header.model, header.sample_rate, header.hop, header.codes) != expected:
            raise InputError(
                f"expected a file made with the weights of {codec.name} ({expected[0].hex()}), found one made with "
                f"other weights ({header.model.hex()}); name those by --model"
            )
        if header.codebooks > codec.codebooks:
            raise InputError(f"expected at most {codec.codebooks} codebooks, found {header.codebooks}")
        self._packing = packing_of(header, codec.coder)
        self.sample_rate = sample_rate or header.original_rate
        self.samples = None if end is None else self._length(end.samples)
        self.damage = Damage()

    def __iter__(self) -> Iterator[np.ndarray]:
        header, channels = self.header, self.header.channels
        conceal = Concealment(channels, header.codebooks, header.sample_rate)
        chunks = read_chunks(self._reader, self._packing, self.damage)
        pieces = map(conceal.fade, self._codec.decode_chunks(map(conceal.fill, chunks), channels))
        # the codes hold a little more than the original; how much is known at the end
        most = -(-(header.hop + self._codec.model.delay) * self.sample_rate // header.sample_rate)
        held, given = np.zeros((channels, 0), np.float32), 0
        for block in resampled(pieces, header.sample_rate, self.sample_rate):
            held = np.concatenate([held, block], 1)
            ready = held.shape[1] - most
            if ready > 0:
                yield held[:, :ready]
                held, given = held[:, ready:], given + ready
        end = self._reader.end
        left = held.shape[1] if end is None else max(self._length(end.samples) - given, 0)
        if left and held.shape[1]:
            yield held[:, :left]

    def _length(self, samples: int) -> int:
        return -(-samples * self.sample_rate // self.header.original_rate)
