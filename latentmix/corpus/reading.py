"""A corpus -> its records, in an order known for every place in it: shuffled, divided, gone on with anywhere."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from ..errors import InputError
from .records import SUFFIXES, Record, read_shard
from .shard import ShardSummary
from .state import MANIFEST, Manifest, read_manifest
from .storage import Folder

MIXED = 8  # shards whose records are mixed with one another
MIXED_BYTES = 256 << 20  # of the shards of a mixture, unless it is a single one
KEPT = 2  # such mixtures in memory: of a batch that ends one and begins the next


class Corpus:
    """A complete corpus, by its address.

    Args:
        kind: of records that are wanted; None: any.

    Attributes:
        manifest: what it says of itself.

    Raises:
        InputError: there is none, it is not complete, or it has other records.
    """

    def __init__(self, address: str, kind: str | None = None) -> None:
        self.folder = Folder(address)
        manifest = read_manifest(self.folder)
        if manifest is None:
            raise InputError(f"{address}: expected a corpus, found no {MANIFEST} there")
        found = manifest.description.kind
        if kind is not None and found != kind:
            raise InputError(f"{address}: expected records of {kind}, found {found}")
        if not manifest.is_complete:
            raise InputError(f"{address}: expected a complete corpus, found one under way; give its command again")
        if not manifest.rows:
            raise InputError(f"{address}: expected records, found none")
        self.manifest: Manifest = manifest
        self.shards = [shard for shard in manifest.shards if shard.rows]

    def __len__(self) -> int:
        return self.manifest.rows

    def __iter__(self) -> Iterator[Record]:
        """All records, shard by shard."""
        for shard in self.shards:
            yield from self.read(shard)

    def addresses(self) -> list[str]:
        """Of the shards."""
        return [self.folder.join(shard.name + SUFFIXES[self.manifest.form]) for shard in self.shards]

    def read(self, shard: ShardSummary) -> list[Record]:
        """The records of a shard.

        Raises:
            InputError: missing, damaged, or of another model or corpus.
        """
        name = shard.name + SUFFIXES[self.manifest.form]
        content, address = self.folder.read(name), self.folder.join(name)
        if content is None:
            raise InputError(
                f"{address}: expected a shard, as {MANIFEST} says, found nothing there; the command that made the "
                "corpus makes it anew"
            )
        wanted = self.manifest.description
        records, described = read_shard(self.manifest.form, wanted.columns, content, address)
        found = _as_dict(described)
        if (found.get("kind"), found.get("fingerprint")) != (wanted.kind, wanted.fingerprint):
            raise InputError(
                f"{address}: expected {wanted.kind} of model {wanted.fingerprint}, as {MANIFEST} says, found "
                f"{found.get('kind')} of model {found.get('fingerprint')}"
            )
        if len(records) != shard.rows:
            raise InputError(f"{address}: expected {shard.rows} records, as {MANIFEST} says, found {len(records)}")
        return records


def _as_dict(described: str) -> dict[str, Any]:
    try:
        raw = json.loads(described)
    except ValueError:
        return {}
    return raw if isinstance(raw, dict) else {}


def corpus_at(address: str, kind: str) -> Corpus | None:
    """The corpus that an argument of a training script names; None where it names a folder of files.

    Raises:
        InputError: as of `Corpus`; an address of object storage without a corpus.
    """
    is_remote = "://" in address
    return Corpus(address, kind) if is_remote or os.path.isfile(os.path.join(address, MANIFEST)) else None


class ShuffledRecords:
    """The records of a corpus, epoch after epoch without end, each time in another order; by their place in it.

    Shards are shuffled, and the records of `MIXED` of them at a time, of large ones of fewer. What stands at a place
    follows from the seed alone: processes that divide places among them need not talk, and whoever goes on begins at
    any place. Reading places in order reads each shard once an epoch.

    Args:
        seed: None: in the order of the shards.
    """

    def __init__(self, corpus: Corpus, seed: int | None = 0, mixed: int = MIXED) -> None:
        self.corpus, self.seed, self.mixed = corpus, seed, mixed
        self._kept: OrderedDict[tuple[int, int], tuple[int, list[Record]]] = OrderedDict()
        self._orders: OrderedDict[int, list[list[ShardSummary]]] = OrderedDict()

    def __getitem__(self, place: int) -> Record:
        epoch, place = divmod(place, len(self.corpus))
        for (of_epoch, _), (start, records) in self._kept.items():
            if of_epoch == epoch and start <= place < start + len(records):
                return records[place - start]
        start = 0
        for first, group in enumerate(self._order(epoch)):
            rows = sum(shard.rows for shard in group)
            if place < start + rows:
                records = self._mixture(epoch, first, group)
                self._kept[epoch, first] = start, records
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
                return records[place - start]
            start += rows
        raise IndexError(place)

    def _order(self, epoch: int) -> list[list[ShardSummary]]:
        """The mixtures of an epoch."""
        import numpy as np

        if epoch not in self._orders:
            number = len(self.corpus.shards)
            order = (
                range(number) if self.seed is None else np.random.default_rng([self.seed, epoch]).permutation(number)
            )
            self._orders[epoch] = self._mixed_together([self.corpus.shards[i] for i in order])
            while len(self._orders) > KEPT:
                self._orders.popitem(last=False)
        return self._orders[epoch]

    def _mixed_together(self, shards: list[ShardSummary]) -> list[list[ShardSummary]]:
        groups: list[list[ShardSummary]] = []
        for shard in shards:
            last = groups[-1] if groups else []
            if not last or len(last) == self.mixed or sum(each.size for each in [*last, shard]) > MIXED_BYTES:
                groups.append([])
            groups[-1].append(shard)
        return groups

    def _mixture(self, epoch: int, first: int, group: list[ShardSummary]) -> list[Record]:
        import numpy as np

        records = [record for shard in group for record in self.corpus.read(shard)]
        if self.seed is None:
            return records
        order = np.random.default_rng([self.seed, epoch, first]).permutation(len(records))
        return [records[i] for i in order]
