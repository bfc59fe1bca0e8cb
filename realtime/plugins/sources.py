"""Which C++ sources make what."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .compiler import Source, Target

X86 = {"kernels_avx2": ("-mavx2", "-mfma", "-mf16c"), "kernels_avx512": ("-mavx512f", "-mfma", "-mf16c")}


def source_folder() -> Path:
    """Where the C++ sources are: in the repository, or inside the installed package.

    Raises:
        InputError: nowhere.
    """
    for folder in (Path(__file__).resolve().parents[2] / "plugins", Path(__file__).parent / "cpp"):
        if (folder / "engine" / "latentmix.h").is_file():
            return folder
    raise InputError("expected the C++ sources of the plugins beside the package, found none; install latentmix anew")


def engine(target: Target) -> list[Source]:
    """The networks, mixing, shaping and the C interface. What is for another processor compiles to nothing."""
    is_x86 = target.processor == "x86-64"
    return [
        Source(path, X86.get(path.stem, ()) if is_x86 else ())
        for path in sorted((source_folder() / "engine").glob("*.cpp"))
    ]
