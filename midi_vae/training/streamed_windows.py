"""Windows of melody and of drums out of the shards of a corpus, of which only those of the moment are in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from latentmix.corpus.reading import Corpus, ShuffledRecords
from latentmix.corpus.records import Record
from latentmix.corpus.streaming import StreamedPieces
from latentmix.errors import InputError

from ..music.melody import ONSET
from .dataset import transposed
from .groove_dataset import WINDOW, GrooveBatch, GrooveBatches
from .tune_dataset import TuneBatches, Tunes

Choice = Callable[[np.ndarray], np.ndarray]  # which of a file's windows (n, ...) are drawn, (n,) bool


class StreamedWindows:
    """Random windows of a corpus of `midi-vae corpus read`, each transposed as those of `Batches`.

    Of each tune of an epoch one window is drawn, so that all tunes count alike, where all windows of a folder do.

    Args:
        lowest_pitch, pitches: the model's range, as the corpus was made for.

    Raises:
        InputError: a corpus for another range.
    """

    def __init__(
        self, corpus: Corpus, lowest_pitch: int, pitches: int, seed: int, wanted: Choice | None = None
    ) -> None:
        _check_range(corpus, lowest_pitch, pitches)
        self._range = lowest_pitch, pitches
        self.pieces = StreamedPieces(corpus, seed, lambda record: (_chosen(record["windows"], wanted),))

    def draw(self, size: int, generator: torch.Generator, share: int) -> Tensor:
        """(size, 32) int64 tokens, for that share of a run's batches, counted from its start.

        Raises:
            InputError: a shard cannot be read, or no tune has a window that is wanted.
        """
        (rows,) = self.pieces.draw(size, 1, generator, share)
        return transposed(torch.from_numpy(rows[:, 0].astype(np.int64)), *self._range, generator)

    def some(self, count: int) -> np.ndarray:
        """Windows (at most `count`, 32) int16 of the first tunes of the first epoch, all that each has."""
        return self.pieces.some(count)[0]


class StreamedTunes:
    """Random windows with those before them out of a corpus of `midi-vae corpus read --whole`, as of `TuneBatches`.

    Of each tune of an epoch one window is drawn, so that all tunes count alike.

    Args:
        lags, lowest_pitch, pitches: of the conductor.

    Raises:
        InputError: a corpus for another range.
    """

    def __init__(self, corpus: Corpus, lags: tuple[int, ...], lowest_pitch: int, pitches: int, seed: int) -> None:
        _check_range(corpus, lowest_pitch, pitches)
        self.records, self._sizes = ShuffledRecords(corpus, seed), (lags, lowest_pitch, pitches)

    def draw(self, size: int, generator: torch.Generator, share: int = 0) -> dict[str, Tensor]:
        """As of `TuneBatches`, for that share of a run's batches, counted from its start.

        Raises:
            InputError: a shard cannot be read.
        """
        records = [self.records[place] for place in range(share * size, (share + 1) * size)]
        rows = [record["windows"] for record in records]
        starts = np.cumsum([0, *np.concatenate([record["sizes"] for record in records])])
        tunes = Tunes(np.concatenate(rows), starts, np.concatenate([record["bars"] for record in records]).astype(int))
        begins = np.cumsum([0, *map(len, rows)])
        spots = torch.rand(size, generator=generator, dtype=torch.float64).tolist()
        heard = [np.flatnonzero((windows >= ONSET).any(1)) for windows in rows]
        index = [begin + some[int(spot * len(some))] for begin, some, spot in zip(begins, heard, spots, strict=False)]
        return TuneBatches(tunes, *self._sizes).at(torch.tensor(np.array(index)), generator)


def _check_range(corpus: Corpus, lowest_pitch: int, pitches: int) -> None:
    found = corpus.manifest.description.settings
    if (found.get("lowest_pitch"), found.get("pitches")) != (lowest_pitch, pitches):
        raise InputError(
            f"{corpus.folder.address}: expected windows of {pitches} pitches from {lowest_pitch} on, as the model "
            f"has, found {found.get('pitches')} from {found.get('lowest_pitch')} on; read the corpus anew"
        )


class StreamedGrooves:
    """Random windows of a corpus of `midi-vae corpus read --drums`, one of each file of an epoch.

    Args:
        styles: of the model, by index.

    Raises:
        InputError: a corpus of before, which does not say what is usual in a piece.
    """

    def __init__(self, corpus: Corpus, styles: Sequence[str], seed: int, wanted: Choice | None = None) -> None:
        if "usual" not in {column.name for column in corpus.manifest.description.columns}:
            raise InputError(
                f"{corpus.folder.address}: expected drums with what is usual in their pieces, found a corpus of an "
                "earlier release; read it anew"
            )
        self.styles = styles
        self.pieces = StreamedPieces(corpus, seed, lambda record: (_chosen(self._rows(record), wanted),))

    def draw(self, size: int, generator: torch.Generator, share: int) -> GrooveBatch:
        """So many windows, for that share of a run's batches, counted from its start.

        Raises:
            InputError: a shard cannot be read, or no file has a window that is wanted.
        """
        (rows,) = self.pieces.draw(size, 1, generator, share)
        return GrooveBatches(rows[:, 0]).all()

    def some(self, count: int) -> np.ndarray:
        """Windows (at most `count`,) of dtype `WINDOW`, all of the first files of the first epoch."""
        return self.pieces.some(count)[0]

    def _rows(self, record: Record) -> np.ndarray:
        rows = np.zeros(record["count"], WINDOW)
        for name in ("velocity", "offset", "lag", "tempo", "cut", "full", "usual"):
            rows[name] = record[name].reshape(rows[name].shape)
        style = record["style"]
        rows["style"] = self.styles.index(style) if style in self.styles else len(self.styles)
        return rows


def _chosen(windows: np.ndarray, wanted: Choice | None) -> np.ndarray:
    return windows if wanted is None else windows[wanted(windows)]
