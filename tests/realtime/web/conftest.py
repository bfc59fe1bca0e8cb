"""What tests of the pages share: a page, as it talks to the house that their module has, and Debian's Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from web_house import House, Page

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"
).split()


@pytest.fixture
def page(house: House) -> Iterator[Page]:
    with house.socket(house.page) as socket:
        page = Page(socket)
        page.until(lambda: page.melody is not None)
        yield page


@pytest.fixture(scope="module")
def chromium() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    missing = ["the program chromium"] * (path is None) + ["playwright"] * (find_spec("playwright") is None)
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"expected CI to have installed {' and '.join(missing)}")
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    return path


@pytest.fixture(scope="module")
def browser(chromium) -> Iterator:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS, headless=True)
        yield browser
        browser.close()
