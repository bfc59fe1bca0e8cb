"""Write examples/speech.flac: a few sentences of our own, spoken by espeak-ng, so that no recording is needed.

    python scripts/make/make_speech_example.py [FILE]

Needs the program espeak-ng (Debian: apt install espeak-ng). The file in the repository is from version 1.51; another
version may speak a little differently.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

from audiovq.dsp.resampling import resampled

SAMPLE_RATE = 16_000
WORDS_A_MINUTE = 150
# voice, pitch (0 to 99) and what it says
LINES = (
    ("en-gb", 45, "This is a short piece of speech, made for the codec to try its teeth on."),
    ("en-us+f3", 60, "A few hundred numbers a second are enough to say it, and to say it again."),
)
PAUSE = 0.35  # seconds


def speak(voice: str, pitch: int, text: str) -> np.ndarray:
    """Samples (n,) float32 at SAMPLE_RATE."""
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(WORDS_A_MINUTE), "--stdout", text]
    said = subprocess.run(command, capture_output=True, check=True).stdout
    samples, rate = soundfile.read(io.BytesIO(said), dtype="float32")
    return np.concatenate(list(resampled([samples[None]], rate, SAMPLE_RATE)), 1)[0]


def main() -> None:
    if shutil.which("espeak-ng") is None:
        sys.exit("make_speech_example.py: expected the program espeak-ng, found none; apt install espeak-ng")
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "examples/speech.flac"
    pause = np.zeros(round(PAUSE * SAMPLE_RATE), np.float32)
    pieces = [piece for line in LINES for piece in (speak(*line), pause)]
    samples = np.concatenate(pieces[:-1])
    soundfile.write(target, samples * (0.7 / np.abs(samples).max()), SAMPLE_RATE, subtype="PCM_16")
    print(f"{target}: {len(samples) / SAMPLE_RATE:.1f} s, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
