"""A corpus for PyTorch, and for Hugging Face `datasets`; imports torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import IterableDataset, get_worker_info

from ..errors import InputError
from ..extras import load_extra
from .reading import MIXED, Corpus, ShuffledRecords
from .records import Record
from .storage import EXTRA, is_local, resolve


class CorpusDataset(IterableDataset[Record]):
    """Records of a corpus, an epoch each time it is iterated over, shuffled anew; arrays are tensors.

    Of places in the epoch each rank takes every `world`-th, and so does each worker of a `DataLoader` of what its rank
    has; what does not go into all of them evenly is left out at the end. All ranks together see the same records in the
    same order whatever their number, so that a run can go on with more or fewer. Every rank reads every shard: codes
    are a hundredth of the audio they come from, and to read them is little beside learning from them.

    `state_dict` and `load_state_dict` say and set where it is, in mid-epoch too. In a `DataLoader` with workers each of
    them has a place of its own: `torchdata.stateful_dataloader.StatefulDataLoader` keeps those.

    Args:
        address: of the corpus.
        seed: None: not shuffled.
        rank, world: which share this is of how many; None: of torch.distributed, or all where that is not in use.

    Raises:
        InputError: as of `Corpus`.
    """

    def __init__(
        self,
        address: str,
        seed: int | None = 0,
        rank: int | None = None,
        world: int | None = None,
        mixed: int = MIXED,
    ) -> None:
        several = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.corpus = Corpus(address)
        self.records = ShuffledRecords(self.corpus, seed, mixed)
        self.rank = rank if rank is not None else torch.distributed.get_rank() if several else 0
        self.world = world if world is not None else torch.distributed.get_world_size() if several else 1
        self.epoch = self.given = 0
        if not 0 <= self.rank < self.world <= len(self.corpus):
            raise InputError(
                f"{address}: expected a rank below {self.world} shares, and no more shares than {len(self.corpus)} "
                f"records, found rank {self.rank}"
            )

    def __len__(self) -> int:
        return len(self.corpus) // self.world

    def __iter__(self) -> Iterator[Record]:
        worker = get_worker_info()
        workers, number = (worker.num_workers, worker.id) if worker else (1, 0)
        own, start = len(self) // workers, self.epoch * len(self.corpus)
        while self.given < own:
            place = (self.given * workers + number) * self.world + self.rank
            self.given += 1
            yield _with_tensors(self.records[start + place])
        self.epoch, self.given = self.epoch + 1, 0

    def state_dict(self) -> dict[str, int]:
        """The epoch, and how many records of it were given."""
        return {"epoch": self.epoch, "given": self.given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where a `state_dict` was."""
        self.epoch, self.given = int(state["epoch"]), int(state["given"])


def _with_tensors(record: Record) -> Record:
    return {name: torch.from_numpy(v) if hasattr(v, "ndim") else v for name, v in record.items()}


def hugging_face(address: str) -> Any:
    """The corpus as a `datasets.IterableDataset`, streamed, arrays as NumPy has them.

    It shuffles by `.shuffle(seed=..., buffer_size=...)`, is divided by `datasets.distributed.split_dataset_by_node`,
    and goes on in mid-epoch by its `state_dict` and `load_state_dict`.

    Raises:
        InputError: as of `Corpus`; WebDataset shards, which `datasets` reads by itself.
    """
    corpus, datasets = Corpus(address), load_extra("datasets", EXTRA)
    if corpus.manifest.form != "parquet":
        raise InputError(
            f"{address}: expected Parquet shards, found {corpus.manifest.form}; `datasets` reads those as such"
        )
    local = is_local(resolve(address)[0])
    files = [os.path.abspath(each) if local else each for each in corpus.addresses()]
    made = datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)
    return made.with_format("numpy")
