"""The page in a real browser: Debian's chromium, driven by Playwright, against `livemix web` as a user starts it.

What the page has scheduled and drawn it tells as events on the document (docs/web.md); nothing is put in its place.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mido
import pytest
from fork_server import ForkedProgram
from web_house import House, small_model, until

from midi_vae.drums.kit import GENERAL_MIDI, INSTRUMENTS
from midi_vae.drums.transcription import read_drums
from midi_vae.music.melody import ONSET, Melody
from realtime.web.opening import opening_melodies
from realtime.web.sounds import OWN
from realtime.web.sung import NOTES, SECONDS

EXAMPLES = Path(__file__).parents[3] / "examples"
PATIENCE = 120_000  # ms; only so that a test that hangs fails
# What the page tells, kept by version and in order.
LISTEN = """
window.melodies = []; window.notes = [];
document.addEventListener("latentmix:melody", (event) => melodies.push(event.detail));
document.addEventListener("latentmix:note", (event) => notes.push(event.detail));
"""
HEAR_ALONE = "window.alone = []; document.addEventListener('latentmix:audition', (e) => alone.push(e.detail.pitch))"


# What of a dialog does not lie within it.
WITHIN = """(selector) => [...document.querySelectorAll(selector)].filter((e) => {
  const box = e.getBoundingClientRect(), around = e.closest("dialog").getBoundingClientRect();
  return box.width === 0 || box.left < around.left || box.right > around.right || box.bottom > around.bottom;
}).map((e) => e.id || e.className)"""


# Lists whose longest word has no room.
CUT = """() => [...document.querySelectorAll("main select:not(#voice)")].filter((e) => e.offsetParent).filter((e) => {
  const style = getComputedStyle(e), pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const widest = Math.max(...[...e.options].map((option) => pen.measureText(option.text).width));
  return widest > e.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) + 1;
}).map((e) => e.id)"""


class Mixer:
    """`livemix web` in a process of its own."""

    def __init__(self, port: int = 0, *options: str, folder: Path | None = None) -> None:
        code = "from realtime.cli.app import main; main()"
        command = [sys.executable, "-c", code, "web", "--no-browser", "--port", str(port), "--seed", "1", *options]
        self.folder = folder or tempfile.mkdtemp(prefix="latentmix-test-")
        environment = os.environ | {"LATENTMIX_DATA": str(self.folder)}
        self.process = ForkedProgram(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        self._errors: list[str] = []
        self._drain = threading.Thread(target=lambda: self._errors.extend(self.process.stderr))
        self._drain.start()
        line = self.process.stdout.readline()
        found = re.search(r"(http://127\.0\.0\.1:(\d+))/", line)
        if not found:
            self.close()
            raise AssertionError(f"livemix web said {line!r} and {self._errors}")
        self.address, self.port = found[1], int(found[2])

    def close(self) -> int:
        """End it as Ctrl-C does; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE / 1000)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._drain.join()
            self.process.stdout.close()
            self.process.stderr.close()
        assert "Traceback" not in "".join(self._errors), "".join(self._errors)
        return self.process.returncode


# words whose contrast to what is behind them is below 4.5, and how much it is
FAINT = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05;
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const [r, g, b, alpha = 1] = channels(getComputedStyle(e).backgroundColor);
      if (alpha > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const hasWords = (e) => [...e.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.offsetParent && !e.closest(":disabled, svg") && hasWords(e))
    .map((e) => [e, light(channels(getComputedStyle(e).color)), light(behind(e))])
    .map(([e, a, b]) => [e.id || e.className, e.textContent.trim(), Math.max(a, b) / Math.min(a, b)])
    .filter(([, , contrast]) => contrast < 4.5);
}"""


@pytest.fixture(scope="module")
def mixer(chromium) -> Iterator[Mixer]:
    mixer = Mixer()
    yield mixer
    assert mixer.close() == 0


class Tab:
    """A page in a context of its own, which may be loaded again and again; `wrong` is what goes wrong in it."""

    def __init__(self, browser, mixer: Mixer, script: str = "", **options) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        self.context.set_default_timeout(PATIENCE)
        self.page = page = self.context.new_page()
        self.address, self.wrong = mixer.address, []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda m: self.wrong.append(m.text) if "Content Security Policy" in m.text else None)
        page.on("request", lambda r: None if r.url.startswith((mixer.address, "blob:")) else self.wrong.append(r.url))
        page.add_init_script(LISTEN + script)

    def load(self, path: str = "/"):
        self.page.goto(self.address + path)
        self.page.wait_for_selector(".card")
        until(self.page, "melodies.length > 0")
        return self.page

    def leave(self) -> None:
        """Forget the page and all that it has kept."""
        self.page.evaluate("sessionStorage.clear()")
        self.page.goto("about:blank")
        storage = self.context.new_cdp_session(self.page)
        storage.send("Storage.clearDataForOrigin", {"origin": self.address, "storageTypes": "all"})
        storage.detach()
        self.context.clear_permissions()


@pytest.fixture
def open_page(browser, mixer) -> Iterator[Callable]:
    """Opens pages, each in a context of its own; what goes wrong in one fails the test."""
    tabs: list[Tab] = []

    def open_one(path: str = "/", script: str = "", **options):
        tabs.append(Tab(browser, mixer, script, **options))
        return tabs[-1].load(path)

    yield open_one
    for tab in tabs:
        tab.context.close()
    assert [each for tab in tabs for each in tab.wrong] == []


@pytest.fixture(scope="module")
def tab(browser, mixer) -> Iterator[Tab]:
    """For most tests the same: to load a page again takes half the time of another context."""
    tab = Tab(browser, mixer)
    yield tab
    tab.context.close()


@pytest.fixture(scope="module")
def opening(tab) -> dict:
    """The session of the mixer before anybody has moved anything."""
    opening = tab.load().evaluate("fetch('./take-home/session.json').then((r) => r.json())")
    tab.leave()
    return opening


@pytest.fixture
def page(tab, opening):
    """A page with the opening melodies and values, whatever a test before has left."""
    tab.wrong.clear()
    page = tab.load()
    for button in ("#play", "#record"):
        if page.get_attribute(button, "aria-pressed") == "true":
            page.click(button)
    restore(page, opening)
    yield page
    tab.leave()
    assert tab.wrong == []


def restore(page, session: dict) -> None:
    """By the file chooser, as a user does it."""
    page.set_input_files(
        "#sessionfile", {"name": "s.json", "mimeType": "application/json", "buffer": as_bytes(session)}
    )
    until(page, "document.getElementById('toast').textContent.includes('restored')")
    clear_toast(page)
    wait_for_cards(page, "lively,lyrical,waltz,jig")


def wait_for_cards(page, names: str) -> None:
    until(page, "[...document.querySelectorAll('.card strong')].map((e) => e.textContent).join() === arg", names)


def clear_toast(page) -> None:
    page.evaluate("document.getElementById('toast').textContent = ''")


def as_bytes(content: object) -> bytes:
    return json.dumps(content).encode()


def place_on_pad(page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the pad is in the window; y goes up."""
    page.locator("#pad").scroll_into_view_if_needed()
    box, inset = page.locator("#pad").bounding_box(), 0.085
    side = box["width"]
    return box["x"] + side * (inset + x * (1 - 2 * inset)), box["y"] + side * (1 - inset - y * (1 - 2 * inset))


def drag_puck(page, x: float, y: float, steps: int = 6) -> None:
    page.hover("#puck")  # which waits until it stands still
    page.mouse.down()
    page.mouse.move(*place_on_pad(page, x, y), steps=steps)
    page.mouse.up()


