"""What tests of the engine share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from virtual_players import EngineBench


@pytest.fixture
def stage() -> Iterator[EngineBench]:
    """An engine whose player goes on by hand; at the end every note on has had its note off."""
    stage = EngineBench()
    yield stage
    stage.engine.close()
    stage.check_pairs()
