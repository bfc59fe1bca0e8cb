"""Notes as they were played -> a sound file, faster than real time."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from latentmix.errors import InputError
from latentmix.errors import InputError as FileError
from latentmix.files import replace_file
from midi_vae.audio.sound import BLOCK, MOST_SECONDS, PEAK, SOUND_FORMATS

from ..audio.synthesis import BUILT_IN, make_synth
from ..audio.synthesizer import render
from ..engine.recorder import PlayedNote

SAMPLE_RATE = 44100


def write_sound(
    path: str | os.PathLike[str],
    notes: Sequence[PlayedNote],
    program: int = 0,
    soundfont: str | os.PathLike[str] | None = None,
    sample_rate: int = SAMPLE_RATE,
) -> None:
    """Write notes as sound, until the last has died away; loudest at 80 % of full scale.

    Args:
        path: ends in .wav, .flac (16 bits) or .ogg (Vorbis).
        notes: `Engine.recording`, or what `render.perform` gives.
        program: General MIDI program.
        soundfont: a file for FluidSynth; None is the built-in synthesizer, which sounds the same everywhere.
        sample_rate: frames a second.

    Raises:
        InputError: above 20 minutes, an unknown suffix, a soundfont that cannot be used, an unwritable place.
    """
    import soundfile

    if Path(path).suffix.lower() not in SOUND_FORMATS:
        raise InputError(f"{path}: expected a name that ends in {', '.join(SOUND_FORMATS)}")
    seconds = max((note.end for note in notes), default=0.0)
    if seconds > MOST_SECONDS:
        raise InputError(f"{path}: expected at most {MOST_SECONDS // 60} minutes of sound, found {seconds / 60:.0f}")
    synth, _ = make_synth(sample_rate, BUILT_IN if soundfont is None else os.fspath(soundfont), program)
    with contextlib.closing(synth):
        played = [(note.start, note.end, note.pitch, note.velocity) for note in notes]
        sound = render(played, sample_rate, program, synth)
    sound *= PEAK / max(float(np.abs(sound).max(initial=0.0)), 1e-3)
    kind, subtype = SOUND_FORMATS[Path(path).suffix.lower()]
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", sample_rate, 2, subtype, format=kind) as out:
        for start in range(0, sound.shape[1], BLOCK):  # the Vorbis encoder does not stand long blocks
            out.write(sound[:, start : start + BLOCK].T)
    try:
        replace_file(path, file.getvalue())
    except FileError as error:
        raise InputError(str(error)) from None
