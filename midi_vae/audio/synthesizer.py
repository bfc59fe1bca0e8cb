"""The built-in synthesizer: notes -> sound, block by block, in numpy alone; pure and the same in every run.

A voice is a sum of partials below half the sample rate, each dying away at its own rate, under an attack without a
corner. Everything follows from the age of a voice in frames, so that blocks of any size give the same sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

VOICES = 24  # that sound at a time; as many more may be fading out
GAIN = 0.28  # of a voice at full velocity
KNEE = 0.7  # of full scale: above it peaks are rounded off, so that nothing is ever cut
INAUDIBLE = 1e-4  # of full scale, 80 dB below: a voice as soft as that has ended
STEAL_SECONDS = 0.004  # time constant with which a voice fades that has to make room
HIGHEST = 0.45  # of the sample rate: partials above are left out


class Synthesizer(Protocol):
    """What makes sound of notes; for one thread at a time.

    Pitch, velocity and program are MIDI numbers, 0 to 127; a note of velocity 0 ends.
    """

    def note_on(self, pitch: int, velocity: int) -> None: ...

    def note_off(self, pitch: int) -> None: ...

    def program(self, number: int) -> None: ...

    def panic(self) -> None: ...

    def render(self, frames: int) -> np.ndarray:
        """The next samples, (2, frames) float32; full scale is ±1."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class DrumSynthesizer(Synthesizer, Protocol):
    """What plays drums as well, by the notes of General MIDI (`drum_kit.WithKit`)."""

    def strike(self, note: int, velocity: int) -> None: ...


@dataclass(frozen=True)
class Timbre:
    """How a voice sounds.

    Attributes:
        partials: amplitudes of the partials 1, 2, 3 …
        decays: how fast each dies away, in 1/s; 0 is held.
        attack: seconds.
        release: time constant in seconds.
    """

    partials: tuple[float, ...]
    decays: tuple[float, ...]
    attack: float
    release: float


_MALLET = Timbre((1.0, 0.35, 0.18, 0.10, 0.0, 0.04), (1.2, 2.5, 4.0, 6.0, 1.0, 9.0), 0.004, 0.08)
_PIANO = Timbre((1.0, 0.5, 0.3, 0.2, 0.12, 0.08), (1.0, 1.4, 2.0, 2.8, 3.6, 4.6), 0.003, 0.07)
_PLUCKED = Timbre((1.0, 0.6, 0.35, 0.22, 0.14, 0.08), (2.0, 3.0, 4.2, 5.5, 7.0, 8.5), 0.002, 0.06)
_ORGAN = Timbre((1.0, 0.5, 0.25, 0.3, 0.0, 0.12), (0.0,) * 6, 0.01, 0.03)
_BOWED = Timbre((1.0, 0.5, 0.33, 0.2, 0.12, 0.08), (0.0,) * 6, 0.07, 0.12)
_BLOWN = Timbre((1.0, 0.25, 0.3, 0.08, 0.1, 0.03), (0.0,) * 6, 0.03, 0.05)
_LEAD = Timbre((1.0, 0.5, 0.33, 0.25, 0.2, 0.16), (0.3,) * 6, 0.005, 0.06)
_PAD = Timbre((1.0, 0.3, 0.2, 0.06, 0.05, 0.02), (0.0,) * 6, 0.2, 0.4)
# Of each family of eight General MIDI programs: piano, chromatic percussion, organ, guitar, bass, strings, ensemble,
# brass, reed, pipe, lead, pad, effects, ethnic, percussive, sound effects.
TIMBRES = (
    *(_PIANO, _MALLET, _ORGAN, _PLUCKED, _PLUCKED, _BOWED, _BOWED, _BLOWN),
    *(_BLOWN, _BLOWN, _LEAD, _PAD, _PAD, _PLUCKED, _MALLET, _PAD),
)
_PARTIALS = 6


@dataclass
class _Voice:
    pitch: int
    cycles: float  # a frame
    partials: np.ndarray  # (6,) amplitudes, velocity and gain in them
    decays: np.ndarray  # (6,) a frame
    attack: float  # frames
    release: float  # time constant in frames
    pan: np.ndarray  # (2,) amplitudes left and right
    age: int = 0
    released: int = -1  # frames since then; -1: held
    is_stolen: bool = False


