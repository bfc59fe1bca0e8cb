"""Melodies or drums: the kind of job that an option asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentmix.cli import importing

from .options import MakingOptions

if TYPE_CHECKING:
    from .jobs import Job


def kind_of(making: MakingOptions) -> type[Job[Any]]:
    """Imported only now: torch takes seconds, and melodies need nothing of drums."""
    with importing():
        if making.drums.drums:
            from .drum_jobs import DrumJob

            return DrumJob
        from .melody_jobs import MelodyJob

        return MelodyJob
