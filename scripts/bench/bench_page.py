"""How long the page takes from a move of the puck to its new melody, in a real chromium.

    scripts/run python scripts/bench/bench_page.py [--moves 200] [--still]

It starts `livemix web`, drags the puck by the mouse and prints, in milliseconds from the pointer event on: when the new
melody had come from the engine, when the roll had been drawn in the frame that shows it first, when the page had done
that frame, and when all notes stood in their new place. Playing goes on meanwhile. Needs the program chromium and
Playwright.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

from scripts.browser_page import running_page

# A row for each move: when its pointer event was made, and what came of it, all as of performance.now().
LISTEN = """
window.rows = [];
let row = null;
const seen = (event) => row && (row.moved ??= event.timeStamp);
for (const kind of ["pointerrawupdate", "pointermove"]) document.addEventListener(kind, seen, true);
const afterFrame = new MessageChannel();
afterFrame.port1.onmessage = () => row && (row.painted ??= performance.now());
document.addEventListener("latentmix:melody", ({ detail }) => {
  if (row?.moved === undefined || row.received) return;
  Object.assign(row, { received: detail.received, drawn: detail.drawn });
  afterFrame.port2.postMessage(0);
});
document.addEventListener("latentmix:inplace", ({ detail }) => row?.drawn && (row.settled ??= detail.drawn));
window.next = () => (row = {});
window.settled = (patience) => new Promise((done, failed) => {
  const end = performance.now() + 1000 * patience;
  const look = () => {
    if (row.settled && row.painted) return done(rows.push(row));
    if (performance.now() > end) return failed(new Error("expected a melody for a move, found none"));
    setTimeout(look, 20);
  };
  look();
});
"""
STAGES = {
    "received": "melody has come",
    "drawn": "roll is drawn in its frame",
    "painted": "frame is painted",
    "settled": "all notes are in place",
}
WARM_UP = 5  # moves that do not count
PAUSE = 0.03  # seconds between two moves, at most
MAX_WAIT = 10.0  # seconds that a melody may take before the bench gives up


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=200, metavar="N")
    parser.add_argument("--still", action="store_true", help="measure while nothing plays")
    options = parser.parse_args(arguments)
    with page_of_mixer({"width": 1280, "height": 900}) as page:
        rows = measure(page, options.moves, not options.still)
    print(f"from the puck to its melody, {options.moves} moves, {'still' if options.still else 'playing'}, in ms")
    print(f"{'':32}{'p50':>8}{'p99':>8}{'max':>8}")
    for key, name in STAGES.items():
        ordered = sorted(row[key] - row["moved"] for row in rows)
        at = [ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)] for share in (0.5, 0.99, 1.0)]
        print(f"{name:32}" + "".join(f"{value:8.1f}" for value in at))


def measure(page: Any, moves: int, plays: bool) -> list[dict[str, float]]:
    """Times of each move; a move goes either across or up and down, so that each makes one melody."""
    if plays:
        page.keyboard.press(" ")
    chance = random.Random(1)
    box = page.locator("#pad").bounding_box()
    x = y = 0.5
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.down()
    for number in range(moves + WARM_UP):
        if number % 2:
            x = 0.15 + 0.7 * chance.random()
        else:
            y = 0.15 + 0.7 * chance.random()
        page.evaluate("next(), 0")
        time.sleep(PAUSE * chance.random())  # a hand does not wait for the frames of the screen
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.evaluate("settled", MAX_WAIT)
    page.mouse.up()
    return page.evaluate("rows")[WARM_UP:]


@contextlib.contextmanager
def page_of_mixer(viewport: dict[str, int], files: Sequence[str] = (), **context_options: Any) -> Iterator[Any]:
    """A page of a mixer of its own, in a browser of its own."""
    with running_page(files) as (address, browser):
        context = browser.new_context(viewport=viewport, **context_options)
        page = context.new_page()
        page.add_init_script(LISTEN)
        page.goto(address)
        page.wait_for_selector(".card")
        time.sleep(1.0)
        yield page
        context.close()


if __name__ == "__main__":
    main()
