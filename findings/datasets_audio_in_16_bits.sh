#!/usr/bin/env bash
# Guess: an Audio column of Hugging Face datasets that is given arrays of float32 keeps them: in the column are the samples
#   that were put in, to 24 bits or so, those beyond 1 too, as in a column of Sequence(float32) or np.save.
# What happens: each array is put into a WAV of 16 bits when the example is encoded. What is beyond 1 is cut off there, and of
#   noise that peaks at -80 dB 8 different values are left, with an error 3 dB below the noise itself. Nothing is said, and
#   the column hands out floats again. A WAV of floats that is given as bytes, or as a path, keeps all.
# Who meets it: who stores what a resampler or a separator gives (peaks beyond 1), quiet stems, room impulse responses whose
#   tails fade, or differences of signals, and pushes it to the hub.
# Versions: datasets 3.6.0, soundfile 0.14.0, NumPy 2.2.6, Python 3.11, 2026-11-28. datasets 5.2.0, which writes by torchcodec
#   0.13.0 instead, makes 16 bits of them, too; it is not installed here for the size of torch.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check datasets==3.6.0 soundfile==0.14.0 numpy==2.2.6
HF_HOME=$folder HF_DATASETS_OFFLINE=1 venv/bin/python - 2>/dev/null <<'PYTHON'
import io
import sys

import datasets
import numpy as np
import soundfile

RATE = 16_000
noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
sounds = {"peak of 3.5 dB": 1.5 * noise / np.abs(noise).max(), "peak of -80 dB": 1e-4 * noise / np.abs(noise).max()}
features = datasets.Features({"audio": datasets.Audio(sampling_rate=RATE)})
print(f"datasets {datasets.__version__}, soundfile {soundfile.__version__}")
is_so = []


def stored(audio: dict) -> tuple[np.ndarray, str]:
    """What a column keeps of it: the samples, and the kind of WAV that they are in."""
    table = datasets.Dataset.from_list([{"audio": audio}], features=features)
    kept = table.cast_column("audio", datasets.Audio(decode=False))[0]["audio"]["bytes"]
    return soundfile.read(io.BytesIO(kept), dtype="float32")[0], soundfile.info(io.BytesIO(kept)).subtype


for name, sound in sounds.items():
    back, kind = stored({"array": sound, "sampling_rate": RATE})
    error = 10 * np.log10(np.sum((back - sound) ** 2) / np.sum(sound**2))
    peak = 20 * np.log10(np.abs(back).max())
    print(f"array, {name}: kept as {kind} with a peak of {peak:.1f} dB, {len(np.unique(back))} values, error {error:.0f} dB")
    is_so.append(kind == "PCM_16" and len(back) == RATE and error > -35)
    is_so.append(np.abs(back).max() <= 1 and (np.abs(sound).max() > 1 or len(np.unique(back)) < 10))
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, RATE, format="WAV", subtype="FLOAT")
    back, kind = stored({"bytes": buffer.getvalue(), "path": None})
    print(f"WAV of floats as bytes, {name}: kept as {kind}, {'the same' if np.array_equal(back, sound) else 'not the same'}")
    is_so.append(np.array_equal(back, sound))
sys.exit(not all(is_so))
PYTHON
