"""What can be moved while sounds are mixed: where the puck is, and what is done to the mix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from latentmix.errors import InputError

from .parameters import PARAMETERS, Parameter, Value, find
from .shares import MODES, Mode, PadPoint, shares

GLIDE = 0.35  # of the way to where something was moved, in each frame: 90 % of it in 50 ms
LOUDER = 3.0  # dB a frame that the loudness is moved at most
KINDS = ("morph", "transfer")


def _amount(name: str, most: float, help: str) -> Parameter:
    return Parameter(name, "continuous", -most, most, 0.0, help)


SOUND_PARAMETERS: Mapping[str, Parameter] = {
    **{name: parameter for name, parameter in PARAMETERS.items() if name in MODES},
    **{
        each.name: each
        for each in (
            _amount("pitch", 24.0, "semitones up or down"),
            _amount("loudness", 24.0, "dB louder or softer"),
            _amount("harmonicity", 24.0, "dB of tone against noise"),
            _amount("brightness", 6.0, "dB an octave"),
            Parameter("mode", "choice", 0, 1, "morph", "transfer: the timbre alone is mixed", choices=KINDS),
            Parameter("hold", "switch", 0, 1, False, "frozen: the sounds stand still"),
            PARAMETERS["panic"],
            PARAMETERS["preset"],
            Parameter("record", "switch", 0, 1, False, "keeps what is heard, where there is a page"),
        )
    },
}
AMOUNTS = ("pitch", "loudness", "harmonicity", "brightness")
NUMBERS = tuple(SOUND_PARAMETERS)  # by which a process is told of a parameter


def check_mode(values: Mapping[str, object], inputs: int, recordings: int) -> None:
    """See to it that there is what a mode needs.

    Raises:
        InputError: transfer without a live input, or without a recording.
    """
    if "mode" in values and find("mode", SOUND_PARAMETERS).check(values["mode"]) == "transfer":
        if not inputs or not recordings:
            what = "in:NAME" if not inputs else "recordings too"
            raise InputError(f"mode: expected a live input and recordings for transfer, found none; give {what}")


class Dials:
    """Values of `SOUND_PARAMETERS`, and where those that glide are by now, frame by frame. For one thread.

    Attributes:
        values: as they were set.
        mode: which of position, pad and weights says where the puck is: what was moved last.
    """

    def __init__(self) -> None:
        self.values: dict[str, Value] = {name: each.default for name, each in SOUND_PARAMETERS.items()}
        self.mode: Mode = "position"
        self._amounts: np.ndarray | None = None

    def move(self, values: Mapping[str, object]) -> None:
        """Move parameters.

        Raises:
            InputError: no such parameter, or a value that cannot be.
        """
        for name, value in values.items():
            self.values[name] = find(name, SOUND_PARAMETERS).check(value)
            self.mode = MODES.get(name, self.mode)

    def shares(self, places: Sequence[PadPoint]) -> np.ndarray:
        """Of each sound at these places (M,), where the puck is."""
        return shares(self.values, self.mode, places)

    def step(self) -> dict[str, float]:
        """A frame later: what is heard of `AMOUNTS`; what was set before the first frame is there at once."""
        wanted = np.array([float(self.values[name]) for name in AMOUNTS])
        if self._amounts is None:
            self._amounts = wanted
        by = GLIDE * (wanted - self._amounts)
        by[1] = np.clip(by[1], -LOUDER, LOUDER)
        self._amounts = self._amounts + by
        return dict(zip(AMOUNTS, self._amounts.tolist(), strict=True))
