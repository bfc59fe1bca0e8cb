"""Where the melodies that a command made go: MIDI, and beside it sound and a picture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from latentmix.cli import may_replace
from latentmix.errors import InputError

from ..audio.sound import check_sound, to_wav
from ..midi.writer import write_midi
from ..music.melody import Melody
from ..piano_roll import to_png
from .options import MIDI_SUFFIXES


@dataclass(frozen=True)
class Outputs:
    """Places to write to.

    Attributes:
        midi: a file for all melodies one after another; a folder for one file a melody.
        separate: whether `midi` is a folder; it is made if missing.
        stem: of the names of files in the folder.
        wav, soundfont, png: as of `sound.to_wav` and `piano_roll.to_png`; None is none.
        inputs: files that must not be written over.
    """

    midi: Path
    separate: bool = False
    stem: str = "step"
    wav: Path | None = None
    soundfont: Path | None = None
    png: Path | None = None
    inputs: tuple[str, ...] = ()

    def check(self, count: int, force: bool) -> None:
        """See to it, before a long computation, that so many melodies can be written and no file is lost by it.

        Raises:
            InputError: it will not work; as of `cli.may_replace`.
        """
        if self.separate and (self.midi.suffix.lower() in MIDI_SUFFIXES or self.midi.is_file()):
            raise InputError(f"{self.midi}: expected a folder for one file a melody, found the name of a file")
        if not self.separate and self.midi.suffix.lower() not in MIDI_SUFFIXES:
            raise InputError(f"{self.midi}: expected the name of a MIDI file, which ends in .mid")
        if self.soundfont is not None and self.wav is None:
            raise InputError(f"{self.soundfont}: expected a sound file to use the soundfont for; name it by --wav")
        if self.wav is not None:
            check_sound(self.wav, self.soundfont)
        if self.png is not None and self.png.suffix.lower() != ".png":
            raise InputError(f"{self.png}: expected a name that ends in .png")
        places = [path for path in (*self._midi_paths(count), self.wav, self.png) if path is not None]
        self._refuse_inputs(places)
        for path in (None if self.separate else self.midi, self.wav, self.png):
            if path is not None:
                if path.is_dir():
                    raise InputError(f"{path}: expected the name of a file to write, found a folder")
                _check_folder(path.parent)
        if self.separate:
            _check_folder(next(f for f in (self.midi, *self.midi.absolute().parents) if f.exists()))
        may_replace("midi-vae", places, force)

    def write(self, melodies: Sequence[Melody], labels: Sequence[str], strip: Strip | None = None) -> list[str]:
        """Write melodies; every file is whole or not there.

        Args:
            melodies: at least one.
            labels: one each, which become markers in the MIDI file.
            strip: what to draw, if not just these.

        Returns:
            the files written.
        """
        return self.write_by(
            len(melodies),
            lambda path, which: write_midi(path, [melodies[i] for i in which], labels=[labels[i] for i in which]),
            lambda path: to_wav(path, melodies, self.soundfont),
            lambda path: (strip or Strip(melodies, labels)).draw(path),
        )

    def write_by(
        self,
        count: int,
        to_midi: Callable[[Path, Sequence[int]], None],
        to_sound: Callable[[Path], None],
        to_picture: Callable[[Path], None],
    ) -> list[str]:
        """The same for so many of anything that these functions can write; `to_midi` is told which of them."""
        places = self._midi_paths(count)
        written = []
        for place, write in ((self.wav, to_sound), (self.png, to_picture)):
            if place is not None:
                write(place)
                written.append(place)
        if self.separate:
            _make_folder(self.midi)
            for number, path in enumerate(places):
                to_midi(path, [number])
        else:
            to_midi(self.midi, range(count))
        return [str(path) for path in (*places, *written)]

    def _midi_paths(self, count: int) -> list[Path]:
        if not self.separate:
            return [self.midi]
        digits = max(len(str(count)), 2)
        return [self.midi / f"{self.stem}-{number:0{digits}}.mid" for number in range(1, count + 1)]

    def _refuse_inputs(self, places: Sequence[Path]) -> None:
        inputs = {Path(path).resolve() for path in self.inputs}
        for place in places:
            if place.resolve() in inputs:
                raise InputError(f"{place}: expected another name than that of a file that is read")


@dataclass(frozen=True)
class Strip:
    """What a picture shows; see `piano_roll.to_png`."""

    melodies: Sequence[Melody]
    labels: Sequence[str]
    columns: int | None = None
    title: str = ""

    def draw(self, path: Path) -> None:
        """Into a PNG."""
        to_png(path, self.melodies, self.labels, self.columns, self.title)


def _check_folder(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{folder}: expected a folder that can be written to, found {error.strerror}") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot make the folder: {error.strerror}") from None
