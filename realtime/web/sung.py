"""Sounds of the model of sounds for the page: notes of an instrument, one after another, as the page plays them."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

import numpy as np

from latentmix.errors import InputError
from midi_vae.audio.sound import PEAK

from .recordings import Mix, general_model, recording_of
from .sounds import SUNG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audiovq.sound.morph import Recording

    from ..audio.sound_instrument import SoundInstrument

NOTES = tuple(range(33, 94, 6))  # MIDI notes that are made; those between are a little faster or slower
SECONDS = 2.0  # of each
LOOP = (0.9, 1.9)  # seconds of a note between which it goes round while it is held
SEAM = 0.1  # seconds in which the end of the loop goes over into what came before its beginning


def sung_instrument(program: int, own: Mix | None = None) -> SoundInstrument:
    """An instrument of the preset that a program stands for, or of a mix; it takes a second or two to import."""
    from audiovq.sound.presets import read_preset

    from ..audio.sound_instrument import SoundInstrument

    model = general_model()
    if own is None:
        return SoundInstrument(model, [read_preset(model, SUNG[program])], voices=2)
    shares = np.array(own.shares)
    return SoundInstrument(model, [recording_of(each) for each in own.sounds], lambda seconds: shares, voices=2)


@functools.lru_cache(len(SUNG))
def notes_flac(program: int) -> bytes:
    """`NOTES` of a preset on end, as FLAC of 16 bits; made once."""
    from audiovq.sound.presets import read_preset

    made = _notes([read_preset(general_model(), SUNG[program])], np.ones(1))
    return _flac(made * (PEAK / np.abs(made).max()))


@functools.lru_cache(1)
def own_flac(mix: Mix) -> bytes:
    """The same of recordings; kept until another mix is asked for.

    Raises:
        InputError: there are none.
    """
    if not mix.sounds:
        raise InputError("expected recordings to sing with, found none; drop some on the page")
    # Not as loud as can be: from one mix to the next it would jump. Notes are rounded off below full scale anyhow.
    return _flac(PEAK * _notes([recording_of(each) for each in mix.sounds], np.array(mix.shares)))


def _notes(recordings: Sequence[Recording], shares: np.ndarray) -> np.ndarray:
    """`NOTES` on end, (T,)."""
    from ..audio.sound_instrument import held_notes

    config = general_model().config
    made = held_notes(general_model(), recordings, shares, NOTES, round(SECONDS * config.frame_rate))
    return np.concatenate([looped(note, config.sample_rate) for note in made])


def _flac(samples: np.ndarray) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, general_model().config.sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def looped(samples: np.ndarray, rate: int) -> np.ndarray:
    """A held note (T,) of which `LOOP` can be repeated without a click."""
    first, last, seam = round(LOOP[0] * rate), round(LOOP[1] * rate), round(SEAM * rate)
    turn = np.linspace(0.0, np.pi / 2, seam)
    out = samples.copy()
    out[last - seam : last] = np.cos(turn) * samples[last - seam : last] + np.sin(turn) * samples[first - seam : first]
    return out
