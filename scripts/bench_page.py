"""How long the page takes from a move of the puck to its new melody, in a real chromium.

    python scripts/bench_page.py [--moves 200] [--still]

It starts `livemix web`, drags the puck by the mouse and prints, in milliseconds from the pointer event on: when the new
melody had come from the engine, when it stood in the roll's canvas, and when the frame began that shows it. Playing
goes on meanwhile. Needs the program chromium and Playwright.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"
).split()
LISTEN = """
window.done = [];
let moved = null;
document.addEventListener("pointermove", (event) => (moved ??= event.timeStamp), true);
window.next = () => (moved = null);
document.addEventListener("latentmix:melody", ({ detail }) => {
  if (moved === null) return;
  const since = moved;
  moved = undefined;
  requestAnimationFrame((frame) => done.push([detail.received, detail.drawn, frame].map((time) => time - since)));
});
"""
MOST_WAIT = 10.0  # seconds that a melody may take before the bench gives up


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=200, metavar="N")
    parser.add_argument("--still", action="store_true", help="measure while nothing plays")
    options = parser.parse_args(arguments)
    with page_of_mixer({"width": 1280, "height": 900}) as page:
        times = measure(page, options.moves, not options.still)
    print(f"from the puck to its melody, {options.moves} moves, {'still' if options.still else 'playing'}, in ms")
    print(f"{'':24}{'p50':>8}{'p99':>8}{'max':>8}")
    for name, column in zip(
        ("melody has come", "roll is drawn", "frame begins"), zip(*times, strict=True), strict=True
    ):
        ordered = sorted(column)
        at = [ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.99, 1.0)]
        print(f"{name:24}" + "".join(f"{value:8.1f}" for value in at))


def measure(page, moves: int, plays: bool) -> list[list[float]]:
    """Milliseconds of each move; a move goes either across or up and down, so that each makes one melody."""
    if plays:
        page.keyboard.press(" ")
    chance = random.Random(1)
    box = page.locator("#pad").bounding_box()
    x = y = 0.5
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.down()
    for number in range(moves + 5):  # the first ones warm up
        if number == 5:
            page.evaluate("done.length = 0")
        if number % 2:
            x = 0.15 + 0.7 * chance.random()
        else:
            y = 0.15 + 0.7 * chance.random()
        count = page.evaluate("next(), done.length")
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        end = time.monotonic() + MOST_WAIT
        while page.evaluate("done.length") == count:
            if time.monotonic() > end:
                raise SystemExit("expected a melody for a move, found none; is the page in order?")
            time.sleep(0.005)
    page.mouse.up()
    return page.evaluate("done")


@contextlib.contextmanager
def page_of_mixer(viewport: dict, files: Sequence[str] = (), **context_options) -> Iterator:
    """A page of a mixer of its own, in a browser of its own."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("expected the program chromium, found none; install it, such as by apt-get install chromium")
    with mixer(files) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS, headless=True)
        context = browser.new_context(viewport=viewport, **context_options)
        page = context.new_page()
        page.add_init_script(LISTEN)
        page.goto(address)
        page.wait_for_selector(".card")
        time.sleep(1.0)
        yield page
        context.close()
        browser.close()


@contextlib.contextmanager
def mixer(files: Sequence[str] = ()) -> Iterator[str]:
    """`livemix web` on a free port; its address."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from realtime.cli import main; main()"
    command = [sys.executable, "-c", code, "web", "--no-browser", "--port", "0", "--seed", "1", *files]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r"http://[\w.:]+/", process.stdout.readline())
        if found is None:
            raise SystemExit("expected livemix web to start, found it did not")
        yield found[0]
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main()
