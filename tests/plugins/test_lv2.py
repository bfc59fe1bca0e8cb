"""The LV2 plugins: their description, and a file that a host names; in jalv: `test_jalv.py`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from plugin_bundles import Bundles
from x_screen import needs

from midi_vae.importing import read_passage
from midi_vae.plugin_limits import PLUGIN_PIECES
from realtime.plugins.single_page import STANDALONE
from realtime.plugins.sources import source_folder


def test_the_description_is_valid(bundles: Bundles) -> None:
    needs("lv2_validate")
    schemas = [path for path in Path("/usr/lib/lv2").glob("*/*.ttl") if path.parent.name in SPECIFICATIONS]
    done = subprocess.run(
        ["lv2_validate", *schemas, *bundles.lv2().glob("*.ttl"), *bundles.lv2("drums").glob("*.ttl")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Found 0 errors" in done.stdout + done.stderr


def test_all_have_as_many_slots() -> None:
    """What LV2 hosts read, the page without a server, and the plugins in C++."""
    header = (source_folder() / "device" / "parameters.hpp").read_text()
    assert f"constexpr int SLOTS = {PLUGIN_PIECES};" in header
    assert (
        len(re.search(r"const COLOURS = \[(.*)\]", (STANDALONE / "app.js").read_text())[1].split(",")) == PLUGIN_PIECES
    )  # type: ignore[index]


SPECIFICATIONS = {
    f"{name}.lv2" for name in ("atom", "core", "midi", "port-props", "resize-port", "state", "time", "units", "urid",
                               "port-groups", "parameters", "schemas", "options", "buf-size", "worker", "patch", "ui",
                               "event", "log", "presets", "data-access", "instance-access", "morph", "uri-map",
                               "dynmanifest")
}  # fmt: skip


@pytest.mark.parametrize("flavour", ["", ":synth"])
def test_a_file_that_a_host_names_becomes_the_melody_of_a_slot(bundles: Bundles, flavour: str, tmp_path: Path) -> None:
    """By patch:Set, which the plugin gets on its audio thread; the state has the notes, and not the path.

    The host then hands the plugin buffers that are too small for a note, and can read what comes back.
    """
    path = bundles.melodies[3]
    symbols = [each["symbol"] for each in json.loads((bundles.binaries / "parameters.json").read_text())["melodies"]]
    controls = len(symbols) + 2
    host = bundles.program("lv2_file", tmp_path)
    uri = "urn:latentmix:org.latentmix.melody"
    command = [
        host,
        bundles.lv2() / "latentmix-melody.so",
        uri + flavour,
        str(controls),
        "2" if flavour else "0",
        uri + ":file_2",
        path,
        *(str(symbols.index(name) + 2) for name in ("run", "density")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    names = [line.split(" ", 5)[5] for line in lines if line.startswith("melody ")]
    assert names == ["lively", "waltz", "jig", "waltz"] and str(path) not in done.stdout
    tokens = [[int(each) for each in line.split()[1:]] for line in lines if line.startswith("tokens ")]
    assert tokens[1] == read_passage(str(path)).melody.tokens.tolist()
