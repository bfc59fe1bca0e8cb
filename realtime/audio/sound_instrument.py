"""An instrument of recordings: one note at a time, sung with the mix of their timbres.

A note begins as the recordings begin, goes through them and, if it is held, back and forth through their later half.
Its pitch is the note's, with what vibrato the recordings have; its loudness is theirs, from their loudest moment down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from audiovq.sound.analysis import Controls
from audiovq.sound.model import Sound, SoundModel
from audiovq.sound.morph import Recording, blend, part, sung_share
from latentmix.errors import InputError
from midi_vae.audio.synthesizer import round_off

from ..music.parameters import MAX_MELODIES

HEARD = 50.0  # dB below its loudest frame, from which on a recording has begun, and after which it has ended
VIBRATO = 1.0  # semitones: a recording's pitch further away from its middle is another note
FULL = -14.0  # dB, A-weighted, of the loudest frame of a note at full velocity
VELOCITY = 30.0  # dB that a tenth of full velocity lies below it
RELEASE = 4.0  # dB that a note loses in each frame once it has ended
OVER = 60.0  # dB after which nothing of it is left
SILENT = -100.0  # dB


class SoundInstrument:
    """A `Synthesizer` of one voice: a new note takes the place of the one before; a released one gives it back.

    Args:
        model: whose rate is that of the samples.
        recordings: 1 to 8, of a note each or of a few.
        shares: of each recording (M,), asked for at each frame with its time in seconds.

    Raises:
        InputError: none, more than 8, or one in which nothing is heard.
    """

    def __init__(
        self, model: SoundModel, recordings: Sequence[Recording], shares: Callable[[float], np.ndarray]
    ) -> None:
        if not 1 <= len(recordings) <= MAX_MELODIES:
            raise InputError(f"expected 1 to {MAX_MELODIES} recordings, found {len(recordings)}")
        self.model, self._shares = model, shares
        self._sounds = [_as_note(each.sound) for each in recordings]
        self._sung = [sung_share(each) for each in self._sounds]
        self._state = model.initial_decoder_state(1)
        self._held: list[tuple[int, int]] = []  # pitch and velocity, the latest last
        self._sounding: tuple[int, int] | None = None
        self._age, self._released, self._made = 0, 0.0, 0
        self._rest = np.zeros(0, np.float32)

    def note_on(self, pitch: int, velocity: int) -> None:
        """Begin a note; velocity 0 ends it."""
        self.note_off(pitch)
        if velocity > 0:
            self._held.append((pitch, velocity))
            self._begin()

    def note_off(self, pitch: int) -> None:
        """End a note; it dies away, or one that is still held comes back."""
        was = self._held[-1] if self._held else None
        self._held = [each for each in self._held if each[0] != pitch]
        if self._held and self._held[-1] != was:
            self._begin()

    def program(self, number: int) -> None:
        """Nothing: the recordings say what it sounds like."""

    def panic(self) -> None:
        """Everything dies away, at once."""
        self._held = []

    def close(self) -> None:
        """Nothing to do."""

    def render(self, frames: int) -> np.ndarray:
        """The next samples of sound; (2, frames) float32 within ±1."""
        made = [self._rest]
        while sum(map(len, made)) < frames:
            made.append(self._step())
        whole = np.concatenate(made)
        self._rest = whole[frames:]
        return np.stack([whole[:frames]] * 2)

    def _begin(self) -> None:
        self._sounding, self._age, self._released = self._held[-1], 0, 0.0

    def _step(self) -> np.ndarray:
        hop = self.model.config.hop
        share = self._shares(self._made * hop / self.model.config.sample_rate)
        self._made += 1
        if not self._held:
            self._released += RELEASE
        pitch, velocity = self._sounding or (60, 1)
        frames = [part(each, at, at + 1) for each in self._sounds for at in [_place(self._age, each)]]
        mixed = blend(frames, np.asarray(share, np.float64).tolist(), sung=self._sung)
        self._age += 1
        is_silent = self._sounding is None or self._released > OVER
        quieter = (1.0 - velocity / 127.0) / 0.9 * VELOCITY + self._released
        loudness = torch.full_like(mixed.controls.loudness, SILENT) if is_silent else mixed.controls.loudness - quieter
        hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0) * mixed.controls.pitch
        controls = Controls(hertz, loudness.clamp(min=SILENT), mixed.controls.harmonicity)
        y, self._state = self.model.decode_step(Sound(controls, mixed.timbre), self._state)
        return round_off(y[0].numpy())


def _place(age: int, sound: Sound) -> int:
    """Which frame of a recording a note of that age is at.

    >>> from types import SimpleNamespace
    >>> ten = SimpleNamespace(timbre=torch.zeros(1, 10, 4))
    >>> [_place(age, ten) for age in (0, 5, 9, 10, 12, 13, 14)]
    [0, 5, 9, 8, 6, 5, 6]
    """
    last = sound.timbre.shape[1] - 1
    if age <= last:
        return age
    span = last // 2
    if not span:
        return last
    turn = (age - last) % (2 * span)
    return last - min(turn, 2 * span - turn)


def _as_note(sound: Sound) -> Sound:
    """A recording (1, N) where it sounds, its pitch as a ratio to its middle, its loudest frame `FULL`."""
    loudness = sound.controls.loudness[0]
    heard = torch.nonzero(loudness > max(float(loudness.max()) - HEARD, SILENT + 10.0))[:, 0]
    if not len(heard):
        raise InputError("expected a recording of a sound, found nothing that is heard in it")
    sound = part(sound, int(heard[0]), int(heard[-1]) + 1)
    played = sound.controls
    sung = played.pitch[played.harmonicity > 0.0]
    middle = sung.median() if len(sung) else played.pitch.median()
    ratio = played.pitch / middle
    ratio = torch.where(ratio.log2().abs() <= VIBRATO / 12.0, ratio, 1.0)
    return Sound(Controls(ratio, played.loudness - played.loudness.max() + FULL, played.harmonicity), sound.timbre)
