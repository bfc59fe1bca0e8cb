"""Options of `livemix sound`, but for those of control."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from .options import InputPorts, PagePlace

_played, _made = (functools.partial(typer.Option, rich_help_panel=panel) for panel in ("Played live", "What is made"))


@dataclass(frozen=True)
class SoundPlace(InputPorts):
    """Where it is heard, and where MIDI comes from."""

    audio: Annotated[
        bool, _played("--audio", help="Hear it, by JACK or the system's sound: so it is without --render.")
    ] = False
    device: Annotated[
        str | None,
        _played("--audio-device", metavar="NAME", help="A part of the name of a sound device, or JACK, ALSA …"),
    ] = None
    block: Annotated[
        int, _played("--block", metavar="N", min=0, max=8192, help="Frames at a time; 0: the device's own.")
    ] = 0
    latency: Annotated[
        float | None,
        _played(
            "--latency",
            metavar="S",
            help="Seconds that the model may be late: 0.02; with live inputs 0.009, after breaks up to 0.02.",
        ),
    ] = None
    voices: Annotated[
        int,
        _played(
            "--voices",
            metavar="N",
            min=0,
            max=8,
            help="The sounds are an instrument of so many voices, played by --in.",
        ),
    ] = 0
    mpe: Annotated[
        bool,
        _played("--mpe", help="The keyboard is an MPE controller: each note has bend, pressure and slide of its own."),
    ] = False
    record: Annotated[
        Path | None, _played("--record", metavar="OUT.wav", help="Write what is heard while it plays.")
    ] = None


@dataclass(frozen=True)
class SoundPage(PagePlace):
    """Whether there is a page, and where."""

    page: Annotated[bool, typer.Option("--page", help="Show the mix in the browser, to be moved from there too.")] = (
        False
    )
    session: Annotated[
        Path | None, typer.Option("--session", metavar="FILE", help="Open a session that the page has saved.")
    ] = None
    new: Annotated[
        bool, typer.Option("--new", help="Begin afresh, not with the session of last time of these sounds.")
    ] = False


@dataclass(frozen=True)
class SoundMaking:
    """How long it is, by which model, and whether it is written."""

    render: Annotated[Path | None, _made("--render", metavar="OUT.wav", help="Write the mix: .wav, .flac or .ogg.")] = (
        None
    )
    seconds: Annotated[
        float | None,
        _made(
            "--seconds",
            metavar="S",
            min=0.1,
            max=86400.0,
            help="Of playing, else until Ctrl-C; of --render without --plan, else 8.",
        ),
    ] = None
    tempo: Annotated[float, _made("--tempo", min=20.0, max=400.0, help="Of a plan in beats or bars.")] = 120.0
    model: Annotated[str, _made("--model", metavar="NAME|FOLDER", help="Of audiovq train-sound.")] = "sound_48k"
    force: Annotated[bool, _made("--force", help="Replace a file that is there.")] = False
