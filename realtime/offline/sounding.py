"""Notes as they were played -> a sound file, faster than real time."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from latentmix.errors import InputError
from latentmix.files import replacing
from midi_vae.audio.sound import BLOCK, MAX_SECONDS, PEAK, as_stored, sound_format
from midi_vae.audio.synthesizer import Synthesizer, blocks
from midi_vae.midi.score import DRUM_CHANNEL

from ..audio.synthesis import BUILT_IN, make_synth
from ..engine.recorder import PlayedNote

SAMPLE_RATE = 44100


def write_sound(
    path: str | os.PathLike[str],
    notes: Sequence[PlayedNote],
    program: int = 0,
    soundfont: str | os.PathLike[str] | None = None,
    sample_rate: int = SAMPLE_RATE,
    length: int | None = None,
    synth: Synthesizer | None = None,
    drum_notes: Mapping[int, int] = MappingProxyType({}),
    is_over: Callable[[], bool] = bool,
) -> None:
    """Write notes as sound, until the last has died away; loudest at 80 % of full scale.

    It is made block by block and waits on the disk, so that memory does not depend on the length.

    Args:
        path: ends in .wav, .flac (16 bits) or .ogg (Vorbis).
        notes: `Engine.recording`, or what `render.perform` gives.
        program: General MIDI program.
        soundfont: a file for FluidSynth; None is the built-in synthesizer, which sounds the same everywhere.
        sample_rate: frames a second.
        length: frames, exactly; None: until it is silent.
        synth: plays instead of what `soundfont` says, at `sample_rate`; drums too if it can.
        drum_notes: what notes of channel 10 are in General MIDI, where they are not the same.
        is_over: asked before each block, in the thread that makes it: whether nobody wants it any more.

    Raises:
        InputError: nobody wants it any more, above 20 minutes, an unknown suffix, a soundfont that cannot be used, an
            unwritable place.
    """
    import soundfile

    kind, subtype = sound_format(path)
    seconds = max((note.end for note in notes), default=0.0)
    if seconds > MAX_SECONDS:
        raise InputError(f"{path}: expected at most {MAX_SECONDS // 60} minutes of sound, found {seconds / 60:.0f}")
    melody = [note for note in notes if note.channel != DRUM_CHANNEL]
    hits = [note for note in notes if note.channel == DRUM_CHANNEL]
    played = [(note.start, note.end, note.pitch, note.velocity) for note in melody]
    struck = [(note.start, drum_notes.get(note.pitch, note.pitch), note.velocity) for note in hits]
    font = BUILT_IN if soundfont is None else os.fspath(soundfont)
    synth = synth or make_synth(sample_rate, font, program, bool(hits))[0]
    with replacing(path) as file, tempfile.TemporaryFile() as spool:
        with contextlib.closing(synth):
            peak = _spool(spool, blocks(played, sample_rate, program, synth, struck), length, is_over)
        spool.seek(0)
        with soundfile.SoundFile(file, "w", sample_rate, 2, subtype, format=kind) as out:
            while data := spool.read(8 * BLOCK):  # the Vorbis encoder does not stand long blocks
                samples = np.frombuffer(data, np.float32).reshape(-1, 2) * np.float32(PEAK / max(peak, 1e-3))
                out.write(as_stored(samples, subtype))


def _spool(spool: BinaryIO, sound: Iterable[np.ndarray], length: int | None, is_over: Callable[[], bool]) -> float:
    """Write blocks (2, n) as float32, frame by frame, so long as asked for; how loud the loudest sample is."""
    peak, left = 0.0, length
    for block in sound:
        if is_over():
            raise InputError("nobody waits for this sound any more")
        if left is not None:
            block, left = block[:, :left], left - min(left, block.shape[1])
        peak = max(peak, float(np.abs(block).max(initial=0.0)))
        spool.write(block.T.astype(np.float32).tobytes())
        if left == 0:
            return peak
    while left:
        piece = min(left, BLOCK)
        spool.write(bytes(8 * piece))
        left -= piece
    return peak
