"""WebAssembly -> the same, smaller, by Binaryen, whose library comes with `icpp-binaryen` (extra `plugin`).

That package's own interface cannot say that a module has vectors: the library is called by its C interface, in a
process of its own, for what it does not understand it ends.
"""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

LEVEL, ROUNDS = 2, 2  # as `wasm-opt -Oz`, until hardly anything changes
# What the compiler takes for granted, and browsers have since 2021.
FEATURES = ("SIMD128", "BulkMemory", "SignExt", "MutableGlobals", "NontrappingFPToInt", "Multivalue", "ReferenceTypes")


class Written(ctypes.Structure):
    """`BinaryenModuleAllocateAndWriteResult`."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("map", ctypes.c_void_p))


def shrunk(wasm: bytes) -> bytes:
    """A module that does the same; the very one where Binaryen is not here, or could not do it."""
    if (library := _library()) is None:
        return wasm
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "module.wasm"
        path.write_bytes(wasm)
        done = subprocess.run([sys.executable, __file__, str(library), str(path)], capture_output=True)
        made = path.read_bytes()
    return made if done.returncode == 0 and len(made) < len(wasm) else wasm


def _library() -> Path | None:
    found = importlib.util.find_spec("icpp_binaryen")
    folders = (found and found.submodule_search_locations) or ()
    return next((path for each in folders for path in sorted(Path(each).glob("lib/libbinaryen.*"))), None)


def main(library: str, path: str) -> None:
    """Replace a file by a smaller one."""
    c, wasm = ctypes.CDLL(library), Path(path).read_bytes()
    c.BinaryenModuleRead.restype = ctypes.c_void_p
    c.BinaryenModuleAllocateAndWrite.restype = Written
    module = ctypes.c_void_p(c.BinaryenModuleRead(wasm, ctypes.c_size_t(len(wasm))))
    c.BinaryenModuleSetFeatures(module, sum(getattr(c, f"BinaryenFeature{name}")() for name in FEATURES))
    c.BinaryenSetOptimizeLevel(LEVEL)
    c.BinaryenSetShrinkLevel(LEVEL)
    for _ in range(ROUNDS):
        c.BinaryenModuleOptimize(module)
    if not c.BinaryenModuleValidate(module):
        sys.exit("not valid any more")
    written = c.BinaryenModuleAllocateAndWrite(module, None)
    Path(path).write_bytes(ctypes.string_at(written.data, written.size))


if __name__ == "__main__":
    main(*sys.argv[1:])
