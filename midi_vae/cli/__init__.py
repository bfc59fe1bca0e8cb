"""The command `midi-vae`."""

from __future__ import annotations

from latentmix.interrupts import stopped_in_one_line


def main() -> None:
    """Entry point."""
    with stopped_in_one_line("midi-vae"):
        from .app import main as run

        run()
