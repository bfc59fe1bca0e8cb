"""Options that several commands of `audiovq` share."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from latentmix.cli import Device, Force, Verbose

_output, _engine = (functools.partial(typer.Option, rich_help_panel=panel) for panel in ("Output", "Model"))


Channels = Literal["mix", "keep"]  # what to do with several
Suffix = Literal["wav", "flac", "ogg"]  # of the audio that is written


def finite(value: float | None) -> float | None:
    """A number of an option, which may be neither endless nor none at all; usage error otherwise."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"expected a number, found {value}")
    return value


Inputs = Annotated[list[str], typer.Argument(metavar="IN...", help="Files or folders; - for standard input.")]
TokenInputs = Annotated[list[str], typer.Argument(metavar="IN...", help="Files or folders.")]
AvqFile = Annotated[Path, typer.Argument(metavar="FILE.avq", help="A compressed file.")]
AudioFile = Annotated[str, typer.Argument(metavar="AUDIO", help="A recording, or an .avq file.")]
Output = Annotated[
    str,
    _output("-o", "--output", metavar="OUT", help="New file to write, - for standard output, or a folder for several."),
]
Json = Annotated[bool, _output("--json", help="Figures for machines, on standard output.")]
Page = Annotated[
    str | None, _output("--html", metavar="PAGE.html", help="A page to listen to and look at it, in one file.")
]
Model = Annotated[str, _engine("--model", metavar="NAME|FOLDER", help="One that comes with the package, or a folder.")]
ChosenModel = Annotated[
    str,
    _engine(
        "--model",
        metavar="NAME|FOLDER",
        help="As for other commands, or auto: speech_16k, and high_voices_16k for recordings pitched above 300 Hz.",
    ),
]
Where = Annotated[Device, _engine("--device", help="Where it runs.")]
Jobs = Annotated[
    int | None,
    _engine(
        "--jobs",
        "-j",
        metavar="N",
        min=1,
        max=1024,
        help="Files at a time; default: one for each core, if there is enough to do.",
    ),
]
Count = Annotated[int, typer.Option("-n", "--count", metavar="N", min=1, max=1000, help="How many.")]
Length = Annotated[
    float, typer.Option("--seconds", metavar="SECONDS", callback=finite, min=0.1, max=3600.0, help="Of new audio.")
]
Temperature = Annotated[
    float,
    typer.Option(
        "--temperature", metavar="T", callback=finite, min=0.0, max=5.0, help="Below 1 more typical, above 1 stranger."
    ),
]
Start = Annotated[float, typer.Option("--start", metavar="SECONDS", callback=finite, min=0.0, help="Begin there.")]
Part = Annotated[
    float | None,
    typer.Option("--seconds", metavar="SECONDS", callback=finite, min=0.001, help="No more than that."),
]
Kbps = Annotated[
    float,
    typer.Option(
        "--kbps",
        metavar="RATE",
        callback=finite,
        min=0.1,
        help="kbit/s of each channel, on average over a file at most; speech_16k has up to 3.5.",
    ),
]
DEFAULT_MODEL, AUTO = "speech_16k", "auto"
DEFAULT_SOUND_MODEL = "sound_48k"
NOTHING = "none"  # in place of a model to begin with


@dataclass(frozen=True)
class BatchOptions:
    """What every command that works on many files is asked."""

    inputs: Inputs
    output: Output
    model: Model = DEFAULT_MODEL
    device: Where = Device.cpu
    jobs: Jobs = None
    force: Force = False
    as_json: Json = False
    verbose: Verbose = False


@dataclass(frozen=True)
class ChoosingOptions(BatchOptions):
    """The same where the weights are chosen."""

    model: ChosenModel = AUTO


@dataclass(frozen=True)
class ResultOptions:
    """What every command that makes sound to listen to is asked about it."""

    page: Page = None
    force: Force = False
    as_json: Json = False
    verbose: Verbose = False


@dataclass(frozen=True)
class CodeOptions(BatchOptions):
    """The same for NumPy files, which come through no pipe."""

    inputs: TokenInputs
