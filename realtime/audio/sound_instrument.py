"""An instrument of recordings: notes, one or up to eight at a time, sung with the mix of their timbres.

A note begins as the recordings begin, goes through them and, if it is held, back and forth through their later half.
Its pitch is the note's, with what vibrato the recordings have; its loudness is theirs, from their loudest moment down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from audiovq.sound.analysis import Controls
from audiovq.sound.fitting import UNHEARD
from audiovq.sound.model import Colour, Sound, SoundModel
from audiovq.sound.morph import Recording, blend, joined, part, sung_share
from latentmix.errors import InputError, check_count
from midi_vae.audio.synthesizer import round_off

from ..music.parameters import MAX_MELODIES
from ..music.shares import spread
from ..music.sound_parameters import GLIDE, Dials
from .framewise import Framewise

HEARD = 50.0  # dB below its loudest frame, from which on a recording has begun, and after which it has ended
VIBRATO = 1.0  # semitones: a recording's pitch further away from its middle is another note
FULL = -14.0  # dB, A-weighted, of the loudest frame of a note at full velocity
VELOCITY = 30.0  # dB that a tenth of full velocity lies below it
RELEASE = 4.0  # dB that a note loses in each frame once it has ended
OVER = 60.0  # dB after which nothing of it is left
SILENT = -100.0  # dB
MAX_VOICES = 8
PRESSED = 9.0  # dB by which full pressure is louder
BEND_GLIDE = 0.6  # of the way to where the wheel is, in each frame


@dataclass
class Voice:
    """A note that sounds or did; `released` counts the dB that it has lost since its end."""

    pitch: int = 60
    velocity: int = 1
    channel: int = 0
    begun: int = 0
    age: int = 0
    is_held: bool = False
    released: float = 2.0 * OVER

    @property
    def is_silent(self) -> bool:
        return not self.is_held and self.released > OVER


class SoundInstrument(Framewise):
    """A `Synthesizer`: a note that finds no voice takes the place of the oldest, which comes back if still held.

    Args:
        model: whose rate is that of the samples.
        recordings: 1 to 8, of a note each or of a few.
        shares: of each recording (M,), asked for at each frame with its time in seconds; None: as `dials` say.
        voices: 1 to 8 that sound at a time.

    Attributes:
        dials: what was moved: pitch, loudness, harmonicity and brightness, and the puck where `shares` is None.

    Raises:
        InputError: none, more than 8, or one in which nothing is heard.
    """

    def __init__(
        self,
        model: SoundModel,
        recordings: Sequence[Recording],
        shares: Callable[[float], np.ndarray] | None = None,
        voices: int = 1,
    ) -> None:
        check_count(len(recordings), 1, MAX_MELODIES, "recordings")
        check_count(voices, 1, MAX_VOICES, "voices")
        super().__init__()
        self.model, self.dials = model, Dials()
        places = spread(len(recordings))
        self._shares = shares or (lambda seconds: self.dials.shares(places))
        self._sounds = [as_note(each.sound) for each in recordings]
        self._sung = [sung_share(each) for each in self._sounds]
        self.voices = [Voice() for _ in range(voices)]
        self._state = model.initial_decoder_state(voices)
        self._held: list[tuple[int, int, int]] = []  # pitch, velocity and channel, the latest last
        self._bends, self._bent = np.zeros(16), np.zeros(16)  # semitones, of each channel; where they are by now
        self._pressure, self._pressed = np.zeros(16), np.zeros(16)  # dB, likewise
        self._slide, self._slid = np.zeros(16), np.zeros(16)  # dB an octave, likewise
        self._begun = self._made = 0
        self._heard = np.zeros(len(recordings))

    def move(self, values: Mapping[str, object]) -> None:
        """Move parameters; raises InputError as `Dials.move`."""
        self.dials.move(values)

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        """Begin a note; velocity 0 ends it."""
        self.note_off(pitch, channel)
        if velocity > 0:
            self._held.append((pitch, velocity, channel))
            voice = max(self.voices, key=lambda each: (not each.is_held, each.released, -each.begun))
            self._begin(voice, self._held[-1])

    def note_off(self, pitch: int, channel: int = 0) -> None:
        """End a note; it dies away, or one that is still held comes back in its voice."""
        self._held = [each for each in self._held if (each[0], each[2]) != (pitch, channel)]
        for voice in self.voices:
            if voice.is_held and (voice.pitch, voice.channel) == (pitch, channel):
                sounding = [(each.pitch, each.channel) for each in self.voices if each.is_held]
                waiting = [each for each in self._held if (each[0], each[2]) not in sounding]
                voice.is_held = False
                if waiting:
                    self._begin(voice, waiting[-1])

    def bend(self, semitones: float, channel: int = 0) -> None:
        """The notes of a channel are bent, up or down."""
        self._bends[channel] = semitones

    def pressure(self, share: float, channel: int = 0) -> None:
        """The keys of a channel are pressed, 0 to 1: louder."""
        self._pressure[channel] = share * PRESSED

    def brighten(self, decibels: float, channel: int = 0) -> None:
        """Of the notes of a channel, each octave is stronger than the one below it by so much."""
        self._slide[channel] = decibels

    def program(self, number: int) -> None:
        """Nothing: the recordings say what it sounds like."""

    def panic(self) -> None:
        """Everything dies away, at once."""
        self._held = []
        for voice in self.voices:
            voice.is_held = False

    def close(self) -> None:
        """Nothing to do."""

    def render(self, frames: int) -> np.ndarray:
        """The next samples of sound; (2, frames) float32 within ±1."""
        return np.stack([self._next(frames)] * 2)

    def _begin(self, voice: Voice, note: tuple[int, int, int]) -> None:
        voice.pitch, voice.velocity, voice.channel = note
        self._begun += 1
        voice.begun, voice.age, voice.is_held, voice.released = self._begun, 0, True, 0.0

    def _step(self) -> np.ndarray:
        """The samples of one frame of all voices."""
        wanted = np.asarray(self._shares(self._made * self.model.config.hop / self.model.config.sample_rate), float)
        if not self._made:
            self._heard = wanted
        self._made += 1
        self._heard = self._heard + GLIDE * (wanted - self._heard)
        self._bent += BEND_GLIDE * (self._bends - self._bent)
        self._pressed += GLIDE * (self._pressure - self._pressed)
        self._slid += GLIDE * (self._slide - self._slid)
        amounts = self.dials.step()
        frames = [self._frame(voice, amounts) for voice in self.voices]
        colours = [
            Colour(amounts["harmonicity"], amounts["brightness"] + float(self._slid[voice.channel]))
            for voice in self.voices
        ]
        y, state = self.model.decode_step(joined(frames, 0), self._state, colours)
        if not bool(torch.isfinite(y).all()):  # never again sound, were it kept
            y, state = torch.zeros_like(y), self.model.initial_decoder_state(len(self.voices))
        self._state = state
        return round_off(y.sum(0).numpy())

    def _frame(self, voice: Voice, amounts: Mapping[str, float]) -> Sound:
        """What a voice sounds like now, (1, 1); then it is a frame older."""
        if not voice.is_held:
            voice.released += RELEASE
        frames = [part(each, at, at + 1) for each in self._sounds for at in [_place(voice.age, each)]]
        mixed = blend(frames, np.clip(self._heard, 0.0, None).tolist(), sung=self._sung)
        voice.age += 1
        louder = amounts["loudness"] + self._pressed[voice.channel]
        quieter = (1.0 - voice.velocity / 127.0) / 0.9 * VELOCITY + voice.released - louder
        loudness = torch.full_like(mixed.controls.loudness, SILENT)
        if not voice.is_silent:
            loudness = (mixed.controls.loudness - quieter).clamp(min=SILENT, max=0.0)
        semitones = voice.pitch - 69 + amounts["pitch"] + self._bent[voice.channel]
        hertz = 440.0 * 2.0 ** (semitones / 12) * mixed.controls.pitch
        return replace(mixed, controls=replace(mixed.controls, pitch=hertz, loudness=loudness))


@torch.inference_mode()
def held_notes(
    model: SoundModel, recordings: Sequence[Recording], shares: np.ndarray, pitches: Sequence[int], frames: int
) -> np.ndarray:
    """Notes at full velocity, each by itself, as the instrument plays them: all at once, which is much quicker.

    Args:
        recordings: M.
        shares: of each (M,).
        pitches: P MIDI notes.
        frames: N that they are held for.

    Returns:
        (P, N * hop) float32, rounded off; the delay of the model is taken off.

    Raises:
        InputError: a recording in which nothing is heard.
    """
    hop, late = model.config.hop, model.delay
    sounds, sung = [as_note(each.sound) for each in recordings], []
    ages = range(frames + -(-late // hop))
    parts = []
    for each in sounds:
        sung.append(sung_share(each))
        parts.append(joined([part(each, at, at + 1) for age in ages for at in [_place(age, each)]]))
    mixed = blend(parts, np.clip(shares, 0.0, None).tolist(), sung=sung)
    of = replace(mixed.controls, loudness=mixed.controls.loudness.clamp(SILENT, 0.0))
    hertz = [440.0 * 2.0 ** ((pitch - 69) / 12) for pitch in pitches]
    played = joined([replace(mixed, controls=replace(of, pitch=each * of.pitch)) for each in hertz], 0)
    y, _ = model.decode_step(played, model.initial_decoder_state(len(pitches)))
    return round_off(y[:, late : late + frames * hop].numpy())


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


def heard_frames(sound: Sound) -> tuple[int, int]:
    """From which frame of a recording (1, N) to before which something is heard.

    Raises:
        InputError: nothing is.
    """
    loudness = sound.controls.loudness[0]
    heard = torch.nonzero(loudness > max(float(loudness.max()) - HEARD, UNHEARD))[:, 0]
    if not len(heard):
        raise InputError("expected a recording of a sound, found nothing that is heard in it")
    return int(heard[0]), int(heard[-1]) + 1


def as_note(sound: Sound) -> Sound:
    """A recording (1, N) where it sounds, its pitch as a ratio to its middle, its loudest frame `FULL`.

    Its onset is as soft as a window: sharp, it would come two frames later, which is late for a key.

    Raises:
        InputError: nothing is heard in it.
    """
    sound = part(sound, *heard_frames(sound))
    played = sound.controls
    sung = played.pitch[played.harmonicity > 0.0]
    middle = sung.median() if len(sung) else played.pitch.median()
    ratio = played.pitch / middle
    ratio = torch.where(ratio.log2().abs() <= VIBRATO / 12.0, ratio, 1.0)
    louder = FULL - played.loudness.max()
    return replace(sound, controls=Controls.steady(ratio, played.loudness + louder, played.harmonicity))
