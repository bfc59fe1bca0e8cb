"""The plugins' own window on a screen without a monitor, in our own CLAP host: a hand and the host move the puck."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from plugin_bundles import Bundles
from x_screen import Screen

from latentmix.errors import InputError
from realtime.plugins import build, sources
from realtime.plugins.compiler import TARGETS

pytestmark = pytest.mark.slow
PAD = (16, 178, 208)  # from the left, from the top, wide and high: `face.cpp`
INK = "f3f0f7"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RING = 6  # pixels from the middle of the puck, which is dark, to its white


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.close()


class Shown:
    """A plugin with its window; commands and answers of `plugins/hosts/clap_window.cpp`."""

    def __init__(self, host: Path, bundles: Bundles, screen: Screen, home: Path) -> None:
        command = [host, bundles.clap(), "org.latentmix.melody", "Run=1"]
        environment = screen.environment | {"HOME": str(home)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )
        assert self.process.stdout is not None
        self.window = self.process.stdout.readline().strip()
        assert self.window
        self.wait_until_drawn()

    def wait_until_drawn(self) -> None:
        """A window that is not there yet gets no clicks."""
        wait_for(lambda: self.ask("pixel 5 5") not in ("", "000000"))

    def ask(self, command: str) -> str:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def value(self, name: str) -> float:
        return float(self.ask(f"get {name}"))


@pytest.fixture(scope="module")
def host(bundles: Bundles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.program("clap_window", tmp_path_factory.mktemp("host"), ("-lX11",))


@pytest.fixture
def shown(host: Path, bundles: Bundles, screen: Screen, tmp_path: Path) -> Iterator[Shown]:
    shown = Shown(host, bundles, screen, tmp_path)
    yield shown
    if shown.process.poll() is None:
        shown.ask("quit")
    assert shown.process.wait(60) == 0
    for stream in (shown.process.stdin, shown.process.stdout):
        assert stream is not None
        stream.close()


def on_pad(x: float, y: float) -> tuple[int, int]:
    left, top, size = PAD
    return round(left + x * size), round(top + (1 - y) * size)


def wait_for(happens, seconds: float = 60.0) -> None:
    """
    Raises:
        TimeoutError: it did not happen.
    """
    end = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def test_a_hand_on_the_pad_moves_parameters_and_the_host_moves_the_puck(shown: Shown, screen: Screen) -> None:
    x, y = on_pad(0.25, 0.75)
    screen.hand("mousemove", x, y, "mousedown", 1)
    wait_for(lambda: shown.value("Pad Y") == pytest.approx(0.75, abs=0.01))
    assert shown.value("Pad X") == pytest.approx(0.25, abs=0.01)
    assert shown.value("Mix by") == 1  # what a hand is on counts
    x, y = on_pad(0.5, 0.25)
    screen.hand("mousemove", x, y, "mouseup", 1)
    wait_for(lambda: shown.value("Pad Y") == pytest.approx(0.25, abs=0.01))
    heard: list[str] = []
    wait_for(lambda: heard.extend(filter(None, shown.ask("edits").split(", "))) or "end Pad Y" in heard)
    assert heard[:3] == ["begin Mix by", "value Mix by 1.000000", "end Mix by"]
    assert heard[3:5] == ["begin Pad X", "begin Pad Y"] and heard[-2:] == ["end Pad X", "end Pad Y"]
    assert all(each.startswith(("value Pad X 0.", "value Pad Y 0.")) for each in heard[5:-2])

    x, y = on_pad(0.875, 0.5)
    assert shown.ask(f"pixel {x + RING} {y}") != INK
    for name, value in (("Pad X", 0.875), ("Pad Y", 0.5)):
        shown.ask(f"set {name} {value}")
    wait_for(lambda: shown.ask(f"pixel {x + RING} {y}") == INK)
    assert shown.ask("edits") == ""  # what the host does is not told back to it


def test_controls_slots_and_a_second_window(shown: Shown, screen: Screen) -> None:
    screen.hand("mousemove", 610, 187, "click", 1)  # key, one on
    wait_for(lambda: shown.value("Key") == 1)
    screen.hand("mousemove", 535, 187, "click", 1)  # and back
    wait_for(lambda: shown.value("Key") == 0)
    screen.hand("mousemove", 40, 413, "mousedown", 1, "mousemove", 120, 413, "mouseup", 1)  # the line, its middle
    wait_for(lambda: shown.value("Position") == pytest.approx(0.5, abs=0.01))
    screen.hand("mousemove", 300, 270, "click", 1)  # the second melody of four
    wait_for(lambda: shown.value("Position") == pytest.approx(1 / 3))
    screen.hand("mousemove", 413, 194, "click", 1)  # records into the first
    wait_for(lambda: shown.value("Record into") == 1)
    shown.ask("reopen")
    shown.wait_until_drawn()
    screen.hand("mousemove", 413, 194, "click", 1)
    wait_for(lambda: shown.value("Record into") == 0)


def test_a_file_is_chosen_in_a_dialog_and_its_melody_taken(shown: Shown, screen: Screen, tmp_path: Path) -> None:
    """The folder beside the first slot; the dialog begins at home, where two files lie, of which one is none."""
    (tmp_path / "one.mid").write_bytes((EXAMPLES / "waltz.mid").read_bytes())
    (tmp_path / "two.mid").write_bytes(b"no MIDI at all")
    assert shown.ask("melodies") == "lively, lyrical, jig, waltz"

    def choose(letter: str) -> None:
        screen.hand("mousemove", 413, 219, "click", 1)
        screen.hand("search", "--sync", "--onlyvisible", "--name", "^A MIDI file$", "windowfocus", "%1")
        screen.hand("key", letter, "Return")

    def complains() -> bool:
        """Whether the line in the upper right corner is a red one."""
        shown.ask(f"picture {tmp_path / 'window.ppm'}")
        pixels = np.asarray(Image.open(tmp_path / "window.ppm"), int)[10:38, 400:624]
        return bool((pixels[..., 0] - pixels[..., 1] > 100).any())

    choose("o")
    wait_for(lambda: shown.ask("melodies") == "one, lyrical, jig, waltz")
    assert not complains()
    choose("t")
    wait_for(complains)
    assert shown.ask("melodies") == "one, lyrical, jig, waltz"


def test_without_a_window_there_are_plugins_all_the_same(bundles: Bundles, tmp_path: Path) -> None:
    """As where X11's headers are missing: the binaries are the same but for VST3's, and nothing speaks of a window."""
    with pytest.raises(InputError, match="windows and OpenGL"):
        sources.window(TARGETS["macos-arm64"], is_native=False)
    binaries = tmp_path / "binaries"
    binaries.mkdir()
    for file in bundles.binaries.iterdir():
        if not file.name.startswith(build.WINDOW):
            (binaries / file.name).hardlink_to(file)
    weights = bundles.lv2() / "latentmix-melody.lmw"
    made = build.bundle(binaries, bundles.compiler.target, weights, tmp_path / "bundles")
    assert not [path for folder in made for path in folder.rglob("*window*")]
    assert "ui:" not in (made[0] / "manifest.ttl").read_text().replace("@prefix ui:", "")
