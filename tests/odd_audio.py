"""Audio files that are odd in some way: what is in them, what writes them, and whether what is read is the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic_speech import RATE, vowel

from audiovq.audio_io.reader import AudioSource, open_source

SECONDS = 3
VOWELS = np.concatenate([vowel(110.0, 1.0), vowel(150.0, 1.0, "i"), vowel(200.0, 1.0, "u")])
SPEECH = VOWELS * np.abs(np.sin(4.0 * np.linspace(0.0, SECONDS, len(VOWELS)) ** 1.5)).astype(np.float32)


def read(path: Path | str) -> tuple[np.ndarray, AudioSource]:
    with open_source(path) as source:
        return np.concatenate(list(source.blocks), 1), source


def encoded(path: Path, samples: np.ndarray = SPEECH, rate: int = RATE, **given: object) -> bytes:
    soundfile.write(path, samples, rate, **given)
    return path.read_bytes()


def level(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(x[: len(x) // 800 * 800]).reshape(-1, 800).mean(1))


def is_speech(found: np.ndarray, expected: np.ndarray) -> bool:
    """Whether one is the other, as their levels over time say, but for a delay of up to 0.4 s."""
    a, b = np.pad(level(found), (4, 4)), level(expected)
    return max(np.corrcoef(a[late : late + len(b)], b[: len(a) - late])[0, 1] for late in range(13)) > 0.9


def tool(name: str) -> str:
    if shutil.which(name) is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"expected CI to have installed {name}")
        pytest.skip(f"{name} is not installed")
    return name


def run(command: str, folder: Path) -> None:
    subprocess.run(command, shell=True, cwd=folder, check=True, stderr=subprocess.DEVNULL)
