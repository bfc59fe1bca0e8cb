"""What keyboards and MPE controllers send -> an instrument: notes, bend, pressure, brightness, pedal."""

from __future__ import annotations

from typing import Protocol

from ..midi.expression import BEND_RANGE, MPE_CONFIGURATION, RPN_CONTROLLERS, MpeZone, RpnChange, RpnParser
from .synthesis import NOTE_OFF, NOTE_ON, SILENCERS

POLYPHONIC, CONTROL, CHANNEL_PRESSURE, BEND = 0xA0, 0xB0, 0xD0, 0xE0  # MIDI
SUSTAIN, SLIDE = 64, 74  # controllers; MPE's third dimension is brightness
CHANNELS = 16
USUAL_RANGE, MEMBER_RANGE = 2.0, 48.0  # semitones of a wheel, and of one of a member of an MPE zone, until told
STEEPEST = 6.0  # dB an octave at the two ends of the slide


class Instrument(Protocol):
    """What is played; `SoundInstrument` is one. For one thread at a time.

    Pitch and velocity are MIDI numbers, 0 to 127, channels 0 to 15; pressure is a share from 0 to 1, and `brighten`
    takes dB by which each octave is stronger than the one below it.
    """

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None: ...

    def note_off(self, pitch: int, channel: int = 0) -> None: ...

    def bend(self, semitones: float, channel: int = 0) -> None: ...

    def pressure(self, share: float, channel: int = 0) -> None: ...

    def brighten(self, decibels: float, channel: int = 0) -> None: ...

    def panic(self) -> None: ...


class Keyboard:
    """MIDI messages as bytes, one after the other, from one thread; channels are 0 to 15.

    Wheel and range (RPN 0), pressure, slide and pedal count for their channel. The MPE configuration message (RPN 6 on
    the first or the last channel; RP-053) makes a zone: what the master channel says counts for all members besides,
    and a range that one member is told, all have.

    Args:
        instrument: is played.

    Attributes:
        zones: that are configured, at most two.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self.zones: list[MpeZone] = []
        self._parsers = [RpnParser() for _ in range(CHANNELS)]
        self._wheels, self._ranges = [0.0] * CHANNELS, [USUAL_RANGE] * CHANNELS
        self._pressed, self._slid = [0.0] * CHANNELS, [0.0] * CHANNELS
        self._sustained: set[int] = set()  # channels whose pedal is down
        self._ended: list[tuple[int, int]] = []  # notes that sound until it is up

    def play(self, status: int, first: int, second: int) -> None:
        """A channel message."""
        kind, channel = status & 0xF0, status & 0xF
        if kind == NOTE_ON and second:
            self._instrument.note_on(first, second, channel)
        elif kind in (NOTE_ON, NOTE_OFF):
            self._end(first, channel)
        elif kind == BEND:
            self._wheels[channel] = (first + 128 * second - 8192) / 8192
            self._say(channel)
        elif kind in (CHANNEL_PRESSURE, POLYPHONIC):
            self._pressed[channel] = (first if kind == CHANNEL_PRESSURE else second) / 127
            self._say(channel)
        elif kind == CONTROL:
            self._control(channel, first, second)

    def _control(self, channel: int, number: int, value: int) -> None:
        if number in SILENCERS:
            self._ended.clear()
            self._instrument.panic()
        elif number == SUSTAIN:
            self._pedal(channel, value >= 64)
        elif number == SLIDE:
            self._slid[channel] = (value - 64) / 63 if value > 64 else (value - 64) / 64
            self._say(channel)
        elif number in RPN_CONTROLLERS:
            change = self._parsers[channel].feed(number, value)
            if change is not None and change.registered:
                self._registered(channel, change)

    def _registered(self, channel: int, change: RpnChange) -> None:
        if change.number == MPE_CONFIGURATION and channel in (0, 15) and change.part == "high":
            self._configure(MpeZone(upper=channel == 15, members=min(change.value, 15)))
        elif change.number == BEND_RANGE and change.part != "step":
            whole, cents = divmod(round(100.0 * self._ranges[channel]), 100)
            found = change.value + cents / 100 if change.part == "high" else whole + change.value / 100
            for each in self._alike(channel):
                self._ranges[each] = found
                self._say(each)

    def _configure(self, zone: MpeZone) -> None:
        """A new zone takes channels of the other one that it needs; one without members is none."""
        others = [
            MpeZone(each.upper, min(each.members, 14 - zone.members))
            for each in self.zones
            if each.upper != zone.upper and zone.members < 14
        ]
        self.zones = [each for each in (zone, *others) if each.members]
        for channel in range(CHANNELS):
            if self._zone_of(channel) is zone:
                self._ranges[channel] = MEMBER_RANGE
            elif channel == zone.master - 1:
                self._ranges[channel] = USUAL_RANGE
            self._say(channel)

    def _zone_of(self, channel: int) -> MpeZone | None:
        """The zone that a channel is a member of."""
        return next((each for each in self.zones if channel + 1 in each), None)

    def _alike(self, channel: int) -> list[int]:
        """The members of a member's zone; else the channel alone."""
        zone = self._zone_of(channel)
        return [channel] if zone is None else [each for each in range(CHANNELS) if each + 1 in zone]

    def _say(self, channel: int) -> None:
        """Tell the instrument bend, pressure and slide of a channel, and of the members that it is master of."""
        ruled = [zone for zone in self.zones if zone.master == channel + 1]
        for each in [channel, *(member for zone in ruled for member in range(CHANNELS) if member + 1 in zone)]:
            zone = self._zone_of(each)
            sources = [each] if zone is None else [each, zone.master - 1]
            self._instrument.bend(sum(self._wheels[k] * self._ranges[k] for k in sources), each)
            self._instrument.pressure(min(1.0, sum(self._pressed[k] for k in sources)), each)
            slid = sum(self._slid[k] for k in sources)
            self._instrument.brighten(STEEPEST * max(-1.0, min(1.0, slid)), each)

    def _is_sustained(self, channel: int) -> bool:
        zone = self._zone_of(channel)
        return channel in self._sustained or (zone is not None and zone.master - 1 in self._sustained)

    def _end(self, pitch: int, channel: int) -> None:
        if self._is_sustained(channel):
            self._ended.append((pitch, channel))
        else:
            self._instrument.note_off(pitch, channel)

    def _pedal(self, channel: int, is_down: bool) -> None:
        if is_down:
            self._sustained.add(channel)
            return
        self._sustained.discard(channel)
        waiting, self._ended = self._ended, []
        for pitch, of in waiting:
            self._end(pitch, of)  # or on until the other pedal is up too
