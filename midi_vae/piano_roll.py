"""Melodies -> a picture: a strip of piano rolls."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from latentmix.files import replace_file

from .music.melody import Melody

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, BAR_LINE, BEAT_LINE, BLACK_KEY = "#3a3f4a", "#b9bec9", "#e4e7ec", "#f4f5f8"
LINE_COLOURS = ("#1f4fa3", "#7b3fa0", "#d1425f", "#f08a24")  # from the first melody to the last
CORNER_COLOURS = (
    "#1f4fa3",
    "#d1425f",
    "#138a72",
    "#e89b1c",
)  # top left, top right, bottom left, bottom right
DOTS_AN_INCH = 160
PAGE, MARGIN, GAP, HEADROOM = (
    14.0,
    0.45,
    0.09,
    0.32,
)  # inches: width of a row, left of it, between and above panels
MAX_ROWS, MAX_COLUMNS, MAX_BARS = 12, 16, 64  # drawn; of more panels an even choice with both ends


def to_png(
    path: str | os.PathLike[str],
    melodies: Sequence[Melody],
    labels: Sequence[str] | None = None,
    columns: int | None = None,
    title: str = "",
) -> None:
    """Draw melodies as piano rolls, a panel each on one pitch axis, in colours from the first to the last.

    Bars and beats are faint lines, the rows of the black keys faintly grey. Long melodies stand one above the
    other. Bars after the 64th are not drawn; of more panels than fit 12 rows, an even choice with both ends
    is; the title then says so.

    Args:
        path: of the PNG.
        melodies: at least one.
        labels: above the panels; numbers from 1 if None.
        columns: draw a grid with so many columns and a colour for each corner; None fills rows of a page.
        title: above all.

    Raises:
        InputError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    labels = [str(i + 1) for i in range(len(melodies))] if labels is None else labels
    if not melodies or len(labels) != len(melodies) or len(melodies) % (columns or 1):
        raise ValueError(f"expected melodies, a label for each and full rows, found {len(melodies)} and {len(labels)}")
    steps = max(min(melody.bars, MAX_BARS) * melody.steps_per_bar for melody in melodies)
    chosen, across, width = _layout(len(melodies), columns, steps)
    down = -(-len(chosen) // across)
    lowest, highest = _pitch_range(melodies)
    title = " ".join([title, *_omissions(melodies, len(chosen))]).strip()
    height = float(np.clip(0.085 * (highest - lowest), 1.3, 2.6))
    top = 0.38 if title else 0.08
    page = (MARGIN + across * (width + GAP) + 0.1, top + down * (height + HEADROOM) + 0.15)
    figure = Figure(page, DOTS_AN_INCH, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    colours = _corner_colours(down, across) if columns else _line_colours(len(chosen))
    if title:
        figure.text(
            MARGIN / page[0], 1 - 0.12 / page[1], _printable(title, 110), va="top", size=12, color=INK,
            weight="bold", parse_math=False,
        )  # fmt: skip
    for place, index in enumerate(chosen):
        row, column = divmod(place, across)
        left, bottom = MARGIN + column * (width + GAP), page[1] - top - (row + 1) * (height + HEADROOM)
        axes = figure.add_axes((left / page[0], bottom / page[1], width / page[0], height / page[1]))
        axes.set(xlim=(0, steps), ylim=(lowest - 0.5, highest + 0.5))
        _draw_paper(axes, melodies[index], (lowest, highest), column == 0)
        _draw_notes(axes, melodies[index], colours[place], width * 72 / steps, height * 72)
        label = _printable(labels[index], max(int(width * 11), 4))
        axes.set_title(label, size=9, pad=4, loc="left", color=colours[place], weight="bold", parse_math=False)
    file = io.BytesIO()
    canvas.print_png(file, metadata={"Software": None})
    replace_file(path, file.getvalue())


def _layout(count: int, columns: int | None, steps: int) -> tuple[list[int], int, float]:
    """Which panels are drawn, how many of them in a row, and how wide they are in inches."""
    if columns:
        across = _spread(columns, MAX_COLUMNS)
        chosen = [row * columns + column for row in _spread(count // columns, MAX_ROWS) for column in across]
        return chosen, len(across), min(2.4 * steps / 32, PAGE / len(across) - GAP)
    width = float(np.clip(PAGE / count - GAP, 1.4 * steps / 32, 3.2 * steps / 32))
    in_a_row = min(int((PAGE + 0.01) / (width + GAP)), count, MAX_COLUMNS)
    if in_a_row < min(3, count):  # long melodies: one above the other, so that their bars stand in columns
        width, in_a_row = min(1.9 * steps / 32, PAGE - GAP), 1
    chosen = _spread(count, in_a_row * MAX_ROWS)
    return chosen, -(-len(chosen) // -(-len(chosen) // in_a_row)), width


def _spread(count: int, most: int) -> list[int]:
    """At most so many of range(count), evenly, with both ends."""
    return np.rint(np.linspace(0, count - 1, min(count, most))).astype(int).tolist()


def _omissions(melodies: Sequence[Melody], drawn: int) -> list[str]:
    bars = max(melody.bars for melody in melodies)
    return [
        f"({drawn} of {len(melodies)} melodies)" * (drawn < len(melodies)),
        f"(bars 1 to {MAX_BARS} of {bars})" * (bars > MAX_BARS),
    ]


def _pitch_range(melodies: Sequence[Melody]) -> tuple[int, int]:
    pitches = [pitch for melody in melodies for _, _, pitch in melody.notes()] or [60]
    middle = (min(pitches) + max(pitches)) // 2
    return min(*pitches, middle - 6) - 1, max(*pitches, middle + 6) + 1


def _draw_paper(axes: Axes, melody: Melody, pitches: tuple[int, int], has_names: bool) -> None:
    """Grey rows for black keys, lines for bars and beats, names of pitches in front of the first of a row."""
    black = [pitch for pitch in range(pitches[0], pitches[1] + 1) if pitch % 12 in (1, 3, 6, 8, 10)]
    axes.barh(black, axes.get_xlim()[1], height=1.0, color=BLACK_KEY, lw=0, zorder=0)
    bars = min(melody.bars, MAX_BARS)
    beat = _beat_steps(melody.metre)
    if bars <= 16:
        beats = [at for at in range(0, bars * melody.steps_per_bar, beat) if at % melody.steps_per_bar]
        axes.vlines(beats, *axes.get_ylim(), color=BEAT_LINE, lw=0.5, zorder=1)
    lines = np.arange(bars + 1) * melody.steps_per_bar
    axes.vlines(lines[1:-1], *axes.get_ylim(), color=BAR_LINE, lw=0.8, zorder=1)
    named = {0: "C", 7: "G"} if pitches[1] - pitches[0] <= 30 else {0: "C"}
    ticks = [pitch for pitch in range(pitches[0], pitches[1] + 1) if pitch % 12 in named] if has_names else []
    axes.set_yticks(ticks, [f"{named[pitch % 12]}{pitch // 12 - 1}" for pitch in ticks])
    axes.set_xticks([])
    axes.tick_params(length=2, width=0.6, color=BAR_LINE, labelcolor=INK, labelsize=7.5, pad=2)
    for spine in axes.spines.values():
        spine.set(color=BAR_LINE, linewidth=0.8)


def _beat_steps(metre: tuple[int, int]) -> int:
    """Steps of what is felt as a beat: a dotted quarter in 6/8, 9/8 and 12/8, else what the metre says."""
    numerator, denominator = metre
    return 6 if denominator == 8 and numerator > 3 and numerator % 3 == 0 else max(16 // denominator, 1)


def _draw_notes(axes: Axes, melody: Melody, colour: np.ndarray, step_points: float, height: float) -> None:
    """Notes as boxes with an edge in their own colour, which makes the corners round; height in points."""
    from matplotlib.collections import PolyCollection

    low, high = axes.get_ylim()
    row_points = height / (high - low)
    edge = min(2.0, 0.3 * step_points, 0.3 * row_points)  # half of it lies outside the box
    beside, above = 0.5 * edge / step_points, 0.42 - 0.5 * edge / row_points
    boxes = []
    for start, end, pitch in melody.notes():
        left, right = start + beside + 0.08, end - beside - 0.14
        boxes.append([(x, pitch + y) for x, y in ((left, -above), (left, above), (right, above), (right, -above))])
    axes.add_collection(
        PolyCollection(boxes, facecolors=[colour], edgecolors=[colour], lw=edge, joinstyle="round", zorder=3)
    )


def _line_colours(count: int) -> np.ndarray:
    """(count, 3) from the first to the last of `LINE_COLOURS`."""
    at = np.linspace(0, len(LINE_COLOURS) - 1, count)
    return np.stack([np.interp(at, range(len(LINE_COLOURS)), row) for row in _rgb(LINE_COLOURS).T], axis=1)


def _corner_colours(rows: int, columns: int) -> np.ndarray:
    """(rows * columns, 3) between the four of `CORNER_COLOURS`."""
    down, across = (np.linspace(0, 1, n)[:, None] for n in (rows, columns))
    left, right = (c[0] + down * (c[1] - c[0]) for c in (_rgb(CORNER_COLOURS)[0::2], _rgb(CORNER_COLOURS)[1::2]))
    return (left[:, None] + across[None] * (right - left)[:, None]).reshape(-1, 3)


def _rgb(colours: Sequence[str]) -> np.ndarray:
    """(n, 3) in 0..1 of #rrggbb."""
    return np.array([list(bytes.fromhex(colour[1:])) for colour in colours]) / 255


def _printable(text: str, most: int) -> str:
    """At most so many characters; one that the font has not is a question mark, not a warning."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties())).get_charmap()
    text = "".join(c if ord(c) in known else "?" for c in text)
    return text if len(text) <= most else text[: most - 1] + "…"