def wait_for_tokens(page, tokens: list[int]) -> None:
    until(page, "melodies.at(-1).tokens.join() === arg", ",".join(map(str, tokens)))


def picture_of_roll(page) -> str:
    return page.evaluate("document.getElementById('roll').toDataURL()")


def notes_in(content: bytes) -> list[int]:
    return [m.note for m in mido.MidiFile(file=io.BytesIO(content)) if m.type == "note_on" and m.velocity]


def download(page, selector: str) -> bytes:
    with page.expect_download() as waiting:
        page.click(selector)
    return Path(waiting.value.path()).read_bytes()


def pitches(melody: Melody) -> list[int]:
    return [pitch for _, _, pitch in melody.notes()]


def test_a_drag_of_the_puck_changes_roll_and_notes(page):
    lively, lyrical = opening_melodies()[:2]
    before = picture_of_roll(page)
    drag_puck(page, 0, 0)
    wait_for_tokens(page, lively.tokens.tolist())
    until(page, "document.getElementById('roll').toDataURL() !== arg", before)
    page.evaluate("notes.length = 0")
    page.keyboard.press(" ")
    until(page, "notes.filter((note) => note.on).length >= 4")
    heard = page.evaluate("notes")
    for note in heard:
        if note["on"]:
            assert lively.tokens[note["step"] % 32] == note["pitch"] + ONSET
    starts = [note["time"] for note in heard if note["on"]]
    steps = [note["step"] for note in heard if note["on"]]
    for k in range(1, len(starts)):  # on the grid, at 112 quarter notes a minute; how well a page knows the engine's
        # clock hangs on how soon the machine answers
        assert starts[k] - starts[0] == pytest.approx((steps[k] - steps[0]) * 15 / 112, abs=0.06)
    drag_puck(page, 1, 0)
    wait_for_tokens(page, lyrical.tokens.tolist())
    version = page.evaluate("melodies.at(-1).version")
    until(page, "notes.some((note) => note.on && note.version >= arg)", version)
    later = page.evaluate("(version) => notes.filter((note) => note.on && note.version >= version)", version)
    assert all(lyrical.tokens[note["step"] % 32] == note["pitch"] + ONSET for note in later)
    until(page, "notes.some((note) => note.on && note.audioTime !== null)")
    page.keyboard.press(" ")
    until(page, "!notes.at(-1).on")


