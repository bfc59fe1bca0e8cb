"""The VST3 synth in dawdreamer: its bounce is that of the CLAP synth in our own host, sample by sample.

dawdreamer (GPL) is in an environment of its own, `.venv-hosts`, which `.ci/run` makes.
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


def bounce(bundles: Bundles, block: int, out: Path, *values: str) -> np.ndarray:
    if not PYTHON.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"expected dawdreamer in {PYTHON}, found nothing there")
        pytest.skip("dawdreamer is not there; .ci/run says how to get it")
    script = source_folder() / "hosts" / "vst3_bounce.py"
    bundle = bundles.lv2.with_name("latentmix-melody-synth.vst3")
    command = [PYTHON, script, bundle, out, "4", str(block), *values]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return np.fromfile(out, "<f4")


def test_a_bounce_is_the_same_in_another_format_host_and_block_size(bundles: Bundles, tmp_path: Path) -> None:
    host = bundles.program("clap_host", tmp_path / "host")
    for number, values in enumerate((["Position=0"], ["Position=0.5"], ["Position=0.25", "Notes kept=0.5"])):
        command = [host, bundles.clap, "bounce", "org.latentmix.melody.synth", "8", *values]
        expected = np.frombuffer(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout, "<f4")
        assert np.abs(expected).max() > 0.01
        for block in (512, 333):
            heard = bounce(bundles, block, tmp_path / f"{number}.f32", *values)
            assert np.array_equal(heard, expected)
            assert np.array_equal(bounce(bundles, block, tmp_path / "again.f32", *values), heard)
        if number == 0:  # a note starts with a sample of 0, and sounds from the next one on
            starts = np.flatnonzero((heard[:-1] == 0) & (heard[1:] != 0))
            notes = read_melody(bundles.melodies[0])[0].notes()
            assert starts.tolist() == [6000 * start for start, _, _ in notes if 6000 * start < len(heard)]
