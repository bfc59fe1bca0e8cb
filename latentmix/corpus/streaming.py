"""A corpus -> pieces of its records to learn from, of which only those of the moment are in memory; imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch

from ..errors import InputError
from .reading import Corpus, ShuffledRecords
from .records import Record

LOOKED_AT = 1_000  # records that come after one, in which something to learn from is looked for
Arrays: TypeAlias = tuple[np.ndarray, ...]


class StreamedPieces:
    """Random pieces of a corpus, one of each record of an epoch.

    Which records a share of a run gets follows from its number and the seed alone: an epoch has each record once
    whatever the number of processes, and a run that goes on, in mid-epoch too, reads on where it was. Records of which
    nothing is wanted make way for those after them.

    Args:
        arrays: of a record, each (N * unit, ...) of the same N frames; none of a record of which nothing is wanted.
        units: rows in a frame of each array.
    """

    def __init__(
        self, corpus: Corpus, seed: int, arrays: Callable[[Record], Arrays], units: tuple[int, ...] = (1,)
    ) -> None:
        self.corpus, self.records = corpus, ShuffledRecords(corpus, seed)
        self._arrays, self._units = arrays, units

    def draw(self, size: int, frames: int, generator: torch.Generator, share: int) -> Arrays:
        """Pieces (size, frames * unit, ...) for that share of a run's batches, counted from its start.

        A record that is shorter is gone on with by those after it.

        Raises:
            InputError: a shard cannot be read, or no record has anything that is wanted.
        """
        where = torch.rand(size, generator=generator).tolist()
        pieces = [self._piece(share * size + number, frames, each) for number, each in enumerate(where)]
        return tuple(np.stack(rows) for rows in zip(*pieces, strict=True))

    def some(self, frames: int) -> Arrays:
        """So many frames, or all that there are, of the first records of the first epoch.

        Raises:
            InputError: as of `draw`.
        """
        found = [self._next(0)[1]]
        for place in range(1, len(self.corpus)):
            if sum(map(self._frames, found)) >= frames:
                break
            found.append(self._arrays(self.records[place]))
        whole = (np.concatenate(rows) for rows in zip(*found, strict=True))
        return tuple(rows[: frames * unit] for rows, unit in zip(whole, self._units, strict=True))

    def _piece(self, place: int, frames: int, where: float) -> Arrays:
        found: list[Arrays] = []
        left = frames
        while left:
            place, arrays = self._next(place)
            count = self._frames(arrays)
            begin = 0 if found else int(where * max(count - left + 1, 1))
            stop = min(begin + left, count)
            found.append(tuple(rows[begin * u : stop * u] for rows, u in zip(arrays, self._units, strict=True)))
            left, place = left - (stop - begin), place + 1
        return tuple(np.concatenate(rows) for rows in zip(*found, strict=True))

    def _next(self, place: int) -> tuple[int, Arrays]:
        """The first place from this one on of which something is wanted, and what."""
        for each in range(place, place + LOOKED_AT):
            arrays = self._arrays(self.records[each])
            if self._frames(arrays):
                return each, arrays
        raise InputError(
            f"{self.corpus.folder.address}: expected records that can be learned from, found none in {LOOKED_AT}"
        )

    def _frames(self, arrays: Arrays) -> int:
        return len(arrays[0]) // self._units[0]
