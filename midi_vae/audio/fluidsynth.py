"""FluidSynth, where it is installed: its library by ctypes, as little of it as rendering blocks of samples takes."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from pathlib import Path
from typing import Any

import numpy as np

from latentmix.errors import InputError

from ..midi.score import DRUM_CHANNEL

# Where systems keep soundfonts; the first file of the first folder that has any is taken, General MIDI ones first.
FOLDERS = (
    *("/usr/share/sounds/sf2", "/usr/share/sounds/sf3", "/usr/share/soundfonts", "/usr/local/share/soundfonts"),
    *("~/.local/share/soundfonts", "/opt/homebrew/share/soundfonts", "C:/soundfonts"),
)
NAMES = ("libfluidsynth.so.3", "libfluidsynth.so.2", "libfluidsynth.dylib", "libfluidsynth-3.dll")
GAIN = 0.6
FAILED = -1  # FLUID_FAILED
LEVELS = 5  # of FluidSynth's log
ALL_CHANNELS = -1


class FluidSynth:
    """A soundfont played by FluidSynth: notes on the first channel, drums on the tenth.

    Args:
        sample_rate: 8000 to 96000 frames a second.
        soundfont: an SF2, SF3 or DLS file.
        program: General MIDI program.

    Raises:
        InputError: no library, no such file, or one that is no soundfont.
    """

    def __init__(self, sample_rate: int, soundfont: str | os.PathLike[str], program: int = 0) -> None:
        path = os.fspath(soundfont)
        call = self._library = check_soundfont(path)
        self._settings = call.new_fluid_settings()
        call.fluid_settings_setnum(self._settings, b"synth.sample-rate", float(sample_rate))
        call.fluid_settings_setnum(self._settings, b"synth.gain", GAIN)
        call.fluid_settings_setint(self._settings, b"synth.polyphony", 64)
        self._synth = call.new_fluid_synth(self._settings)
        if not self._synth or call.fluid_synth_sfload(self._synth, os.fsencode(path), 1) == FAILED:
            self.close()
            raise InputError(f"{path}: FluidSynth cannot play it; expected a soundfont that is complete")
        self.program(program)

    def note_on(self, pitch: int, velocity: int) -> None:
        """Begin a note; both 0 to 127, velocity 0 ends it."""
        self._library.fluid_synth_noteon(self._synth, 0, pitch, velocity)

    def note_off(self, pitch: int) -> None:
        """End a note; it dies away."""
        self._library.fluid_synth_noteoff(self._synth, 0, pitch)

    def strike(self, note: int, velocity: int) -> None:
        """Strike a drum of the kit that the soundfont has, if it has one (`has_kit`)."""
        self._library.fluid_synth_noteon(self._synth, DRUM_CHANNEL, note, velocity)

    @property
    def has_kit(self) -> bool:
        """Whether the soundfont has drums."""
        return bool(self._library.fluid_synth_get_channel_preset(self._synth, DRUM_CHANNEL))

    def program(self, number: int) -> None:
        """Another General MIDI program, from the next note on."""
        self._library.fluid_synth_program_change(self._synth, 0, min(max(number, 0), 127))

    def panic(self) -> None:
        """Everything dies away, at once."""
        self._library.fluid_synth_all_notes_off(self._synth, ALL_CHANNELS)
        self._library.fluid_synth_all_sounds_off(self._synth, ALL_CHANNELS)

    def render(self, frames: int) -> np.ndarray:
        """The next frames of sound; (2, frames) float32 within ±1."""
        sound = np.zeros((2, frames), np.float32)
        left, right = (side.ctypes.data_as(ctypes.c_void_p) for side in sound)
        self._library.fluid_synth_write_float(self._synth, frames, left, 0, 1, right, 0, 1)
        return np.clip(sound, -1.0, 1.0, out=sound)

    def close(self) -> None:
        """Let go of the library's objects; a second time does nothing."""
        if self._synth:
            self._library.delete_fluid_synth(self._synth)
        if self._settings:
            self._library.delete_fluid_settings(self._settings)
        self._synth = self._settings = None


def load_library() -> Any | None:
    """FluidSynth's library with its functions declared, or None where there is none."""
    for at in range(len(NAMES) + 1):
        name = NAMES[at] if at < len(NAMES) else ctypes.util.find_library("fluidsynth")  # slow: it runs programs
        if name is None:
            return None
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        pointer, number, real, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_double, ctypes.c_char_p
        functions: dict[str, tuple[Any, tuple[Any, ...]]] = {
            "new_fluid_settings": (pointer, ()),
            "delete_fluid_settings": (None, (pointer,)),
            "fluid_settings_setnum": (number, (pointer, text, real)),
            "fluid_settings_setint": (number, (pointer, text, number)),
            "new_fluid_synth": (pointer, (pointer,)),
            "delete_fluid_synth": (None, (pointer,)),
            "fluid_synth_sfload": (number, (pointer, text, number)),
            "fluid_synth_noteon": (number, (pointer, number, number, number)),
            "fluid_synth_noteoff": (number, (pointer, number, number)),
            "fluid_synth_get_channel_preset": (pointer, (pointer, number)),
            "fluid_synth_program_change": (number, (pointer, number, number)),
            "fluid_synth_all_notes_off": (number, (pointer, number)),
            "fluid_synth_all_sounds_off": (number, (pointer, number)),
            "fluid_synth_write_float": (
                number,
                (pointer, number, pointer, number, number, pointer, number, number),
            ),
            "fluid_set_log_function": (pointer, (number, pointer, pointer)),
        }
        try:
            for each, (result, arguments) in functions.items():
                function = getattr(library, each)
                function.restype, function.argtypes = result, list(arguments)
        except AttributeError:
            continue
        for level in range(LEVELS):
            library.fluid_set_log_function(level, None, None)  # what goes wrong is told by what it returns
        return library
    return None


def find_soundfont() -> Path | None:
    """A soundfont that the system has, a General MIDI one first; None where there is none."""
    for folder in FOLDERS:
        place = Path(folder).expanduser()
        if not place.is_dir():
            continue
        files = sorted(file for file in place.iterdir() if file.suffix.lower() in (".sf2", ".sf3", ".dls"))
        if files:
            return min(files, key=lambda file: ("gm" not in file.name.lower(), file.name))
    return None


def check_soundfont(path: str | os.PathLike[str]) -> Any:
    """See to it, before a long computation, that a file is a soundfont and that there is a library to play it, which
    comes back.

    Raises:
        InputError: no such file, one that is no soundfont, or no library.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError as error:
        raise InputError(f"{path}: cannot read the soundfont: {error.strerror}") from None
    if head[:4] != b"RIFF" or head[8:] not in (b"sfbk", b"DLS "):
        raise InputError(f"{path}: expected a soundfont (SF2, SF3 or DLS), found something else")
    library = load_library()
    if library is None:
        raise InputError(
            f"{path}: expected the library of FluidSynth to play the soundfont, found none; install FluidSynth, or "
            "leave the soundfont out for the built-in voice"
        )
    return library
