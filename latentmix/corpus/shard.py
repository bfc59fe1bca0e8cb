"""What a domain gives, and one shard made of it: the unit of work that is there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..errors import InputError
from .items import Item
from .records import SUFFIXES, Column, Record, write_shard
from .storage import Folder

BATCH_ITEMS, BATCH_BYTES = 64, 8 << 20  # that a domain gets at once: a batch of short files, one long file


@dataclass(frozen=True)
class Description:
    """What all shards of a corpus have in common.

    Attributes:
        kind: of records, such as "audiovq.codes".
        fingerprint: of the model, or of whatever else decides what the records are.
        settings: that it was made with, for JSON.
        columns: of a record; the first is "id".
    """

    kind: str
    fingerprint: str
    settings: dict[str, Any]
    columns: tuple[Column, ...]

    def as_json(self) -> dict[str, Any]:
        columns = [[c.name, c.dtype, c.dims] for c in self.columns]
        return {"kind": self.kind, "fingerprint": self.fingerprint, "settings": self.settings, "columns": columns}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Description:
        """Raises KeyError, TypeError or ValueError for anything else."""
        columns = tuple(Column(str(name), str(dtype), int(dims)) for name, dtype, dims in raw["columns"])
        return cls(str(raw["kind"]), str(raw["fingerprint"]), dict(raw["settings"]), columns)


class Maker(Protocol):
    """A loaded model, or whatever makes records."""

    description: Description

    def records(self, files: Sequence[tuple[str, str]]) -> list[Record | str]:
        """Of files, given as (id, path), the records without their ids; or why there is none, in one line.

        The same file gives the same record, whatever it comes together with.
        """


class OneByOne:
    """A `Maker` of a record of each file by itself.

    Args:
        make: of an id and a path the record, or why there is none, in one line that may name the path.
    """

    def __init__(self, description: Description, make: Callable[[str, str], Record | str]) -> None:
        self.description, self._make = description, make

    def records(self, files: Sequence[tuple[str, str]]) -> list[Record | str]:
        """Of each file, or why there is none; lines name the item, not the copy of it on this machine."""
        return [self._record(id_, path) for id_, path in files]

    def _record(self, id_: str, path: str) -> Record | str:
        try:
            made = self._make(id_, path)
        except InputError as error:
            made = str(error)
        except Exception as error:  # a fault of ours, perhaps, but none of the other files'
            return f"{id_}: {type(error).__name__}: {error}"
        return made.replace(path, id_) if isinstance(made, str) else made


class Work(Protocol):
    """What a domain does with files; small, and picklable."""

    @property
    def suffixes(self) -> frozenset[str]:
        """Of the files that are taken, in lower case."""

    @property
    def settings(self) -> dict[str, Any]:
        """What it was asked for, for JSON."""

    @property
    def modules(self) -> tuple[str, ...]:
        """What `load` imports, by name: processes of one machine import it once."""

    def load(self, device: str) -> Maker:
        """Raises InputError."""


@dataclass(frozen=True)
class ShardJob:
    """A shard to be made.

    Attributes:
        out: the folder.
        name: of the shard, without suffix.
        form: one of `records.FORMS`.
    """

    out: Folder
    name: str
    items: tuple[Item, ...]
    form: str


@dataclass(frozen=True)
class ShardSummary:
    """What became of a shard; kept beside it as JSON, which says that it is done.

    Attributes:
        rows: records in it.
        size: its bytes; 0 where no record came out and no file was written.
        left_out: ids of items without a record, and why.
    """

    name: str
    rows: int
    size: int
    left_out: tuple[tuple[str, str], ...] = field(default=())


def make_shard(job: ShardJob, maker: Maker) -> ShardSummary:
    """Make records of all items and write them, then the summary that says so.

    Raises:
        InputError: the shard cannot be written, or the storage that items are in cannot be reached.
    """
    records: list[Record] = []
    left_out: list[tuple[str, str]] = []
    for batch in _batches(job.items):
        for item, result in zip(batch, _made(batch, maker), strict=True):
            if isinstance(result, str):
                left_out.append((item.id, " ".join(result.split())))
            else:
                records.append({**result, "id": item.id})
    size = 0
    if records:
        description = maker.description
        content = write_shard(job.form, description.columns, records, description.as_json())
        job.out.write(job.name + SUFFIXES[job.form], content)
        size = len(content)
    summary = ShardSummary(job.name, len(records), size, tuple(left_out))
    told = {"name": job.name, "rows": summary.rows, "bytes": size, "left_out": left_out}
    job.out.write(job.name + ".json", json.dumps(told).encode() + b"\n")
    return summary


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) == BATCH_ITEMS or size + item.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.size
    if batch:
        yield batch


def _made(batch: Sequence[Item], maker: Maker) -> list[Record | str]:
    """A record or a reason for each item; nothing that is wrong with one stops the others."""
    results: list[Record | str] = [""] * len(batch)
    with contextlib.ExitStack() as stack:
        files: list[tuple[str, str]] = []
        places: list[int] = []
        for place, item in enumerate(batch):
            try:
                files.append((item.id, stack.enter_context(item.local())))
                places.append(place)
            except InputError as error:
                if error.__cause__ and not isinstance(error.__cause__, FileNotFoundError | PermissionError):
                    raise  # the storage's, not this file's: what would follow were a corpus with nothing in it
                results[place] = str(error)
        for place, result in zip(places, maker.records(files) if files else [], strict=True):
            results[place] = result
    return results


def cut_into_shards(items: Sequence[Item], most_items: int, most_bytes: int) -> list[tuple[Item, ...]]:
    """Items, in their order, in groups of at most so many, and of at most so many bytes but for a single larger one."""
    groups: list[tuple[Item, ...]] = []
    start, size = 0, math.inf
    for place, item in enumerate(items):
        size += item.size
        if place - start == most_items or size > most_bytes:
            if place > start:
                groups.append(tuple(items[start:place]))
            start, size = place, item.size
    return [*groups, tuple(items[start:])] if items else []
