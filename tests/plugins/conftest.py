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
    return Library(compiler.library(sources.engine(compiler.target), folder / "engine.so", folder / "objects"))
