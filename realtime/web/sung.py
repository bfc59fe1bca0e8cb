"""Presets of the model of sounds for the page: notes of an instrument, one after another, as the page plays them."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

import numpy as np

from midi_vae.audio.sound import PEAK

from .sounds import SUNG

if TYPE_CHECKING:
    from ..audio.sound_instrument import SoundInstrument

NOTES = tuple(range(33, 94, 6))  # MIDI notes that are made; those between are a little faster or slower
SECONDS = 2.0  # of each
LOOP = (0.9, 1.9)  # seconds of a note between which it goes round while it is held
SEAM = 0.1  # seconds in which the end of the loop goes over into what came before its beginning


def sung_instrument(program: int) -> SoundInstrument:
    """An instrument of the preset that a program stands for; it takes a second or two to import what it needs."""
    from audiovq.sound.model import SoundModel
    from audiovq.sound.presets import read_preset

    from ..audio.sound_instrument import SoundInstrument

    model = SoundModel.from_pretrained()
    return SoundInstrument(model, [read_preset(model, SUNG[program])], voices=2)


@functools.lru_cache(len(SUNG))
def notes_flac(program: int) -> bytes:
    """`NOTES` of a preset on end, as FLAC of 16 bits; made once, in a few seconds."""
    import soundfile

    instrument = sung_instrument(program)
    rate, late = instrument.model.config.sample_rate, instrument.model.delay
    made = []
    for pitch in NOTES:
        instrument.note_on(pitch, 127)
        made.append(looped(instrument.render(round(SECONDS * rate) + late)[0, late:], rate))
        instrument.note_off(pitch)
        instrument.render(rate // 4)  # until it has died away
    whole = np.concatenate(made)
    file = io.BytesIO()
    soundfile.write(file, whole * (PEAK / np.abs(whole).max()), rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def looped(samples: np.ndarray, rate: int) -> np.ndarray:
    """A held note (T,) of which `LOOP` can be repeated without a click."""
    first, last, seam = round(LOOP[0] * rate), round(LOOP[1] * rate), round(SEAM * rate)
    turn = np.linspace(0.0, np.pi / 2, seam)
    out = samples.copy()
    out[last - seam : last] = np.cos(turn) * samples[last - seam : last] + np.sin(turn) * samples[first - seam : first]
    return out
