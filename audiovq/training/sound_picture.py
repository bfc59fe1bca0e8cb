"""Pictures of sounds: spectrograms above each other, and how good a model was after how many minutes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from latentmix.files import replace_file

from .sound_quality import Look

WINDOW = 2048
LOWEST, HIGHEST = 40.0, 16_000.0  # Hz that are shown, in the logarithm
ROWS = 256
DEPTH = 80.0  # dB


def log_spectrogram(x: np.ndarray, sample_rate: int, hop: int) -> np.ndarray:
    """Samples (T,) -> dB below the loudest (ROWS, N), from low to high."""
    padded = np.pad(x.astype(np.float64), WINDOW // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop] * np.hanning(WINDOW)
    level = 20.0 * np.log10(np.abs(np.fft.rfft(windows)) + 1e-9)
    at = np.geomspace(LOWEST, min(HIGHEST, sample_rate / 2), ROWS) * WINDOW / sample_rate
    rows = level[:, np.minimum(np.rint(at).astype(int), level.shape[1] - 1)].T
    return np.clip(rows - rows.max(initial=-200.0), -DEPTH, 0.0)


def draw_spectrograms(path: Path, sounds: Sequence[tuple[str, np.ndarray]], sample_rate: int, columns: int = 1) -> None:
    """Write a PNG of sounds (title, samples (T,)), row by row; the file is whole or not there."""
    replace_file(path, spectrograms_png(sounds, sample_rate, columns))


def spectrograms_png(sounds: Sequence[tuple[str, np.ndarray]], sample_rate: int, columns: int = 1) -> bytes:
    """The bytes of a PNG, as `draw_spectrograms` writes it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    rows = -(-len(sounds) // columns)
    figure = Figure(figsize=(3.2 * columns + 0.6, 1.7 * rows + 0.5), layout="constrained")
    for number, (title, x) in enumerate(sounds, start=1):
        axes = figure.add_subplot(rows, columns, number)
        seconds = len(x) / sample_rate
        picture = log_spectrogram(x, sample_rate, max(1, len(x) // 400))
        axes.imshow(picture, origin="lower", aspect="auto", cmap="magma", extent=(0.0, seconds, 0.0, 1.0))
        octaves = [100.0, 1000.0, 10_000.0]
        top = min(HIGHEST, sample_rate / 2)
        axes.set_yticks([np.log(f / LOWEST) / np.log(top / LOWEST) for f in octaves], ["100 Hz", "1 kHz", "10 kHz"])
        axes.set_title(title, fontsize=8)
        axes.tick_params(labelsize=6)
    return _png(figure)


def draw_example(path: Path, real: np.ndarray, made: np.ndarray, sample_rate: int) -> None:
    """Pieces (B, T) as they were, above them as the model makes them."""
    count = len(real)
    sounds = [("recorded", x) for x in real] + [("by the model", x) for x in made]
    draw_spectrograms(path, sounds, sample_rate, columns=count)


def draw_quality(path: Path, quality: Sequence[Look]) -> None:
    """Spectral distance against minutes of training, of the latent as it is and through the codebooks."""
    minutes = [each.minutes for each in quality]
    curves = {
        "continuous latent": (minutes, [each.continuous for each in quality]),
        "through the codebooks": (minutes, [each.coded for each in quality]),
    }
    draw_curves(path, curves, "minutes of training")


def draw_curves(path: Path, curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], along: str) -> None:
    """Write a PNG of curves by name, each (places, spectral distances in dB); `along` says what the places are."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.0), layout="constrained")
    axes = figure.add_subplot()
    for name, (places, distances) in curves.items():
        axes.plot(places, distances, marker=".", label=name)
    axes.set_xlabel(along)
    axes.set_ylabel("spectral distance, dB")
    axes.legend()
    axes.grid(alpha=0.3)
    replace_file(path, _png(figure))


def _png(figure: object) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image)
    return image.getvalue()
