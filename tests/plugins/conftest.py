from __future__ import annotations

import os
from pathlib import Path

import pytest
from native_engine import Library, compiler_or_skip
from plugin_bundles import Bundles, make

from latentmix.errors import InputError
from realtime.plugins import sources


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
