from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_engine import Library, compiler_or_skip
from object_cache import kept_objects
from plugin_bundles import DRUMS, Bundles, drums_of, make

from latentmix.errors import InputError
from midi_vae.drums.groove import Groove
from midi_vae.drums.mixing import line
from midi_vae.drums.vae import GrooveVAE
from realtime.plugins import sources


@pytest.fixture(scope="session", autouse=True)
def compiled_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A source is compiled once with the same flags, whoever asks: formats, external and hosts share most."""
    cache = getattr(request.config, "cache", None)
    with kept_objects(cache.mkdir("objects") if cache else tmp_path_factory.mktemp("objects")):
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
