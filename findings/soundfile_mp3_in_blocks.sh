#!/usr/bin/env bash
# Guess: soundfile.blocks(), or SoundFile.read(n) again and again, gives the same samples of an MP3 file as soundfile.read(),
#   only in pieces.
# What happens: after each read of a file that can seek soundfile seeks to where it already is. libmpg123, inside libsndfile,
#   then begins anew, a few frames before; but frames of MP3 lean on up to 511 bytes of those before them, which are many
#   frames where these are small: at variable rates, after silence. Up to some 40 ms after such a place are left out or
#   wrong, at full level, and the shorter the blocks, the more often: of this input a quarter in blocks of 1,024. Nothing
#   is said. The file read whole is right, and so are blocks where seekable() says no. WAV, FLAC and Ogg are the same either way.
# Who meets it: who streams MP3 files that are too long for memory: soundfile.blocks, librosa.stream, loaders of datasets that
#   read a recording in pieces, players.
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
rng = np.random.default_rng(1)
levels = np.repeat(10.0 ** -rng.uniform(0.0, 5.0, 80), RATE // 10)  # noise whose level changes ten times a second
sound = (0.1 * levels * rng.standard_normal(len(levels))).clip(-1.0, 1.0)
print(f"soundfile {soundfile.__version__}, {soundfile.__libsndfile_version__}")


class ReadOnce(soundfile.SoundFile):
    """A file of which soundfile believes that it cannot seek."""

    def seekable(self) -> bool:
        return False


def in_blocks(file: soundfile.SoundFile, size: int) -> np.ndarray:
    """All of a file, read in pieces."""
    found = []
    with file:
        while len(piece := file.read(size)):
            found.append(piece)
    return np.concatenate(found)


is_so = []
for kind, mode in (("MP3", "VARIABLE"), ("MP3", "CONSTANT"), ("FLAC", None)):
    options = {} if mode is None else {"bitrate_mode": mode, "compression_level": 0.9}
    soundfile.write("sound", sound, RATE, format=kind, **options)
    whole, _ = soundfile.read("sound")
    for size in (1_024, 4_096, 65_536):
        wrong = {}
        for name, read in (("seekable", soundfile.SoundFile), ("not seekable", ReadOnce)):
            difference = np.abs(in_blocks(read("sound"), size) - whole)
            wrong[name] = int((difference > 1e-3).sum())
        print(f"{kind} {mode or ''} in blocks of {size}: samples that are off by more than .001 of full scale: {wrong}")
        is_so.append(wrong["not seekable"] == 0)
        is_so.append((wrong["seekable"] > 0) == (kind == "MP3") or size > 4_096)
sys.exit(not all(is_so))
PYTHON
