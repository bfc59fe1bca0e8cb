#!/usr/bin/env bash
# Guess: soundfile has one order of channels: six of them are front left, front right, centre, LFE and the two surrounds, as in
#   WAV and FLAC, so a 5.1 recording gives the same columns from .ogg and .opus as from .flac, and columns written to Ogg come
#   out of the speakers they came from.
# What happens: Ogg Vorbis and Opus have an order of their own (left, centre, right, surrounds, LFE), and soundfile hands it
#   through without a word: column 1 is the centre, 3 and 4 are the surrounds, 5 is the LFE. Written, the column of the right
#   front plays in the centre and the centre's on the right, the LFE's on the left surround, the left surround's on the right
#   one, and the right surround's in the LFE, of which both encoders keep the lowest part alone. A round trip through
#   soundfile keeps the columns, so it does not show the order. ffmpeg gives the order of WAV for each format.
# Who meets it: who takes the voice from column 2 of surround recordings, folds 5.1 to stereo with weights for each column,
#   leaves the LFE out by its number, or compresses a corpus from WAV or FLAC to Ogg.
# Versions: soundfile 0.14.0 (libsndfile 1.2.2), NumPy 2.2.6, ffmpeg 7.0.2 (imageio-ffmpeg 0.6.0) and 5.1.9 alike; 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check soundfile==0.14.0 numpy==2.2.6 imageio-ffmpeg==0.6.0
venv/bin/python - <<'PYTHON'
import subprocess
import sys

import imageio_ffmpeg
import numpy as np
import soundfile

RATE = 48_000
TONES = {300: "FL", 500: "FR", 700: "FC", 60: "LFE", 1100: "SL", 1300: "SR"}  # Hz: which speaker has it


def places(path: str) -> list[str]:
    """Whose tone each column has; "-" where none is left."""
    samples, rate = soundfile.read(path)
    spectra = np.abs(np.fft.rfft(samples * np.hanning(len(samples))[:, None], axis=0))
    loudest = [round(int(column.argmax()) * rate / len(samples)) for column in spectra.T]
    return [TONES.get(hertz, "-") if column.max() > 100 else "-" for hertz, column in zip(loudest, spectra.T)]


def ffmpeg(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments], check=True)


print(f"soundfile {soundfile.__version__}, {soundfile.__libsndfile_version__}, ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}")
time = np.arange(2 * RATE) / RATE
wav_order = list(TONES.values())
soundfile.write("in.wav", np.stack([0.2 * np.sin(2 * np.pi * hertz * time) for hertz in TONES], 1), RATE)
found = {}
for name, codec in (("flac", "flac"), ("ogg", "libvorbis"), ("opus", "libopus")):
    ffmpeg("-channel_layout", "5.1", "-i", "in.wav", "-c:a", codec, f"read.{name}")
    ffmpeg("-i", f"read.{name}", "read.wav")
    found[f"{name} by ffmpeg, read by soundfile"] = places(f"read.{name}")
    found[f"{name} by ffmpeg, read by ffmpeg"] = places("read.wav")
samples, _ = soundfile.read("in.wav")
for name, format, subtype in (("flac", "FLAC", "PCM_16"), ("ogg", "OGG", "VORBIS"), ("opus", "OGG", "OPUS")):
    soundfile.write(f"written.{name}", samples, RATE, format=format, subtype=subtype)
    ffmpeg("-i", f"written.{name}", "written.wav")
    found[f"{name} by soundfile, read by ffmpeg"] = places("written.wav")
for how, order in found.items():
    print(f"{how}: {' '.join(order)}")
as_read = ["FL", "FC", "FR", "SL", "SR", "LFE"]
as_written = ["FL", "FC", "FR", "-", "LFE", "SL"]  # the right surround's tone has gone into the LFE, which has no treble
expected = {how: wav_order for how in found}
expected |= {f"{name} by ffmpeg, read by soundfile": as_read for name in ("ogg", "opus")}
expected |= {f"{name} by soundfile, read by ffmpeg": as_written for name in ("ogg", "opus")}
sys.exit(found != expected)
PYTHON
