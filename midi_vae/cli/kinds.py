"""Melodies or drums: the job that an option asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentmix.cli import importing

from .options import MakingOptions, PassageOptions

if TYPE_CHECKING:
    from .jobs import Job

# each kind is imported where it is asked for: torch takes seconds, and melodies need nothing of drums


def prepare(
    files: Sequence[Path],
    excerpt: PassageOptions | None,
    making: MakingOptions,
    count: int,
    stem: str = "",
    separate: bool = False,
) -> Job[Any]:
    """A job with melodies, or drums; as of `Job.prepare`."""
    if making.drums.drums:
        with importing():
            from .drum_jobs import DrumJob

        return DrumJob.prepare(files, excerpt, making, count, stem, separate)
    with importing():
        from .melody_jobs import MelodyJob

    return MelodyJob.prepare(files, excerpt, making, count, stem, separate)
