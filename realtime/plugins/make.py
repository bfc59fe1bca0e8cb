"""From a model to plugins on this machine: which weights, which binaries, into which folders."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from latentmix.errors import InputError
from latentmix.files import make_folder, replace_file

from . import build, sources
from .compiler import WASM, Compiler, SourceFile, Target, find_compiler, this_machine
from .shrink import shrunk

NAME, PLUGIN_ID = "latentmix melody", "org.latentmix.melody"
DRUM_NAME, DRUM_ID = "latentmix drums", "org.latentmix.drums"
WEIGHTS = "weights.lmw"
STACK = 1 << 24  # bytes, of WebAssembly
SHIPPED = Path(__file__).parent / "binaries"  # of a wheel that `scripts/make/make_wheel.py` built


@contextmanager
def weights_files(model: Path | None) -> Iterator[list[Path]]:
    """The file that `midi-vae export plugin` wrote, or the one in a folder; for None those of both shipped models.

    Raises:
        InputError: it is not there, or is none.
    """
    if model is not None:
        path = model / WEIGHTS if model.is_dir() else model
        build.read_identity(path)
        yield [path]
        return
    from midi_vae.drums.vae import GrooveVAE
    from midi_vae.plugin_grooves import groove_weights

    from .opening_grooves import opening_grooves

    with melody_weights() as melodies, tempfile.TemporaryDirectory() as folder:
        path, drums = Path(folder) / WEIGHTS, GrooveVAE.from_pretrained()
        path.write_bytes(groove_weights(drums, DRUM_NAME, DRUM_ID, opening_grooves(drums)))
        yield [melodies, path]


@contextmanager
def melody_weights() -> Iterator[Path]:
    """A file of the shipped model of melodies."""
    from midi_vae.plugin_weights import plugin_weights
    from midi_vae.vae import MelodyVAE

    from ..web.opening import opening_melodies

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / WEIGHTS
        path.write_bytes(plugin_weights(MelodyVAE.from_pretrained(), NAME, PLUGIN_ID, opening_melodies()))
        yield path


def binaries_for(target: Target, anew: bool = False) -> Path:
    """A folder with the binaries for a target: those in the package, those built before from the same sources, or new.

    Raises:
        InputError: there are none and they cannot be built here.
    """
    shipped = SHIPPED / target.name
    kept = _cache() / _fingerprint(target) / (target.name + ("" if _has_window(target) else "-without-window"))
    for folder in () if anew else (shipped, kept):
        if (folder / build.PARAMETERS).is_file():
            return folder
    make_folder(kept.parent)
    new = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=kept.parent))
    try:
        build.build_binaries(find_compiler(target), new)
        if not (new / build.PARAMETERS).is_file():  # what describes the parameters runs on this machine alone
            here = this_machine()
            if here is None:
                raise InputError(f"expected a machine that plugins are built on, found another to build {target.name}")
            (new / build.PARAMETERS).write_bytes((binaries_for(here) / build.PARAMETERS).read_bytes())
        with contextlib.suppress(OSError):  # somebody built the same meanwhile, unless they are wanted anew
            if anew:
                shutil.rmtree(kept, ignore_errors=True)
            new.rename(kept)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return kept


def pd_external(weights: Path, out: Path) -> list[Path]:
    """The external for Pure Data, its help patch and the weights, in a folder for Pd's search path.

    Raises:
        InputError: no compiler, no header of Pd, or the compiler says no.
    """
    compiler = find_compiler()
    suffix = {"linux": ".pd_linux", "macos": ".pd_darwin", "windows": ".dll"}[compiler.target.system]
    link = {"macos": ("-bundle", "-undefined", "dynamic_lookup")}.get(compiler.target.system, ("-shared",))
    make_folder(out)
    with tempfile.TemporaryDirectory() as scratch:
        objects = compiler.objects(sources.pd(compiler.target), Path(scratch))
        external = compiler.link(objects, out / f"latentmix{suffix}", link)
    help_patch = out / "latentmix-help.pd"
    replace_file(help_patch, (sources.source_folder() / "pd" / help_patch.name).read_bytes())
    replace_file(out / WEIGHTS, weights.read_bytes())
    return [external, help_patch, out / WEIGHTS]


def wasm_modules() -> dict[str, bytes]:
    """What the page without a server has in WebAssembly, with its SIMD instructions: those in the package, those built
    before, or new ones. It starts with `engine`, and takes `reader` when somebody opens a MIDI file.

    Raises:
        InputError: there are none, and no ziglang to build them with.
    """
    for folder in (SHIPPED / WASM.name, _cache() / _fingerprint(WASM) / WASM.name):
        files = {name: folder / f"{name}.wasm" for name in sources.PAGE_MODULES}
        if all(path.is_file() for path in files.values()):
            return {name: path.read_bytes() for name, path in files.items()}
    modules = _linked_wasm()
    make_folder(folder)
    for name, path in files.items():
        replace_file(path, modules[name])
    return modules


def _linked_wasm() -> dict[str, bytes]:
    """New ones, of each the functions of the C interface that its script calls, and what they need."""
    out = {}
    with tempfile.TemporaryDirectory() as scratch:
        objects = wasm_objects(sources.page(WASM), Path(scratch))
        for name in sources.PAGE_MODULES:
            out[name] = shrunk(link_wasm(objects, sources.page_exports(name), Path(scratch) / f"{name}.wasm"))
    return out


def wasm_objects(listed: Sequence[SourceFile], folder: Path) -> list[Path]:
    """
    Raises:
        InputError: no ziglang.
    """
    return find_compiler(WASM, ("-msimd128", "-fno-exceptions", "-fno-rtti")).objects(listed, folder)


def link_wasm(objects: Sequence[Path], exports: Sequence[str], out: Path) -> bytes:
    """By the linker alone: zig would build its C and C++ libraries; `engine/wasm_library.cpp` has what we use of them.

    Args:
        exports: functions that a page calls.

    Raises:
        InputError: something is used that is nowhere.
    """
    linker = Compiler((sys.executable, "-m", "ziglang", "wasm-ld"), WASM)
    arguments = ("--no-entry", "--strip-all", "-z", f"stack-size={STACK}", *(f"--export={each}" for each in exports))
    return linker.link(objects, out, arguments).read_bytes()


def _has_window(target: Target) -> bool:
    """Whether it could be built now: who installs what was missing gets other binaries."""
    try:
        sources.window(target, is_native=target == this_machine())
    except InputError:
        return False
    return True


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(base) / "latentmix" / "plugins"


def _fingerprint(target: Target) -> str:
    """Of what binaries for a target are made of: other sources make other binaries."""
    digest, folder = hashlib.sha256(), sources.source_folder()
    if target == WASM:
        digest.update(" ".join(each for name in sources.PAGE_MODULES for each in sources.page_exports(name)).encode())
    for name in ("compiler.py", "sources.py"):  # how they are compiled
        digest.update((Path(__file__).parent / name).read_bytes())
    for own in sources.PAGE_FOLDERS if target == WASM else sources.PLUGIN_FOLDERS:
        for path in sorted(path for kind in ("*.[ch]pp", "*.h", "*.inc") for path in (folder / own).rglob(kind)):
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]
