"""Compiled C++ sources, kept by what they are made of: for all workers of a test run, and for the next run.

    source, its flags, all headers of the plugins -> digest -> object file in pytest's cache

So an edit compiles what it changes, and the workers of a run do not compile the same twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from realtime.plugins import sources
from realtime.plugins.compiler import Compiler, SourceFile

with contextlib.suppress(ImportError):  # there is none on Windows, where two workers may compile the same
    import fcntl

HERE = Path(__file__).resolve().parent
MAX_AGE = 14 * 24 * 3600  # seconds since it was last wanted


@contextlib.contextmanager
def kept_objects(folder: Path) -> Iterator[None]:
    """Within it compilers look there first, and leave there what they made."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another worker was there
            if time.time() - path.stat().st_mtime > MAX_AGE:
                path.unlink()
    compile_one = Compiler._compile

    def compile_or_copy(self: Compiler, source: SourceFile, out: Path) -> None:
        kept = folder / f"{_digest(self, source)}.o"
        with _lock(kept.with_suffix(".lock")):
            if not kept.exists():
                compile_one(self, source, out)
                new = Path(shutil.copy(out, kept.with_suffix(".new")))
                new.replace(kept)
                return
            os.utime(kept)
        shutil.copy(kept, out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiler, "_compile", compile_or_copy)
        yield


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """For one process, and one thread of it, at a time."""
    with open(path, "wb") as file:
        with contextlib.suppress(NameError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _digest(compiler: Compiler, source: SourceFile) -> str:
    flags = (*compiler.flags, *source.flags)
    found = [flag.removeprefix("-isystem") for flag in flags if flag.startswith("-isystem")]
    words = (compiler.command, _version(compiler.command), compiler.target, flags, source, *map(_state, found))
    digest = hashlib.sha256(repr(words).encode())
    digest.update(source.path.read_bytes() + _headers())
    return digest.hexdigest()[:32]


@cache
def _version(command: tuple[str, ...]) -> str:
    return subprocess.run([*command, "--version"], capture_output=True, text=True).stdout


@cache
def _state(folder: str) -> str:
    """Of what comes from another package, and is not read: when its files changed, and how long they are."""
    found = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    told = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in found]
    return hashlib.sha256(repr(told).encode()).hexdigest()


@cache
def _headers() -> bytes:
    """Of all that a source of ours may include; as they are when the run begins, like the code of its tests."""
    folders = (sources.source_folder(), HERE)
    paths = [path for folder in folders for kind in ("*.h", "*.hpp", "*.inc") for path in folder.rglob(kind)]
    return b"".join(path.name.encode() + path.read_bytes() for path in sorted(paths))
