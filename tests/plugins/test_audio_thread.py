"""The audio thread neither allocates, locks nor waits, whatever moves meanwhile."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from plugin_bundles import Bundles
from weight_mutations import checked

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.plugin_format import HEADER_BYTES
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE


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
    seen = run(melodies, "100", "count")  # that the counters count
    assert seen["allocations"] == 200 and seen["locks"] == 100
    run(beyond_measure(tmp_path), "100", "settle")  # else its ways are looked for until the host is killed


def beyond_measure(folder: Path) -> Path:
    """Weights that are numbers, of a model whose latents are none: a file that says what no training would."""
    torch.manual_seed(0)
    model = MelodyVAE(MelodyVAEConfig(width=8, latent_size=8, across=8, step_width=8, critic_width=8, decoder_blocks=1))
    melodies = [Melody.from_notes([(0, 4, pitch), (8, 20, 64)], bars=2) for pitch in (60, 67)]
    bare, data = (plugin_weights(model, "Astray", "org.example.astray", some) for some in ([], melodies))
    tensors = np.frombuffer(data[HEADER_BYTES : len(bare)], np.float32)
    path = folder / "astray.lmw"
    huge = np.where(tensors == 0.0, tensors, np.float32(3e38)).tobytes()
    path.write_bytes(checked(data[:HEADER_BYTES] + huge + data[len(bare) :]))
    return path


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


@pytest.mark.skipif(sys.platform != "linux", reason="the sanitizer is tried on Linux")
def test_the_audio_thread_calls_nothing_that_may_block(bundles: Bundles, tmp_path: Path) -> None:
    """Under RealtimeSanitizer, which knows far more calls than are counted above; the first one ends the program."""
    program = bundles.device_program("audio_thread", tmp_path, ("-fsanitize=realtime", "-O1"), realtime_clang(tmp_path))

    def run(weights: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, weights, "64", *words], capture_output=True, text=True, timeout=300)

    for weights in weights_of(bundles):
        done = run(weights, "20000")
        assert done.returncode == 0, done.stderr[:3000]
        assert json.loads(done.stdout)["notes"] > 5
    seen = run(weights, "100", "count")  # that it would have seen one
    assert seen.returncode != 0 and "RealtimeSanitizer: unsafe-library-call" in seen.stderr


def realtime_clang(folder: Path) -> str:
    """A Clang that comes with the sanitizer, as those from version 20 on may."""
    empty = folder / "empty.cpp"
    empty.write_text("int main() {}")
    for name in ("clang++", *(f"clang++-{version}" for version in range(30, 19, -1))):
        command = [shutil.which(name) or "", "-fsanitize=realtime", str(empty), "-o", str(folder / "empty")]
        if command[0] and subprocess.run(command, capture_output=True).returncode == 0:
            return command[0]
    pytest.skip("no Clang with RealtimeSanitizer is installed (Debian 12: clang-22, libclang-rt-22-dev)")


def weights_of(bundles: Bundles) -> tuple[Path, Path]:
    return bundles.lv2() / "latentmix-melody.lmw", bundles.lv2("drums") / "latentmix-drums.lmw"
