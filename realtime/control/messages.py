"""What controllers say on the wire: 14-bit pairs, NRPN, relative encoders, pitch bend, MPE; pure, time is passed in."""

from __future__ import annotations

from typing import Any

from ..midi.expression import MpeZone
from .bindings import Encoding

PAIR_SECONDS = 0.003  # that one byte of a pair waits for the other; a message takes 1 ms on a MIDI cable
CENTRE = 8192  # of pitch bend, 0 in mido


class Pair:
    """High and low byte of a 14-bit control, put together without zipper: no value that the knob never had.

    A controller sends the high byte and then the low one (or the other way round: `low_first`), and between the two
    the pair is neither the old nor the new value. So the first byte waits for the second, 3 ms at most. Then:

    - a low byte alone keeps the high byte;
    - a high byte alone keeps the low byte, but 0 and 127 are the two ends, so that a control of 7 bits reaches them;
    - until a low byte has come at all, the control has 7 bits, and a high byte counts at once: share = byte / 127;
    - a low byte counts for nothing until a high byte has come.

    >>> pair = Pair()
    >>> pair.high(127, 0.0), pair.low(0, 0.001), pair.high(64, 0.1), pair.low(127, 0.101)
    (1.0, 0.992248062, None, 0.5077824574)
    """

    def __init__(self, low_first: bool = False) -> None:
        self._low_first = low_first
        self._high, self._low = -1, -1  # -1: none came yet
        self._waits: float | None = None  # since then one byte waits for the other

    def high(self, byte: int, now: float) -> float | None:
        """A high byte came; the share 0..1, or None while it waits."""
        self._high = byte
        if self._low < 0:
            return byte / 127
        if self._low_first:
            return self._alone() if self._waits is None else self._whole()
        self._wait(now)
        return None

    def low(self, byte: int, now: float) -> float | None:
        """A low byte came; the share 0..1, or None while it waits or says nothing."""
        self._low = byte
        if self._high < 0:
            return None
        if not self._low_first:
            return self._whole()
        self._wait(now)
        return None

    def step(self, clicks: int) -> float:
        """Data increment or decrement: up or down by so many of 16383."""
        value = min(max((max(self._high, 0) << 7 | max(self._low, 0)) + clicks, 0), 16383)
        self._high, self._low = value >> 7, value & 127
        return self._whole()

    @property
    def due(self) -> float | None:
        """When the byte that waits has waited long enough."""
        return None if self._waits is None else self._waits + PAIR_SECONDS

    def flush(self) -> float:
        """The share when the other byte did not come."""
        return self._whole() if self._low_first else self._alone()

    def _wait(self, now: float) -> None:
        if self._waits is None:  # a flood of first bytes does not put it off for ever
            self._waits = now

    def _alone(self) -> float:
        if self._high in (0, 127):
            self._low = self._high
        return self._whole()

    def _whole(self) -> float:
        self._waits = None
        return round((self._high << 7 | self._low) / 16383, 10)


def clicks(value: int, encoding: Encoding) -> int:
    """How far a relative encoder was turned, from the value 0..127 it sent; right is positive.

    >>> [clicks(value, "twos-complement") for value in (1, 3, 127, 125)]
    [1, 3, -1, -3]
    >>> [clicks(value, "binary-offset") for value in (65, 67, 63, 61)]
    [1, 3, -1, -3]
    >>> [clicks(value, "sign-magnitude") for value in (1, 3, 65, 67)]
    [1, 3, -1, -3]
    """
    if encoding == "binary-offset":
        return value - 64
    if encoding == "sign-magnitude":
        return 64 - value if value > 64 else value % 64
    return value - 128 if value >= 64 else value


def bend_share(pitch: int) -> float:
    """The share 0..1 of a pitch bend -8192..8191; the centre is exactly a half and both ends are reached.

    >>> bend_share(-8192), bend_share(0), bend_share(8191)
    (0.0, 0.5, 1.0)
    """
    return 0.5 + pitch / (2 * CENTRE) if pitch < 0 else 0.5 + pitch / (2 * (CENTRE - 1))


class LastNotePriority:
    """Member channels of an MPE zone: of several notes held, the one struck last has the say.

    Bend, pressure and timbre of a note come before its note on (RP-053, section 3.3), so the last of each is kept and
    handed out when the note begins, or when it is the last one left.
    """

    def __init__(self, zone: MpeZone) -> None:
        self.zone = zone
        self._held: list[tuple[int, int]] = []  # (channel, note), the newest last
        self._last: dict[int, dict[tuple[str, int], Any]] = {}  # of a channel, by kind of message

    def admit(self, message: Any) -> list[Any]:
        """The messages to act on, now that this one came on a member channel."""
        channel = message.channel + 1
        if message.type not in ("note_on", "note_off"):
            self._last.setdefault(channel, {})[message.type, getattr(message, "control", 0)] = message
            return [message] if self._newest == channel else []
        note = (channel, message.note)
        before = self._newest
        if note in self._held:
            self._held.remove(note)
        if message.type == "note_on" and message.velocity:
            self._held.append(note)
            return [*self._last.get(channel, {}).values(), message]
        if self._newest in (before, 0):
            return [message]
        return [message, *self._last.get(self._newest, {}).values()]

    @property
    def _newest(self) -> int:
        """Its channel, 0 for none."""
        return self._held[-1][0] if self._held else 0
