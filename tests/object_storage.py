"""A real object storage on loopback: moto's S3 server, in a process of its own, that knows one user."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

VARIABLES = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def object_storage(asks_for_rights: bool = False) -> Iterator[dict[str, str]]:
    """The environment in which s3:// addresses reach it; there is a bucket named corpora.

    Args:
        asks_for_rights: once the bucket is made, whether only users that it knows are let in; it knows none.
    """
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | ({"INITIAL_NO_AUTH_ACTION_COUNT": "1"} if asks_for_rights else {}),
    )
    given = dict(zip(VARIABLES, (f"http://127.0.0.1:{port}", "one", "secret", "us-east-1"), strict=True))
    try:
        _wait(given["AWS_ENDPOINT_URL"], server)
        request = urllib.request.Request(f"{given['AWS_ENDPOINT_URL']}/corpora", method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
        yield given
    finally:
        server.terminate()
        server.wait()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{address}/moto-api/", timeout=10).close()
            return
        assert server.poll() is None
        time.sleep(0.1)
    pytest.fail("the object storage did not start")
