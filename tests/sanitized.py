"""Programs of C++ that are given untrusted bytes, under address and undefined-behaviour sanitizers if there are any."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from native_engine import compiler_or_skip

from realtime.plugins import sources
from realtime.plugins.compiler import SourceFile

HERE = Path(__file__).parent / "plugins"


def build(main: str, parts: Sequence[str], folder: Path) -> Path:
    """A program of `tests/plugins` and parts of the plugins, such as `device/state`; on Linux with sanitizers."""
    compiler = compiler_or_skip()
    if compiler.target.system == "linux":
        compiler = compiler_or_skip(("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g1", "-O1"))
    cpp = sources.source_folder()
    listed = [
        SourceFile(HERE / main, tuple(f"-I{cpp / each}" for each in ("device", "engine", "midi"))),
        *(SourceFile(cpp / f"{part}.cpp") for part in parts),
        *([] if parts else sources.engine(compiler.target)),
    ]
    return compiler.link(compiler.objects(listed, folder), folder / "read")


def said_of(program: Path, files: Sequence[bytes]) -> list[str]:
    """What it says, line by line, of files that it reads one after another, a length before each."""
    stream = b"".join(struct.pack("<I", len(each)) + each for each in files)
    done = subprocess.run([program], input=stream, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode(errors="replace").splitlines()


def check_weights(main: str, files: Sequence[bytes], folder: Path) -> None:
    """Weight files, the first of them whole: those that are accepted are used, and many are refused."""
    if compiler_or_skip().target.system != "linux":
        pytest.skip("the sanitizers are tried on Linux")
    (said,) = said_of(build(main, (), folder), files)
    refused, used = map(int, said.split())
    assert refused + used == len(files) and used >= 1 and refused > len(files) // 4