class BuiltInSynth:
    """Plays notes of one instrument, at most 24 at a time: a further one takes the place of the oldest, which fades.

    Args:
        sample_rate: frames a second.
        program: General MIDI program 0..127; each family of eight has a timbre.
    """

    def __init__(self, sample_rate: int, program: int = 0) -> None:
        self._rate = sample_rate
        self._voices: list[_Voice] = []
        self.program(program)

    def note_on(self, pitch: int, velocity: int) -> None:
        """Begin a note; velocity 0 ends it."""
        self.note_off(pitch)
        if velocity <= 0:
            return
        sounding = [voice for voice in self._voices if not voice.is_stolen]
        if len(self._voices) >= 2 * VOICES:
            return  # a flood that nobody could hear
        if len(sounding) >= VOICES:
            _fade(min(sounding, key=lambda voice: (voice.released < 0, -voice.age)), self._rate)
        self._voices.append(self._voice(pitch, velocity))

    def note_off(self, pitch: int) -> None:
        """End a note; it dies away."""
        for voice in self._voices:
            if voice.pitch == pitch and voice.released < 0:
                voice.released = 0

    def program(self, number: int) -> None:
        """Another timbre, from the next note on."""
        self._timbre = TIMBRES[min(max(number, 0), 127) // 8]

    def panic(self) -> None:
        """Everything fades, at once."""
        for voice in self._voices:
            _fade(voice, self._rate)

    def render(self, frames: int) -> np.ndarray:
        """The next frames of sound; (2, frames) float32 within ±1."""
        voices = self._voices
        if not voices:
            return np.zeros((2, frames), np.float32)
        pans = np.stack([voice.pan for voice in voices], axis=1)
        sound = pans @ _waves(voices, np.arange(frames))
        for voice in voices:
            voice.age += frames
            if voice.released >= 0:
                voice.released += frames
        self._voices = [voice for voice in voices if _loudness(voice) > INAUDIBLE]
        return round_off(sound).astype(np.float32)

    def close(self) -> None:
        """Nothing to do."""

    def _voice(self, pitch: int, velocity: int) -> _Voice:
        cycles = 440.0 * 2.0 ** ((pitch - 69) / 12) / self._rate
        timbre = self._timbre
        partials = np.array(timbre.partials) * (np.arange(1, _PARTIALS + 1) * cycles < HIGHEST)
        partials *= GAIN * (min(velocity, 127) / 127) ** 1.5 / sum(timbre.partials)
        angle = np.pi / 4 * (1.0 + 0.4 * (pitch - 64) / 64)  # low notes a little left, high ones right
        return _Voice(
            pitch,
            cycles,
            partials,
            np.array(timbre.decays) / self._rate,
            timbre.attack * self._rate,
            timbre.release * self._rate,
            np.array([np.cos(angle), np.sin(angle)]) * np.sqrt(2.0),
        )


def render(
    notes: Sequence[tuple[float, float, int, int]], sample_rate: int, program: int = 0, synth: Synthesizer | None = None
) -> np.ndarray:
    """Notes as sound, as `blocks` has it, at once; (2, T) float32 within ±1."""
    made = list(blocks(notes, sample_rate, program, synth))
    return np.concatenate(made, axis=1) if made else np.zeros((2, 0), np.float32)


def blocks(
    notes: Sequence[tuple[float, float, int, int]],
    sample_rate: int,
    program: int = 0,
    synth: Synthesizer | None = None,
    drums: Sequence[tuple[float, int, int]] = (),
) -> Iterator[np.ndarray]:
    """Notes as sound, from the start of the first second until the last note has died away.

    Args:
        notes: (start, end, pitch 0..127, velocity 1..127), start and end in seconds.
        sample_rate: frames a second.
        program: General MIDI program.
        synth: plays them; the built-in one if None.
        drums: (start in seconds, note of General MIDI, velocity) of what a `DrumSynthesizer` strikes.

    Yields:
        (2, n) float32 within ±1, n at most 4096.
    """
    synth = synth or BuiltInSynth(sample_rate, program)
    synth.program(program)
    events = [(round(start * sample_rate), 1, pitch, velocity) for start, _, pitch, velocity in notes]
    events += [(round(end * sample_rate), 0, pitch, 0) for _, end, pitch, _ in notes]
    events += [(round(start * sample_rate), 2, note, velocity) for start, note, velocity in drums]
    now = 0
    for frame, kind, pitch, velocity in sorted(events):
        while now < frame:
            made = synth.render(min(frame - now, 4096))
            now += made.shape[1]
            yield made
        if kind == 0:
            synth.note_off(pitch)
        elif kind == 1:
            synth.note_on(pitch, velocity)
        elif isinstance(synth, DrumSynthesizer):
            synth.strike(pitch, velocity)
    for _ in range(round(4 * sample_rate / 1024) if events else 0):
        made = synth.render(1024)
        yield made
        if np.abs(made).max() < INAUDIBLE:
            break


def _waves(voices: list[_Voice], at: np.ndarray) -> np.ndarray:
    """The next frames of each voice; (voices, n). sin(kθ) by sin(kθ) = 2 cos θ sin((k-1)θ) - sin((k-2)θ)."""
    age = np.array([[voice.age] for voice in voices]) + at
    angle = 2.0 * np.pi * ((age * np.array([[voice.cycles] for voice in voices])) % 1.0)
    before, now, twice = np.zeros(age.shape), np.sin(angle), 2.0 * np.cos(angle)
    partials = np.stack([voice.partials for voice in voices])
    decays = np.stack([voice.decays for voice in voices])
    waves = np.zeros(age.shape)
    for k in range(_PARTIALS):
        waves += partials[:, k, None] * np.exp(-decays[:, k, None] * age) * now
        before, now = now, twice * now - before
    attack = np.array([[voice.attack] for voice in voices])
    if (age < attack).any():
        waves *= 0.5 - 0.5 * np.cos(np.pi * np.minimum(age / attack, 1.0))
    released = np.array([[voice.released] for voice in voices])
    if (released >= 0).any():
        release = np.array([[voice.release] for voice in voices])
        waves *= np.where(released >= 0, np.exp(-(released + at) / release), 1.0)
    return waves


def _fade(voice: _Voice, rate: int) -> None:
    """Let a voice die away fast, from where it is."""
    if not voice.is_stolen:
        voice.partials = voice.partials * np.exp(-max(voice.released, 0) / voice.release)
        voice.is_stolen, voice.released, voice.release = True, 0, STEAL_SECONDS * rate


def _loudness(voice: _Voice) -> float:
    """An upper bound of what is still to come."""
    peak = float((voice.partials * np.exp(-voice.decays * voice.age)).sum())
    return peak * float(np.exp(-max(voice.released, 0) / voice.release))


def round_off(sound: np.ndarray) -> np.ndarray:
    """Straight up to the knee, then ever flatter towards 1."""
    over = np.abs(sound) - KNEE
    if not (over > 0.0).any():
        return sound
    room = 1.0 - KNEE
    return np.where(over > 0.0, np.sign(sound) * (KNEE + room * np.tanh(np.maximum(over, 0.0) / room)), sound)
