"""What a run learns from: a folder, read by its first process once, or a corpus; imports torch: for training alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from .corpus.reading import Corpus, corpus_at
from .errors import InputError
from .files import make_folder, replace_file
from .training import CONSOLE, on_first_process, progress_bar


class Tell(Protocol):
    """Is told how many are done, of how many, and of what."""

    def __call__(self, done: int, total: int, what: str = "reading") -> None: ...


@dataclass(frozen=True)
class Found:
    """What a folder gave.

    Attributes:
        summary: in words, such as "800 windows from 20 files".
        refused: a line for each file that was left out.
    """

    summary: str
    refused: Iterable[str] = ()


def read_once(
    fabric: Any, folder: object, kept: Path, is_kept: Callable[[], bool], read: Callable[[Tell], Found]
) -> None:
    """Have the first process read a folder and keep what it gives, unless it is kept already; the others wait.

    A run that goes on so sees what it saw before. What was found and what was left out is told.

    Args:
        fabric: None for one process.
        folder: as it is named to people.
        kept: where; beside it stands which folder that was.
        read: reads and keeps.

    Raises:
        InputError: what is kept is another folder's, or what `read` raised, in all processes.
    """

    def work() -> None:
        _check_same(kept, folder)
        if is_kept():
            return
        with progress_bar(transient=True) as progress:
            bar = progress.add_task("reading", total=None, figures=str(folder))

            def tell(done: int, total: int, what: str = "reading") -> None:
                progress.update(bar, completed=done, total=total, description=what)

            found = read(tell)
        for reason in found.refused:  # names of files may have brackets in them, which are no markup
            CONSOLE.print(f"left out: {reason}", highlight=False, soft_wrap=True, markup=False)
        CONSOLE.print(f"{folder}: {found.summary}", highlight=False, soft_wrap=True, markup=False)
        _remember(kept, folder)

    if fabric is None:
        work()
    else:
        on_first_process(fabric, work)


def _record_of(kept: Path) -> Path:
    return kept.with_name(f"{kept.name}.source")


def _named(source: object) -> str:
    return str(source) if "://" in str(source) else os.path.abspath(str(source))


def _check_same(kept: Path, source: object) -> None:
    """Raises InputError: the run learned from something else before."""
    record = _record_of(kept)
    try:
        before = os.fsdecode(record.read_bytes().removesuffix(b"\n"))
    except (FileNotFoundError, NotADirectoryError):
        return
    if before != _named(source):
        raise InputError(
            f"{kept}: expected what the run has learned from so far, {before}, found {_named(source)}; give that, or "
            f"another folder for the run; if it was only moved, remove {record}"
        )


def _remember(kept: Path, source: object) -> None:
    make_folder(kept.parent)  # a corpus is noted before anything else is written
    replace_file(_record_of(kept), os.fsencode(_named(source)) + b"\n")


def open_corpus(fabric: Any, address: str, kind: str, kept: Path) -> Corpus | None:
    """The corpus that an argument of a training script names, the same in all processes; None: a folder of files.

    Args:
        kept: where what is read of a folder is kept; beside it stands which corpus, or folder, that was.

    Raises:
        InputError: as of `corpus_at`, or some process finds another one, or none, there: on a disk of its own, say; or
            the run learned from something else before.
    """
    on_first_process(fabric, lambda: _check_same(kept, address))
    corpus, problem = None, ""
    try:
        corpus = corpus_at(address, kind)
    except InputError as error:
        problem = str(error)
    if fabric.world_size > 1:
        own = problem or (repr(corpus.manifest) if corpus else "")
        differs = torch.tensor(float(fabric.broadcast(own) != own), device=fabric.device)
        if bool(fabric.all_reduce(differs, reduce_op="sum") > 0):
            raise InputError(
                f"{address}: expected the same corpus for all processes, found another one or none for some; give an "
                "address that all machines reach"
            )
    if problem:
        raise InputError(problem)
    if corpus:
        on_first_process(fabric, lambda: _remember(kept, address))
    return corpus
