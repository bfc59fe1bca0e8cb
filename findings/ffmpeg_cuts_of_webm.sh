#!/usr/bin/env bash
# Guess: `ffmpeg -ss T -t D -i x` decodes the D seconds that begin T seconds after the first sample of the whole decode, in
#   WebM and Matroska as in Ogg, or but for the millisecond to which these round: ffmpeg's manual calls seeking with decoding
#   accurate, and pieces that were cut one after another join to the whole.
# What happens: the 6.5 ms of pre-skip, which the decode of the whole leaves out, count as time in WebM and Matroska. A cut of
#   Opus there is 7 to 8 ms early (of Vorbis 3), with -ss before -i, after it, and by atrim. Where it falls on a cluster, -ss
#   before -i is on time, or with packets of 60 ms 40 ms late; and one from the beginning is 6.5 ms short. So pieces repeat or
#   lack some milliseconds at their joints. The same packets in Ogg, and FLAC in Matroska, are cut to the sample.
# Who meets it: who cuts recordings from the web into pieces, at labelled times or at beats, for training, for alignment or to
#   be played without gaps, and who cuts the same times from two tracks of which one is WebM.
# Versions: ffmpeg 7.0.2 (imageio-ffmpeg 0.6.0); 5.1.9 likewise, but for 24 samples; NumPy 2.2.6, 2026-11-28.
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
FORMAT = ["-f", "f32le", "-ar", str(RATE), "-ac", "1"]
TIMES = (0.5, 5, 7.77, 12.34)  # seconds; ffmpeg begins a cluster every 5


def ffmpeg(*arguments: str, data: bytes = b"") -> np.ndarray:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments]
    return np.frombuffer(subprocess.run(command, check=True, input=data, stdout=subprocess.PIPE).stdout, np.float32)


def lateness(whole: np.ndarray, cut: np.ndarray, second: float) -> int:
    """How many samples later in the whole decode a cut is than where it was asked for; by its samples 3000 to 8000."""
    place = round(second * RATE) + 3000
    return int(np.argmax(np.correlate(whole[place - 3000 : place + 8000], cut[3000:8000], "valid"))) - 3000


print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version())
noise = 0.1 * np.random.default_rng(1).standard_normal(20 * RATE).astype(np.float32)
ways = {
    "-ss before -i": lambda path, second: ["-ss", str(second), "-i", path],
    "-ss after -i": lambda path, second: ["-i", path, "-ss", str(second)],
    "atrim": lambda path, second: ["-i", path, "-af", f"atrim=start={second}"],
}
found, lengths = {}, {}
for name, encoder in {
    "x.opus": ["libopus"],
    "x.webm": ["libopus"],
    "60ms.webm": ["libopus", "-frame_duration", "60"],
    "vorbis.webm": ["libvorbis"],
    "flac.mka": ["flac"],
}.items():
    ffmpeg(*FORMAT, "-i", "-", "-c:a", *encoder, name, data=noise.tobytes())
    whole = ffmpeg("-i", name, "-f", "f32le", "-")
    assert len(whole) == len(noise)
    lengths[name] = len(ffmpeg("-i", name, "-t", "5", "-f", "f32le", "-")) - 5 * RATE
    print(f"{name}: the first 5 s are {lengths[name]:+} samples long; how late a cut is, in samples:")
    for way, arguments in ways.items():
        cuts = [lateness(whole, ffmpeg(*arguments(name, second), "-f", "f32le", "-"), second) for second in TIMES]
        print(f"    {way}: {', '.join(f'{cut:+} at {second} s' for cut, second in zip(cuts, TIMES))}")
        found[name, way] = cuts
is_so = all(not any(found[name, way]) and not lengths[name] for name in ("x.opus", "flac.mka") for way in ways)
for name in ("x.webm", "60ms.webm"):
    is_so &= all(-400 < cut < -300 for way in ways for cut, second in zip(found[name, way], TIMES) if second != 5)
is_so &= abs(found["x.webm", "-ss before -i"][1]) < 48 and found["60ms.webm", "-ss before -i"][1] > 1800
is_so &= lengths["x.webm"] == -312
is_so &= all(-170 < cut < -100 for way in ways for cut, second in zip(found["vorbis.webm", way], TIMES) if second != 5)
sys.exit(not is_so)
PYTHON
