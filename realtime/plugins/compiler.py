"""C++ sources -> objects -> shared libraries, by the compiler of this machine, or by `ziglang` for others."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from latentmix.errors import InputError

WARNINGS = ("-Wall", "-Wextra", "-Werror")


@dataclass(frozen=True)
class Target:
    """A kind of machine.

    Attributes:
        name: what people call it.
        triple: what zig calls it.
        system, processor: linux, windows or macos; x86-64 or arm64.
    """

    name: str
    triple: str
    system: str
    processor: str

    @property
    def library_suffix(self) -> str:
        return {"linux": ".so", "windows": ".dll", "macos": ".dylib"}[self.system]


TARGETS = {
    target.name: target
    for target in (
        Target("linux-x86-64", "x86_64-linux-gnu.2.17", "linux", "x86-64"),
        Target("linux-arm64", "aarch64-linux-gnu.2.17", "linux", "arm64"),
        Target("windows-x86-64", "x86_64-windows-gnu", "windows", "x86-64"),
        Target("macos-arm64", "aarch64-macos.11.0", "macos", "arm64"),
        Target("macos-x86-64", "x86_64-macos.11.0", "macos", "x86-64"),
    )
}


WASM = Target("wasm", "wasm32-wasi", "wasi", "wasm32")  # not a machine that hosts run on


def this_machine() -> Target | None:
    """The target that this machine is, None where it is none of them."""
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform)
    machine = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "arm64", "arm64": "arm64"}.get(_machine())
    return TARGETS.get(f"{system}-{machine}")


def _machine() -> str:
    import platform

    return platform.machine().lower()


@dataclass(frozen=True)
class Compiler:
    """How C++ is compiled for a target.

    Attributes:
        command: the compiler with what it needs to know of the target.
        target: what it compiles for.
        flags: for every source, such as those of a sanitizer.
    """

    command: tuple[str, ...]
    target: Target
    flags: tuple[str, ...] = ()

    @property
    def is_for_this_machine(self) -> bool:
        return self.target == this_machine()

    @property
    def is_native(self) -> bool:
        """Whether it is this system's own, and finds this system's headers and libraries."""
        return "-target" not in self.command

    def objects(self, sources: Sequence[SourceFile], folder: Path) -> list[Path]:
        """Compile sources, as many at a time as there are processors.

        Raises:
            InputError: the compiler says no; its first line of complaint is in the message.
        """
        folder.mkdir(parents=True, exist_ok=True)
        objects = [folder / f"{index:02}-{source.path.stem}.o" for index, source in enumerate(sources)]
        with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, 8))) as pool:
            list(pool.map(self._compile, sources, objects))
        return objects

    def link(self, objects: Sequence[Path], out: Path, arguments: Sequence[str] = ()) -> Path:
        """Link objects to a program or, with `-shared`, to a library, which is replaced.

        Raises:
            InputError: the linker says no.
        """
        out.parent.mkdir(parents=True, exist_ok=True)
        self._run([*map(str, objects), *self.flags, *arguments, "-o", str(out)], out)
        return out

    def _compile(self, source: SourceFile, out: Path) -> None:
        flags = [] if source.is_foreign else WARNINGS
        language = ["-std=c++17"] if source.path.suffix == ".cpp" else ["-std=c11"]
        pic = [] if self.target.system in ("windows", "wasi") else ["-fPIC"]
        pic.append("-fvisibility=hidden")
        self._run(
            [*language, "-O3", *pic, *flags, *self.flags, *source.flags, "-c", str(source.path), "-o", str(out)], out
        )

    def _run(self, arguments: Sequence[str], out: Path) -> None:
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, errors="replace")
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line or "undefined" in line]
            said = (lines or done.stderr.splitlines() or ["nothing"])[0].strip()
            raise InputError(f"{out.name}: the compiler {' '.join(self.command)} said: {said}")


@dataclass(frozen=True)
class SourceFile:
    """A source file with flags of its own; `is_foreign` where it is not ours, and its warnings are not our concern."""

    path: Path
    flags: tuple[str, ...] = ()
    is_foreign: bool = False


def find_compiler(target: Target | None = None, flags: Sequence[str] = ()) -> Compiler:
    """A compiler for a target: of this machine c++, g++ or clang++, else ziglang.

    Raises:
        InputError: there is none.
    """
    here = this_machine()
    if target is None or target == here:
        for name in ("c++", "g++", "clang++"):
            if here is not None and shutil.which(name):
                return Compiler((name,), here, tuple(flags))
        target = target or here
    if target is not None and importlib.util.find_spec("ziglang") is not None:
        return Compiler((sys.executable, "-m", "ziglang", "c++", "-target", target.triple), target, tuple(flags))
    raise InputError(
        "expected a C++ compiler, found none; install g++ or clang, or `pip install ziglang`, which also builds for "
        + ", ".join(TARGETS)
    )
