"""Which notes start and end at a step of a looped melody that may be another one from step to step; pure, no torch.

A layer plays patterns of one kind: here melodies, in `drum_layer` drums. A melody is one voice: at most one note
sounds. Where a melody gives way to another, a note that sounds goes on until the new melody has an event of its own,
and ends at once where the new one is silent. At the end of the loop what sounds ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

HOLD, OFF, ONSET = 0, 1, 2  # tokens as of `midi_vae.music.melody`, which this does without, to start soon
HIGHEST_TOKEN = ONSET + 127
MAX_STEPS = 1 << 16


def swung(step: int, swing: float) -> float:
    """Where a sixteenth is played, in sixteenths: every second one late, for the one before it takes its share.

    >>> swung(4, 0.75), swung(5, 0.5), swung(5, 0.75)
    (4, 5.0, 5.5)
    """
    return step + 2 * swing - 1 if step % 2 else step


@dataclass(frozen=True)
class Pattern:
    """A looped melody.

    Attributes:
        version: counts up; a later one replaces an earlier one.
        tokens: of each sixteenth, as of `midi_vae.music.melody.Melody`.
        steps_per_bar, steps_per_beat: of its metre.
        turn: of the phrase that it is of; one of another turn begins with the loop.

    Raises:
        ValueError: no tokens, too many, or others than there are.
    """

    version: int
    tokens: tuple[int, ...]
    steps_per_bar: int = 16
    steps_per_beat: int = 4
    turn: int = 0

    def __post_init__(self) -> None:
        if not 0 < len(self.tokens) <= MAX_STEPS or min(self.tokens) < 0 or max(self.tokens) > HIGHEST_TOKEN:
            raise ValueError(f"expected 1 to {MAX_STEPS} tokens 0..{HIGHEST_TOKEN}, found {len(self.tokens)}")
        if min(self.steps_per_bar, self.steps_per_beat) < 1:
            raise ValueError("expected bars and beats of at least a step")

    def sounding(self, step: int) -> int | None:
        """The pitch that sounds during a step of the loop, None in a rest."""
        for at in range(step % len(self.tokens), -1, -1):
            if self.tokens[at] != HOLD:
                return self.tokens[at] - ONSET if self.tokens[at] >= ONSET else None
        return None


SILENCE = Pattern(0, (OFF,) * 16)


@dataclass(frozen=True)
class NoteChange:
    """A note starts or ends; its velocity, None for that of the player."""

    pitch: int
    starts: bool
    velocity: int | None = None


class Looped(Protocol):
    """What a layer plays over and over (`Pattern`)."""

    @property
    def version(self) -> int: ...
    @property
    def steps_per_bar(self) -> int: ...
    @property
    def steps_per_beat(self) -> int: ...


P = TypeVar("P", bound=Looped)


class Layer(Generic[P]):
    """Patterns of one kind, each of which takes the place of the one before at a step, beat or bar.

    Args:
        nothing: what is played before anything was offered.

    Attributes:
        pattern: what is played.
        waiting: what is played from the next step, beat or bar on.
    """

    def __init__(self, nothing: P) -> None:
        self._nothing = nothing
        self.pattern = nothing
        self.waiting: P | None = None

    def offer(self, pattern: P) -> None:
        """Play this one as soon as may be, and none of those offered before."""
        if pattern.version >= (self.waiting or self.pattern).version:
            self.waiting = pattern

    def is_boundary(self, step: int, follow: str) -> bool:
        """Whether a change may be heard at a step."""
        unit = {"step": 1, "beat": self.pattern.steps_per_beat, "bar": self.pattern.steps_per_bar}[follow]
        return self.pattern is self._nothing or step % unit == 0

    def coming(self, step: int, follow: str) -> P:
        """What is played from a step on that comes next."""
        return self.waiting if self.waiting is not None and self.is_boundary(step, follow) else self.pattern

    def take(self, step: int, follow: str) -> bool:
        """Go over to what waits if that may be heard at a step; whether it was so."""
        self.pattern = self.coming(step, follow)
        if self.pattern is not self.waiting:
            return False
        self.waiting = None
        return True


class Sequencer(Layer[Pattern]):
    """The voice that plays melodies, step by step.

    Attributes:
        sounding: pitch, or None.
    """

    def __init__(self) -> None:
        super().__init__(SILENCE)
        self.sounding: int | None = None

    def is_boundary(self, step: int, follow: str) -> bool:
        """Whether a change may be heard at a step: another phrase only where the loop begins."""
        if self.waiting is not None and self.pattern is not SILENCE and self.waiting.turn != self.pattern.turn:
            return step % len(self.pattern.tokens) == 0
        return super().is_boundary(step, follow)

    def step(self, step: int, follow: str = "step") -> Sequence[NoteChange]:
        """What starts and ends at a step, ends first; steps are counted from the start of the song."""
        swapped = self.take(step, follow)
        at = step % len(self.pattern.tokens)
        token = self.pattern.tokens[at]
        if token >= ONSET:
            return [*self.silence(), self._start(token - ONSET)]
        if token == OFF or at == 0 or (swapped and self.pattern.sounding(at) is None):
            return self.silence()
        return []

    def silence(self) -> list[NoteChange]:
        """End what sounds."""
        if self.sounding is None:
            return []
        ended = NoteChange(self.sounding, False)
        self.sounding = None
        return [ended]

    def _start(self, pitch: int) -> NoteChange:
        self.sounding = pitch
        return NoteChange(pitch, True)
