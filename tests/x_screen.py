"""An X11 screen of its own, without a monitor, and a hand on its pointer."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def needs(program: str) -> None:
    """Skip where a program is not installed; in CI, fail."""
    if shutil.which(program) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")


class Screen:
    def __init__(self) -> None:
        needs("Xvfb")
        needs("xdotool")
        reads, writes = os.pipe()
        command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "900x700x24", "-nolisten", "tcp"]
        self.server = subprocess.Popen(command, pass_fds=[writes], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writes)
        with os.fdopen(reads) as answer:
            self.display = f":{answer.readline().strip()}"  # once the server listens
        assert self.display != ":", "Xvfb did not start"

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"DISPLAY": self.display}

    def hand(self, *words: object) -> None:
        """What the pointer does, as xdotool has it."""
        subprocess.run(["xdotool", *map(str, words)], env=self.environment, check=True, timeout=300)

    def close(self) -> None:
        self.server.terminate()
        self.server.wait(60)
