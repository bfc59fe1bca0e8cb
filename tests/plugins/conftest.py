from __future__ import annotations

from pathlib import Path

import pytest
from native import Library, compiler_or_skip

from realtime.plugins import sources


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The engine as a shared library, built with this machine's compiler."""
    folder: Path = tmp_path_factory.mktemp("engine")
    compiler = compiler_or_skip()
    objects = compiler.objects(sources.engine(compiler.target), folder)
    return Library(compiler.link(objects, folder / "engine.so", ("-shared",)))
