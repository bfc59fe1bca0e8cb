"""Pictures and a short animation of the page for README and docs, out of the running page.

    scripts/run python scripts/make/make_page_pictures.py [FOLDER]

Writes page.png, page-dark.png, page-phone.png, page-phone-dark.png and page.webp, in which the puck goes round and the
roll follows. Needs the program chromium, Playwright, and Pillow, which comes with matplotlib.
"""

from __future__ import annotations

import contextlib
import io
import math
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scripts.browser_page import running_page

ROOT = Path(__file__).resolve().parents[2]
DESK, PHONE, FILM = {"width": 1440, "height": 960}, {"width": 390, "height": 844}, {"width": 940, "height": 900}
PICTURES = (
    ("page.png", DESK, "light"),
    ("page-dark.png", DESK, "dark"),
    ("page-phone.png", PHONE, "light"),
    ("page-phone-dark.png", PHONE, "dark"),
)
PUCK = (0.36, 0.56)  # share of the pad from the left, from the top
FRAMES, FRAME_MS = 72, 90  # of the animation
FILM_WIDTH, QUALITY = 720, 60  # pixels; of WebP
PATIENCE = 120_000  # ms, of a slow machine
# Waits for the roll to show the melody of the newest move, its notes in place.
LISTEN = """
let moved = null, inPlace = true;
document.addEventListener("pointermove", () => ([moved, inPlace] = [performance.now(), false]), true);
document.addEventListener("latentmix:inplace", () => (inPlace = true));
window.settled = () => new Promise((done) => {
  const look = () => (inPlace || performance.now() - moved > 2000 ? done() : setTimeout(look, 10));
  look();
});
"""


def main(arguments: Sequence[str] | None = None) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the mixer ends too
    arguments = sys.argv[1:] if arguments is None else arguments
    folder = Path(arguments[0] if arguments else ROOT / "docs")
    with running_page() as (address, browser):
        for name, viewport, scheme in PICTURES:
            with page_of(browser, address, viewport, scheme) as page:
                go_to(page, *PUCK)
                page.screenshot(path=folder / name, timeout=PATIENCE)
                tell(folder / name)
        with page_of(browser, address, FILM, "light") as page:
            write_film(folder / "page.webp", film(page))
            tell(folder / "page.webp")


@contextlib.contextmanager
def page_of(browser: Any, address: str, viewport: dict[str, int], scheme: str) -> Iterator[Any]:
    context = browser.new_context(viewport=viewport, color_scheme=scheme)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.add_init_script(LISTEN)
    page.goto(address)
    page.wait_for_selector(".card")
    page.wait_for_selector("#status.on")
    yield page
    context.close()


def go_to(page: Any, x: float, y: float) -> None:
    """Drag the puck there and wait for what is mixed there."""
    page.hover("#puck")
    page.mouse.down()
    page.mouse.move(*place_on(page, x, y), steps=4)
    page.evaluate("settled()")
    page.mouse.up()
    page.mouse.move(1, 1)
    page.evaluate("document.activeElement.blur(), scrollTo(0, 0)")
    time.sleep(0.5)  # names that are told to screen readers, shadows of what was under the pointer


def film(page: Any) -> list[bytes]:
    """The puck once round the pad, as pictures."""
    page.hover("#puck")
    page.mouse.down()
    pictures = []
    for number in range(FRAMES):
        angle = 2 * math.pi * number / FRAMES
        reach = 0.3 + 0.06 * math.cos(4 * angle)  # further out where the melodies are
        page.mouse.move(*place_on(page, 0.5 - reach * math.cos(angle - 0.8), 0.5 - reach * math.sin(angle - 0.8)))
        page.evaluate("settled()")
        pictures.append(page.screenshot(timeout=PATIENCE))
    page.mouse.up()
    return pictures


def place_on(page: Any, x: float, y: float) -> tuple[float, float]:
    box = page.locator("#pad").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def write_film(path: Path, pictures: Sequence[bytes]) -> None:
    from PIL import Image

    frames = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    size = (FILM_WIDTH, round(FILM_WIDTH * frames[0].height / frames[0].width))
    frames = [frame.resize(size, Image.Resampling.LANCZOS) for frame in frames]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0, quality=QUALITY, method=4)


def tell(path: Path) -> None:
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
