"""Grooves as JSON: what the page sends of drums is checked here, bound by bound."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import PlainValidator, model_validator

from midi_vae.drums.groove import FULL, MAX_OFFSET, Groove
from midi_vae.drums.kit import INSTRUMENTS
from midi_vae.music.tokens import steps_per_bar

from .checking import Checked, Name, clean_name, metre_of, number

MAX_GROOVE_STEPS = 512  # of a groove, 32 bars of 4/4
DIGITS = 5  # of an offset, in sixteenths


class GrooveData(Checked):
    """A groove as the page takes and sends it.

    Attributes:
        name: one short line.
        steps: sixteenths, whole bars.
        metre, tempo: as of `Groove`.
        hits: (step, instrument of `kit.INSTRUMENTS`, velocity 1..127, offset -0.5..0.5) each.
    """

    name: Name = ""
    steps: Annotated[int, number(1, MAX_GROOVE_STEPS, whole=True)]
    metre: Annotated[tuple[int, int], PlainValidator(metre_of)] = (4, 4)
    tempo: Annotated[float, number(1, 1000)] = 120.0
    hits: Annotated[tuple[tuple[int, int, int, float], ...], PlainValidator(lambda raw: _hits(raw))] = ()

    @model_validator(mode="after")
    def _of_whole_bars(self) -> GrooveData:
        size = steps_per_bar(self.metre)
        if self.steps % size:
            raise ValueError(f"expected whole bars of {size} sixteenths, found {self.steps} sixteenths")
        if any(step >= self.steps for step, *_ in self.hits):
            raise ValueError(f"expected hits within {self.steps} sixteenths")
        return self

    @property
    def groove(self) -> Groove:
        """The groove itself."""
        velocities = np.zeros((self.steps, len(INSTRUMENTS)), np.uint8)
        offsets = np.zeros(velocities.shape, np.float32)
        for step, instrument, velocity, offset in self.hits:
            velocities[step, instrument], offsets[step, instrument] = velocity, offset
        return Groove(velocities, offsets, self.metre, self.tempo, self.name)

    @classmethod
    def of(cls, groove: Groove) -> GrooveData:
        """One that is in the mix; it is trusted."""
        places = zip(*(each.tolist() for each in np.nonzero(groove.velocities)), strict=True)
        hits = tuple(
            (step, at, int(groove.velocities[step, at]), round(float(groove.lateness[step, at]), DIGITS))
            for step, at in places
        )
        return cls.model_construct(
            name=clean_name(groove.name),
            steps=len(groove.velocities),
            metre=groove.metre,
            tempo=round(groove.tempo, 4),
            hits=hits,
        )


def _hits(raw: object) -> tuple[tuple[int, int, int, float], ...]:
    if not isinstance(raw, list | tuple) or len(raw) > MAX_GROOVE_STEPS * len(INSTRUMENTS):
        raise ValueError("expected hits of a groove, each drum once on a step")
    hits = tuple(_hit(each) for each in raw)
    if len({hit[:2] for hit in hits}) < len(hits):
        raise ValueError("expected each drum once on a step")
    return hits


def _hit(raw: Any) -> tuple[int, int, int, float]:
    if isinstance(raw, list | tuple) and [type(each) for each in raw[:3]] == [int] * 3 and len(raw) == 4:
        step, instrument, velocity, offset = raw
        is_number = isinstance(offset, int | float) and not isinstance(offset, bool)
        if 0 <= step < MAX_GROOVE_STEPS and 0 <= instrument < len(INSTRUMENTS) and 1 <= velocity <= FULL and is_number:
            if -MAX_OFFSET <= offset <= MAX_OFFSET:
                return step, instrument, velocity, float(offset)
    raise ValueError(f"expected a step, a drum, a velocity and an offset, found {str(raw)[:40]}")
