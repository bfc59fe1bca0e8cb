"""How good a model of sounds was after how much training: the table that a run keeps, and what it says of the end."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from latentmix.errors import InputError
from latentmix.files import read_bounded, replace_file

COLUMNS = ("step", "minutes", "processor_minutes", "continuous_dB", "coded_dB")
MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Look:
    """One look at a model on its way.

    Attributes:
        step: after which.
        minutes: of training, by the clock, looks included.
        processor: minutes of one core that it took.
        continuous, coded: spectral distance in dB of the latent as it is and through the codebooks; NaN: not yet.
    """

    step: int
    minutes: float
    processor: float
    continuous: float
    coded: float


def read_quality(path: Path) -> list[Look]:
    """The table of a run; none where there is no file. One without processor time has the clock's.

    Raises:
        InputError: it is something else.
    """
    if not path.is_file():
        return []
    try:
        head, *rows = csv.reader(io.StringIO(read_bounded(path, MAX_BYTES).decode()))
        minutes, processor = head.index("minutes"), head.index(COLUMNS[2] if COLUMNS[2] in head else "minutes")
        return [Look(int(r[0]), float(r[minutes]), float(r[processor]), float(r[-2]), float(r[-1])) for r in rows]
    except (ValueError, IndexError, UnicodeDecodeError):
        raise InputError(f"{path}: expected the curve of a run, found something else; remove it") from None


def write_quality(path: Path, quality: Sequence[Look]) -> None:
    """Replace the table of a run."""
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerow(COLUMNS)
    for look in quality:
        step, *times, continuous, coded = astuple(look)
        writer.writerow((step, *(f"{each:.2f}" for each in times), f"{continuous:.3f}", f"{coded:.3f}"))
    replace_file(path, rows.getvalue().encode())


def outlook(quality: Sequence[Look], steps: int) -> str:
    """How good it is, and how good it will be: distances fall about evenly with the logarithm of the steps.

    Args:
        steps: of the whole plan.
    """
    now = quality[-1]
    left = now.minutes / now.step * (steps - now.step)
    line = f"{now.minutes:.1f} min: {now.continuous:.2f} dB from the recordings"
    if len(quality) < 3 or now.step == steps:
        return f"{line}; about {left:.0f} min to go" if left >= 0.5 else line
    late = quality[len(quality) // 2 - 1 :] if len(quality) > 3 else quality
    slope, _ = np.polyfit([math.log(each.step) for each in late], [each.continuous for each in late], 1)
    end = now.continuous + min(float(slope), 0.0) * math.log(steps / now.step)
    return f"{line}, about {end:.2f} dB expected at the end in {left:.0f} min; stop when you like what you hear"
