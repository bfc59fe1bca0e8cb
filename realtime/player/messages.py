"""What engine and player tell each other: commands one way, reports the other (`lines`: how they go through a pipe).

    engine -> PlayerSetup, then commands -> player -> reports -> engine

All of them are frozen values. Reports come in any order: whoever waits for one of a kind has to take the others too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..midi.ports import MidiIn, MidiOut
from ..music.drum_layer import DrumPattern
from ..music.sequencer import Pattern


@dataclass(frozen=True)
class PlayerSetup:
    """What a player is to open and how it starts; the first line that the process of a player is told.

    Attributes:
        outs, ins: MIDI ports.
        audio: options of `SynthesizerOutput`, or of `LiveSound` with `sources`; None for none.
        clock: internal, midi or link.
        tempo, follow, velocity, channel, program: to begin with; program None sends none.
        sends_clock: whether MIDI clock goes out.
    """

    outs: tuple[MidiOut, ...] = ()
    ins: tuple[MidiIn, ...] = ()
    audio: Mapping[str, Any] | None = None
    clock: str = "internal"
    tempo: float = 120.0
    follow: str = "step"
    velocity: int = 80
    channel: int = 0
    program: int | None = None
    sends_clock: bool = False


# Commands.


@dataclass(frozen=True)
class PlayPattern:
    """Play this from the next step, beat or bar on.

    Attributes:
        pattern: the melody.
        requested: when somebody moved what it comes from, in seconds of `clock.now`; None: nobody waits for it.
    """

    pattern: Pattern
    requested: float | None = None


@dataclass(frozen=True)
class PlayDrums:
    """Play this on channel 10 from the next step, beat or bar on."""

    pattern: DrumPattern


@dataclass(frozen=True)
class SetTempo:
    """Quarter notes a minute; a clock that is followed keeps its own."""

    tempo: float


@dataclass(frozen=True)
class SetFollow:
    """Whether a change is heard at the next step, beat or bar."""

    follow: str


@dataclass(frozen=True)
class SetSwing:
    """Share of two sixteenths that the first one takes: 0.5 is even, 2/3 that of triplets."""

    swing: float


@dataclass(frozen=True)
class SetVelocity:
    """Of the notes, 1..127."""

    velocity: int


@dataclass(frozen=True)
class SetProgram:
    """Send a program change, 0..127."""

    program: int


@dataclass(frozen=True)
class SetClock:
    """Follow another clock from now on: internal, midi or link; where it cannot be had, the one before stays."""

    clock: str


@dataclass(frozen=True)
class SetPlaying:
    """Play, from a beat of the song on where the clock is our own, or be silent."""

    on: bool
    beat: float = 0.0


@dataclass(frozen=True)
class SetShares:
    """The share of each sound of the instrument, (M,) with the sum 1."""

    shares: tuple[float, ...]


@dataclass(frozen=True)
class Panic:
    """End all notes on all channels."""


@dataclass(frozen=True)
class Tap:
    """A tap on the beat at a time, in seconds of `clock.now`."""

    time: float


Command = (
    PlayPattern
    | PlayDrums
    | SetTempo
    | SetFollow
    | SetSwing
    | SetVelocity
    | SetProgram
    | SetClock
    | SetPlaying
    | SetShares
    | Panic
    | Tap
)


# Reports.


class NoteEvent(NamedTuple):
    """A note started or ended: seconds of `clock.now`, quarter notes from the start of the song, MIDI numbers.

    `is_drum`: it is one of the drums, on channel 10.
    """

    time: float
    beat: float
    starts: bool
    pitch: int
    velocity: int
    is_drum: bool = False


@dataclass(frozen=True)
class PortsOpened:
    """All that the setup asked for is open; comes once, though not always first."""

    ports: tuple[str, ...]


@dataclass(frozen=True)
class OpeningFailed:
    """Something of the setup cannot be had: a line for people. Nothing comes after it."""

    reason: str


@dataclass(frozen=True)
class PlayerWarning:
    """Something that a person should know; the music goes on."""

    text: str


@dataclass(frozen=True)
class PlayerLost:
    """The player ended.

    Attributes:
        reason: a line for people.
        is_final: it is not started again.
    """

    reason: str
    is_final: bool = False


@dataclass(frozen=True)
class MidiReceived:
    """What came in at the inputs, but for the messages of a clock: (time of arrival, bytes) each."""

    messages: tuple[tuple[float, bytes], ...]


@dataclass(frozen=True)
class Progress:
    """A step was played, or the music started or stopped.

    Attributes:
        step: sixteenth that was played last, from the start of the song.
        time: when it was due, in seconds of `clock.now`.
        late: how much later it was sent, in seconds; None where no step was played.
        events: since the last report.
        version: of the pattern that plays.
        sounding: pitch, or None.
        tempo, source, running: of the clock.
        notes, late_decodes, skipped: so far (`engine.Snapshot`).
    """

    step: int
    time: float
    late: float | None
    events: tuple[NoteEvent, ...]
    version: int
    sounding: int | None
    tempo: float
    source: str
    running: bool
    notes: int = 0
    late_decodes: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Underruns:
    """How often the sound has broken off so far."""

    count: int


Report = PortsOpened | OpeningFailed | PlayerWarning | PlayerLost | MidiReceived | Progress | Underruns
Message = PlayerSetup | Command | Report


class PlayerHandle(Protocol):
    """A player, wherever it runs.

    Attributes:
        ports: names of the ports that are open.
    """

    @property
    def ports(self) -> tuple[str, ...]: ...

    def command(self, command: Command) -> None: ...

    def close(self) -> None: ...
