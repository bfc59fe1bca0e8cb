"""The CLAP plugins in our own small host: its checks, and notes beside those of the live engine."""

from __future__ import annotations

import json
import os
import subprocess
from copy import copy
from pathlib import Path

import pytest
from plugin_bundles import Bundles
from typer.testing import CliRunner

from midi_vae.cli.app import app as midi_vae
from midi_vae.importing import read_melody
from realtime.engine.decoder import Decoder
from realtime.engine.explorer import all_asides, charted
from realtime.music.mixer import Mixer
from realtime.music.parameters import KEYS


@pytest.fixture(scope="module")
def live(bundles: Bundles) -> Mixer:
    """The live engine's mixer, which has the ways between the melodies, and the charts of both pads."""
    mixer = Mixer(Decoder(bundles.model, seed=3), [read_melody(path)[0] for path in bundles.melodies])
    mixer.asides = all_asides(mixer.coder, mixer.coded)
    mixer.charts = {plane: charted(mixer, plane) for plane in ((), tuple(mixer.places))}
    return mixer


@pytest.fixture(scope="module")
def host(bundles: Bundles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.program("clap_host", tmp_path_factory.mktemp("host"))


def run(host: Path, *words: object) -> str:
    done = subprocess.run([host, *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if line.startswith("FAIL"))
    return done.stdout


def test_both_plugins_are_listed_with_the_name_of_the_model(host: Path, bundles: Bundles) -> None:
    assert run(host, bundles.clap(), "list").splitlines() == [
        "org.latentmix.melody\tlatentmix melody\tnote-effect",
        "org.latentmix.melody.synth\tlatentmix melody synth\tinstrument",
    ]


@pytest.mark.parametrize("flavour", ["", ".synth"])
def test_the_checks_of_our_host(host: Path, bundles: Bundles, flavour: str) -> None:
    """Parameters, texts, flush, odd blocks, rates, stop, loop, seek, bypass, reset, state, recording, 8 loads."""
    said = run(host, bundles.clap(), "check", "org.latentmix.melody" + flavour, 8)
    assert said.count("ok   ") >= 29 and "FAIL" not in said


@pytest.mark.parametrize("plugin", ["melody", "melody.synth", "drums"])
def test_200_loads_and_unloads_leave_nothing(host: Path, bundles: Bundles, plugin: str) -> None:
    """With a small model: most of a load is the reading of weights, which those of 8 loads show not to leak."""
    kind = plugin.split(".")[0]
    said = run(host, bundles.clap(kind, "small"), "loads", f"org.example.small.{plugin}", 200)
    assert said.count("ok   ") == 2


CASES = [
    {"position": 0.0},
    {"position": 1 / 3},
    {"position": 0.5, "octave": -1, "density": 0.6},
    {"position": 20 / 32, "key": "C:min"},
    {"position": 0.25, "key": "auto", "attribute.density": 2.0, "attribute.height": -1.0},
    {"x": 0.25, "y": 0.75},
    {"x": 1.0, "y": 0.5, "temperature": 0.7},
    {"axes": "rhythm-pitch", "x": 1.0, "y": 0.0},
    {"axes": "rhythm-pitch", "x": 0.3125, "y": 0.6875, "octave": 1},
    {"axes": "rhythm-pitch", "x": 1.0, "y": 1.0},
]
NAMES = {
    "position": "Position",
    "x": "Pad X",
    "y": "Pad Y",
    "octave": "Octave",
    "density": "Notes kept",
    "temperature": "Variation",
    "attribute.density": "More density",
    "attribute.height": "More height",
}


@pytest.mark.parametrize("values", CASES, ids=str)
def test_notes_are_those_of_the_live_engine(values: dict, host: Path, bundles: Bundles, live: Mixer) -> None:
    """Position, pad, key, octave, density, attributes and variation, four bars; the mixer is the one of `livemix`."""
    mixer = copy(live)
    mixer.values = dict(live.values)
    mixer.move(values)
    words = [f"{NAMES[name]}={value}" for name, value in values.items() if name in NAMES] + ["Variation seed=3"]
    if "key" in values:
        words.append(f"Key={KEYS.index(values['key'])}")
    if "x" in values:
        words.append("Mix by=1")
    if "axes" in values:
        words.append("Pad axes=1")
    melody = mixer.melody()
    beats = len(melody.tokens) / 4
    lines = run(host, bundles.clap(), "play", "org.latentmix.melody", beats, *words).splitlines()
    played = [tuple(map(int, line.split())) for line in lines]
    onsets = [(frame // 6000, key) for frame, is_on, key, _ in played if is_on]
    ends = [frame // 6000 for frame, is_on, _, _ in played if not is_on]
    assert all(frame % 6000 == 0 for frame, *_ in played)
    expected = melody.notes()
    assert onsets == [(start, pitch) for start, _, pitch in expected]
    assert ends == [end for _, end, _ in expected if end < len(melody.tokens)]


def test_notes_are_those_of_midi_vae_mix(host: Path, bundles: Bundles, tmp_path: Path) -> None:
    """Five melodies from the first to the second of four, which is a third of the way, as the command writes them."""
    words = ["mix", *bundles.melodies[:2], "--bars", "1:4", "--steps", 5, "-o", tmp_path / "mix.mid"]
    done = CliRunner().invoke(midi_vae, list(map(str, words)))
    assert done.exit_code == 0, done.output
    notes = read_melody(tmp_path / "mix.mid")[0].notes()
    for step in range(5):
        lines = run(host, bundles.clap(), "play", "org.latentmix.melody", 16, f"Position={step / 12}").splitlines()
        played = [tuple(map(int, line.split())) for line in lines]
        onsets = [(frame // 6000 + 64 * step, key) for frame, is_on, key, _ in played if is_on]
        assert len(onsets) > 8 and onsets == [(at, key) for at, _, key in notes if at // 64 == step]


def test_qtractors_scanner_lists_all(bundles: Bundles) -> None:
    """Audio and MIDI ports in and out, and the parameters to control."""
    scanner = next(Path("/usr/lib").glob("*/qtractor/qtractor_plugin_scan"), None)
    if scanner is None:
        if os.environ.get("CI") == "true":
            pytest.fail("expected qtractor's scanner, found none")
        pytest.skip("qtractor is not installed")
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    asked = "".join(f"CLAP:{bundles.clap(kind)}\n" for kind in ("melody", "drums"))
    of_drums = len(json.loads((bundles.binaries / "parameters.json").read_text())["drums"])
    done = subprocess.run([scanner], input=asked, capture_output=True, text=True, env=environment, timeout=120)
    found = [line.split("|")[1:5] for line in done.stdout.splitlines() if line.startswith("CLAP|")]
    assert found == [
        ["latentmix melody", "0:0", "1:1", "24:0"],
        ["latentmix melody synth", "0:2", "1:1", "24:0"],
        ["latentmix drums", "0:0", "1:1", f"{of_drums}:0"],
    ]
