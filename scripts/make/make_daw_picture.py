"""A picture of the synth in a DAW for README, out of Ardour 7 itself, on a screen without a monitor.

    LATENTMIX_EXTRAS=test scripts/run python scripts/make/make_daw_picture.py [FILE]

Needs Debian's ardour, jackd2, xvfb and xdotool, what building the plugins takes (docs/plugins.md), and Pillow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageGrab

from realtime.plugins import build, make, sources
from realtime.plugins.compiler import find_compiler

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "urn:latentmix:org.latentmix.melody:synth"
# A second start of Ardour: no wizard, and JACK as before, the one engine of those offered that needs no sound card.
CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <Config><Option name="try-autostart-engine" value="1"/></Config>
  <Extra><AudioMIDISetup><EngineStates>
    <State backend="JACK" driver="" device="" input-device="" output-device="" sample-rate="48000"
           buffer-size="1024" n-periods="96" input-latency="0" output-latency="0" lm-input="" lm-output="" active="1"
           use-buffered-io="0" midi-option="" lru="1"><MIDIDevices/></State>
  </EngineStates></AudioMIDISetup></Extra>
</Ardour>
"""
TRACK, PROCESSOR, PLAY = (60, 344), (60, 170), (157, 44)  # where Ardour 7.3 shows them, the second beside a mixer strip
WINDOW_AT, PUCK = (420, 190), (600, 500)  # of the plugin; on the screen
CROP, QUALITY = (0, 0, 1090, 712), 88
SECONDS, PATIENCE = 240.0, 3.0  # for each thing that is to happen; between two clicks


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    out = Path(arguments[0]) if arguments else ROOT / "docs" / "daw.webp"
    with tempfile.TemporaryDirectory() as scratch:
        environment = session(Path(scratch))
        reads, writes = os.pipe()
        command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
        server = subprocess.Popen(command, pass_fds=[writes], stderr=subprocess.DEVNULL)
        os.close(writes)
        with os.fdopen(reads) as answer:
            display = f":{answer.readline().strip()}"
        environment["JACK_DEFAULT_SERVER"] = name = f"latentmix-{os.getpid()}"
        command = ["jackd", "-S", "-n", name, "--no-realtime", "-d", "dummy", "-r", "48000", "-p", "1024"]
        own = environment | {"JACK_NO_AUDIO_RESERVATION": "1"}
        jack = subprocess.Popen(command, env=own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(Path(scratch) / "said", "w") as said:
            command = ["ardour", "--no-announcements", "--no-splash", f"{scratch}/session/session.ardour"]
            screen = Screen(display, environment)
            ardour = subprocess.Popen(command, env=screen.environment, stdout=said, stderr=said)
        try:
            take(screen).save(out, quality=QUALITY, method=6)
        finally:
            ardour.kill()  # it would ask whether to save
            for process in (jack, server):  # a jackd that is killed keeps its place among the eight that there may be
                process.terminate()
            for process in (ardour, jack, server):
                process.wait(20)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


def session(folder: Path) -> dict[str, str]:
    """A session with the synth on a track; the environment that Ardour finds both in."""
    compiler = find_compiler()
    with make.melody_weights() as weights:
        build.bundle(make.binaries_for(compiler.target), compiler.target, weights, folder / "bundles")
    settings = folder / "home" / ".config" / "ardour7"
    settings.mkdir(parents=True)
    environment = os.environ | {
        "HOME": str(folder / "home"),
        "XDG_CONFIG_HOME": str(settings.parent),
        "LV2_PATH": f"{folder / 'bundles'}:/usr/lib/lv2",
    }
    asked = {"SESSION": str(folder / "session"), "PRESET": "", "PLUGIN": PLUGIN, "FORMAT": "lv2", "SAMPLES": "48000",
             "POSITIONS": "0=0.5"}  # fmt: skip
    script = sources.source_folder() / "hosts" / "ardour_session.lua"
    done = subprocess.run(["ardour7-lua", script], env=environment | asked, capture_output=True, text=True)
    if "inserted 0" not in done.stdout:
        raise SystemExit(f"expected a session of Ardour with the plugin, found {done.stdout}{done.stderr}")
    (settings / ".a7").touch()  # somebody has been here before
    (settings / "config").write_text(CONFIG)
    return environment


class Screen:
    """An X11 screen, and a hand on it."""

    def __init__(self, display: str, environment: dict[str, str]) -> None:
        self.display = display
        self.environment = environment | {"DISPLAY": display, "NO_AT_BRIDGE": "1"}

    def hand(self, *words: object) -> str:
        command = ["xdotool", *map(str, words)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60).stdout

    def picture(self) -> Image.Image:
        return ImageGrab.grab(xdisplay=self.display)

    def window(self, name: str, *meanwhile: object) -> str:
        """The X11 window of this name, once it is there and nothing on the screen changes any more.

        Args:
            meanwhile: what a hand does until then, now and then.
        """

        def is_there() -> list[str]:
            found = self.hand("search", "--onlyvisible", "--name", name).split()
            if not found:
                self.hand(*meanwhile)
                time.sleep(PATIENCE)
            return found

        found = str(wait_for(is_there)[0])
        self.settle()
        return found

    def settle(self) -> None:
        def is_still() -> bool:
            before = self.picture()
            time.sleep(2.0)
            return before.tobytes() == self.picture().tobytes()

        wait_for(is_still)


def take(screen: Screen) -> Image.Image:
    """Ardour with the plugin's window, while it plays."""
    main_window = screen.window(
        "^session - Ardour$", "key", "Return"
    )  # what it says of another sound card before is well
    screen.hand("windowfocus", main_window)
    screen.hand("mousemove", *TRACK, "click", 1)
    screen.settle()
    screen.hand("key", "shift+e")  # the track's strip of the mixer
    screen.settle()
    screen.hand("mousemove", *PROCESSOR)
    twice = ("click", "--repeat", 2, "--delay", 80, 1)
    screen.hand("windowmove", screen.window(r"latentmix melody synth \(by", *twice), *WINDOW_AT)
    screen.settle()
    screen.hand("mousemove", *PUCK, "click", 1)
    screen.settle()
    screen.hand("mousemove", *PLAY, "click", 1, "mousemove", 1270, 790)
    time.sleep(4.0)
    return screen.picture().crop(CROP)


def wait_for(happens: Callable[[], Any]) -> Any:
    """What comes back once it is something."""
    end = time.monotonic() + SECONDS
    while not (found := happens()):
        if time.monotonic() > end:
            raise SystemExit(f"expected Ardour to come so far in {SECONDS:.0f} s, it did not")
        time.sleep(0.5)
    return found


if __name__ == "__main__":
    main()
