"""A small synthesized kit that is played block by block, beside a synthesizer of notes; pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drums.kit import GENERAL_MIDI, INSTRUMENTS
from .drum_sound import one_shot
from .synthesizer import STEAL_SECONDS, Synthesizer, round_off

SHOTS = 24  # that sound at a time: a further one takes the place of the oldest, which fades
GAIN = 0.5  # of the loudest drum at full velocity
FADE_CONSTANTS = 8  # after so many time constants nothing is left
HATS = ("closed_hat", "open_hat")


@dataclass
class _Shot:
    sound: np.ndarray  # (T,) with its gain
    instrument: int
    at: int = 0


class DrumKit:
    """Nine drums, by the notes of General MIDI.

    Args:
        sample_rate: frames a second.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sounds = [GAIN * one_shot(name, sample_rate) for name in INSTRUMENTS]
        self._hats = {INSTRUMENTS.index(name) for name in HATS}
        time = np.arange(round(FADE_CONSTANTS * STEAL_SECONDS * sample_rate)) / sample_rate
        self._fade = np.exp(-time / STEAL_SECONDS).astype(np.float32)
        self._shots: list[_Shot] = []

    def strike(self, note: int, velocity: int) -> None:
        """Strike a drum; velocity 0 and notes of other instruments say nothing to it."""
        instrument = GENERAL_MIDI.instrument_of(note)
        if instrument is None or velocity <= 0:
            return
        if instrument in self._hats:  # a hi-hat is one thing
            self._damp([shot for shot in self._shots if shot.instrument in self._hats])
        if len(self._shots) >= SHOTS:
            self._damp(self._shots[: len(self._shots) - SHOTS + 1])
        gain = np.float32((min(velocity, 127) / 127) ** 1.5)
        self._shots.append(_Shot(gain * self._sounds[instrument], instrument))

    def panic(self) -> None:
        """Everything fades, at once."""
        self._damp(self._shots)

    def render(self, frames: int) -> np.ndarray:
        """The next frames of sound, (frames,) float32."""
        out = np.zeros(frames, np.float32)
        for shot in self._shots:
            part = shot.sound[shot.at : shot.at + frames]
            out[: len(part)] += part
            shot.at += frames
        self._shots = [shot for shot in self._shots if shot.at < len(shot.sound)]
        return out

    def _damp(self, shots: list[_Shot]) -> None:
        for shot in shots:
            rest = shot.sound[shot.at : shot.at + len(self._fade)]
            shot.sound, shot.at = rest * self._fade[: len(rest)], 0


class WithKit:
    """A synthesizer of notes and the kit, as one that plays both."""

    def __init__(self, synth: Synthesizer, sample_rate: int) -> None:
        self._synth, self._kit = synth, DrumKit(sample_rate)
        self.note_on, self.note_off, self.program, self.close = (
            synth.note_on,
            synth.note_off,
            synth.program,
            synth.close,
        )
        self.strike = self._kit.strike

    def panic(self) -> None:
        """Everything dies away, at once."""
        self._synth.panic()
        self._kit.panic()

    def render(self, frames: int) -> np.ndarray:
        """The next frames of both; (2, frames) float32 within ±1."""
        return round_off(self._synth.render(frames) + self._kit.render(frames)).astype(np.float32)