def test_keys_move_the_puck_and_all_is_labelled(page):
    for key, melody in zip("1234", opening_melodies(), strict=True):
        page.keyboard.press(key)
        until(page, "document.getElementById('puck').ariaValueText === `${arg} 100 %`", melody.name)
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    until(page, "document.getElementById('puck').ariaValueText.includes('lyrical')")
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, input:not([hidden]), select, canvas:not([aria-hidden])")]
        .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.title || e.closest("label")?.textContent.trim()))
        .map((e) => e.outerHTML)"""
    )
    assert unnamed == []


def test_a_key_that_is_held_down_is_pressed_once(page):
    before = page.evaluate("document.getElementById('loop').ariaPressed")
    for _ in range(4):
        page.keyboard.down("l")
    page.keyboard.up("l")
    until(page, "document.getElementById('loop').ariaPressed !== arg", before)
    page.keyboard.press("z")
    until(page, "document.getElementById('loop').ariaPressed === arg", before)
    until(page, "document.getElementById('undo').disabled || !document.getElementById('undo').title.includes('Loop')")


def test_two_melodies_are_on_a_line(page):
    for count in (3, 2):
        page.click('.card [data-action="remove"] >> nth=-1')
        until(page, "document.querySelectorAll('.card').length === arg", count)
    assert page.is_disabled('.card [data-action="remove"] >> nth=0') and page.is_disabled("#draw")
    page.wait_for_selector("#pad.line")
    box = page.locator("#pad").bounding_box()
    assert box["width"] == pytest.approx(3 * box["height"], rel=0.05)
    for x, melody in ((0.99, opening_melodies()[1]), (0.01, opening_melodies()[0])):
        page.hover("#puck")
        page.mouse.down()
        page.mouse.move(box["x"] + x * box["width"], box["y"] + box["height"] / 2, steps=4)
        page.mouse.up()
        wait_for_tokens(page, melody.tokens.tolist())


def test_a_melody_is_moved_on_the_pad_by_hand_and_by_keys(page, open_page):
    other = open_page()
    page.hover(".point[data-hue='1']")
    page.mouse.down()
    page.mouse.move(*place_on_pad(page, 0.7, 0.4), steps=4)
    page.mouse.up()
    page.focus(".point[data-hue='0']")
    page.keyboard.press("Shift+ArrowUp")
    places = "fetch('./take-home/session.json').then((r) => r.json()).then((s) => s.melodies.map((m) => [m.x, m.y]))"
    end = time.monotonic() + PATIENCE / 1000
    while True:  # each page knows what the other has done
        found = other.evaluate(places)
        if found[0] == pytest.approx([0, 0.1]) and found[1] == pytest.approx([0.7, 0.4], abs=0.02):
            break
        assert time.monotonic() < end, found
        time.sleep(0.05)
    assert page.evaluate("document.activeElement.dataset.hue") == "0"  # so that another key moves it on


def test_a_melody_goes_and_comes_back_by_keys_alone(page):
    page.focus('.card [data-action="remove"] >> nth=1')
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.card').length === 3")
    until(page, "document.activeElement.id === 'undo'")  # what had the focus is gone
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.card').length === 4")


def test_two_pages_stay_in_step(page, open_page):
    other = open_page()
    drag_puck(page, 0, 1)
    until(other, "melodies.at(-1).at.y === 1 && melodies.at(-1).at.x === 0")
    page.fill("#tempo", "90")
    page.keyboard.press("Enter")
    until(other, "document.getElementById('tempo').value === '90'")
    other.click('.card [data-action="random"] >> nth=1')
    until(page, "document.querySelectorAll('.card strong')[1].textContent.startsWith('random')")


def drop(page, name: str, content: bytes) -> None:
    """A file on the page."""
    page.evaluate(
        """([name, data]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(data)], name));
          const fire = (kind) => document.querySelector("main").dispatchEvent(
            new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
          fire("dragenter"); fire("dragover"); fire("drop");
        }""",
        [name, list(content)],
    )


def test_a_midi_file_is_dropped_and_its_bars_are_taken(page):
    drop(page, "tune <b>.mid", (EXAMPLES / "jig.mid").read_bytes())
    page.wait_for_selector("#chooser[open]")
    assert page.inner_text("#choosertitle") == "tune <b>.mid"
    page.fill("#bar", "3")
    page.click("#take")
    until(page, "document.querySelectorAll('.card').length === 5 && !document.querySelector('dialog[open]')")
    assert page.inner_text(".card >> nth=4 >> strong") == "tune <b>"
    page.keyboard.press("5")
    until(page, "document.getElementById('puck').ariaValueText === 'tune <b> 100 %'")
    taken = Melody.from_midi(EXAMPLES / "jig.mid", 2, 2)
    assert pitches(taken) == notes_in(download(page, "#loopmid"))[: len(taken.notes())]
    page.set_input_files("#file", {"name": "bad.mid", "mimeType": "audio/midi", "buffer": b"no MIDI"})
    until(page, "document.getElementById('toast').textContent.startsWith('bad.mid: ')")


def a_file(name: str, data: bytes) -> dict[str, object]:
    return {"name": name, "mimeType": "audio/midi", "buffer": data}


def test_nine_files_at_once_do_not_take_each_others_places(page):
    """Four fill the room beside the opening melodies, four take the places of those, and the ninth has none."""
    data = (EXAMPLES / "jig.mid").read_bytes()
    files = [a_file(f"song {number}.mid", data) for number in range(1, 10)]
    broken = [a_file("none.mid", b""), a_file("words.mid", b"no MIDI")]
    page.set_input_files("#file", [*files[:2], *broken, *files[2:]])
    for number, place in enumerate((1, 2, *range(5, 12)), 1):
        until(page, "document.getElementById('choosertitle').textContent === arg"
                    " && document.getElementById('chooser').open", f"song {number}.mid · {place} of 11")  # fmt: skip
        if number == 3:  # both are said, where they can be read though a dialog is open
            said = page.inner_text("#chooser #toast").splitlines()
            assert [line.split(":")[0] for line in said] == ["none.mid", "words.mid"]
        if number == 5:
            assert "8 melodies, which is the most" in page.inner_text("#chooserremarks")
        page.click("#take")
    until(page, "!document.querySelector('dialog[open]')")
    names = page.evaluate("[...document.querySelectorAll('.card strong')].map((e) => e.textContent)")
    assert sorted(names) == [f"song {number}" for number in range(1, 9)]
    assert "most" in page.get_attribute("#addfile", "title") and page.is_disabled("#addfile")


def test_files_that_come_one_by_one_do_not_take_each_others_places_either(page):
    data = (EXAMPLES / "jig.mid").read_bytes()
    for number in range(1, 7):
        drop(page, f"song {number}.mid", data)
        until(page, "document.getElementById('chooser').open"
                    " && document.getElementById('choosertitle').textContent === arg",
              f"song {number}.mid")  # fmt: skip
        page.click("#take")
        until(page, "!document.querySelector('dialog[open]')")
    names = page.evaluate("[...document.querySelectorAll('.card strong')].map((e) => e.textContent)")
    assert names[:2] == ["lively", "lyrical"] and sorted(names[2:]) == [f"song {number}" for number in range(1, 7)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_their_colours(open_page, scheme):
    """A contrast of 4.5 (WCAG 2.2, 1.4.3), wherever the puck is."""
    page = open_page(color_scheme=scheme)
    for key in "12340":
        page.keyboard.press(key)
        page.wait_for_timeout(300)
        assert page.evaluate(FAINT) == []


def test_a_passage_is_held_within_the_file(page):
    page.set_input_files("#file", EXAMPLES / "jig.mid")
    page.wait_for_selector("#chooser[open]")
    page.fill("#bar", "999")
    page.fill("#bars", "999")
    page.press("#bars", "Tab")
    last, bars = page.input_value("#bar"), page.input_value("#bars")
    assert int(last) < 100 and bars == "1" and page.inner_text("#chooserwhy").startswith(f"Bar {last} of {last}")
    page.keyboard.press("Escape")


def test_the_next_phrase_is_heard_once_the_loop_is_through(page):
    page.fill("#tempo", "240")
    page.press("#tempo", "Enter")
    page.click("#play")
    until(page, "notes.some((note) => note.on)")
    page.click("#next")
    until(page, "document.querySelector('#next span').textContent === 'Next phrase · 1'")
    until(page, "notes.some((note) => note.on && note.turn > notes[0].turn)")
    heard = page.evaluate("notes.filter((note) => note.on).map(({step, turn}) => [turn, Math.floor(step / 32)])")
    before = heard[0][0]
    assert {turn for turn, _ in heard} == {before, before + 1}
    assert max(loop for turn, loop in heard if turn == before) < min(loop for turn, loop in heard if turn > before)
    page.keyboard.press("Shift+N")
    until(page, "document.querySelector('#next span').textContent === 'Next phrase'")
    page.click("#undo")
    until(page, "document.querySelector('#next span').textContent === 'Next phrase · 1'")


def test_a_melody_is_drawn_in_its_roll(page):
    page.click("#adddraw")
    page.wait_for_selector("#editor[open]")
    for key in ("Enter", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    box = page.locator("#editroll").bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    page.fill("#editname", "mine")
    page.click("#editdone")
    until(page, "document.querySelectorAll('.card').length === 5 && !document.querySelector('dialog[open]')")
    session = page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")
    drawn = session["melodies"][4]
    assert drawn["name"] == "mine" and drawn["tokens"][:4] == [67 + ONSET, 0, 69 + ONSET, 0]
    assert len([token for token in drawn["tokens"] if token >= ONSET]) == 3
    page.keyboard.press("z")
    until(page, "document.querySelectorAll('.card').length === 4")


def test_a_clock_that_cannot_be_followed_is_told_and_not_shown(page):
    page.select_option("#clock", "midi")
    until(page, "document.getElementById('toast').textContent.startsWith('expected a MIDI input for the clock')")
    assert page.input_value("#clock") == "internal"


def test_files_go_home(page):
    drag_puck(page, 0, 0)
    wait_for_tokens(page, opening_melodies()[0].tokens.tolist())
    page.select_option("#times", "2")
    assert notes_in(download(page, "#loopmid")) == pitches(opening_melodies()[0]) * 2
    line = mido.MidiFile(file=io.BytesIO(download(page, "#linemid")))
    assert [m.text for m in line if m.type == "marker"][::8] == ["A", "B", "C", "D"]
    assert download(page, "#loopwav")[:4] == b"RIFF"


def test_a_performance_is_recorded(page):
    drag_puck(page, 0, 0)
    wait_for_tokens(page, opening_melodies()[0].tokens.tolist())
    page.fill("#tempo", "240")
    page.keyboard.press("Enter")
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=true]")
    page.evaluate("notes.length = 0")
    page.click("#play")
    until(page, "notes.filter((note) => note.on).length >= 8")
    page.click("#play")
    until(page, "!notes.at(-1).on")
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=false]")
    page.reload()
    until(page, "document.getElementById('taken').textContent === 'ready to take'")
    played = notes_in(download(page, "#performance"))
    assert played[:7] == pitches(opening_melodies()[0])[:7]


def test_a_path_is_drawn_and_run(page):
    page.click("#draw")
    page.mouse.move(*place_on_pad(page, 0.1, 0.9))
    page.mouse.down()
    page.mouse.move(*place_on_pad(page, 0.9, 0.9), steps=6)
    page.mouse.up()
    page.wait_for_selector("#run[aria-pressed=true]")
    until(page, "melodies.at(-1).at.x > 0.3 && Math.abs(melodies.at(-1).at.y - 0.9) < 0.02")
    page.click("#run")
    page.wait_for_selector("#run[aria-pressed=false]")


def test_a_link_restores_the_session(page, open_page):
    page.keyboard.press("3")
    until(page, "document.getElementById('puck').ariaValueText === 'waltz 100 %'")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.bring_to_front()  # only what has the focus may use the clipboard
    page.click("#link")
    until(page, "/link is copied|address bar/.test(document.getElementById('toast').textContent)")
    is_copied = "copied" in page.inner_text("#toast")
    link = page.evaluate("navigator.clipboard.readText()") if is_copied else page.url
    assert "#" in link
    page.click('.card [data-action="remove"] >> nth=0')
    page.keyboard.press("1")
    until(page, "document.querySelectorAll('.card').length === 3")
    other = open_page("/" + link.split("/")[-1])
    until(other, "document.querySelectorAll('.card').length === 4")
    page.bring_to_front()
    until(page, "document.getElementById('puck').ariaValueText === 'waltz 100 %'")


def test_a_link_without_a_clipboard_stands_in_the_address(page):
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('denied')); }")
    page.click("#link")
    until(page, "document.getElementById('toast').textContent.includes('address bar')")
    until(page, "location.hash.length > 20")


def test_a_file_that_is_no_session_is_named(page):
    """Opened, and dropped, with what was dropped beside it."""
    cases = dict.fromkeys(
        ("null", "[]", "7", "{}", '""', "{", ""), "expected a session of latentmix, as the page saves it"
    )
    cases['{"format": "latentmix.session", "version": 9}'] = "expected a session of version 1, found 9"
    for content, why in cases.items():
        clear_toast(page)
        file = {"name": "mine.json", "mimeType": "application/json", "buffer": content.encode()}
        page.set_input_files("#sessionfile", [file])
        until(page, "document.getElementById('toast').textContent.startsWith(arg)", f"mine.json: {why}")
        clear_toast(page)
        page.evaluate(
            """(content) => {
              const transfer = new DataTransfer();
              transfer.items.add(new File([content], "mine.json", { type: "application/json" }));
              transfer.items.add(new File(["no MIDI"], "bad.mid"));
              dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
            }""",
            content,
        )
        until(page, "document.getElementById('toast').textContent.includes('\\nbad.mid: ')")
        assert page.inner_text("#toast").startswith(f"mine.json: {why}")


def test_a_link_without_a_session_is_told(page):
    for link in ("#s=%%%", "#s=AAAA", "#s=yyvNyQEA", "#s=q64FAA", "#s="):
        clear_toast(page)
        page.evaluate("(link) => { location.hash = link; }", link)
        until(page, "/^expected a (link to a )?session/.test(document.getElementById('toast').textContent)")


def test_a_link_is_for_somebody_else_too(page, open_page):
    """It names the place where another one's mixer answers, and may be pasted into any page."""
    page.evaluate(
        "() => { navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }; }"
    )
    page.keyboard.press("2")
    until(page, "document.getElementById('puck').ariaValueText === 'lyrical 100 %'")
    page.click("#link")
    until(page, "window.copied")
    link = page.evaluate("window.copied")
    assert link.startswith("http://127.0.0.1:8420/#s=")
    page.keyboard.press("1")
    until(page, "document.getElementById('puck').ariaValueText === 'lively 100 %'")
    page.evaluate(
        """(link) => {
          const transfer = new DataTransfer();
          transfer.setData("text", link);
          document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        link,
    )
    until(page, "document.getElementById('puck').ariaValueText === 'lyrical 100 %'")


def test_what_is_edited_is_undone_everywhere(page):
    page.focus("input[data-parameter='attribute.density']")
    page.keyboard.press("ArrowRight")  # a step that can be heard
    assert float(page.input_value("input[data-parameter='attribute.density']")) == 0.25
    until(page, "document.getElementById('undo').title.startsWith('Undo: Busy')")
    page.keyboard.press("Control+z")
    until(page, "document.querySelector(`input[data-parameter='attribute.density']`).value === '0'")
    page.keyboard.press("Control+Shift+Z")
    until(page, "document.querySelector(`input[data-parameter='attribute.density']`).value === '0.25'")
    page.select_option("#key", "D:maj")
    page.click("#reset")
    until(page, "document.getElementById('key').value === 'none'")
    page.click("#undo")
    until(page, "document.getElementById('key').value === 'D:maj'")
    assert page.input_value("input[data-parameter='attribute.density']") == "0.25"
    page.keyboard.press("z")
    until(page, "document.getElementById('key').value === 'none'")


def test_the_editor_loses_nothing_without_asking(page):
    def notes() -> int:
        found = re.search(r"(\d+) notes", page.get_attribute("#editroll", "aria-label"))
        return int(found[1]) if found else 0

    page.click('.card [data-action="edit"] >> nth=0')
    page.wait_for_selector("#editor[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#editor[open]", state="hidden")  # nothing was changed: it just closes
    page.click('.card [data-action="edit"] >> nth=0')
    page.wait_for_selector("#editor[open]")
    before = notes()
    page.click("#editclear")
    assert notes() == 0
    page.keyboard.press("Control+z")
    assert notes() == before
    page.keyboard.press("Control+Shift+Z")
    assert notes() == 0
    page.click("#editundo")
    page.click("#editup")
    for leave in (lambda: page.keyboard.press("Escape"), lambda: page.click("#editclose")):
        leave()
        page.wait_for_selector("#editkeep")
        page.click("#editback")
        page.wait_for_selector("#editkeep", state="detached")
    page.keyboard.press("Escape")
    page.click("#editkeep")
    page.wait_for_selector("#editor[open]", state="hidden")
    raised = [token + 12 if token >= ONSET else token for token in opening_melodies()[0].tokens.tolist()]
    assert page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")["melodies"][0]["tokens"] == raised
    page.click('.card [data-action="edit"] >> nth=0')
    page.click("#editclear")
    page.keyboard.press("Escape")
    page.click("#editdiscard")
    page.wait_for_selector("#editor[open]", state="hidden")
    assert page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")["melodies"][0]["tokens"] == raised


def test_silence_is_explained(page, open_page):
    page.click("#play")
    until(page, "notes.some((note) => note.on && note.audioTime !== null)")
    other = open_page()  # a second tab, and likewise one that was reloaded: no click, no sound
    until(other, "document.getElementById('silence').textContent.includes('Click to hear it')")
    other.click("#silence")
    until(other, "notes.some((note) => note.on && note.audioTime !== null)")
    until(other, "document.getElementById('silence').hidden")
    other.keyboard.press("m")
    until(other, "document.getElementById('silence').textContent.startsWith('This page is muted')")
    other.click("#silence")
    until(other, "document.getElementById('silence').hidden")
    page.locator("input[data-parameter=density]").evaluate(
        "(slider) => { slider.value = 0; slider.dispatchEvent(new Event('input')); }"
    )
    until(page, "document.getElementById('silence').textContent.startsWith('The mix has no notes')")
    page.click("#play")
    until(page, "document.getElementById('silence').hidden")


def test_a_melody_is_heard_by_itself_from_its_card(page):
    page.evaluate(
        "window.alone = []; document.addEventListener('latentmix:audition', (e) => alone.push(e.detail.pitch))"
    )
    page.click('.card [data-action="hear"] >> nth=1')
    until(page, "alone.length >= 3")
    assert page.evaluate("alone")[:3] == pitches(opening_melodies()[1])[:3]
    page.click('.card [data-action="hear"] >> nth=1')
    until(page, "document.querySelectorAll('.card [data-action=hear]')[1].ariaPressed === 'false'")


def test_mixes_are_kept_on_the_page(page):
    page.keyboard.press("1")
    until(page, "document.getElementById('puck').ariaValueText === 'lively 100 %'")
    page.keyboard.press("k")
    page.wait_for_selector("#kept [data-does=recall]")
    page.keyboard.press("4")
    until(page, "document.getElementById('puck').ariaValueText === 'jig 100 %'")
    page.keyboard.press("Shift+Digit1")
    until(page, "document.getElementById('puck').ariaValueText === 'lively 100 %'")
    page.click("#kept [data-does=forget]")
    page.wait_for_selector("#kept [data-does=recall]", state="detached")


def test_a_bar_is_counted_in_before_a_recording(page):
    page.evaluate("window.clicks = []; document.addEventListener('latentmix:click', (e) => clicks.push(e.detail))")
    page.fill("#tempo", "300")
    page.keyboard.press("Enter")
    page.keyboard.press("c")
    page.click("#record")
    page.wait_for_selector("#record[aria-pressed=true]")
    page.evaluate("notes.length = 0")
    page.click("#play")
    until(page, "notes.some((note) => note.on)")
    clicks = page.evaluate("clicks")
    assert [click["isFirst"] for click in clicks[:4]] == [True, False, False, False]
    until(page, "clicks.length >= 8")  # and it goes on while the music plays
    page.click("#play")
    page.click("#record")
    page.keyboard.press("c")
    page.wait_for_selector("#record[aria-pressed=false]")


def test_swing_is_heard(page):
    session = page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")
    row = {"tokens": [62 + step for step in range(16)], "metre": [4, 4], "tempo": 112, "program": 0, "name": "run"}
    session["melodies"] = [row | {"x": 0, "y": 0, "hue": 0}, row | {"x": 1, "y": 0, "hue": 1}]
    session["values"] |= {"swing": 0.75, "tempo": 60}
    page.set_input_files(
        "#sessionfile", {"name": "r.json", "mimeType": "application/json", "buffer": as_bytes(session)}
    )
    until(page, "document.querySelectorAll('.card').length === 2")
    until(page, "document.querySelector('input[data-parameter=swing]').value === '0.75'")
    page.evaluate("notes.length = 0")
    page.click("#play")
    until(page, "notes.filter((note) => note.on).length >= 7")
    page.click("#play")
    heard = {note["step"]: note["time"] for note in page.evaluate("notes") if note["on"]}
    gaps = [heard[step + 1] - heard[step] for step in heard if step % 2 == 0 and step + 1 in heard]
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(0.375, abs=0.05)  # of half a second, three quarters


def test_a_long_melody_is_shown_eight_bars_at_a_time(page):
    tokens = [62, *[0] * 15] * 24
    melody = {"tokens": tokens, "metre": [4, 4], "tempo": 112, "program": 0, "name": "long"}
    session = page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")
    session["melodies"] = [melody | {"x": 0, "y": 0, "hue": 0}, melody | {"x": 1, "y": 0, "hue": 1}]
    page.set_input_files(
        "#sessionfile", {"name": "l.json", "mimeType": "application/json", "buffer": as_bytes(session)}
    )
    until(page, "document.getElementById('zoom').textContent.startsWith('Bars 1 to 8 of 24')")
    wait_for_cards(page, "long,long")  # the mix may be shown before them
    page.click("#zoom")
    until(page, "document.getElementById('zoom').textContent.startsWith('24 bars')")
    page.click('.card footer [data-action="edit"] >> nth=0')
    page.click("#editpages button >> nth=1")
    assert "bars 9 to 16 of 24" in page.inner_text("#editpages")
    box = page.locator("#editroll").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 0.3 * box["height"])
    page.click("#editdone")
    page.wait_for_selector("#editor[open]", state="hidden")
    drawn = page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")["melodies"][0]["tokens"]
    new = [step for step, (a, b) in enumerate(zip(drawn, tokens, strict=True)) if a != b and a >= ONSET]
    assert len(new) == 1 and 11 * 16 < new[0] < 14 * 16  # in the middle of bars 9 to 16
    page.click("#undo")
    page.keyboard.press("z")
    until(page, "document.getElementById('zoom').hidden")


def test_a_clock_that_jumped_is_right_at_the_next_answer(page):
    """A page or machine that slept: what was known before counts no longer, however short its trips were."""
    found = page.evaluate(
        """async () => {
          const { Clock } = await import("./clock.js");
          const clock = new Clock(), jumps = [];
          for (let at = 0; at < 20; at += 1) jumps.push(clock.answer(at, at + 0.002, at + 100.001));
          const before = clock.offset;
          jumps.push(clock.answer(30, 30.080, 135.040)); // five seconds were slept, on a slow network
          return [before, clock.offset, jumps.at(-1), jumps.slice(0, -1).some(Boolean)];
        }"""
    )
    assert found == [pytest.approx(100.0), pytest.approx(105.0), True, False]


def test_a_session_comes_back_from_the_browser_where_the_server_has_none(browser):
    house = House(small_model(), resumes=True)
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(house.page)
        page.wait_for_selector(".card")
        page.click('.card [data-action="remove"] >> nth=3')
        until(page, "JSON.parse(localStorage.getItem('latentmix.session') ?? '{}').melodies?.length === 3")
        page.close()
        house.close()
        house = House(small_model(), port=house.port, resumes=True)
        page = context.new_page()
        page.goto(house.page)
        until(page, "document.querySelectorAll('.card').length === 3")
        until(page, "document.getElementById('undo').title.startsWith('Undo: Opened session')")
    finally:
        context.close()
        house.close()


def file_of_two_tracks() -> bytes:
    """A flute and a piano; the flute rests in bars 3 and 4."""
    file = mido.MidiFile(ticks_per_beat=480)
    for name, program, pitch, bars in (("Tune", 73, 72, (0, 1, 4)), ("Left hand", 0, 48, (0, 1, 2, 3))):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        track.append(mido.Message("program_change", program=program, channel=program % 2))
        at = 0
        for bar in bars:
            for beat in range(4):
                start = (4 * bar + beat) * 480
                track.append(mido.Message("note_on", note=pitch + beat, time=start - at, channel=program % 2))
                track.append(mido.Message("note_off", note=pitch + beat, time=480, channel=program % 2))
                at = start + 480
        file.tracks.append(track)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


# whether something is drawn in each small roll of the chooser
DRAWN = """() => [...document.querySelectorAll(".track canvas")].map((e) =>
  e.getContext("2d").getImageData(0, 0, e.width, e.height).data.some((each) => each === 255))"""


def test_tracks_are_looked_at_and_heard_before_one_is_taken(page):
    page.evaluate(
        "window.alone = []; document.addEventListener('latentmix:audition', (e) => alone.push(e.detail.pitch))"
    )
    page.set_input_files("#file", {"name": "two.mid", "mimeType": "audio/midi", "buffer": file_of_two_tracks()})
    page.wait_for_selector("#chooser[open]")
    tune, piano = page.locator(".track").all_inner_texts()
    assert "Tune" in tune and "Flute · C5 to E♭5 · 12 notes · bars 1 to 5" in tune and "taken as the melody" in tune
    assert "Left hand" in piano and "Acoustic Grand Piano · C3 to E♭3 · 16 notes · bars 1 to 4" in piano
    assert "2. choice: it is named 'Left hand', another part" in piano
    assert page.evaluate(FAINT) == [] and page.evaluate(DRAWN) == [True, True]
    page.click(".track >> nth=1 >> button")  # heard before it is chosen, and silent again
    until(page, "alone.length >= 2")
    assert page.evaluate("alone")[:2] == [48, 49]
    page.click(".track >> nth=1 >> button")
    page.click(".track >> nth=0")
    page.evaluate("alone.length = 0")
    page.click("#hear")
    until(page, "alone.length >= 2")
    assert page.evaluate("alone")[:2] == [72, 73]
    page.click(".track >> nth=1")  # which is heard at once, as something is
    until(page, "alone.at(-1) >= 48 && alone.at(-1) < 60")
    page.click("#hear")
    page.click(".track >> nth=0")
    page.fill("#bar", "3")
    until(page, "document.getElementById('chooserwhy').textContent.startsWith('Bars 3 to 4 of 5: no note')")
    assert page.is_disabled("#take") and page.is_disabled("#hear")
    tune, piano = page.locator(".track").all_inner_texts()
    assert "no note in bars 3 to 4" in tune and "no note" not in piano
    page.click(".track >> nth=1")  # which plays there, so the bars stay
    assert page.input_value("#bar") == "3" and not page.is_disabled("#take")
    page.click(".track >> nth=0")  # which does not, so it goes to where that one begins
    assert page.input_value("#bar") == "1"
    page.fill("#bar", "5")
    page.click("#take")
    until(page, "document.querySelectorAll('.card').length === 5 && !document.querySelector('dialog[open]')")


def test_another_site_is_shut_out(page, browser, mixer):
    """A page of another origin, in the same browser: neither socket nor answers."""
    context = browser.new_context()
    try:
        foreign = context.new_page()
        foreign.route(
            "http://evil.example/", lambda route: route.fulfill(body="<title>evil</title>", content_type="text/html")
        )
        foreign.goto("http://evil.example/")
        tried = foreign.evaluate(
            """async (address) => {
              const socket = new WebSocket(address.replace("http", "ws") + "/live");
              const opened = await new Promise((done) => {
                socket.onopen = () => done(true);
                socket.onerror = () => done(false);
              });
              const read = await fetch(address + "/take-home/session.json").then(() => true, () => false);
              return [opened, read];
            }""",
            mixer.address,
        )
    finally:
        context.close()
    assert tried == [False, False]


@pytest.mark.parametrize(
    ("widths", "is_mobile"), [((320, 360, 390, 600), True), ((1600, 1440, 1280, 1024, 820, 770), False)]
)
def test_it_fits_any_width(open_page, widths, is_mobile):
    """Opened at the first of them, and made wider or narrower."""
    page = open_page(viewport={"width": widths[0], "height": 700}, has_touch=True, is_mobile=is_mobile)
    for width in widths:
        page.set_viewport_size({"width": width, "height": 700})
        until(page, "innerWidth === arg", width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
        cut = """[...document.querySelectorAll(".transport button")].filter((e) => e.scrollWidth > e.clientWidth + 1)"""
        assert page.evaluate(f"{cut}.map((e) => e.id)") == [], width
        assert page.evaluate(CUT) == [], width
        middles = page.evaluate(
            """[...document.querySelectorAll(".transport > *")].map((e) => e.getBoundingClientRect())
            .map((box) => Math.round(box.y + box.height / 2))"""
        )
        assert middles.count(middles[-1]) > 1, width  # the volume has no row to itself


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(open_page, scheme, tmp_path):
    page = open_page(viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.evaluate(
        """[...document.querySelectorAll(".transport button, .card footer button, .point")]
        .map((e) => e.getBoundingClientRect())
        .filter((box) => box.width && Math.min(box.width, box.height) < 32).length"""
    )
    assert small == 0
    for button, dialog in (("#adddraw", "#editor"), ("#keys", "#help")):
        page.click(button)
        page.wait_for_selector(f"{dialog}[open]")
        assert page.evaluate(WITHIN, f"{dialog} :is(button, input, select, canvas)") == []
        page.keyboard.press("Escape")
    page.set_input_files("#file", EXAMPLES / "jig.mid")
    page.wait_for_selector("#chooser[open]")
    assert page.evaluate(WITHIN, "#chooser :is(button, input, select, canvas)") == []
    page.keyboard.press("Escape")
    page.evaluate("scrollTo(0, 0)")
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    keep(page, f"page-phone-{scheme}.png", tmp_path)


def keep(page, name: str, tmp_path: Path) -> None:
    """A picture of the page, as an artefact where CI names a folder for them."""
    folder = Path(os.environ.get("LATENTMIX_ARTEFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / name)
    assert (folder / name).stat().st_size > 10_000


def test_a_picture_is_kept(page, tmp_path):
    keep(page, "page.png", tmp_path)


def test_the_page_comes_back_after_a_restart_with_its_session(browser, chromium):
    mixer = Mixer()
    context = browser.new_context()
    try:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.add_init_script(LISTEN)
        page.goto(mixer.address)
        page.wait_for_selector(".card")
        page.click('.card [data-action="remove"] >> nth=3')
        until(page, "document.querySelectorAll('.card').length === 3")
        assert mixer.close() == 0
        until(page, "document.getElementById('status').textContent.startsWith('connection lost')")
        page.click("#loopmid")
        until(page, "document.getElementById('toast').textContent.startsWith('The mixer is not connected.')")
        for button in ("#play", "#addrandom", "#tap"):  # each says why nothing happens
            clear_toast(page)
            page.click(button)
            until(page, "document.getElementById('toast').textContent.startsWith('The mixer is not connected.')")
        until(page, "document.getElementById('silence').textContent.startsWith('The mixer is not there')")
        mixer = Mixer(mixer.port)
        until(page, "document.getElementById('status').textContent === 'connected'")
        until(page, "document.querySelectorAll('.card').length === 3")
        answer = context.request.get(mixer.address + "/take-home/session.json").json()
        assert [melody["name"] for melody in answer["melodies"]] == ["lively", "lyrical", "waltz"]
    finally:
        context.close()
        mixer.close()


STRUCK = """
window.drums = []; window.shots = [];
document.addEventListener("latentmix:drum", (event) => drums.push(event.detail));
const begin = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...when) { shots.push(when); return begin.apply(this, when); };
"""


def test_a_preset_is_sung_in_the_page(open_page):
    page = open_page(
        script=STRUCK + "window.sung = []; addEventListener('latentmix:sung', (e) => sung.push(e.detail), true);"
    )
    page.select_option("#voice", label="Sung sax")
    until(page, "sung.length === 1")
    assert page.evaluate("sung[0]") == {"program": 65, "seconds": pytest.approx(SECONDS * len(NOTES), abs=0.01)}
    page.click("#play")
    until(page, "shots.length >= 4 && notes.filter((note) => note.on && note.audioTime !== null).length >= 4")
    starts = [offset for _, offset in page.evaluate("shots")]  # first, for it plays on
    played = {note["pitch"] for note in page.evaluate("notes") if note["on"]}
    nearest = {min(NOTES, key=lambda note: abs(note - pitch)) for pitch in played}
    assert {NOTES[round(offset / SECONDS)] for offset in starts} <= nearest
    page.click("#play")
    page.select_option("#voice", label="Soft mallet")


def test_recordings_are_dropped_and_sung_as_the_puck_mixes_them(open_page):
    page = open_page(
        script=STRUCK + "window.sung = []; addEventListener('latentmix:sung', (e) => sung.push(e.detail), true);"
    )
    drop(page, "my reed.flac", (EXAMPLES / "reed.flac").read_bytes())
    until(page, f"sung.some((each) => each.program === {OWN})")
    page.set_input_files(
        "#soundfile", {"name": "bell.flac", "mimeType": "audio/flac", "buffer": (EXAMPLES / "bell.flac").read_bytes()}
    )
    until(page, "document.querySelectorAll('#recordingsin .chip').length === 2")
    assert page.inner_text("#recordingsin").replace("×", "").split("\n")[0].strip().startswith("my reed")
    assert page.input_value("#voice") == str(OWN)
    fetched = "performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/sung/53.flac')).length"
    before = page.evaluate(fetched)
    drag_puck(page, 0.1, 0.9)
    until(page, f"{fetched} > {before}")  # another mix of them
    assert page.is_hidden("#soundpuck")
    page.click("#soundfollow")  # a puck of its own
    page.wait_for_selector("#soundpuck", state="visible")
    version = page.evaluate("melodies.at(-1).version")
    before = page.evaluate(fetched)
    page.hover("#soundpuck")
    page.mouse.down()
    page.mouse.move(*place_on_pad(page, 1, 0), steps=4)
    page.mouse.up()
    until(page, f"{fetched} > {before}")
    values = page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")["values"]
    assert values["sound.pad"] is True and values["sound.x"] > 0.9 and values["sound.y"] < 0.1
    before = page.evaluate(fetched)
    page.focus("#soundpuck")
    page.keyboard.press("Shift+ArrowLeft")
    until(page, f"{fetched} > {before}")
    assert page.evaluate("melodies.at(-1).version") == version  # the melodies stay where they are
    page.click("#soundfollow")
    page.wait_for_selector("#soundpuck", state="hidden")
    page.click("#play")
    until(page, "shots.length >= 4 && notes.filter((note) => note.on && note.audioTime !== null).length >= 4")
    page.click("#play")
    with page.expect_response("**/take-home/loop.wav*") as taken:
        page.click("#loopwav")
    assert f"program={OWN}" in taken.value.url and taken.value.status == 200
    drop(page, "bad.webm", b"no sound")
    until(page, "document.getElementById('toast').textContent.startsWith('bad.webm: expected audio')")
    page.click("#recordingsin [data-at='0']")
    until(page, "document.querySelectorAll('#recordingsin .chip').length === 1")
    page.click("#undo")
    until(page, "document.querySelectorAll('#recordingsin .chip').length === 2")
    for left in (1, 0):
        page.click("#recordingsin [data-at='0']")
        until(page, f"document.querySelectorAll('#recordingsin .chip').length === {left}")
    page.select_option("#voice", label="Soft mallet")


def hits_of(groove) -> str:
    """As the grid says them."""
    counts = dict(zip(INSTRUMENTS, groove.hits.sum(0).tolist(), strict=True))
    return ", ".join(f"{n.replace('_', ' ').replace('hat', 'hi-hat')} {count}" for n, count in counts.items() if count)


def test_drums_are_seen_and_struck_and_have_a_puck_of_their_own(browser, chromium):
    files = [EXAMPLES / "drums" / f"{name}.mid" for name in ("backbeat", "toms")]
    grooves = [read_drums(path).excerpt() for path in files]
    mixer = Mixer(0, "--drums", str(files[0]), "--drums", str(files[1]))
    context = browser.new_context(viewport={"width": 1280, "height": 900})

    def slide(slider: str, value: float) -> None:
        page.evaluate(
            "([id, value]) => { const e = document.getElementById(id); e.value = value;"
            " e.dispatchEvent(new Event('input')); }",
            [slider, value],
        )

    def until_seen(words: str) -> None:
        until(page, "document.getElementById('drumgrid').getAttribute('aria-label') === arg", words)

    try:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.add_init_script(LISTEN + STRUCK)
        page.goto(mixer.address)
        page.wait_for_selector("#drumgrid", state="visible")
        assert page.inner_text("#drumnames").split() == "RD CC HT MT LT OH CH SD BD".split()  # from top to bottom
        slide("drumposition", 0)
        until_seen(f"Drums of the mix: {hits_of(grooves[0])}")
        assert page.get_attribute("#drumfollow", "aria-pressed") == "false"
        picture = page.evaluate("document.getElementById('drumgrid').toDataURL()")
        page.click("#play")
        until(page, "drums.length >= 8 && shots.length >= 8")
        notes = page.evaluate("drums.map((hit) => [hit.step, hit.note, hit.velocity])")
        for step, note, velocity in notes:
            drum = GENERAL_MIDI.instrument_of(note)
            assert grooves[0].velocities[step % len(grooves[0].velocities), drum] == velocity
        assert all(length == pytest.approx(1.2) for _, _, length in page.evaluate("shots"))
        slide("drumposition", 1)
        until_seen(f"Drums of the mix: {hits_of(grooves[1])}")
        assert page.evaluate("document.getElementById('drumgrid').toDataURL()") != picture
        toms = {GENERAL_MIDI.note_of(int(at)) for at in grooves[1].hits.any(0).nonzero()[0]}
        until(page, "drums.slice(-24).every((hit) => arg.includes(hit.note))", sorted(toms))
        slide("drumlevel", 0)
        until_seen("Drums of the mix: silence")
        page.click("#drumfollow")
        slide("drumlevel", 1)
        until(page, "document.getElementById('drumfollow').getAttribute('aria-pressed') === 'true'")
        page.click("#play")
    finally:
        context.close()
        assert mixer.close() == 0


def test_the_sides_of_the_pad_become_rhythm_and_pitch(page):
    lively, lyrical = opening_melodies()[:2]
    page.click("#axes")
    page.wait_for_selector("#axes[aria-pressed=true]")
    until(page, "document.querySelectorAll('#points button:not([hidden])').length === 2")
    assert "pitch upwards" in page.inner_text("#padhint")
    drag_puck(page, 0, 0)
    wait_for_tokens(page, lively.tokens.tolist())
    drag_puck(page, 1, 1)
    wait_for_tokens(page, lyrical.tokens.tolist())
    drag_puck(page, 0, 1)  # the rhythm of the first, the pitches of the second
    onsets = [step for step, token in enumerate(lively.tokens.tolist()) if token >= ONSET]
    until(page, "melodies.at(-1).tokens.flatMap((token, step) => token >= 2 ? [step] : []).join() === arg",
          ",".join(map(str, onsets)))  # fmt: skip
    assert page.evaluate("melodies.at(-1).tokens.join()") != ",".join(map(str, lively.tokens.tolist()))
    page.click("#axes")
    page.wait_for_selector("#axes[aria-pressed=false]")
    until(page, "document.querySelectorAll('#points button:not([hidden])').length === 4")


def press(page, action: str, at: int) -> None:
    page.click(f'#grooves [data-action="{action}"][data-at="{at}"]')


def test_drums_are_dropped_and_chosen_answer_the_pad_and_are_undone_and_taken_home(page):
    files = [EXAMPLES / "drums" / f"{name}.mid" for name in ("backbeat", "toms")]
    backbeat, toms = (read_drums(path).excerpt() for path in files)
    assert page.is_hidden("#drums")
    drop(page, files[0].name, files[0].read_bytes())
    page.wait_for_selector("#chooser[open]")
    assert "Drums" in page.inner_text("#tracks") and page.inner_text("#where option:checked") == "among the drums"
    page.evaluate(f"() => {{ {STRUCK} }}")
    page.click("#hear")
    until(page, "shots.length > 3")
    page.click("#take")
    page.wait_for_selector("#drumgrid", state="visible")
    with page.expect_file_chooser() as chooser:
        page.click("#adddrums")
    chooser.value.set_files(str(files[1]))
    page.wait_for_selector("#chooser[open]")
    page.click("#take")
    until(page, "document.querySelectorAll('#grooves .chip').length === 2")
    label = "document.getElementById('drumgrid').getAttribute('aria-label') === arg"
    drag_puck(page, 0, 0)  # the first melody; with four of them and two grooves the way from the first is theirs
    until(page, label, f"Drums of the mix: {hits_of(backbeat)}")
    drag_puck(page, 1, 1)
    until(page, label, f"Drums of the mix: {hits_of(toms)}")

    page.click("#drumfollow")  # a puck of their own
    page.wait_for_selector("#drumpuck", state="visible")
    page.hover("#drumpuck")
    page.mouse.down()
    page.mouse.move(*place_on_pad(page, 0, 0), steps=4)
    page.mouse.up()
    until(page, label, f"Drums of the mix: {hits_of(backbeat)}")
    page.focus("#drumpuck")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    until(page, f"!({label})", f"Drums of the mix: {hits_of(backbeat)}")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    until(page, label, f"Drums of the mix: {hits_of(backbeat)}")

    home = mido.MidiFile(file=io.BytesIO(download(page, "#loopmid")))
    struck = [m.note for m in home if m.type == "note_on" and m.channel == 9]
    assert len(struck) == 4 * int(backbeat.hits.sum()) and len(home.tracks) == 2
    assert len(download(page, "#loopwav")) > 100_000
    session = page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")
    assert [each["name"] for each in session["drums"]] == ["backbeat", "toms"]

    press(page, "remove", 0)
    until(page, "document.querySelectorAll('#grooves .chip').length === 1")
    page.click("#undo")
    until(page, "document.querySelectorAll('#grooves .chip').length === 2")
    for count in (1, 0):
        press(page, "remove", 0)
        until(page, f"document.querySelectorAll('#grooves .chip').length === {count}")
    assert page.is_hidden("#drums")
    page.set_input_files(
        "#sessionfile", {"name": "s.json", "mimeType": "application/json", "buffer": as_bytes(session)}
    )
    until(page, "document.querySelectorAll('#grooves .chip').length === 2")
    until(page, label, f"Drums of the mix: {hits_of(backbeat)}")
    page.click("#drumfollow")


# Web MIDI: ports cannot be had in a browser without a sound system, so the browser's own interface is stood in for.

FAKE_MIDI = """
window.sent = [];
const input = { id: "in", name: "Knobs", onmidimessage: null };
const output = { id: "out", name: "Synth", send: (bytes, time) => sent.push({ bytes: [...bytes], time }) };
window.access = { inputs: new Map([["in", input]]), outputs: new Map([["out", output]]), onstatechange: null };
navigator.requestMIDIAccess = async () => {
  if (localStorage.getItem("test.denied")) throw new Error("denied");
  return access;
};
window.turn = (...bytes) => input.onmidimessage({ data: Uint8Array.from(bytes) });
"""


@pytest.fixture
def midi_page(open_page, page):
    """A page (beside one that has set all back) that finds a controller and a synthesizer."""
    found = open_page(script=FAKE_MIDI)
    found.click("#midion")
    until(found, "document.getElementById('midistate').textContent === 'Listening to Knobs.'")
    return found


def parameter_of(page, name: str) -> object:
    return page.evaluate("fetch('./take-home/session.json').then((r) => r.json())")["values"][name]


def learn(page, name: str, *message: int) -> None:
    page.select_option("#learnwhat", name)
    page.click("#learn")
    page.evaluate("(bytes) => turn(...bytes)", message)
    page.wait_for_selector("#learn[aria-pressed=false]")


def wait_for_parameter(page, name: str, value: object) -> None:
    end = time.monotonic() + PATIENCE / 1000
    while parameter_of(page, name) != pytest.approx(value):
        assert time.monotonic() < end, f"{name} is {parameter_of(page, name)}"
        time.sleep(0.05)


def test_a_controller_is_learned_and_moves_what_it_was_taught(midi_page):
    learn(midi_page, "temperature", 0xB0, 7, 0)
    learn(midi_page, "x", 0xE0, 0, 0)
    learn(midi_page, "hold", 0x90, 60, 100)
    assert midi_page.locator("#bound li").all_inner_texts() == [
        "CC 7, channel 1 → Surprise\nforget",
        "bend 1 → Puck, left to right\nforget",
        "note 60, channel 1 → Hold\nforget",
    ]
    until(midi_page, "document.getElementById('hold').ariaPressed === 'true'")  # learning does what it has learned
    midi_page.evaluate("turn(0x90, 60, 100)")
    until(midi_page, "document.getElementById('hold').ariaPressed === 'false'")
    midi_page.evaluate("turn(0xB0, 7, 127), turn(0xE0, 0x7F, 0x7F), turn(0xB1, 7, 0), turn(0xB0, 8, 0), turn(0xF8)")
    highest = midi_page.evaluate("Number(document.querySelector('input[data-parameter=temperature]').max)")
    wait_for_parameter(midi_page, "temperature", highest)  # another channel, another knob and a clock have not moved it
    wait_for_parameter(midi_page, "x", 1.0)
    midi_page.click("#bound li >> nth=0 >> button")
    midi_page.evaluate("turn(0xB0, 7, 0), turn(0xE0, 0, 0)")
    wait_for_parameter(midi_page, "x", 0.0)
    assert parameter_of(midi_page, "temperature") == pytest.approx(highest)
    midi_page.reload()
    midi_page.wait_for_selector(".card")
    midi_page.click("#midion")
    until(midi_page, "document.querySelectorAll('#bound li').length === 2")


def test_notes_go_to_a_synthesizer_and_every_one_ends(midi_page):
    midi_page.select_option("#midiout", "out")
    midi_page.evaluate("sent.length = 0")
    midi_page.click("#play")
    until(midi_page, "sent.filter(({ bytes }) => bytes[0] === 0x90).length >= 6")
    midi_page.click("#play")
    until(midi_page, "sent.at(-1).bytes[0] === 0x80")
    sent = midi_page.evaluate("sent")
    assert [message["time"] for message in sent] == sorted(message["time"] for message in sent)
    sounding: list[int] = []
    for status, pitch, _ in (message["bytes"] for message in sent):
        assert sounding == ([pitch] if status == 0x80 else [])
        sounding = [pitch] if status == 0x90 else []
    assert sounding == []
    midi_page.evaluate("access.outputs.delete('out'), access.onstatechange()")
    until(midi_page, "document.getElementById('midiout').value === ''")
    assert midi_page.evaluate("sent.slice(-2).map(({ bytes }) => bytes)") == [[0xB0, 120, 0], [0xB0, 123, 0]]


def test_a_browser_without_midi_or_that_denies_it_says_so(open_page, mixer):
    without = open_page(script="Object.defineProperty(navigator, 'requestMIDIAccess', { value: undefined });")
    assert "no Web MIDI" in without.inner_text("#midistate") and without.is_disabled("#midion")
    denied = open_page(script=FAKE_MIDI + "localStorage.setItem('test.denied', '1');")
    denied.click("#midion")
    until(denied, "document.getElementById('midistate').textContent.startsWith('The browser did not allow MIDI')")


def test_every_warning_is_shown_once(browser):
    """Also after the list of them is full, and not anew after a reload."""
    house = House(small_model())
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(house.page)
        page.wait_for_selector(".card")
        for number in range(12):
            house.engine.warn(f"warning {number}.")
            house.engine.set("x", 0.1 + number / 100)
            until(page, "document.getElementById('toast').textContent === arg", f"warning {number}.")
        page.reload()
        page.wait_for_selector(".card")
        until(page, "document.querySelector('.status.on')")
        assert page.is_hidden("#toast")
        session = house.client.get("/take-home/session.json").json()
        session["values"]["attribute.swagger"] = 1
        file = {"name": "a.json", "mimeType": "application/json", "buffer": json.dumps(session).encode()}
        page.evaluate(
            """() => {
              const toast = document.getElementById("toast");
              window.said = [];
              new MutationObserver(() => said.push(toast.textContent)).observe(toast, { childList: true });
            }"""
        )
        page.set_input_files("#sessionfile", [file])
        for words in ("session is restored", "opened without attribute"):  # whichever of them comes first
            until(page, "said.some((text) => text.includes(arg))", words)
        assert "opened without attribute" in page.inner_text("#toast")
        for text in ("another one", "and one more"):  # told together
            house.engine.warn(text)
        house.engine.set("x", 0.9)
        until(page, "document.getElementById('toast').textContent === 'another one\\nand one more'")
    finally:
        context.close()
        house.close()
