"""MIDI files -> records of windows for a corpus (`latentmix.corpus`), the same that training on a folder takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentmix.corpus.records import Column, Record
from latentmix.corpus.shard import Description

from ..music.windows import WINDOW_STEPS
from .dataset import MAX_WINDOWS, MIN_ONSETS, SUFFIXES, file_windows

KIND = "midi_vae.windows"
COLUMNS = (Column("id", "string"), Column("windows", "int16", 2), Column("count", "int32"))


@dataclass(frozen=True)
class WindowsOfTunes:
    """What `midi-vae corpus read` does with files.

    Attributes:
        lowest_pitch, pitches: the range that melodies are folded into, by octaves.
    """

    lowest_pitch: int
    pitches: int

    @property
    def suffixes(self) -> frozenset[str]:
        return frozenset(SUFFIXES)

    @property
    def settings(self) -> dict[str, Any]:
        return {"lowest_pitch": self.lowest_pitch, "pitches": self.pitches}

    @property
    def modules(self) -> tuple[str, ...]:
        return (__name__, "pyarrow.parquet")

    def load(self, device: str) -> WindowsMaker:
        """There is no model; the range decides what a window is."""
        return WindowsMaker(self)


class WindowsMaker:
    """Makes records of windows."""

    def __init__(self, work: WindowsOfTunes) -> None:
        self.work = work
        sizes = {**work.settings, "steps": WINDOW_STEPS, "onsets": MIN_ONSETS, "most": MAX_WINDOWS}
        fingerprint = hashlib.sha256(json.dumps(sizes, sort_keys=True).encode()).hexdigest()[:16]
        self.description = Description(KIND, fingerprint, work.settings, COLUMNS)

    def records(self, files: Sequence[tuple[str, str]]) -> list[Record | str]:
        """Windows (n, 32) int16 of each file's melody, and n; files without one have a reason instead."""
        return [self._record(id_, path) for id_, path in files]

    def _record(self, id_: str, path: str) -> Record | str:
        try:
            windows = file_windows(Path(path), self.work.lowest_pitch, self.work.pitches)
        except Exception as error:  # a fault of ours, perhaps, but none of the other files'
            return f"{id_}: {type(error).__name__}: {error}"
        if isinstance(windows, str):
            return windows.replace(path, id_)
        if not len(windows):
            return f"{id_}: expected a melody of at least one window of two bars, found none"
        return {"windows": windows, "count": len(windows)}
