"""The audio thread neither allocates, locks nor waits, whatever moves meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_bundles import Bundles


@pytest.mark.skipif(sys.platform != "linux", reason="the counted functions stand in front of glibc's")
def test_the_audio_thread_only_computes(bundles: Bundles, tmp_path: Path) -> None:
    program = bundles.device_program("audio_thread", tmp_path)
    melodies, drums = weights_of(bundles)

    def run(weights: Path, *words: str) -> dict:
        done = subprocess.run([program, weights, "64", *words], capture_output=True, text=True, timeout=300, check=True)
        return json.loads(done.stdout)

    for weights in (melodies, drums):
        found = run(weights, "20000")
        assert (found["allocations"], found["locks"], found["waits"]) == (0, 0, 0)
        assert found["notes"] > 5
    seen = run(melodies, "100", "on purpose")  # that the counters count
    assert seen["allocations"] == 200 and seen["locks"] == 100


@pytest.mark.skipif(sys.platform != "linux", reason="the sanitizer is tried on Linux")
def test_the_threads_do_not_get_in_each_others_way(bundles: Bundles, tmp_path: Path) -> None:
    """Under ThreadSanitizer: audio thread, worker and a hand that moves everything; a race ends it with status 66."""
    program = bundles.device_program("audio_thread", tmp_path, ("-fsanitize=thread", "-O1"))
    for weights in weights_of(bundles):
        done = subprocess.run([program, weights, "64", "600"], capture_output=True, text=True, timeout=300)
        if (
            "unexpected memory mapping" in done.stderr
        ):  # of GCC 12 under kernels that spread addresses wider than it knows
            pytest.skip("this kernel's address space is none that the sanitizer can run in")
        assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr[:3000]


def weights_of(bundles: Bundles) -> tuple[Path, Path]:
    return bundles.lv2 / "latentmix-melody.lmw", bundles.drum_lv2 / "latentmix-drums.lmw"
