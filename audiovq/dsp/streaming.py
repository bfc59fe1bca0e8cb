"""Filters that take a signal in blocks of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np


class StreamingFilter(Protocol):
    """What takes blocks (C, n) and gives blocks (C, m), either of which may be empty."""

    def push(self, block: np.ndarray) -> np.ndarray:
        """What no later block can change."""

    def finish(self) -> np.ndarray:
        """The rest."""


def filtered(blocks: Iterable[np.ndarray], filtering: StreamingFilter) -> Iterator[np.ndarray]:
    """Blocks (C, n) through a filter, none of them empty."""
    for block in blocks:
        made = filtering.push(block)
        if made.shape[1]:
            yield made
    made = filtering.finish()
    if made.shape[1]:
        yield made
