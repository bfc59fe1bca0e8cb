"""What can be moved while sounds are mixed: where the puck is, and what is done to the mix."""

from __future__ import annotations

from collections.abc import Mapping

from .parameters import PARAMETERS, Parameter
from .shares import MODES


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
        )
    },
}
