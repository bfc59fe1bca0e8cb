"""A JACK server of a benchmark's own, which needs no sound card."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import uuid
from collections.abc import Iterator


@contextlib.contextmanager
def jack(rate: int, period: int) -> Iterator[subprocess.Popen[bytes]]:
    """A JACK server with periods of so many frames, in real time where it may; what is started inside finds it."""
    before = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")}
    name = f"bench{uuid.uuid4().hex[:8]}"
    os.environ |= {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    command = ["jackd", "-R", "-n", name, "-d", "dummy", "-r", str(rate), "-p", str(period)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(2.0)
        yield server
    finally:
        server.terminate()
        server.wait()
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})
