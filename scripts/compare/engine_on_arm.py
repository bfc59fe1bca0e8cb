"""The plugins' engine on 64-bit Arm, in an emulator, beside PyTorch: tokens and means of mixes of real melodies.

apt install qemu-user-static
LATENTMIX_EXTRAS=plugin scripts/run python scripts/compare/engine_on_arm.py
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from latentmix.cli import run_script
from midi_vae.importing import read_melody
from midi_vae.music.windows import to_windows
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE
from realtime.plugins import sources
from realtime.plugins.compiler import Compiler, SourceFile, Target

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
# the C library inside, so that nothing of the emulated system is needed
ARM = Target("linux-arm64", "aarch64-linux-musl", "linux", "arm64")


def main(count: int = 200, emulator: str = "qemu-aarch64-static") -> None:
    """Compare so many latents: half of them mixes of melodies, half drawn from the prior."""
    if not shutil.which(emulator):
        sys.exit(f"engine_on_arm.py: expected {emulator}, found it not; Debian's package is qemu-user-static")
    model = MelodyVAE.from_pretrained()
    windows = np.concatenate([to_windows(read_melody(path)[0]) for path in sorted(EXAMPLES.glob("*.mid"))])
    codes, random = model.encode_windows(windows), np.random.default_rng(0)
    a, b = random.integers(len(codes), size=(2, count - count // 2))
    mixes = torch.lerp(codes[a], codes[b], torch.from_numpy(random.random((len(a), 1), np.float32)))
    z = torch.cat([mixes, model.sample_latents(count // 2, seed=1)])
    compiler = Compiler((sys.executable, "-m", "ziglang", "c++", "-target", ARM.triple), ARM)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        own = SourceFile(sources.source_folder() / "hosts" / "engine_run.cpp")
        objects = [
            compiler.objects([source], folder / str(at))[0] for at, source in enumerate([own, *sources.engine(ARM)])
        ]
        program = compiler.link(objects, folder / "engine_run", ("-static",))
        (folder / "weights").write_bytes(plugin_weights(model, "arm", "org.example.arm"))
        (folder / "latents").write_bytes(z.numpy().tobytes())
        command = [emulator, *map(str, (program, folder / "weights", folder / "latents"))]
        said = subprocess.run(command, capture_output=True, check=True).stdout
    row = np.dtype([("tokens", "<i4", 32), ("mean", "<f4", model.config.latent_size)])
    rows = np.frombuffer(said, row)
    tokens = model.decode_windows(z)
    equal = int((rows["tokens"] == tokens).all(1).sum())
    off = float(np.abs(rows["mean"] - model.encode_windows(tokens).numpy()).max())
    print(f"{equal} of {len(z)} latents give the same tokens; means differ by {off:.1e} at most")


if __name__ == "__main__":
    run_script(main)
