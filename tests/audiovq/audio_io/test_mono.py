"""A recording as one channel at one rate: what is told of it, also where only its beginning is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic_speech import RATE, vowel

from audiovq.audio_io.mono import read_mono


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_of_a_beginning_it_is_told_what_is_told_of_a_whole(rate: int, tmp_path: Path) -> None:
    """Channels that were mixed, and samples that were clipped."""
    path, told = tmp_path / "long.wav", list[str]()
    voice = np.resize(vowel(120.0, 2.0), 3 * rate) * 1.5 / np.abs(vowel(120.0, 2.0)).max()
    soundfile.write(path, np.stack([voice, voice], 1), rate, subtype="FLOAT")
    assert len(read_mono(path, RATE, tell=told.append, first=2.0)) == 2 * RATE
    assert sum("2 channels are mixed to one" in line for line in told) == 1
    assert sum("above full scale" in line for line in told) == 1
    assert sum("only its first 2 s are taken" in line for line in told) == 1
    assert all(line.startswith(f"{path}: ") for line in told)


@pytest.mark.parametrize("rate", [RATE, 44_100])
def test_a_recording_of_just_the_length_that_is_taken_is_taken_whole(rate: int, tmp_path: Path) -> None:
    path, told = tmp_path / "whole.wav", list[str]()
    soundfile.write(path, np.resize(vowel(120.0, 2.0), 2 * rate), rate)
    assert len(read_mono(path, RATE, tell=told.append, first=2.0)) == 2 * RATE
    assert told == []
