from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples in every run, on machines of any speed.
settings.register_profile("latentmix", derandomize=True, deadline=None)
settings.load_profile("latentmix")


@pytest.fixture(autouse=True)
def small_numbers_stay() -> Iterator[None]:
    """Training scripts, some of which tests run in this process, have tiny numbers rounded to 0 to be faster."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
