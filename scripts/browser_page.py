"""The page of `livemix web` in a real chromium, for the scripts that measure and picture it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any, cast

from latentmix.errors import InputError
from latentmix.extras import load_extra

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"
).split()


@contextlib.contextmanager
def running_page(files: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """The address of a mixer of its own, and a browser (Playwright) of its own.

    Exits in one line where Playwright or chromium is missing.
    """
    with running_chromium() as browser, _mixer(files) as address:  # what is missing is said before anything starts
        yield address, browser


@contextlib.contextmanager
def running_chromium() -> Iterator[Any]:
    """A browser (Playwright) of its own.

    Exits in one line where Playwright or chromium is missing.
    """
    try:
        sync_playwright = load_extra("playwright.sync_api", "test").sync_playwright
    except InputError as error:
        raise SystemExit(str(error)) from None
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("expected the program chromium, found none; install it, such as by apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS, headless=True)
        yield browser
        browser.close()


@contextlib.contextmanager
def _mixer(files: Sequence[str]) -> Iterator[str]:
    """`livemix web` on a free port; its address."""
    code = "from realtime.cli.app import main; main()"
    command = [sys.executable, "-c", code, "web", "--no-browser", "--port", "0", "--seed", "1", *files]
    folder = tempfile.TemporaryDirectory()  # not the user's own sessions
    environment = os.environ | {"LATENTMIX_DATA": folder.name}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    pipe = cast(IO[str], process.stdout)
    try:
        found = re.search(r"http://[\w.:]+/", pipe.readline())
        if found is None:
            raise SystemExit("expected livemix web to start, found it did not")
        yield found[0]
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        pipe.close()
        folder.cleanup()
