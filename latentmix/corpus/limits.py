"""What a corpus may be asked for; apart from what builds it, for the help of a command does not wait for that."""

from __future__ import annotations

from dataclasses import dataclass

FORMS = ("parquet", "webdataset")


@dataclass(frozen=True)
class Size:
    """How large a shard is at most: items, and bytes of input."""

    items: int = 1000
    size: int = 128 << 20


USUAL_SIZE = Size()
