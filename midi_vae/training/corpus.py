"""MIDI files -> records of windows for a corpus (`latentmix.corpus`), the same that training on a folder takes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentmix.corpus.items import root_of
from latentmix.corpus.records import Column, Record
from latentmix.corpus.shard import Description, OneByOne
from latentmix.corpus.storage import Folder

from ..music.melody import ONSET
from ..music.windows import WINDOW_STEPS
from .dataset import MAX_WINDOWS, MIN_ONSETS, SUFFIXES, file_windows

KIND, GROOVES, TUNES = "midi_vae.windows", "midi_vae.grooves", "midi_vae.tunes"
COLUMNS = (Column("id", "string"), Column("windows", "int16", 2), Column("count", "int32"))
TUNE_COLUMNS = (
    Column("id", "string"),
    Column("windows", "int16", 2),
    Column("sizes", "int32", 1),
    Column("bars", "int32", 1),
)
GROOVE_COLUMNS = (
    Column("id", "string"),
    Column("style", "string"),
    Column("velocity", "uint8", 2),
    Column("offset", "float32", 2),
    Column("lag", "float32", 1),
    Column("tempo", "float32", 1),
    Column("cut", "uint8", 1),
    Column("full", "uint8", 1),
    Column("usual", "float32", 2),
    Column("count", "int32"),
)


class _OfTunes:
    """What both kinds have in common."""

    @property
    def suffixes(self) -> frozenset[str]:
        return frozenset(SUFFIXES)

    @property
    def modules(self) -> tuple[str, ...]:
        return (__name__, "pyarrow.parquet")


@dataclass(frozen=True)
class WindowsOfTunes(_OfTunes):
    """What `midi-vae corpus read` does with files.

    Attributes:
        lowest_pitch, pitches: the range that melodies are folded into, by octaves.
    """

    lowest_pitch: int
    pitches: int

    @property
    def settings(self) -> dict[str, Any]:
        return {"lowest_pitch": self.lowest_pitch, "pitches": self.pitches}

    def load(self, device: str) -> OneByOne:
        """There is no model; the range decides what a window is."""
        sizes = {**self.settings, "steps": WINDOW_STEPS, "onsets": MIN_ONSETS, "most": MAX_WINDOWS}
        return OneByOne(Description(KIND, _fingerprint(sizes), self.settings, COLUMNS), self._record)

    def _record(self, id_: str, path: str) -> Record | str:
        """Windows (n, 32) int16 of a file's melody, and n."""
        windows = file_windows(Path(path), self.lowest_pitch, self.pitches)
        if isinstance(windows, str):
            return windows
        if not len(windows):
            return f"{path}: expected a melody of at least one window of two bars, found none"
        return {"windows": windows, "count": len(windows)}


@dataclass(frozen=True)
class WholeTunes(_OfTunes):
    """What `midi-vae corpus read --whole` does with files.

    Attributes:
        lowest_pitch, pitches: as of `WindowsOfTunes`.
    """

    lowest_pitch: int
    pitches: int

    @property
    def settings(self) -> dict[str, Any]:
        return {"lowest_pitch": self.lowest_pitch, "pitches": self.pitches}

    @property
    def modules(self) -> tuple[str, ...]:
        return (*super().modules, f"{__package__}.tune_dataset")

    def load(self, device: str) -> OneByOne:
        """There is no model; the range decides what a window is."""
        from .tune_dataset import file_tunes

        def record(id_: str, path: str) -> Record | str:
            found = file_tunes(path, self.lowest_pitch, self.pitches)
            if isinstance(found, str):
                return found
            if not any((rows >= ONSET).any() for _, rows in found):
                return f"{path}: expected a melody of at least one window of bars, found none"
            windows = np.concatenate([rows for _, rows in found])
            return {"windows": windows, "sizes": [len(rows) for _, rows in found], "bars": [size for size, _ in found]}

        return OneByOne(
            Description(TUNES, _fingerprint({**self.settings, "steps": WINDOW_STEPS}), self.settings, TUNE_COLUMNS),
            record,
        )


@dataclass(frozen=True)
class GroovesOfFiles(_OfTunes):
    """What `midi-vae corpus read --drums` does with files.

    Attributes:
        listed: the style of each file by its id, as info.csv tells.
    """

    listed: Mapping[str, str]

    @classmethod
    def of_source(cls, source: str) -> GroovesOfFiles:
        """With the styles that an info.csv in the folder of a source tells, if there is one.

        Raises:
            InputError: it has other columns, or cannot be read.
        """
        from .groove_dataset import INFO, parse_info

        folder = Folder(root_of(source))
        content = folder.read(INFO)
        info = parse_info(content, folder.join(INFO)) if content is not None else {}
        return cls({name: each.style for name, each in info.items()})

    @property
    def settings(self) -> dict[str, Any]:
        return {"styles": sorted({style for style in self.listed.values() if style})}

    def load(self, device: str) -> OneByOne:
        """There is no model; the kit decides what a window is."""
        from ..drums.feel import HEARD
        from ..drums.kit import INSTRUMENTS
        from .groove_dataset import MIN_HITS, file_grooves

        def record(id_: str, path: str) -> Record | str:
            rows = file_grooves(path)
            if not len(rows):
                return f"{path}: expected drums of at least {MIN_HITS} hits in two bars, found none"
            made = {name: rows[name].reshape(len(rows), -1) for name in ("velocity", "offset", "usual")}
            made |= {name: rows[name] for name in ("lag", "tempo", "cut", "full")}
            return {**made, "style": self.listed.get(id_, ""), "count": len(rows)}

        sizes = {"steps": WINDOW_STEPS, "hits": MIN_HITS, "instruments": len(INSTRUMENTS), "heard": HEARD}
        return OneByOne(Description(GROOVES, _fingerprint(sizes), self.settings, GROOVE_COLUMNS), record)


def _fingerprint(sizes: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(sizes, sort_keys=True).encode()).hexdigest()[:16]
