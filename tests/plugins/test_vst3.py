"""VST3 plugins in our own host; the synth in dawdreamer and pedalboard: bounces are the CLAP synth's to the sample.

Both (GPL) are in an environment of their own, `.venv-hosts`, which `.ci/run` makes.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from drum_hits import STEP as SIXTEENTH
from drum_hits import assert_equal, expected_hits
from plugin_bundles import Bundles

from midi_vae.drums.groove import Groove
from midi_vae.importing import read_melody
from realtime.plugins.sources import source_folder

PYTHON = Path(__file__).resolve().parents[2] / ".venv-hosts" / "bin" / "python"


def run(script: str, bundles: Bundles, out: Path, *words: str) -> str:
    """A script of `plugins/hosts` writes four seconds; what it says."""
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"expected dawdreamer and pedalboard in {PYTHON}, found nothing there")
        pytest.skip("dawdreamer and pedalboard are not there; .ci/run says how to get them")
    bundle = bundles.lv2().with_name("latentmix-melody-synth.vst3")
    command = [PYTHON, source_folder() / "hosts" / script, bundle, out, "4", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def bounce(bundles: Bundles, block: int, out: Path, *values: str) -> np.ndarray:
    run("vst3_bounce.py", bundles, out, str(block), *values)
    return np.fromfile(out, "<f4")


def clap_bounce(bundles: Bundles, folder: Path, *values: str) -> np.ndarray:
    """The same four seconds of the CLAP synth."""
    host = bundles.program("clap_host", folder / "host")
    command = [host, bundles.clap(), "bounce", "org.latentmix.melody.synth", "8", *values]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    return np.frombuffer(done.stdout, "<f4")


def test_a_bounce_is_the_same_in_another_format_host_and_block_size(bundles: Bundles, tmp_path: Path) -> None:
    for number, values in enumerate((["Position=0"], ["Position=0.5"], ["Position=0.25", "Notes kept=0.5"])):
        expected = clap_bounce(bundles, tmp_path, *values)
        assert np.abs(expected).max() > 0.01
        for block in (512, 333):
            heard = bounce(bundles, block, tmp_path / f"{number}.f32", *values)
            assert np.array_equal(heard, expected)
            assert np.array_equal(bounce(bundles, block, tmp_path / "again.f32", *values), heard)
        if number == 0:  # a note starts with a sample of 0, and sounds from the next one on
            starts = np.flatnonzero((heard[:-1] == 0) & (heard[1:] != 0))
            notes = read_melody(bundles.melodies[0])[0].notes()
            assert starts.tolist() == [6000 * start for start, _, _ in notes if 6000 * start < len(heard)]


def test_pedalboard_plays_it_and_shows_its_parameters_alone(bundles: Bundles, tmp_path: Path) -> None:
    """A parameter for each MIDI controller, as DPF has it, would be 2,080 more."""
    shown = run("pedalboard_bounce.py", bundles, tmp_path / "out.f32", "position=0.5").splitlines()
    assert len(shown) == 24 and shown[:2] == ["position", "pad_x"]
    expected = clap_bounce(bundles, tmp_path, "Position=0.5", "Run=1")
    assert np.abs(expected).max() > 0.01
    assert np.array_equal(np.fromfile(tmp_path / "out.f32", "<f4"), expected)


@pytest.fixture(scope="module")
def host(bundles: Bundles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.program("vst3_host", tmp_path_factory.mktemp("vst3"))


def ask(host: Path, bundles: Bundles, kind: str, *words: object, maker: str = "latentmix") -> list[str]:
    command = [host, bundles.vst3(kind, maker), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("kind", ["melody", "drums"])
def test_the_checks_of_our_host(host: Path, bundles: Bundles, kind: str) -> None:
    """Blocks, metres (DPF divides by 0 in 3/16), numbers that are none, state, what a host is told, loads, unloads."""
    said = ask(host, bundles, kind, "check", 8)
    assert len(said) == 17 and all(line.startswith("ok ") for line in said)


@pytest.mark.parametrize("kind", ["melody-synth", "drums"])
def test_50_loads_and_unloads_leave_nothing(host: Path, bundles: Bundles, kind: str) -> None:
    """With a small model; each is made active, for which the plugin finds all ways first."""
    assert ask(host, bundles, kind, "loads", 50, maker="small")[0].startswith("ok ")


@pytest.mark.parametrize("step", [0, 4, 7])
def test_hits_are_those_of_midi_vae_mix(host: Path, bundles: Bundles, mixes: list[Groove], step: int) -> None:
    lines = ask(host, bundles, "drums", "play", 8, f"Position={step / 8}")
    notes = [tuple(map(int, line.split())) for line in lines]
    hits = [(frame, key, velocity) for frame, is_on, key, velocity in notes if is_on]
    assert len(hits) > 10
    assert_equal(hits, expected_hits(mixes[step]), 31 * SIXTEENTH)


def test_each_is_a_plugin_of_its_own(host: Path, bundles: Bundles) -> None:
    melody, drums = (ask(host, bundles, kind, "list") for kind in ("melody", "drums"))
    assert melody[0] == "latentmix melody" and drums[0] == "latentmix drums"
    assert any(line.endswith(" Humanise") for line in drums) and not any(line.endswith(" Humanise") for line in melody)
