"""What a melody and what a decoder say of each step of a window."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class StepLogits:
    """What the decoder says of each step: rhythm (B, 32, 3), pitch if a note starts or sounds there (B, 32, P)."""

    rhythm: Tensor
    pitch: Tensor


@dataclass(frozen=True)
class StepFields:
    """Tokens taken apart; both (B, 32) int64.

    Attributes:
        rhythm: 0 hold, 1 note off, 2 onset.
        pitch: index into the model's pitches of the note that started last; before the first note, that of the first.
    """

    rhythm: Tensor
    pitch: Tensor
