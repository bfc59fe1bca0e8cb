#!/usr/bin/env bash
# Guess: pedalboard.Reverb(dry_level=1, wet_level=0) gives its input back, as `mix=0` of Chorus, Phaser and Delay does: levels of 0 to 1
#   are shares, and what is dry passes at its level.
# What happens: it gives twice the input (+6.02 dB), sample by sample; dry_level=0.5 gives it back. The default of .4 passes the dry
#   sound at .8. Nothing is said; the class's page gives the defaults alone.
# Who meets it: who sets dry to 1 to add room to a voice or an instrument and finds it clipped, or 6 dB over the take beside it; who
#   augments a corpus by random wet levels at a fixed dry one and compares levels; who bypasses by wet_level=0.
# Versions: pedalboard 0.9.26 on Linux, NumPy 2.2.6, Python 3.11, 2026-11-29.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pedalboard==0.9.26 numpy==2.2.6
venv/bin/python - <<'PYTHON'
import sys

import numpy as np
import pedalboard

RATE = 48_000
sound = np.random.default_rng(0).normal(scale=0.1, size=(2, RATE)).astype(np.float32)


def times(effect: pedalboard.Plugin) -> float:
    """By how much what comes out is larger than what goes in, if it is nothing else; NaN if it is."""
    made = effect(sound, RATE)[:, RATE // 2 :]
    given = sound[:, RATE // 2 :]
    factor = float((made * given).sum() / np.square(given).sum())
    return factor if np.abs(made - factor * given).max() < 1e-3 else float("nan")


print("pedalboard", pedalboard.__version__)
found = {dry: times(pedalboard.Reverb(dry_level=dry, wet_level=0.0)) for dry in (1.0, 0.5, 0.4)}
for dry, factor in found.items():
    print(f"  Reverb(dry_level={dry}, wet_level=0): {factor:.3f} times the input")
others = {effect.__name__: times(effect(mix=0.0)) for effect in (pedalboard.Chorus, pedalboard.Phaser, pedalboard.Delay)}
for name, factor in others.items():
    print(f"  {name}(mix=0): {factor:.3f} times the input")
same = all(abs(factor - 2 * dry) < 0.01 for dry, factor in found.items())
same &= all(abs(factor - 1) < 0.01 for factor in others.values())
print("as seen" if same else "behaves differently now")
sys.exit(0 if same else 1)
PYTHON
