"""Binaries from the C++ sources, and bundles from binaries and a model's weights.

A binary knows no model: it reads name and id from the weights that lie with it. So one set of binaries, built once, is
every model's plugin.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentmix.errors import InputError

from . import lv2, sources
from .compiler import TARGETS, Compiler, Target

BINARIES = ("lv2", "clap", "vst3", "vst3-synth")
WINDOW = "latentmix-window"  # a library that may be missing
PARAMETERS = "parameters.json"
HEADER_BYTES, MAGIC, KIND_AT, DRUMS = 512, b"LATNTMIX", 92, 1
VST3_FOLDERS = {"linux-x86-64": "x86_64-linux", "linux-arm64": "aarch64-linux", "windows-x86-64": "x86_64-win",
                "macos-arm64": "MacOS", "macos-x86-64": "MacOS"}  # fmt: skip


@dataclass(frozen=True)
class Identity:
    """What the header of a file of weights says.

    Attributes:
        name: what hosts show.
        plugin_id: what projects name it by.
        attributes: names of what can be turned up and down.
        is_drums: the model is one of drums, else of melodies.
    """

    name: str
    plugin_id: str
    attributes: tuple[str, ...]
    is_drums: bool = False

    @property
    def slug(self) -> str:
        """The name as a file name."""
        kept = [c if c.isascii() and c.isalnum() else "-" for c in self.name.lower()]
        return "-".join(part for part in "".join(kept).split("-") if part) or "latentmix-plugin"


def read_identity(weights: Path) -> Identity:
    """
    Raises:
        InputError: not a file that `midi-vae export plugin` wrote.
    """
    try:
        with open(weights, "rb") as file:
            head = file.read(HEADER_BYTES)
    except OSError as error:
        raise InputError(f"{weights}: cannot read the file: {error.strerror}") from None
    if len(head) < HEADER_BYTES or head[:8] != MAGIC:
        raise InputError(f"{weights}: expected weights that `midi-vae export plugin` wrote, found another kind of file")
    texts = struct.unpack("<64s64s" + 8 * "16s", head[96 : 96 + 256])
    name, plugin_id, *attributes = (text.split(b"\0")[0].decode(errors="replace") for text in texts)
    (kind,) = struct.unpack("<I", head[KIND_AT : KIND_AT + 4])
    return Identity(name, plugin_id, tuple(each for each in attributes if each), kind == DRUMS)


def build_binaries(compiler: Compiler, out: Path) -> Path:
    """Compile all formats for the compiler's target.

    Args:
        out: the folder for them: `lv2.so`, `clap.so`, `vst3.so`, `vst3-synth.so` and `parameters.json`, and
            `latentmix-window.so` where the window can be built; else a line says why, and hosts show controls.

    Raises:
        InputError: headers are missing, or the compiler says no.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shared = compiler.objects(sources.device(compiler.target), folder / "shared")
        has_window = _build_window(compiler, folder / "window", out)
        own = sources.formats(sources.lv2_headers(folder / "headers"), has_window)
        libraries = ("-pthread",) if compiler.target.system == "linux" else ()
        for name in BINARIES:
            objects = [*shared, *compiler.objects(own[name], folder / name)]
            compiler.link(objects, out / (name + compiler.target.library_suffix), ("-shared", *libraries))
        if compiler.is_for_this_machine:
            table = ctypes.CDLL(str(out / ("lv2" + compiler.target.library_suffix))).latentmix_parameters
            table.restype = ctypes.c_char_p
            (out / PARAMETERS).write_bytes(table())
    return out


def _build_window(compiler: Compiler, scratch: Path, out: Path) -> bool:
    try:
        listed, libraries = sources.window(compiler.target, compiler.is_native)
    except InputError as error:
        sys.stderr.write(f"The plugins get no window of their own: {error}.\n")
        return False
    objects = compiler.objects(listed, scratch)
    compiler.link(objects, out / (WINDOW + compiler.target.library_suffix), ("-shared", *libraries))
    return True


def bundle(binaries: Path, target: Target, weights: Path, out: Path) -> list[Path]:
    """All formats in one folder (`bundle_into`)."""
    return bundle_into(binaries, target, weights, dict.fromkeys(("lv2", "clap", "vst3"), out))


def bundle_into(binaries: Path, target: Target, weights: Path, folders: Mapping[str, Path]) -> list[Path]:
    """Lay binaries and weights out as hosts want them; what is there of an earlier one is replaced.

    Args:
        folders: where those of `lv2`, `clap` and `vst3` go; made if missing.

    Returns:
        the bundles: folders.

    Raises:
        InputError: no binaries, no weights.
    """
    identity = read_identity(weights)
    suffix = target.library_suffix
    for name in (*(each + suffix for each in BINARIES), PARAMETERS):
        if not (binaries / name).is_file():
            raise InputError(f"{binaries}: expected {name}, found it not; `livemix plugin build` makes it")
    parameters = _parameters(binaries, identity)
    slug = identity.slug
    made = [
        _lv2(folders["lv2"] / f"{slug}.lv2", binaries / ("lv2" + suffix), weights, identity, parameters, target),
        _clap(folders["clap"] / f"{slug}.clap", binaries / ("clap" + suffix), weights, identity, target),
    ]
    for name, is_synth in (("vst3", False), ("vst3-synth", True))[: 1 if identity.is_drums else 2]:
        full = slug + ("-synth" if is_synth else "")
        made.append(_vst3(folders["vst3"] / f"{full}.vst3", full, binaries / (name + suffix), weights, target))
    return made


