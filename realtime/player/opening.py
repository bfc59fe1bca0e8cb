"""Where a player runs: in a process that opens ports, or in a thread for an object of this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..midi.ports import MidiOut
from .client import PlayerClient
from .loop import PlayerThread
from .messages import PlayerHandle, PlayerSetup, Report
from .outputs import Sink
from .player import make_player

MakePlayer = Callable[[PlayerSetup, Callable[[Report], None]], PlayerHandle]


def player_for(out: MidiOut | Sequence[MidiOut] | Sink | None) -> tuple[tuple[MidiOut, ...], MakePlayer]:
    """The ports that are to be opened for an output, and what makes a player for it."""
    if out is None:
        return (), PlayerClient
    if isinstance(out, MidiOut):
        return (out,), PlayerClient
    if isinstance(out, Sequence):
        return tuple(out), PlayerClient
    return (), lambda setup, report: PlayerThread(lambda tell: make_player([out], setup, tell), report)
