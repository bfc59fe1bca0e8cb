#!/usr/bin/env bash
# Guess: `ffmpeg -i array.wav -ac 1` of a plain WAV of 3 to 8 microphones (format 1, which says nothing of speakers) mixes all
#   of them alike, as averaging what soundfile reads does; if ffmpeg does not know what the channels are, it asks.
# What happens: it takes the number of channels for a set of speakers (3: "2.1", 4: "4.0", 6: "5.1", 8: "7.1"), and what is an
#   LFE then is left out: the third of three microphones and the fourth of six to eight are gone, and the third of four or more
#   is twice as loud as the last. A line "Guessed Channel Layout: 2.1" says so, which `-v error`, and a library that decodes by
#   ffmpeg, keep to themselves. `-guess_layout_max 0` makes it refuse instead; `pan` takes weights.
# Who meets it: who makes mono of recordings of arrays, ambisonics or multitrack recorders for speech recognition (common
#   loaders call `ffmpeg -ac 1 -ar 16000`), and misses a speaker who sat at one microphone.
# Versions: ffmpeg 7.0.2 (imageio-ffmpeg 0.6.0) and 5.1.9 alike, NumPy 2.2.6, 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check numpy==2.2.6 imageio-ffmpeg==0.6.0
venv/bin/python - <<'PYTHON'
import subprocess
import sys
import wave

import imageio_ffmpeg
import numpy as np

RATE = 16_000


def weights(microphones: int) -> tuple[list[float], str]:
    """What each microphone is weighted by in the mono that ffmpeg makes, and what it said."""
    hertz = 300 + 200 * np.arange(microphones)
    samples = 1000 * np.sin(2 * np.pi * hertz * np.arange(RATE)[:, None] / RATE)
    with wave.open("array.wav", "wb") as file:
        file.setparams((microphones, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.round().astype("<i2").tobytes())
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-i", "array.wav", "-ac", "1", "-f", "s16le", "-"]
    done = subprocess.run(command, check=True, capture_output=True)
    mono = np.frombuffer(done.stdout, "<i2")
    assert len(mono) == RATE
    said = done.stderr.decode().strip().split("] ")[-1]
    return [round(float(each), 2) for each in abs(np.fft.rfft(mono))[hertz] * 2 / RATE / 1000], said


print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version())
silent = {}
for microphones in (3, 4, 6, 8):
    found, said = weights(microphones)
    print(f"{microphones} microphones are weighted by {found}; it says: {said}")
    silent[microphones] = [place for place, weight in enumerate(found, 1) if weight < 0.01]
    if microphones == 4 and not found[2] > 1.8 * found[3]:
        sys.exit(1)
sys.exit(silent != {3: [3], 4: [], 6: [4], 8: [4]})
PYTHON
