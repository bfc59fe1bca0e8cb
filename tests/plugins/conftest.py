from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_engine import Library, compiler_or_skip
from plugin_bundles import DRUMS, Bundles, drums_of, make

from latentmix.errors import InputError
from midi_vae.drums.groove import Groove
from midi_vae.drums.mixing import line
from midi_vae.drums.vae import GrooveVAE
from realtime.plugins import sources
from realtime.plugins.compiler import Compiler, SourceFile


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A source is compiled once a run with the same flags, whoever asks: formats, external and hosts share most."""
    folder = tmp_path_factory.mktemp("objects")
    kept: dict[tuple[object, ...], Path] = {}
    compile_one = Compiler._compile

    def compile_or_copy(self: Compiler, source: SourceFile, out: Path) -> None:
        key = (self.command, self.target, self.flags, source)
        if key not in kept:
            compile_one(self, source, out)
            kept[key] = Path(shutil.copy(out, folder / f"{len(kept):03}-{out.name}"))
        else:
            shutil.copy(kept[key], out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiler, "_compile", compile_or_copy)
        yield


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The engine as a shared library, built with this machine's compiler."""
    folder: Path = tmp_path_factory.mktemp("engine")
    compiler = compiler_or_skip()
    objects = compiler.objects(sources.engine(compiler.target), folder)
    return Library(compiler.link(objects, folder / "engine.so", ("-shared",)))


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """All formats of the plugins with the shipped model."""
    try:
        return make(tmp_path_factory.mktemp("plugins"))
    except InputError as error:  # the headers of the formats are not there
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def mixes() -> list[Groove]:
    """Nine grooves between the two that the drum plugin starts with, as `midi-vae mix --drums` does."""
    return line(GrooveVAE.from_pretrained(), *map(drums_of, DRUMS), 9)
