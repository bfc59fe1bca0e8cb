"""Programs that write MIDI files, without which tests are skipped but not in CI, and the bars that they write."""

from __future__ import annotations

import os
import shutil

import pytest

from midi_vae.music.grid import GridLine

# start and length in quarters, pitch; the pickup is the first quarter
EIGHT_BARS = [
    (0, 1, 62), (1, 1, 67), (2, 1, 69), (3, 1, 71), (4, 1, 72), (5, 1, 71), (6, 1, 69), (7, 2, 79), (9, 1, 62),
    (10, 0.25, 64), (10.25, 0.5, 66), (10.75, 0.25, 67), (11, 1, 69), (12, 1, 71), (13, 2, 67), (15, 1, 62),
    (16, 1, 67), (17, 1, 71), (18, 1, 74), (19, 1, 67), (20, 1, 71), (21, 1, 74), (22, 3, 67),
]  # fmt: skip

THIRD = 1 / 3
# the same as played: the pickup on the third beat, a grace note just before the first bar line, a trill
PLAYED = [
    (2, 0.875, 62), (2.875, 0.125, 69), (3, 1, 67), (4, 1, 69), (5, 1, 71),
    *[(6 + 0.125 * i, 0.125, 72 + 2 * (i % 2)) for i in range(8)], (7, 1, 71), (8, 1, 69),
    (9, 2, 71), (9, 2, 74), (9, 2, 79), (11, 1, 62),
    (12, THIRD, 64), (12 + THIRD, THIRD, 66), (12 + 2 * THIRD, THIRD, 67), (13, 1, 69), (14, 1, 71), (15, 2, 67),
    (17, 1, 62), (18, 1, 67), (19, 1, 71), (20, 1, 74), (21, 1, 67), (22, 1, 71), (23, 1, 74), (24, 3, 67),
]  # fmt: skip

READ = [
    (2, 0.75, 62), (2.75, 0.25, 69), *[(start + 2, length, pitch) for start, length, pitch in EIGHT_BARS[1:]]
]  # fmt: skip


def played(line: GridLine) -> list[tuple[float, float, int]]:
    """Start and length in quarters, pitch."""
    starts, lengths = (line.start / 4).tolist(), ((line.end - line.start) / 4).tolist()
    return list(zip(starts, lengths, line.pitch.tolist(), strict=True))


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing, which .ci/run installs")
        pytest.skip(f"{name} is not installed")
    return found
