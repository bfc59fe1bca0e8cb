"""What is not speech is told from what is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic_speech import RATE, hiss, vowel

from audiovq.dsp.speech_meter import SPEECH, SpeechMeter

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"


def meter(samples: np.ndarray, block: int = 4000) -> SpeechMeter:
    made = SpeechMeter(RATE)
    for start in range(0, len(samples), block):
        made.add(samples[None, start : start + block].astype(np.float32))
    return made


def syllables_a_second(rate: float) -> np.ndarray:
    x = vowel(120.0, 6.0)
    return x * (0.5 - 0.5 * np.cos(2 * np.pi * rate * np.arange(len(x)) / RATE))


def test_known_modulation_is_measured() -> None:
    """An amplitude of (1 + cos) / 2 has a variance of half its squared mean, all of it at one rate."""
    assert meter(syllables_a_second(4.0)).syllables() == pytest.approx(0.5, rel=0.1)
    assert meter(syllables_a_second(0.5)).syllables() < 0.05
    assert meter(syllables_a_second(15.0)).syllables() < 0.05


@pytest.mark.parametrize("gain", [1.0, 0.003])
def test_speech_has_syllables_at_any_level(gain: float) -> None:
    samples, _ = soundfile.read(EXAMPLE)
    found = meter(gain * samples)
    assert found.syllables() > 2 * SPEECH and not found.notices()


@pytest.mark.parametrize("kind", ["noise", "sung vowel", "chords"])
def test_what_is_no_speech_is_said_with_its_measure(kind: str) -> None:
    time = np.arange(6 * RATE) / RATE
    vibrato = 220.0 * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * time))
    chords = sum(np.sin(2 * np.pi * f * 2 ** (np.floor(time) / 12) * time) for f in (262, 330, 392, 1047, 2093))
    samples = {"noise": hiss(6.0), "sung vowel": vowel(vibrato, 6.0), "chords": 0.05 * chords}[kind]
    (line,) = meter(samples).notices()
    assert "does not sound like speech" in line and "varies by 0." in line


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(5 * RATE), hiss(1.9)])
def test_of_little_or_nothing_nothing_is_said(samples: np.ndarray) -> None:
    found = meter(samples)
    assert found.syllables() is None and not found.notices()


def test_blocks_do_not_matter() -> None:
    samples, _ = soundfile.read(EXAMPLE)
    assert meter(samples, 100).syllables() == pytest.approx(meter(samples, 99_999).syllables(), rel=1e-5)
