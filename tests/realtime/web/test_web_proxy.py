"""The page behind a real nginx and a real Caddy, below a sub-path, under a name of its own; in a real browser too."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from web_house import PATIENCE, House, small_model
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

NAME = "studio.example"
TOKEN = "a-token-that-nobody-guesses"
NGINX = """
daemon off; worker_processes 1; pid FOLDER/nginx.pid; error_log FOLDER/error.log;
events {}
http {
    access_log off;
    client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
    server {
        listen 127.0.0.1:PORT;
        LOCATION
    }
}
"""


CADDY = """
{
    admin off
    auto_https off
    storage file_system FOLDER
}
"""


def of_the_docs(start: str, end: str) -> str:
    """The block that docs/web.md tells people to use, as it stands there."""
    text = (Path(__file__).parents[3] / "docs" / "web.md").read_text(encoding="utf-8")
    return text[text.index(start) :].split(end)[0] + end


def configured(kind: str, folder: Path, port: int, behind: int) -> list[str]:
    """The arguments of a proxy that listens on a port."""
    if kind == "nginx":
        location = of_the_docs("location /mix/ {", "}").replace("8420", str(behind))
        text = NGINX.replace("FOLDER", str(folder)).replace("PORT", str(port)).replace("LOCATION", location)
        arguments = ["-p", str(folder), "-c", str(folder / "configuration")]
    else:  # without a certificate, which nobody would give to a test
        site = of_the_docs("studio.example {", "\n    }\n").replace("8420", str(behind))
        text = CADDY.replace("FOLDER", str(folder)) + site.replace("studio.example {", f"http://:{port} {{")
        arguments = ["run", "--adapter", "caddyfile", "--config", str(folder / "configuration")]
    (folder / "configuration").write_text(text, encoding="utf-8")
    return arguments


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House(small_model(), TOKEN, names=(NAME, "localhost"))
    yield house
    house.close()


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def port(house: House, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[int]:
    """Of a proxy before it."""
    kind = request.param
    program = shutil.which(kind) or shutil.which(kind, path="/usr/sbin")
    if program is None and os.environ.get("CI") == "true":
        pytest.fail(f"expected CI to have installed {kind}")
    if program is None:
        pytest.skip(f"needs the program {kind}")
    folder = tmp_path_factory.mktemp(kind)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [program, *configured(kind, folder, port, house.port)],
        stderr=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(folder)},
    )
    end = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < end, f"{kind} ended with status {process.poll()}"
            time.sleep(0.02)
    yield port
    process.terminate()
    process.wait(PATIENCE)


def test_the_page_and_its_socket_are_had_through_the_proxy(port):
    page = f"http://localhost:{port}/mix/"
    with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
        assert client.get(page).status_code == 401
        answer = client.get(f"{page}?token={TOKEN}")
        assert answer.status_code == 303
        assert httpx.URL(page).join(answer.headers["location"]).path == "/mix/"  # not the root of the proxy
        cookie = answer.headers["set-cookie"].split(";")[0]
        assert client.get(page, headers={"Cookie": cookie}).status_code == 200
    address = f"ws://localhost:{port}/mix/live"
    asked = {"proxy": None, "close_timeout": 2}
    with connect(address, origin=f"https://{NAME}", additional_headers={"Cookie": cookie}, **asked) as live:
        assert "hello" in json.loads(live.recv(PATIENCE))
    for origin, headers in (("https://evil.example", {"Cookie": cookie}), (f"https://{NAME}", {})):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(address, origin=origin, additional_headers=headers, **asked),
        ):
            pass
        assert refused.value.response.status_code == 403


def test_a_browser_works_below_the_sub_path(port):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    playwright = pytest.importorskip("playwright.sync_api")
    if program is None:
        pytest.skip("needs the program chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"http://localhost:{port}/mix/?token={TOKEN}")
        page.wait_for_selector(".card", timeout=PATIENCE * 1000)
        assert page.url == f"http://localhost:{port}/mix/"
        with page.expect_download(timeout=PATIENCE * 1000) as waiting:
            page.click("#loopmid")
        assert Path(waiting.value.path()).read_bytes()[:4] == b"MThd"
        browser.close()
