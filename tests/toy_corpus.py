"""A corpus without a model: a file's bytes are its record; some files are bad, some kill whoever reads them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latentmix.corpus.build import Size, build_corpus
from latentmix.corpus.cluster import RayCluster
from latentmix.corpus.local import LocalProcesses
from latentmix.corpus.records import Column, Record
from latentmix.corpus.shard import Description
from latentmix.corpus.storage import Folder
from latentmix.errors import InputError

COLUMNS = (
    Column("id", "string"),
    Column("codes", "int16", 2),
    Column("bytes", "int64"),
    Column("levels", "float32", 1),
)


@dataclass(frozen=True)
class ToyWork:
    model: str = "a"
    seconds: float = 0.0  # that a file takes

    suffixes = frozenset({".txt", ".dat"})
    modules = ("tests.toy_corpus",)

    @property
    def settings(self) -> dict[str, Any]:
        return {"codes": "all"}

    def load(self, device: str) -> ToyMaker:
        return ToyMaker(self, device)


class ToyMaker:
    def __init__(self, work: ToyWork, device: str = "cpu") -> None:
        self.work, self.device = work, device
        self.description = Description("toy.bytes", work.model, work.settings, COLUMNS)

    def records(self, files: Sequence[tuple[str, str]]) -> list[Record | str]:
        return [self._record(id_, path) for id_, path in files]

    def _record(self, id_: str, path: str) -> Record | str:
        content = Path(path).read_bytes()
        time.sleep(self.work.seconds)
        if content == b"device":
            content = f"{self.device}, GPU {os.environ.get('CUDA_VISIBLE_DEVICES')}".encode()
        if content == b"bad":
            return f"{id_}: expected something good, found bad"
        if content.startswith(b"kill"):  # the process that comes here first, or all of them
            mark = Path(content.partition(b" ")[2].decode())
            if content.startswith(b"kill always") or not mark.exists():
                if not content.startswith(b"kill always"):
                    mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        codes = np.frombuffer(content, np.uint8).astype(np.int16)
        return {"codes": np.stack([codes, -codes]), "bytes": len(content), "levels": codes.astype(np.float32) / 2}


def write_files(folder: Path, number: int) -> Path:
    """Files of different lengths, in two folders."""
    for i in range(number):
        path = folder / ("ab"[i % 2]) / f"{i:03}.dat"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(range(i % 50 + 1)))
    return folder


def shard_bytes(out: Path) -> dict[str, bytes]:
    """Of the shards of a local corpus, by name."""
    return {path.name: path.read_bytes() for path in sorted(out.glob("shard-*")) if path.suffix != ".json"}


def wait_until(is_so: Callable[[], object], seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


if __name__ == "__main__":  # a run that can be killed: SOURCE OUT (WORKERS | ADDRESS of a Ray cluster) SECONDS DEVICE
    from toy_corpus import ToyWork as Work  # by a name that other processes know it by

    _, source, out, crew, seconds, *device = sys.argv
    chosen = LocalProcesses(int(crew)) if crew.isdigit() else RayCluster(crew, None, *device)
    try:
        build_corpus(Work(seconds=float(seconds)), source, Folder(out), chosen, size=Size(4))
    except InputError as error:
        sys.exit(str(error))
