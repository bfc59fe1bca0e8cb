#!/usr/bin/env bash
# soundfile reads the first link of a chained Ogg file and says that this is all.
#
# Guess before looking: an Ogg file of three links (RFC 3533, section 4: "chaining"; what `cat a.opus b.opus` makes, and what
# Internet radio records) is read to its end, or refused.
# What happens: `soundfile.info` gives the length of the first link and `soundfile.read` returns it, without an error or a
# warning; the rest of the recording is gone.
# Who meets it: whoever reads recordings of streams, or Ogg files that were joined, through soundfile.
# Versions: soundfile 0.14.0 with its libsndfile 1.2.2, NumPy 2.2.6; Python 3.11; 2026-11-27.
# Exit status: 0 while it is so, 1 when it has changed.
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

print(f"soundfile {soundfile.__version__}, libsndfile {soundfile.__libsndfile_version__}")
tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
is_so = []
for subtype in ("OPUS", "VORBIS"):
    links = []
    for _ in range(3):
        soundfile.write("one.ogg", tone, 48_000, format="OGG", subtype=subtype)
        with open("one.ogg", "rb") as file:
            links.append(file.read())
    assert len({link[14:18] for link in links}) == 3  # serial numbers, which differ in a valid chain
    with open("three.ogg", "wb") as file:
        file.write(b"".join(links))
    announced = soundfile.info("three.ogg").frames
    samples, _ = soundfile.read("three.ogg")
    print(f"{subtype}: three links of 1 s each: announced {announced / 48_000:g} s, read {len(samples) / 48_000:g} s")
    is_so.append(announced == len(samples) == 48_000)
sys.exit(0 if all(is_so) else 1)
PYTHON
