"""Pictures of the page for README and docs, out of the running page.

    python scripts/make_page_pictures.py [FOLDER]

Writes page.png, page-dark.png, page-phone.png and page-phone-dark.png. Needs the program chromium and
Playwright.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync".split()
)
DESK, PHONE = {"width": 1440, "height": 960}, {"width": 390, "height": 844}
PICTURES = (
    ("page.png", DESK, "light"),
    ("page-dark.png", DESK, "dark"),
    ("page-phone.png", PHONE, "light"),
    ("page-phone-dark.png", PHONE, "dark"),
)
PUCK = (0.36, 0.56)  # share of the pad from the left, from the top


def main(arguments: Sequence[str] | None = None) -> None:
    from playwright.sync_api import sync_playwright

    arguments = sys.argv[1:] if arguments is None else arguments
    folder = Path(arguments[0] if arguments else ROOT / "docs")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("expected the program chromium, found none; install it, such as by apt-get install chromium")
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from realtime.cli import main; main()"
    command = [sys.executable, "-c", code, "web", "--no-browser", "--port", "0", "--seed", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://[\w.:]+/", process.stdout.readline())
        if found is None:
            raise SystemExit("expected livemix web to start, found it did not")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS, headless=True)
            for name, viewport, scheme in PICTURES:
                context = browser.new_context(viewport=viewport, color_scheme=scheme)
                take(context.new_page(), found[0], folder / name)
                context.close()
            browser.close()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def take(page, address: str, path: Path) -> None:
    """The page with a mix."""
    page.goto(address)
    page.wait_for_selector(".card")
    page.locator("#pad").scroll_into_view_if_needed()
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + PUCK[0] * box["width"], box["y"] + PUCK[1] * box["height"], steps=4)
    page.mouse.up()
    page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
    time.sleep(1.0)
    page.screenshot(path=path, timeout=120_000)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
