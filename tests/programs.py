"""Programs that write MIDI files, without which tests are skipped but not in CI, and the bars that they write."""

from __future__ import annotations

import os
import shutil

import pytest

# start and length in quarters, pitch; the pickup is the first quarter
EIGHT_BARS = [
    (0, 1, 62), (1, 1, 67), (2, 1, 69), (3, 1, 71), (4, 1, 72), (5, 1, 71), (6, 1, 69), (7, 2, 79), (9, 1, 62),
    (10, 0.25, 64), (10.25, 0.5, 66), (10.75, 0.25, 67), (11, 1, 69), (12, 1, 71), (13, 2, 67), (15, 1, 62),
    (16, 1, 67), (17, 1, 71), (18, 1, 74), (19, 1, 67), (20, 1, 71), (21, 1, 74), (22, 3, 67),
]  # fmt: skip


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing, which .ci/run installs")
        pytest.skip(f"{name} is not installed")
    return found