def target_named(name: str) -> Target:
    """
    Raises:
        InputError: there is none of this name.
    """
    if name not in TARGETS:
        raise InputError(f"expected a target out of {', '.join(TARGETS)}, found {name!r}")
    return TARGETS[name]


def _parameters(binaries: Path, identity: Identity) -> Sequence[dict[str, Any]]:
    parameters: list[dict[str, Any]] = json.loads((binaries / PARAMETERS).read_text())[
        "drums" if identity.is_drums else "melodies"
    ]
    named = iter(identity.attributes)
    for each in parameters:
        if each["symbol"].startswith("attribute_"):
            each["name"] = f"More {attribute}" if (attribute := next(named, "")) else each["name"]
    return parameters


def _lv2(
    folder: Path,
    binary: Path,
    weights: Path,
    identity: Identity,
    parameters: Sequence[dict[str, Any]],
    target: Target,
) -> Path:
    def fill(new: Path) -> None:
        stem = identity.slug
        _put_binary(binary, new / (stem + binary.suffix))
        _put(weights, new / f"{stem}.lmw")
        uri = f"urn:latentmix:{identity.plugin_id}"
        window = lv2.Window(f"{uri}:window", target.system) if _put_window(binary, new) else None
        flavours = [lv2.Flavour(uri, identity.name, identity.is_drums)]
        if not identity.is_drums:
            flavours.append(lv2.Flavour(f"{uri}:synth", f"{identity.name} synth", is_synth=True))
        manifest = lv2.manifest([each.uri for each in flavours], stem + binary.suffix, f"{stem}.ttl", window)
        (new / "manifest.ttl").write_text(manifest)
        said = [lv2.description(each, parameters, sources.VERSION, window) for each in flavours]
        (new / f"{stem}.ttl").write_text(lv2.PREFIXES + lv2.files(flavours[0]) + "".join(said))

    return _replaced(folder, fill)


def _clap(folder: Path, binary: Path, weights: Path, identity: Identity, target: Target) -> Path:
    def fill(new: Path) -> None:
        if target.system == "macos":  # there a plugin is a folder with a form of its own
            _put_binary(binary, new / "Contents" / "MacOS" / identity.slug)
            _put(weights, new / "Contents" / "Resources" / "weights.lmw")
            (new / "Contents" / "Info.plist").write_text(_plist(identity.slug, identity))
            return
        _put_binary(binary, new / f"{identity.slug}.clap")
        _put_window(binary, new)
        _put(weights, new / f"{identity.slug}.lmw")

    # elsewhere a file, which lies in a folder with its weights; hosts look into folders
    return _replaced(folder if target.system == "macos" else folder.with_suffix(""), fill)


def _vst3(folder: Path, stem: str, binary: Path, weights: Path, target: Target) -> Path:
    suffix = {"linux": ".so", "windows": ".vst3", "macos": ""}[target.system]

    def fill(new: Path) -> None:
        inside = new / "Contents" / VST3_FOLDERS[target.name]
        _put_binary(binary, inside / (stem + suffix))
        _put_window(binary, inside)
        _put(weights, new / "Contents" / "Resources" / "weights.lmw")
        if target.system == "macos":
            (new / "Contents" / "Info.plist").write_text(_plist(stem, read_identity(weights)))

    return _replaced(folder, fill)


def _plist(executable: str, identity: Identity) -> str:
    entries = {"CFBundleExecutable": executable, "CFBundleIdentifier": f"{identity.plugin_id}.{executable}",
               "CFBundlePackageType": "BNDL", "CFBundleVersion": sources.VERSION}  # fmt: skip
    lines = "".join(f"<key>{key}</key><string>{value}</string>\n" for key, value in entries.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict>\n{lines}</dict></plist>\n'


def _put_window(binary: Path, folder: Path) -> bool:
    """The window's library beside a plugin's binary, where there is one for the same machine."""
    library = binary.with_name(WINDOW + binary.suffix)
    if library.is_file():
        _put(library, folder / library.name)
    return library.is_file()


def _put_binary(file: Path, to: Path) -> None:
    """A copy of its own: of two links to one file a system loads the first alone, and both would be one plugin."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)


def _put(file: Path, to: Path) -> None:
    """A copy, which shares its bytes with the other copies where the file system can."""
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, to)
    except OSError:
        shutil.copyfile(file, to)


def _replaced(folder: Path, fill: Any) -> Path:
    """Made beside its place, then put there whole."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        new.chmod(0o755)
        fill(new)
        if folder.is_dir():
            shutil.rmtree(folder)
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    return folder
