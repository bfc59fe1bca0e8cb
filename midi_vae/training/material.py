"""What there is to learn: random windows, and those of them that reach the ends of bars, for priors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from .streamed_windows import Choice

KEPT_WINDOWS = 20_000  # of a corpus, for figures and for the directions of attributes


class Streamed(Protocol):
    """Random windows of a corpus."""

    def some(self, count: int) -> np.ndarray: ...


B = TypeVar("B")
S = TypeVar("S", bound=Streamed)


@dataclass(frozen=True)
class Material(Generic[B]):
    """What there is to learn.

    Attributes:
        some: windows, all of a folder, the first of a corpus.
        batches: random ones.
        full_batches: of those that reach the ends of bars, or of all if none does.
    """

    some: np.ndarray
    batches: B
    full_batches: B


def material_of(windows: np.ndarray, batches: Callable[[np.ndarray], B], is_full: Choice) -> Material[B]:
    """Of a folder's windows."""
    full = is_full(windows)
    return Material(windows, batches(windows), batches(windows[full] if full.any() else windows))


def streamed_material(batches: Callable[[Choice | None], S], is_full: Choice) -> Material[S]:
    """Of a corpus; `batches` makes those of the windows that are wanted, None of all."""
    all_ = batches(None)
    some = all_.some(KEPT_WINDOWS)
    return Material(some, all_, batches(is_full if is_full(some).any() else None))
