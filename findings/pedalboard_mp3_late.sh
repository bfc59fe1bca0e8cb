#!/usr/bin/env bash
# Guess: what pedalboard.io.AudioFile writes as MP3 and reads again begins where it began, as WAV, FLAC and Ogg Vorbis by it do:
#   its encoder writes the tag of LAME that says how many samples the encoder put before and after, and a file reads the same by
#   pedalboard, soundfile, miniaudio, PyAV and ffmpeg.
# What happens: the tag is written, and the others obey it: 60,000 samples come back as 60,000, in place. pedalboard itself does
#   not: it gives 62,208, the first 1,105 of them (25 ms) ahead of the sound, of its own files, of soundfile's and of ffmpeg's, and
#   `frames` tells 62,208 with exact_duration_known true. Nothing is said. Each further round trip adds 25 ms and 50 ms.
# Who meets it: who reads a corpus of MP3s by pedalboard and its labels (onsets, words, beats) were made by another reader, who
#   compares it to the source sample by sample, loops it, or lays stems over each other of which some are MP3.
# Versions: pedalboard 0.9.26 on Linux, soundfile 0.14.0 with libsndfile 1.2.2, miniaudio 1.71, PyAV 18.1.0, NumPy 2.2.6,
#   Python 3.11, 2026-11-29.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pedalboard==0.9.26 soundfile==0.14.0 miniaudio==1.71 av==18.1.0 numpy==2.2.6
venv/bin/python - <<'PYTHON'
import sys
from collections.abc import Callable
from pathlib import Path

import av
import miniaudio
import numpy as np
import pedalboard
import soundfile

RATE, LENGTH, DELAY = 44_100, 60_000, 1_105
noise = np.random.default_rng(0).normal(scale=0.2, size=LENGTH)
sound = np.convolve(noise, np.hanning(16) / 8, "same").astype(np.float32)


def by_pedalboard(path: str) -> np.ndarray:
    with pedalboard.io.AudioFile(path) as file:
        samples = file.read(file.frames)
        print(f"  pedalboard: frames {file.frames}, exact_duration_known {file.exact_duration_known}")
    return samples[0]


def by_soundfile(path: str) -> np.ndarray:
    return soundfile.read(path)[0]


def by_miniaudio(path: str) -> np.ndarray:
    return np.array(miniaudio.decode_file(path, miniaudio.SampleFormat.FLOAT32, 1, RATE).samples)


def by_pyav(path: str) -> np.ndarray:
    with av.open(path) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


def place(decoded: np.ndarray) -> tuple[int, int]:
    """How many samples came back, and how much later the sound is in them."""
    size = 1 << 18
    match = np.fft.irfft(np.fft.rfft(decoded, size) * np.conj(np.fft.rfft(sound, size)), size)
    late = int(match.argmax())
    return len(decoded), late if late < size // 2 else late - size


READERS: dict[str, Callable[[str], np.ndarray]] = {
    "pedalboard": by_pedalboard, "soundfile": by_soundfile, "miniaudio": by_miniaudio, "PyAV": by_pyav,
}  # fmt: skip
print(f"pedalboard {pedalboard.__version__}, soundfile {soundfile.__version__}, miniaudio {miniaudio.__version__}, PyAV {av.__version__}")
is_so = []
for kind in ("mp3", "ogg", "flac"):
    with pedalboard.io.AudioFile(f"pedalboard.{kind}", "w", RATE, 1) as file:
        file.write(sound[np.newaxis])
soundfile.write("soundfile.mp3", sound, RATE)
is_so.append(b"LAME" in Path("pedalboard.mp3").read_bytes()[:1000])
for path in ("pedalboard.mp3", "soundfile.mp3"):
    print(f"{path}, {LENGTH} samples:")
    for name, read in READERS.items():
        length, late = place(read(path))
        print(f"  {name}: {length} samples, {late} late")
        is_so.append((length, late) == ((62_208, DELAY) if name == "pedalboard" else (LENGTH, 0)))
for path in ("pedalboard.ogg", "pedalboard.flac"):
    print(f"{path}:")
    is_so.append(place(by_pedalboard(path)) == (LENGTH, 0))
sys.exit(not all(is_so))
PYTHON
