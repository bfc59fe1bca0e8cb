"""JACK servers of the tests' own, which need no sound card."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from virtual_players import wait_for

RATE = 48000
PORTAUDIO, JACKD = "PortAudio (libportaudio2)", "the program jackd"


def why_not() -> str | None:
    """What this machine lacks for them."""
    if sys.version_info >= (3, 13):
        return "python-rtmidi, which has no wheels for Python 3.13"
    if not sys.platform.startswith("linux"):
        return "Linux"
    try:
        import sounddevice  # noqa: F401
    except OSError:
        return PORTAUDIO
    return None if shutil.which("jackd") else JACKD


class JackServer:
    """A server of a name of its own.

    Args:
        period: frames.
    """

    def __init__(self, folder: Path, period: int = 512) -> None:
        self.name, self.period, self._log = f"test{uuid.uuid4().hex[:8]}", period, folder / "jackd.log"

    def start(self) -> None:
        """Until clients can connect."""
        command = ["jackd", "-n", self.name, "-d", "dummy", "-r", str(RATE), "-p", str(self.period)]
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for(self._answers, pause=0.05)
        except AssertionError:
            self.stop()
            pytest.fail(f"jackd did not start: {self._log.read_text(errors='replace')[-500:]}")

    def _answers(self) -> bool:
        import jack

        try:
            jack.Client("probe", no_start_server=True).close()
        except jack.JackOpenError:
            return False
        return True

    def stop(self, kill: bool = False) -> None:
        """Gently, as killed outright it never leaves JACK's list of at most 8 servers."""
        self._process.kill() if kill else self._process.terminate()
        self._process.wait()


def found_by_all(folder: Path, period: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[JackServer]:
    """A server that all clients of a test find; what a fixture yields from."""
    lack = why_not()
    if lack in (PORTAUDIO, JACKD) and os.environ.get("CI") == "true":
        pytest.fail(f"expected CI to have installed {lack}")
    if lack:
        pytest.skip(f"needs {lack}")
    server = JackServer(folder, period)
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    server.start()
    yield server
    server.stop()
