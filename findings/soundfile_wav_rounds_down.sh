#!/usr/bin/env bash
# Guess: soundfile.write() of floats as 16 or 24 bits takes the nearest of the whole numbers, whatever the kind of file, so that
#   a WAV and a FLAC of the same floats hold the same samples.
# What happens: in FLAC it is the nearest; in WAV and AIFF it is the next lower one. There the error is up to a whole step, .58
#   of one on average (RMS, 6 dB more than in FLAC), and half a step of it is DC, which each further round of reading,
#   changing and writing adds to; half of all samples are one less than in the FLAC. What fades out below zero ends as a row
#   of -1, not of 0. Floats that were read from such a file and are written again unchanged stay what they are, so a test of
#   that shows nothing.
# Who meets it: who compares files that should be the same, looks for something in the lowest bits, shapes or dithers noise,
#   keeps silence silent, or processes sound in many steps through files. np.rint(x * 32768), clipped, and given as int16, is
#   the nearest in each.
# Versions: soundfile 0.14.0 with libsndfile 1.2.2, NumPy 2.2.6, Python 3.11, 2026-11-29.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check soundfile==0.14.0 numpy==2.2.6
venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import soundfile

RATE = 48_000
sound = np.random.default_rng(0).uniform(-0.5, 0.5, 10 * RATE)
print(f"soundfile {soundfile.__version__}, {soundfile.__libsndfile_version__}")
is_so = []


def written(samples: np.ndarray, kind: str, bits: int) -> np.ndarray:
    """What is in a file of these samples, in steps of so many bits."""
    soundfile.write("sound", samples, RATE, format=kind, subtype=f"PCM_{bits}")
    return soundfile.read("sound", dtype="int32")[0] / 2.0 ** (32 - bits)


for bits in (16, 24):
    steps = sound * 2.0 ** (bits - 1)
    for kind, mean, rms in (("WAV", -0.5, 0.577), ("AIFF", -0.5, 0.577), ("FLAC", 0.0, 0.289)):
        error = written(sound, kind, bits) - steps
        found = error.mean(), np.sqrt((error**2).mean())
        print(f"{kind}, {bits} bits: error {error.min():.2f} to {error.max():.2f} steps, mean {found[0]:.2f}, RMS {found[1]:.2f}")
        is_so.append(np.allclose(found, (mean, rms), atol=0.02))
    differ = (written(sound, "WAV", bits) != written(sound, "FLAC", bits)).mean()
    print(f"samples that differ between WAV and FLAC: {100 * differ:.0f} %")
    is_so.append(0.45 < differ < 0.55)
tail = -0.4 / 32_768 * np.exp(-np.arange(8.0))
for kind, last in (("WAV", -1), ("FLAC", 0)):
    found = written(tail, kind, 16).astype(int)
    print(f"a tail that fades from -.4 of a step on, {kind}, 16 bits: {found.tolist()}")
    is_so.append((found == last).all())
whole = np.arange(-32_768, 32_768) / 32_768
is_so.append((written(whole, "WAV", 16) == whole * 32_768).all())
sys.exit(not all(is_so))
PYTHON
