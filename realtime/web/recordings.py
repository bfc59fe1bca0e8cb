"""Recordings that pages send: untrusted bytes -> frames of a note -> the sound of the page, mixed as the melodies are.

What is kept is no recording but what the general model of sounds makes of its first two seconds, 21 kB: it is part of
the session, and of undo.
"""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from latentmix.errors import InputError

from ..engine.engine import Engine
from ..music.parameters import MAX_MELODIES
from ..music.timbre_mixer import TimbreMixer
from . import messages
from .checking import clean_name
from .history import Patch
from .sound_wire import SoundData

if TYPE_CHECKING:
    from audiovq.sound.model import SoundModel
    from audiovq.sound.morph import Recording

MAX_BYTES = 32 << 20  # of a file: a minute of stereo at 48 kHz in 24 bits has 17 MB
MAX_SECONDS = 60.0
TAKEN = 2.0  # seconds of a note, from where it is first heard


@dataclass(frozen=True)
class Mix:
    """Sounds, and how much there is of each, (M,)."""

    sounds: tuple[SoundData, ...]
    shares: tuple[float, ...]


@functools.lru_cache(1)
def general_model() -> SoundModel:
    """The model of the page's sounds, loaded once; importing what it needs takes a second or two."""
    from audiovq.sound.model import SoundModel

    return SoundModel.from_pretrained()


@functools.lru_cache(2 * MAX_MELODIES)
def recording_of(sound: SoundData) -> Recording:
    """A sound as the model knows it.

    Raises:
        InputError: damaged, of another model, or nothing is heard in it.
    """
    from audiovq.sound.presets import preset_from

    from ..audio.sound_instrument import as_note

    name = sound.name or "a sound"
    try:
        found = preset_from(general_model(), sound.preset)
        as_note(found.sound)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    return found


def read(name: object, data: bytes) -> tuple[SoundData, list[str]]:
    """A recording of a file's bytes, and what a person should know of it. Not thread-safe: one at a time.

    Raises:
        InputError: no recording that can be read, longer than `MAX_SECONDS`, or nothing is heard in it.
    """
    from audiovq.sound.fitting import read_recording
    from audiovq.sound.morph import Recording, part
    from audiovq.sound.presets import preset_bytes

    from ..audio.sound_instrument import heard_frames

    shown, model = clean_name(name) or "recording", general_model()
    remarks: list[str] = []
    with tempfile.TemporaryDirectory(prefix="latentmix-") as folder:
        path = Path(folder) / f"upload{_suffix(shown)}"
        path.write_bytes(data)
        try:
            found = read_recording(model, path, remarks.append, MAX_SECONDS, is_instrument=True)
            first, last = heard_frames(found.sound)
        except InputError as error:
            raise InputError(_told(str(error), path, shown)) from None
    taken = min(last - first, round(TAKEN * model.config.frame_rate))
    if last - first > taken:
        remarks.append(f"{shown}: of its sound the first {TAKEN:g} s are sung")
    kept = Recording(part(found.sound, first, first + taken), taken * model.config.hop)
    lines = [_told(line, path, shown) for line in remarks]
    return SoundData.of(Path(shown).stem or shown, preset_bytes(model, kept)), lines


class Recordings:
    """The sounds of a workspace, and as it: all of it in the event loop's own thread.

    Args:
        engine: whose melodies are mixed, and the sounds as they.
        remember: told of each change: what it is called, what undoes it, what redoes it.
    """

    def __init__(self, engine: Engine, remember: Callable[[str, Patch, Patch], None]) -> None:
        self._engine, self._remember = engine, remember
        self.all: tuple[SoundData, ...] = ()

    def mix(self) -> Mix:
        """The sounds as they are to be mixed now: as the melodies that are heard, or by the timbre's own puck."""
        found = TimbreMixer(self._engine.mixer, len(self.all)).weights() if self.all else np.zeros(0)
        return Mix(self.all, tuple(round(float(share), 3) for share in found))

    def check_room(self) -> None:
        """
        Raises:
            InputError: there is no room for one more.
        """
        if len(self.all) >= MAX_MELODIES:
            raise InputError(f"expected at most {MAX_MELODIES} recordings in the sound; take one away first")

    def add(self, sound: SoundData) -> None:
        """One more; raises as `check_room`."""
        self.check_room()
        self._change((*self.all, sound), "recording in the sound")

    async def remove(self, command: messages.RemoveSound) -> None:
        """Take one away, by its number.

        Raises:
            InputError: there is none of this number, or another page has changed them.
        """
        if (command.of is not None and command.of != len(self.all)) or command.at >= len(self.all):
            raise InputError("expected the recordings that this page shows; another page has just changed them")
        self._change((*self.all[: command.at], *self.all[command.at + 1 :]), "recording taken away")

    async def lay(self, sounds: tuple[SoundData, ...]) -> None:
        """Mix these; one that is damaged or of another model is left out, and it is said."""
        if sounds == self.all:
            return
        found = []
        for sound in sounds:
            try:
                await asyncio.to_thread(recording_of, sound)
                found.append(sound)
            except InputError as error:
                self._engine.warn(f"left out: {error}")
        self.all = tuple(found)

    def _change(self, sounds: tuple[SoundData, ...], label: str) -> None:
        before, self.all = self.all, sounds
        self._remember(label, Patch(sounds=before), Patch(sounds=sounds))


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) < 8 else ""


def _told(line: str, path: Path, shown: str) -> str:
    return line.replace(str(path), shown)
