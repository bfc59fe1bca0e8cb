"""Registered parameters of a channel, and zones in which each note has a channel of its own (MPE); pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

# Controllers of registered and non-registered parameters (MIDI 1.0, table III)
NRPN_LOW, NRPN_HIGH, RPN_LOW, RPN_HIGH = 98, 99, 100, 101
DATA_HIGH, DATA_LOW, DATA_UP, DATA_DOWN = 6, 38, 96, 97
RPN_CONTROLLERS = {NRPN_LOW, NRPN_HIGH, RPN_LOW, RPN_HIGH, DATA_HIGH, DATA_LOW, DATA_UP, DATA_DOWN}
NO_PARAMETER = 0x3FFF
BEND_RANGE, MPE_CONFIGURATION = 0, 6  # registered parameters: semitones of the wheel; how many member channels


class RpnChange(NamedTuple):
    """What a message says about a parameter: the byte of its value, or clicks up or down."""

    number: int
    registered: bool
    part: Literal["high", "low", "step"]
    value: int


class RpnParser:
    """Registered and non-registered parameters on one channel: which is chosen, and what its value becomes."""

    def __init__(self) -> None:
        self._number = NO_PARAMETER
        self._registered = False

    def feed(self, controller: int, value: int) -> RpnChange | None:
        """A control change came; None if it says nothing about a value, or of none that was chosen."""
        if controller in (NRPN_LOW, NRPN_HIGH, RPN_LOW, RPN_HIGH):
            registered = controller in (RPN_LOW, RPN_HIGH)
            number = self._number if registered == self._registered else NO_PARAMETER
            high = controller in (NRPN_HIGH, RPN_HIGH)
            self._number = value << 7 | number & 127 if high else number & ~127 | value
            self._registered = registered
            return None
        if self._number == NO_PARAMETER:
            return None
        if controller in (DATA_HIGH, DATA_LOW):
            return RpnChange(self._number, self._registered, "high" if controller == DATA_HIGH else "low", value)
        return RpnChange(self._number, self._registered, "step", 1 if controller == DATA_UP else -1)


@dataclass(frozen=True)
class MpeZone:
    """An MPE zone (MIDI Polyphonic Expression, RP-053): a master channel and member channels, one a note.

    Attributes:
        upper: master channel 16 and members downwards from 15; else 1 and upwards from 2.
        members: how many member channels, 0 to 15.
    """

    upper: bool = False
    members: int = 15

    @property
    def master(self) -> int:
        return 16 if self.upper else 1

    def __contains__(self, channel: int) -> bool:
        """Whether a channel 1..16 is a member.

        >>> 2 in MpeZone(members=3), 5 in MpeZone(members=3), 15 in MpeZone(upper=True, members=1)
        (True, False, True)
        """
        return 16 - self.members <= channel <= 15 if self.upper else 2 <= channel <= 1 + self.members
