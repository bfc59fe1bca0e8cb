"""Options that several commands of `midi-vae` share: a dataclass for each group and what to do with it."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentmix.cli import Device, Force, Verbose, check_device, drawn_seed
from latentmix.errors import InputError

from ..checkpoint import CHECKPOINT

if TYPE_CHECKING:
    from torch import Tensor

    from ..drums.kit import Kit
    from ..importing import BarRange, Passage
    from ..music.key import Key
    from ..music.melody import Melody
    from ..vae import MelodyVAE

# NumPy and what reads files are imported where they are used: --help does without

MIDI_SUFFIXES = (".mid", ".midi")
MAX_LONG_BARS = 1024  # of a melody that is made; as `long_form.MAX_BARS`, which waits for torch
File = Annotated[Path, typer.Argument(metavar="FILE", help="A MIDI file.")]
Count = Annotated[int, typer.Option("-n", "--count", metavar="N", min=1, max=1000, help="How many.")]
Temperature = Annotated[
    float, typer.Option(metavar="T", min=0.0, max=5.0, help="Below 1 more usual, above 1 stranger.")
]

_passages, _changes, _output, _engine, _drums = (
    functools.partial(typer.Option, rich_help_panel=panel)
    for panel in ("Passages", "Changes", "Output", "Model", "Drums")
)
KitFile = Annotated[
    Path | None,
    _drums(
        "--kit",
        metavar="FILE.toml",
        help="Says which notes are which drum, such as snare = [38, 40], for a kit that is not General MIDI; the first "
        "is written.",
    ),
]


@dataclass(frozen=True)
class PassageOptions:
    """Which passages of the files."""

    bars: Annotated[
        list[str] | None,
        _passages(
            "--bars",
            metavar="A:B|all",
            help="Bars A to B, from 1, both included. A: goes on to the end, all is the whole melody. Once "
            "for all files or once for each, in order. Default: two bars from where the melody starts.",
        ),
    ] = None
    track: Annotated[
        list[str] | None,
        _passages(
            "--track",
            metavar="N|NAME",
            help="Track that holds the melody, see midi-vae info. Once for all files or for each, in order.",
        ),
    ] = None

    bpm: Annotated[
        list[float] | None,
        _passages(
            "--bpm",
            metavar="BPM",
            min=10,
            max=1000,
            help="Quarter notes a minute at which a file was played that was never told its tempo, as programs write "
            "that turn sound into MIDI. Once for all files or for each, in order.",
        ),
    ] = None

    def read(self, files: Sequence[Path]) -> list[Passage]:
        """The passages of files."""
        from ..importing import read_passages

        bars = [parse_bars(text) for text in self.bars or ()]
        return read_passages([str(file) for file in files], bars, self.track or (), self.bpm or ())


@dataclass(frozen=True)
class ChangeOptions:
    """What to change in the melodies that are made."""

    attribute: Annotated[
        list[str] | None,
        _changes(
            "--attribute",
            metavar="NAME=AMOUNT",
            help="Turn density, height, range, syncopation or legato up or down, in standard deviations, "
            "such as density=+1. Exact ends stay as they are. May be given several times.",
        ),
    ] = None
    key: Annotated[
        str,
        _changes(
            "--key",
            metavar="KEY",
            help="Move notes outside a key into it: C:maj, F#:min and so on, auto for the key of the first "
            "melody, or none. Exact ends stay as they are.",
        ),
    ] = "none"
    tempo: Annotated[
        float | None,
        _changes("--tempo", metavar="BPM", min=10, max=1000, help="Quarter notes a minute, 10 to 1000."),
    ] = None
    program: Annotated[
        int | None, _changes("--program", metavar="N", min=0, max=127, help="General MIDI program, 0 to 127.")
    ] = None

    def __post_init__(self) -> None:
        self._amounts()
        if self.key not in ("auto", "none"):
            self._key()

    def _amounts(self) -> dict[str, float]:
        return dict(_attribute(text) for text in self.attribute or ())

    def _key(self) -> Key:
        from ..music.key import parse_key

        try:
            return parse_key(self.key)
        except InputError as error:
            raise typer.BadParameter(str(error), param_hint="--key") from None

    def shift(self, model: MelodyVAE) -> Tensor | None:
        """What to add to latents; (D,)."""
        from ..interpolation import attribute_shift

        amounts = self._amounts()
        return attribute_shift(model, amounts) if amounts else None

    def key_for(self, passages: Sequence[Passage]) -> Key | None:
        """The key to move notes into; auto is that of the whole melody which the first passage is from."""
        if self.key == "none":
            return None
        if self.key != "auto":
            return self._key()
        if not passages:
            raise typer.BadParameter(
                "expected a key such as C:maj, for there is no melody to take it from", param_hint="--key"
            )
        return passages[0].key()

    def apply(self, melodies: Sequence[Melody], key: Key | None, name: str, ends: Collection[int] = ()) -> list[Melody]:
        """The melodies with tempo, program and notes as wanted; the ends (by index) keep their notes."""
        from ..music.key import lock

        out = []
        for index, melody in enumerate(melodies):
            melody = melody if key is None or index in ends else lock(melody, key)
            program = melody.program if self.program is None else self.program
            out.append(replace(melody, tempo=self.tempo or melody.tempo, program=program, name=name))
        return out


@dataclass(frozen=True)
class OutputOptions:
    """Where to write."""

    output: Annotated[Path, _output("-o", "--output", metavar="OUT", help="New MIDI file, or folder, to write.")]
    wav: Annotated[
        Path | None, _output("--wav", metavar="FILE", help="Sound to write as well: .wav, .flac or .ogg.")
    ] = None
    soundfont: Annotated[
        Path | None,
        _output("--soundfont", metavar="FILE", help="Play the sound with this soundfont, by FluidSynth."),
    ] = None
    png: Annotated[
        Path | None,
        _output("--png", metavar="FILE", help="Picture to write as well: a strip of piano rolls."),
    ] = None
    force: Force = False
    json: Annotated[bool, _output("--json", help="Figures for machines, on standard output.")] = False

    @property
    def is_folder(self) -> bool:
        return self.output.suffix.lower() not in MIDI_SUFFIXES


@dataclass(frozen=True)
class ModelOptions:
    """What computes."""

    model: Annotated[
        str, _engine("--model", metavar="NAME|FOLDER", help="One that comes with the package, or a folder.")
    ] = "melody_2bar"
    device: Annotated[Device, _engine("--device", help="Where it runs; auto is a GPU if there is one.")] = Device.auto
    seed: Annotated[
        int | None,
        _engine(
            "--seed",
            metavar="N",
            min=0,
            max=2**63 - 1,
            help="The same seed gives the same melodies; mix and reconstruct draw nothing and need none.",
        ),
    ] = None
    verbose: Verbose = False

    def drawn_seed(self) -> int:
        """The seed asked for, or one that is told, so that even then the same can be had again."""
        return drawn_seed(self.seed)

    def check(self) -> None:
        """As `CheckpointFormat.check`, without torch unless a GPU is asked for.

        Raises:
            InputError: there is none of that name, no model in that folder, or no GPU.
        """
        if self.device is Device.cuda:
            check_device(self.device)
        CHECKPOINT.check(self.model)

    def load(self) -> MelodyVAE:
        """The model on its device."""
        from ..vae import MelodyVAE

        return MelodyVAE.from_pretrained(self.model, check_device(self.device))


@dataclass(frozen=True)
class DrumOptions:
    """Drums instead of melodies."""

    drums: Annotated[bool, _drums("--drums", help="Drums instead of melodies; of files, those on channel 10.")] = False
    kit: KitFile = None

    def __post_init__(self) -> None:
        if self.kit is not None and not self.drums:
            raise typer.BadParameter("expected --drums with --kit", param_hint="--kit")

    def notes(self) -> Kit:
        """Which note is which instrument."""
        from ..drums.kit import read_kit

        return read_kit(self.kit)


@dataclass(frozen=True)
class MakingOptions:
    """What every command that makes melodies or drums is asked."""

    change: ChangeOptions
    output: OutputOptions
    model: ModelOptions
    drums: DrumOptions


def parse_bars(text: str) -> BarRange:
    """Bars out of A:B, A: or all.

    >>> parse_bars("3:4"), parse_bars("3:"), parse_bars("all")
    (BarRange(first=3, last=4), BarRange(first=3, last=None), BarRange(first=None, last=None))
    """
    from ..importing import BarRange

    if text == "all":
        return BarRange(None, None)
    found = re.fullmatch(r"(\d{1,6}):(\d{1,6})?", text)
    try:
        if found:
            return BarRange(int(found[1]), int(found[2]) if found[2] else None)
    except ValueError:
        pass
    raise typer.BadParameter(f"expected A:B with bars from 1 on, or all, found {text!r}", param_hint="--bars")


def _attribute(text: str) -> tuple[str, float]:
    name, equals, amount = text.partition("=")
    try:
        if equals and name and math.isfinite(float(amount)):
            return name, float(amount)
    except ValueError:
        pass
    raise typer.BadParameter(f"expected NAME=AMOUNT such as density=+1, found {text!r}", param_hint="--attribute")
