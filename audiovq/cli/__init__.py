"""The command `audiovq`."""

from __future__ import annotations

import sys

from latentmix.interrupts import stopped_in_one_line


def main() -> None:
    """Entry point."""
    with stopped_in_one_line("audiovq"):
        from .early import begin

        begin(sys.argv[1:])
        from .app import main as run

        run()
