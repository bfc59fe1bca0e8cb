#!/usr/bin/env bash
# Guess: pedalboard.Convolution(h, mix=1) gives x convolved with h: a unit impulse gives x back, and an impulse response that
#   is twice as loud gives twice as much.
# What happens: the response is scaled so that the sum of its squares is 1/64, whatever it was: a unit impulse comes back at
#   0.125 (18 dB down), so does one of 2 and one of 0.01, and of two measured rooms the far one gets as loud as the near one.
#   Apart from this factor the result is the convolution to 1e-6. mix=0.5 means 4 parts of the dry sound and half a part of
#   the wet for that reason. The documentation does not speak of it, and nothing turns it off; multiplying the result by
#   8 * sqrt(sum(h ** 2)) undoes it.
# Who meets it: who puts speech or instruments into measured rooms to train on (the ratio of direct sound to reverberation
#   stays, the level and what two positions have to each other does not), adds a wet part to a dry one, and compares with SciPy.
# Versions: pedalboard 0.9.26, NumPy 2.2.6, Python 3.11, 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import pedalboard

RATE = 48_000
random = np.random.default_rng(0)
sound = (0.1 * random.standard_normal(RATE)).astype(np.float32)
unit = np.eye(1, 1000, dtype=np.float32)[0]
room = (random.standard_normal(RATE // 2) * 0.5 ** (np.arange(RATE // 2) / 2000)).astype(np.float32)
responses = {
    "unit impulse": unit,
    "impulse of 2": 2 * unit,
    "impulse of 0.01": unit / 100,
    "room": room,
    "room from afar (a tenth)": room / 10,
    "two impulses": unit + np.roll(unit, 500),
}
print(f"pedalboard {pedalboard.__version__}, NumPy {np.__version__}")
is_so = []
for name, response in responses.items():
    found = pedalboard.Convolution(response, mix=1.0, sample_rate=RATE)(sound, RATE)
    right = np.fft.irfft(np.fft.rfft(sound, 2 * RATE) * np.fft.rfft(response, 2 * RATE))[:RATE]
    factor = float(found @ right / (right @ right))
    expected = 1 / (8 * np.sqrt(np.sum(np.float64(response) ** 2)))
    rest = float(np.abs(found - factor * right).max() / np.abs(found).max())
    print(f"{name}: {factor:.4f} of the convolution (1 / (8 sqrt(sum(h**2))) is {expected:.4f}), but for {rest:.0e}")
    is_so.append(abs(factor / expected - 1) < 0.01 and rest < 1e-4)
half = pedalboard.Convolution(unit, mix=0.5, sample_rate=RATE)(sound, RATE)
print(f"unit impulse with mix=0.5: {float(half @ sound / (sound @ sound)):.4f} of the sound")
is_so.append(abs(float(half @ sound / (sound @ sound)) - 0.5625) < 0.01)
sys.exit(not all(is_so))
PYTHON
