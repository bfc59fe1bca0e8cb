"""A picture of the plugins' own window for README and docs, out of the running plugin.

    LATENTMIX_EXTRAS=test scripts/run python scripts/make/make_plugin_picture.py [FILE]

Needs Xvfb, what building the plugins takes (docs/plugins.md), and Pillow, which comes with matplotlib.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from realtime.plugins import build, make, sources
from realtime.plugins.compiler import SourceFile, find_compiler

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "org.latentmix.melody"
SET_UP = ("Run=1", "Mix by=1", "Pad X=0.38", "Pad Y=0.62")
FINDS_WAYS_SECONDS, PLAYS_SECONDS = 6.0, 2.3  # then the roll is in the middle of its second bar


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    out = Path(arguments[0]) if arguments else ROOT / "docs" / "plugin.png"
    compiler = find_compiler()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with make.melody_weights() as weights:
            made = build.bundle(make.binaries_for(compiler.target), compiler.target, weights, folder / "bundles")
        headers = sources.formats(folder / "none", False)["clap"][0].flags
        source = SourceFile(sources.source_folder() / "hosts" / "clap_window.cpp", (*headers, "-O1"))
        objects = compiler.objects([source], folder / "host")
        host = compiler.link(objects, folder / "clap_window", ("-lX11", "-ldl", "-pthread"))
        reads, writes = os.pipe()
        command = ["Xvfb", "-displayfd", str(writes), "-screen", "0", "900x700x24", "-nolisten", "tcp"]
        server = subprocess.Popen(command, pass_fds=[writes], stderr=subprocess.DEVNULL)
        os.close(writes)
        try:
            with os.fdopen(reads) as answer:
                display = f":{answer.readline().strip()}"
            (binary,) = made[1].glob("*.clap")
            take(host, binary, display, folder / "window.ppm")
        finally:
            server.terminate()
            server.wait(10)
        Image.open(folder / "window.ppm").save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


def take(host: Path, binary: Path, display: str, file: Path) -> None:
    """The window, once it plays what the pad has there."""
    shown = subprocess.Popen(
        [host, binary, PLUGIN, *SET_UP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"DISPLAY": display},
        text=True,
    )
    assert shown.stdin is not None and shown.stdout is not None
    shown.stdout.readline()
    time.sleep(FINDS_WAYS_SECONDS + PLAYS_SECONDS)
    for command in (f"picture {file}", "quit"):
        shown.stdin.write(command + "\n")
        shown.stdin.flush()
        shown.stdout.readline()
    shown.wait(30)


if __name__ == "__main__":
    main()
