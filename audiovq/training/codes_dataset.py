"""Codes of recordings to learn from: all of them in memory, or streamed from the shards of a corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from latentmix.corpus.reading import Corpus
from latentmix.corpus.streaming import StreamedPieces
from latentmix.errors import InputError

if TYPE_CHECKING:
    from ..codec.codec import Codec

COUNTED = 5_000_000  # frames of a corpus whose codes are counted, or are kept for the figures


class CodeSource(Protocol):
    """Where pieces to learn from are drawn.

    Attributes:
        chunk: frames that a file keeps together.
    """

    @property
    def chunk(self) -> int: ...

    def shares(self) -> Tensor:
        """How often each code occurs; (Q, K), each row adds up to 1."""

    def some(self, frames: int) -> np.ndarray:
        """Codes of some recordings on end, always the same ones; (Q, n) int16, n at most `frames`."""

    def draw(self, batch: int, frames: int, generator: torch.Generator, share: int = 0) -> Tensor:
        """Random pieces, (batch, Q, frames) int64, for that share of a run's batches, counted from its start."""


@dataclass(frozen=True)
class Codes:
    """Codes of many recordings, on end.

    Attributes:
        codes: (Q, N) int16.
        starts: (R + 1,) where each recording begins, and the end.
        size: K.
        chunk: frames that a file keeps together.
    """

    codes: np.ndarray
    starts: np.ndarray
    size: int
    chunk: int

    @classmethod
    def of_recordings(cls, recordings: list[np.ndarray], size: int, chunk: int) -> Codes:
        """Of codes (Q, n) each."""
        starts = np.cumsum([0, *(codes.shape[1] for codes in recordings)])
        return cls(np.concatenate(recordings, 1).astype(np.int16), starts, size, chunk)

    def recordings(self) -> list[np.ndarray]:
        return [self.codes[:, a:b] for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def shares(self) -> Tensor:
        counts = np.stack([np.bincount(row, minlength=self.size) for row in self.codes]) + 0.5
        return torch.from_numpy(counts / counts.sum(1, keepdims=True)).float()

    def some(self, frames: int) -> np.ndarray:
        return self.codes[:, :frames]

    def draw(self, batch: int, frames: int, generator: torch.Generator, share: int = 0) -> Tensor:
        """As of `CodeSource`, whatever the share: the generator is its own. Pieces are of one recording where it is
        long enough, else of it and the next ones."""
        last = max(0, self.codes.shape[1] - frames)
        drawn = torch.randint(last + 1, (batch,), generator=generator).numpy()
        after = np.searchsorted(self.starts, drawn, "right")  # the recording after the one that a place is in
        places = np.clip(np.minimum(drawn, self.starts[after] - frames), self.starts[after - 1], last)
        return torch.from_numpy(np.stack([self.codes[:, p : p + frames] for p in places]).astype(np.int64))


class StreamedCodes:
    """Codes out of the shards of a corpus, of which only those of the moment are in memory.

    Args:
        corpus: of `audiovq corpus encode`, all codebooks of this codec.

    Raises:
        InputError: of other codes.
    """

    def __init__(self, corpus: Corpus, codec: Codec, seed: int) -> None:
        described, wanted = corpus.manifest.description, codec.model.fingerprint.hex()
        codebooks = described.settings.get("codebooks") or codec.codebooks
        if (described.fingerprint, codebooks) != (wanted, codec.codebooks):
            raise InputError(
                f"{corpus.folder.address}: expected {codec.codebooks} codebooks of model {wanted}, {codec.name}, found "
                f"{codebooks} of model {described.fingerprint}; encode the corpus with that model and all codebooks"
            )
        self.corpus, self.pieces = corpus, StreamedPieces(corpus, seed, lambda record: (record["codes"].T,))
        self.size, self.chunk = codec.codes, codec.chunk_frames

    def in_memory(self) -> Codes:
        """The first recordings in the order of the corpus, of at least `COUNTED` frames if there are so many."""
        found, frames = [], 0
        for record in self.corpus:
            found.append(record["codes"])
            frames += record["frames"]
            if frames >= COUNTED:
                break
        return Codes.of_recordings(found, self.size, self.chunk)

    def shares(self) -> Tensor:
        """Of the first recordings of the first epoch, `COUNTED` frames."""
        return Codes.of_recordings([self.some(COUNTED)], self.size, self.chunk).shares()

    def some(self, frames: int) -> np.ndarray:
        """Of the first recordings of the first epoch."""
        (codes,) = self.pieces.some(frames)
        return codes.T

    def draw(self, batch: int, frames: int, generator: torch.Generator, share: int = 0) -> Tensor:
        """A random piece of each of the next recordings; short ones are gone on with by those after them."""
        (codes,) = self.pieces.draw(batch, frames, generator, share)
        return torch.from_numpy(codes.transpose(0, 2, 1).astype(np.int64)).contiguous()
