#!/usr/bin/env bash
# Guess: `ffmpeg -i stereo -ac 1` makes one mono of a file, (L + R) / 2, and what it is written as changes its level by no more
#   than rounding: WAV of 16 bits, WAV of floats, FLAC, MP3 and AAC of it are equally loud.
# What happens: the mix is (L + R) / 2 where the samples that come out of it are integers, and (L + R) / sqrt(2), 3 dB louder,
#   where they are floats: that is for an encoder that takes floats alone (AAC, Vorbis, WAV of floats) always, and for one that
#   takes both (MP3, Opus) where the source was decoded to floats (from AAC, MP3 or WAV of floats, not from WAV of 16 bits). A
#   voice that is alike on both channels at full scale is 1.41 of full scale then: AAC and Vorbis are clipped where they are
#   played, and nothing is said. `-af pan=mono|c0=.5*c0+.5*c1` mixes alike for all.
# Who meets it: who makes mono of a corpus and compares or mixes its formats, normalizes by a level that was measured on
#   another, or takes floats from a library that mixes by libswresample and integers from the command line (PyAV 18.1.0, with
#   FFmpeg 8, has 0.707 for each channel, too).
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

import imageio_ffmpeg
import numpy as np

RATE = 48_000
OUTPUTS = {  # name -> its encoder
    "s16.wav": "pcm_s16le",
    "x.flac": "flac",
    "f32.wav": "pcm_f32le",
    "x.m4a": "aac",
    "x.ogg": "libvorbis",
    "x.mp3": "libmp3lame",
    "x.opus": "libopus",
}


def ffmpeg(*arguments: str, data: bytes = b"") -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    return subprocess.run(command, check=True, input=data, stdout=subprocess.PIPE).stdout


def level(path: str) -> float:
    """Of the tone of 440 Hz, 1 where it is as loud as on each channel of the source; with as many channels as there are."""
    samples = np.frombuffer(ffmpeg("-i", path, "-f", "f32le", "-"), np.float32)[RATE // 2 : RATE * 3 // 2]
    return float(abs(np.fft.rfft(samples)[440])) * 2 / RATE / 0.3


print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version())
tone = np.float32(0.3 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE))
both = np.stack([tone, tone], 1).tobytes()
ffmpeg("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "-", "-c:a", "pcm_s16le", "in16.wav", data=both)
ffmpeg("-f", "f32le", "-ar", str(RATE), "-ac", "2", "-i", "-", "-c:a", "aac", "-b:a", "256k", "in.m4a", data=both)
is_louder = {}
for source in ("in16.wav", "in.m4a"):
    for name, encoder in OUTPUTS.items():
        levels = []
        for mix in (["-ac", "1"], ["-af", "pan=mono|c0=.5*c0+.5*c1"]):
            ffmpeg("-i", source, *mix, "-c:a", encoder, name)
            levels.append(level(name))
        print(f"{source} -> {name} ({encoder}): {levels[0]:.2f} by -ac 1, {levels[1]:.2f} by pan")
        is_louder[source, name] = 1.3 < levels[0] < 1.5
        if not (is_louder[source, name] or 0.9 < levels[0] < 1.1) or not 0.9 < levels[1] < 1.1:
            sys.exit(1)
louder = {"f32.wav", "x.m4a", "x.ogg"}
expected = {("in16.wav", name): name in louder for name in OUTPUTS}
expected |= {("in.m4a", name): name in louder | {"x.mp3", "x.opus"} for name in OUTPUTS}
sys.exit(is_louder != expected)
PYTHON
