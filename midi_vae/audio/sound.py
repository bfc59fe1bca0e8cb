"""Melodies -> sound."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentmix.errors import InputError
from latentmix.files import replace_file

from ..midi.writer import VELOCITY
from ..music.melody import Melody
from .fluidsynth import FluidSynth, check_soundfont

SOUND_FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
MAX_SECONDS = 20 * 60  # in one sound file
PEAK = 0.8  # of full scale
FADE_SECONDS = 0.01  # at the end of a file, where a voice of FluidSynth may still sound
BLOCK = 1 << 16  # frames written at a time
AUDIBLE = 0.01  # of full scale, 40 dB below it
ATTACK_SECONDS = 0.006
# Partials of the built-in voice: number, amplitude, and how fast it dies away in 1/s. Like a soft mallet.
PARTIALS = ((1, 1.0, 1.0), (2, 0.35, 2.5), (3, 0.18, 4.0), (4, 0.10, 6.0), (6, 0.04, 9.0))


def to_wav(
    path: str | os.PathLike[str],
    melodies: Sequence[Melody],
    soundfont: str | os.PathLike[str] | None = None,
    sample_rate: int = 44100,
) -> None:
    """Write melodies one after another as sound; the file lasts exactly as long as their bars.

    Args:
        path: ends in .wav, .flac (16 bits) or .ogg (Vorbis).
        melodies: at least one.
        soundfont: an SF2, SF3 or DLS file, played by FluidSynth in stereo; None is a plain
            voice synthesized by pretty_midi in mono, whatever the General MIDI program.
        sample_rate: 8000 to 192000 frames a second.

    Raises:
        InputError: above 20 minutes, an unknown suffix, no FluidSynth, no soundfont, an unwritable place.
    """
    import soundfile

    check_sound(path, soundfont)
    if not melodies or not 8000 <= sample_rate <= 192000:
        raise ValueError(f"expected melodies and 8000 to 192000 Hz, found {len(melodies)} and {sample_rate}")
    seconds = sum(len(melody.tokens) * _step_seconds(melody) for melody in melodies)
    if seconds > MAX_SECONDS:
        raise InputError(
            f"{path}: expected at most {MAX_SECONDS // 60} minutes of sound, found {seconds / 60:.0f}; "
            "choose fewer steps or bars"
        )
    frames = round(seconds * sample_rate)
    if soundfont is None:
        sound = np.zeros((frames, 1), np.float32)
        _synthesize(sound[:, 0], melodies, sample_rate)
    else:
        sound = _fluidsynth(melodies, soundfont, sample_rate, frames)
    fade = min(round(FADE_SECONDS * sample_rate), frames)
    sound[frames - fade :] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
    kind, subtype = sound_format(path)
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", sample_rate, sound.shape[1], subtype, format=kind) as out:
        for start in range(0, frames, BLOCK):  # the Vorbis encoder does not stand long blocks
            out.write(as_stored(sound[start : start + BLOCK], subtype))
    replace_file(path, file.getvalue())


def check_sound(path: str | os.PathLike[str], soundfont: str | os.PathLike[str] | None) -> None:
    """Whether `to_wav` could play this, before a long computation.

    Raises:
        InputError: an unknown suffix, no FluidSynth, or no soundfont.
    """
    sound_format(path)
    if soundfont is not None:
        check_soundfont(soundfont)


def sound_format(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Format and subtype of a sound file to be written, as soundfile names them.

    Raises:
        InputError: an unknown suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SOUND_FORMATS:
        raise InputError(f"{os.fspath(path)}: expected a name that ends in {', '.join(SOUND_FORMATS)}")
    return SOUND_FORMATS[suffix]


def as_stored(samples: np.ndarray, subtype: str) -> np.ndarray:
    """Samples, 1 full scale, as soundfile is to be given them: for PCM_16 int16, the nearest to each; else as they are.

    Of floats soundfile takes the nearest in FLAC, but the next lower one in WAV, half a step of DC
    (soundfile 0.14.0).
    """
    if subtype != "PCM_16":
        return samples
    return np.rint(samples * 32768.0).clip(-32768, 32767).astype(np.int16)


def _step_seconds(melody: Melody) -> float:
    return 60.0 / melody.tempo / 4


def _synthesize(sound: np.ndarray, melodies: Sequence[Melody], sample_rate: int) -> None:
    """Play melodies into silence (frames,), each note by itself, so that long tunes take no more memory."""
    from pretty_midi import Instrument, Note

    def voice(phase: np.ndarray) -> np.ndarray:
        """The wave of one note; phase (n,). `Instrument.synthesize` lets it die away and fade out."""
        time = np.arange(len(phase)) / sample_rate
        highest = np.pi / phase[1] if len(phase) > 1 else 1.0  # partial at half the sample rate
        wave = sum(a * np.exp(-d * time) * np.sin(k * phase) for k, a, d in PARTIALS if k < highest or k == 1)
        return wave * np.minimum(time / ATTACK_SECONDS, 1.0)

    loudest = VELOCITY * sum(amplitude for _, amplitude, _ in PARTIALS)
    player, now = Instrument(0), 0.0
    for melody in melodies:
        step = _step_seconds(melody)
        for start, end, pitch in melody.notes():
            first, last = (round((now + at * step) * sample_rate) for at in (start, end))
            note = Note(VELOCITY, pitch, 0.0, (last - first + 0.5) / sample_rate)  # it rounds down
            player.notes = [note]
            wave = player.synthesize(sample_rate, voice)
            sound[first:last] = wave[: len(sound[first:last])] * (PEAK / loudest)
        now += len(melody.tokens) * step


def _fluidsynth(
    melodies: Sequence[Melody], soundfont: str | os.PathLike[str], sample_rate: int, frames: int
) -> np.ndarray:
    """What FluidSynth makes of them; (frames, 2) float32."""
    sound, now = np.zeros((frames, 2), np.float32), 0.0
    with contextlib.closing(FluidSynth(sample_rate, soundfont, melodies[0].program)) as synth:
        at = 0
        for melody in melodies:
            step = _step_seconds(melody)
            events = [(round((now + start * step) * sample_rate), 1, pitch) for start, _, pitch in melody.notes()]
            events += [(round((now + end * step) * sample_rate), 0, pitch) for _, end, pitch in melody.notes()]
            now += len(melody.tokens) * step
            synth.program(melody.program)
            for frame, starts, pitch in sorted(events):
                at = _render_until(frame, at, sound, synth)
                synth.note_on(pitch, VELOCITY) if starts else synth.note_off(pitch)
            at = _render_until(min(round(now * sample_rate), frames), at, sound, synth)
    loudest = max(float(sound.max(initial=0.0)), -float(sound.min(initial=0.0)))
    if loudest < AUDIBLE and any(melody.notes() for melody in melodies):
        raise InputError(f"{soundfont}: FluidSynth made no sound with it; expected a soundfont that is complete")
    sound *= PEAK / max(loudest, AUDIBLE)
    return sound


def _render_until(frame: int, at: int, sound: np.ndarray, synth: FluidSynth) -> int:
    """Render into sound (T, 2) from one frame up to another, which comes back."""
    while at < frame:
        size = min(frame - at, BLOCK)
        sound[at : at + size] = synth.render(size).T
        at += size
    return at
