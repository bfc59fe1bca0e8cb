"""Training scripts as processes that are run, stopped and killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A script of scripts/, under way."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    )


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    """What it said until it ended with this status."""
    with process:
        output = process.communicate()[0]
    assert process.returncode == status, output
    return output


def interrupt(process: subprocess.Popen[str], number: int, when: Callable[[], bool]) -> str:
    """Send a signal once something is so; what it said."""
    with process:
        try:
            while not when():
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.01)
            process.send_signal(number)
            return process.communicate()[0]
        finally:
            process.kill()


def saved(out: Path) -> dict[str, int]:
    """The steps of each phase in a run's last saved state; empty before the first.

    Read by hand, for `safe_open` opens a file twice and the run may put another in its place in between.
    """
    try:
        with open(out / "state.safetensors", "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except FileNotFoundError:
        return {}
    return {name: int(value) for name, value in header["__metadata__"].items() if name != "version"}
