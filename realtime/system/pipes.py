"""Pipes to a process that this one started."""

from __future__ import annotations

import subprocess
from typing import IO, AnyStr


def pipes_of(process: subprocess.Popen[AnyStr]) -> tuple[IO[AnyStr], IO[AnyStr]]:
    """Standard input and standard output of a process that was started with pipes for both."""
    assert process.stdin is not None and process.stdout is not None
    return process.stdin, process.stdout
