"""Grooves -> a picture: a strip of drum grids, hits darker the harder they are, and off the grid as they are played."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import numpy as np

from latentmix.files import replace_file

from .drums.groove import FULL, Groove
from .drums.kit import INSTRUMENTS
from .piano_roll import BAR_LINE, BEAT_LINE, DOTS_AN_INCH, INK, LINE_COLOURS

MAX_PANELS, COLUMNS, MAX_STEPS = 48, 3, 256  # drawn; of more grooves an even choice with both ends
ROW, WIDTH = 1.5, 14.0  # inches


def drums_to_png(
    path: str | os.PathLike[str],
    grooves: Sequence[Groove],
    labels: Sequence[str],
    title: str = "",
    columns: int | None = None,
) -> None:
    """Draw grooves, a panel each, a row for each instrument from the kick upwards.

    Args:
        path: of the PNG.
        grooves: at least one.
        labels: above the panels, as many.
        title: above all; it says so where not all are drawn.
        columns: panels in a row, where all are drawn; three or fewer if None.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    chosen = np.unique(np.linspace(0, len(grooves) - 1, min(len(grooves), MAX_PANELS)).round().astype(int)).tolist()
    if len(chosen) < len(grooves):
        title = f"{title} ({len(chosen)} of {len(grooves)} shown)".strip()
    across = min(columns if columns and len(chosen) == len(grooves) else COLUMNS, len(chosen))
    down = -(-len(chosen) // across)
    figure = Figure((WIDTH, ROW * down + 0.5), dpi=DOTS_AN_INCH, layout="constrained")
    figure.suptitle(title, color=INK)
    names = [name.replace("_", " ") for name in INSTRUMENTS]
    colours = LinearSegmentedColormap.from_list("line", LINE_COLOURS)(np.linspace(0.0, 1.0, len(grooves)))
    for place, index in enumerate(chosen, start=1):
        groove = grooves[index]
        axes = figure.add_subplot(down, across, place)
        steps = min(len(groove.velocities), MAX_STEPS)
        for step in range(0, steps + 1, 4):
            axes.axvline(step, color=BAR_LINE if step % groove.steps_per_bar == 0 else BEAT_LINE, lw=0.8, zorder=0)
        notes = np.array([note for note in groove.notes() if note[0] < steps] or np.zeros((0, 3)))
        rgba = np.tile(colours[index], (len(notes), 1))
        rgba[:, 3] = 0.15 + 0.85 * notes[:, 2] / FULL
        axes.scatter(notes[:, 0], notes[:, 1], s=22, marker="s", color=rgba, linewidths=0)
        axes.set(xlim=(-1, steps), ylim=(-0.7, len(INSTRUMENTS) - 0.3), xticks=[])
        first = (place - 1) % across == 0
        axes.set_yticks(range(len(names)), names if first else [""] * len(names), fontsize=6)
        axes.tick_params(axis="y", length=0)
        axes.set_title(labels[index], fontsize=8, color=INK)
        for spine in axes.spines.values():
            spine.set_visible(False)
    FigureCanvasAgg(figure)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    replace_file(path, file.getvalue())
