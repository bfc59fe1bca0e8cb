"""What is going on in an engine, for screens, pages and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from midi_vae.music.melody import Melody

from ..music.parameters import Value
from ..music.shares import Mode, PadPoint


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What is going on; all times in milliseconds, or seconds where it says so.

    Attributes:
        values: of all parameters, by name.
        mode: what was moved last, position, pad or weights.
        names, places, weights: of the melodies: places on the pad, shares that are heard.
        melody: the newest one, decoded and shaped; it is heard from the next step, beat or bar on.
        version: of that melody; counts up.
        heard: version of the melody that is playing.
        step: sixteenth that was played last, from the start of the song; -1 before it.
        sounding: pitch, or None.
        running, tempo, source: of the clock.
        time: of the last report of the player, in seconds of `clock.now`.
        decode_ms, decode_p99_ms: from taking up a change to the melody; the last one and of the last thousand.
        late_p99_ms: of notes against their time, likewise.
        late_decodes: melodies that were not there in time: the one before went on.
        skipped: steps left out because the machine slept.
        notes: played so far.
        underruns: of the sound.
        warnings: the last few, oldest first.
        warned: how many there were in all.
        ports: that are open.
    """

    values: Mapping[str, Value]
    mode: Mode
    names: tuple[str, ...]
    places: tuple[PadPoint, ...]
    weights: tuple[float, ...]
    melody: Melody
    version: int
    heard: int
    step: int
    sounding: int | None
    running: bool
    tempo: float
    source: str
    time: float
    decode_ms: float
    decode_p99_ms: float
    late_p99_ms: float
    late_decodes: int
    skipped: int
    notes: int
    underruns: int
    warnings: tuple[str, ...]
    warned: int
    ports: tuple[str, ...]
