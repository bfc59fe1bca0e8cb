"""Write the sounds in `examples/`: a reed, a bell and a breath, synthesized, each of a note that changes as it goes on.

scripts/run python scripts/make/make_sound_examples.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 48_000
SECONDS = 2.0
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TIME = np.arange(round(SECONDS * RATE)) / RATE


def envelope(attack: float, release: float) -> np.ndarray:
    """Rises within seconds, falls at the end."""
    return np.minimum(1.0, TIME / attack) * np.clip((SECONDS - TIME) / release, 0.0, 1.0)


def phase(hertz: float, cents: float = 0.0, rate: float = 5.2) -> np.ndarray:
    """Radians of a tone with a vibrato that comes after half a second."""
    depth = cents * np.clip(TIME - 0.5, 0.0, 0.5) * 2.0
    return 2.0 * np.pi * np.cumsum(hertz * 2.0 ** (depth / 1200.0 * np.sin(2.0 * np.pi * rate * TIME))) / RATE


def reed() -> np.ndarray:
    """Odd harmonics above all, as of a closed pipe; brighter as it swells."""
    angle, swell = phase(233.08, 18.0), 0.6 + 0.4 * np.sin(np.pi * TIME / SECONDS)
    tones = [swell ** (0.3 * k) * (1.0 if k % 2 else 0.25) / k**0.9 * np.sin(k * angle) for k in range(1, 40)]
    return np.sum(tones, 0) * envelope(0.06, 0.15)


def bell() -> np.ndarray:
    """Harmonics that are struck and die away, the higher the sooner."""
    angle = phase(466.16)
    tones = [np.exp(-TIME * (0.9 + 0.55 * k)) / k**0.5 * np.sin(k * angle) for k in (1, 2, 3, 5, 7, 10, 14)]
    return np.sum(tones, 0) * envelope(0.003, 0.3)


def breath(generator: np.random.Generator) -> np.ndarray:
    """Noise through a pipe, with a soft tone in it."""
    noise = np.fft.rfft(generator.standard_normal(len(TIME)))
    hertz = np.fft.rfftfreq(len(TIME), 1.0 / RATE)
    shape = sum(
        np.exp(-(((hertz - f) / w) ** 2)) * a for f, w, a in ((700, 250, 1.0), (2200, 700, 0.5), (5500, 2500, 0.2))
    )
    air = np.fft.irfft(noise * shape, len(TIME))
    angle = phase(349.23, 10.0, 4.5)
    tone = np.sin(angle) + 0.3 * np.sin(2.0 * angle) + 0.1 * np.sin(3.0 * angle)
    return (air / np.abs(air).max() * 0.8 + 0.35 * tone) * envelope(0.15, 0.4)


def main() -> None:
    for name, made in (("reed", reed()), ("bell", bell()), ("breath", breath(np.random.default_rng(0)))):
        x = 0.6 * made / np.abs(made).max()
        soundfile.write(EXAMPLES / f"{name}.flac", x.astype(np.float32), RATE, "PCM_16")


if __name__ == "__main__":
    main()
