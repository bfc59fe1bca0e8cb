"""Windows of melody out of the shards of a corpus, of which only those of the moment are in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from latentmix.corpus.reading import Corpus, ShuffledRecords
from latentmix.errors import InputError

from .dataset import transposed

LOOKED_AT = 1_000  # tunes that come after one, in which a window of the wanted kind is looked for


class StreamedWindows:
    """Random windows of a corpus of `midi-vae corpus read`, each transposed as those of `Batches`.

    Of each tune of an epoch one window is drawn, so that all tunes count alike, where all windows of a folder do. Which
    tunes a share of a run gets follows from its number and the seed alone: an epoch has each tune once whatever the
    number of processes, and a run that goes on reads on where it was.

    Args:
        lowest_pitch, pitches: the model's range, as the corpus was made for.
        wanted: which of a tune's windows (n, 32) are drawn, (n,) bool; tunes without one make way for those after them.

    Raises:
        InputError: a corpus for another range.
    """

    def __init__(
        self,
        corpus: Corpus,
        lowest_pitch: int,
        pitches: int,
        seed: int,
        wanted: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        found = corpus.manifest.description.settings
        if (found.get("lowest_pitch"), found.get("pitches")) != (lowest_pitch, pitches):
            raise InputError(
                f"{corpus.folder.address}: expected windows of {pitches} pitches from {lowest_pitch} on, as the model "
                f"has, found {found.get('pitches')} from {found.get('lowest_pitch')} on; read the corpus anew"
            )
        self.corpus, self.records = corpus, ShuffledRecords(corpus, seed)
        self._range, self._wanted = (lowest_pitch, pitches), wanted

    def draw(self, size: int, generator: torch.Generator, share: int) -> Tensor:
        """(size, 32) int64 tokens, for that share of a run's batches, counted from its start.

        Raises:
            InputError: a shard cannot be read, or no tune has a window that is wanted.
        """
        which = torch.rand(size, generator=generator).tolist()
        rows = [self._window(share * size + i, each) for i, each in enumerate(which)]
        return transposed(torch.from_numpy(np.stack(rows).astype(np.int64)), *self._range, generator)

    def some(self, count: int) -> np.ndarray:
        """Windows (at most `count`, 32) int16 of the first tunes of the first epoch, all that each has."""
        found: list[np.ndarray] = []
        for place in range(len(self.corpus)):
            if sum(map(len, found)) >= count:
                break
            found.append(self.records[place]["windows"])
        return np.concatenate(found)[:count]

    def _window(self, place: int, which: float) -> np.ndarray:
        for each in range(place, place + LOOKED_AT):
            windows: np.ndarray = self.records[each]["windows"]
            if self._wanted is not None:
                windows = windows[self._wanted(windows)]
            if len(windows):
                row: np.ndarray = windows[int(which * len(windows))]
                return row
        raise InputError(
            f"{self.corpus.folder.address}: expected tunes with windows that can be learned, found none in {LOOKED_AT}"
        )
