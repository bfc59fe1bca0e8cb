"""The VST3 synth in dawdreamer and pedalboard: its bounce is that of the CLAP synth in our own host, sample by sample.

Both (GPL) are in an environment of their own, `.venv-hosts`, which `.ci/run` makes.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from plugin_bundles import Bundles

from midi_vae.importing import read_melody
from realtime.plugins.sources import source_folder

PYTHON = Path(__file__).resolve().parents[2] / ".venv-hosts" / "bin" / "python"


def run(script: str, bundles: Bundles, out: Path, *words: str) -> str:
    """A script of `plugins/hosts` writes four seconds; what it says."""
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"expected dawdreamer and pedalboard in {PYTHON}, found nothing there")
        pytest.skip("dawdreamer and pedalboard are not there; .ci/run says how to get them")
    bundle = bundles.lv2.with_name("latentmix-melody-synth.vst3")
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
    command = [host, bundles.clap, "bounce", "org.latentmix.melody.synth", "8", *values]
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
    assert len(shown) == 23 and shown[:2] == ["position", "pad_x"]
    expected = clap_bounce(bundles, tmp_path, "Position=0.5", "Run=1")
    assert np.abs(expected).max() > 0.01
    assert np.array_equal(np.fromfile(tmp_path / "out.f32", "<f4"), expected)
