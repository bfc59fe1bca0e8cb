#!/usr/bin/env bash
# Guess: PrettyMIDI.fluidsynth(), which gives one channel, mixes FluidSynth's two: a part has the level that its volume and
#   velocities give it, wherever it is panned, to the 3 dB or so by which pan laws differ.
# What happens: every second of FluidSynth's interleaved samples is taken, and that is the left channel. A part that is panned
#   hard right (CC10 = 127) is 18 dB below the same part hard left, and what is left of it is reverberation; one at 96 of 127
#   is 5 dB below the middle. Soundfonts with stereo samples lose their right half. Nothing is said, and neither the
#   documentation nor the normalization of the result shows it.
# Who meets it: who renders corpora of MIDI files, which pan their parts, to train or test transcription and separation: the
#   parts on the right are next to inaudible, yet they are in the labels.
# Versions: pretty_midi 0.2.11.post0, pyfluidsynth 1.4.0, NumPy 2.2.6, FluidSynth 2.3.1 (Debian 12) and the TimGM6mb that
#   comes with pretty_midi; Python 3.11; 2026-11-29. libfluidsynth3 is installed if it is missing (root).
set -euo pipefail

ldconfig -p | grep -q libfluidsynth.so.3 || { apt-get update -qq && apt-get install -y -qq libfluidsynth3 > /dev/null; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pretty_midi==0.2.11.post0 pyfluidsynth==1.4.0 numpy==2.2.6 setuptools==65.5.0
venv/bin/python -W ignore - <<'PYTHON'
import importlib.resources
import sys

import fluidsynth
import numpy as np
import pretty_midi

RATE = 44_100
FLUTE, PITCH, PAN = 73, 72, 10
SOUNDFONT = importlib.resources.files("pretty_midi") / pretty_midi.fluidsynth.DEFAULT_SF2
print(f"pretty_midi {pretty_midi.__version__}")


def decibels(samples: np.ndarray) -> float:
    return float(10 * np.log10((samples[RATE // 4 : RATE].astype(float) ** 2).mean()))


def by_pretty_midi(pan: int) -> float:
    tune, flute = pretty_midi.PrettyMIDI(), pretty_midi.Instrument(FLUTE)
    flute.control_changes.append(pretty_midi.ControlChange(PAN, pan, 0))
    flute.notes.append(pretty_midi.Note(100, PITCH, 0, 1))
    tune.instruments.append(flute)
    return decibels(tune.fluidsynth(fs=RATE, normalize=False))


def by_fluidsynth(pan: int) -> tuple[float, float, float]:
    """Of the same note: the left channel, the right one, and both."""
    synth = fluidsynth.Synth(samplerate=float(RATE))
    synth.program_select(0, synth.sfload(str(SOUNDFONT)), 0, FLUTE)
    synth.cc(0, PAN, pan)
    synth.noteon(0, PITCH, 100)
    left, right = synth.get_samples(RATE).reshape(-1, 2).T.astype(float)
    synth.delete()
    return decibels(left), decibels(right), decibels((left + right) / 2)


middle = by_pretty_midi(64)
middles = by_fluidsynth(64)
found = {}
for pan in (0, 96, 127):
    found[pan] = by_pretty_midi(pan) - middle
    left, right, both = (level - at_middle for level, at_middle in zip(by_fluidsynth(pan), middles))
    print(f"pan {pan}: pretty_midi {found[pan]:+.1f} dB; FluidSynth left {left:+.1f}, right {right:+.1f}, both {both:+.1f} (against the middle)")
is_so = found[127] - found[0] < -15 and -7 < found[96] < -3
sys.exit(not is_so)
PYTHON
