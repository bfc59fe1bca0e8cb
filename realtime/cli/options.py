"""Options of `livemix play` and `livemix web`, in groups."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from audiovq.sound.preset_names import PRESETS
from latentmix.errors import InputError
from midi_vae.cli.options import KitFile, ModelOptions, PassageOptions
from midi_vae.midi.score import DRUM_CHANNEL

from ..midi.ports import IN_NAME, OUT_NAME, MidiIn, MidiOut
from ..midi.sockets import split_address
from ..music.clock import check_tempo
from ..music.parameters import MAX_MELODIES, PARAMETERS, Parameter, Value, check

MIN_SECONDS = 0.1  # seconds of playing
LOCAL_HOST = "127.0.0.1"
USUAL_PORT = 8420  # of the page
_ports, _control, _playback = (
    functools.partial(typer.Option, rich_help_panel=panel) for panel in ("Ports", "Control", "Playback")
)


def _tempo(value: float | None) -> float | None:
    """A tempo that can be played."""
    try:
        return None if value is None else check_tempo(value)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None


def _seconds(value: float | None) -> float | None:
    """A time that passes."""
    if value is not None and not MIN_SECONDS <= value < math.inf:  # NaN too
        raise typer.BadParameter(f"expected seconds from {MIN_SECONDS:g} on, found {value:g}")
    return value


Follow = Literal["step", "beat", "bar"]  # when a change is heard
ClockName = Literal["internal", "midi", "link"]  # whose tempo it is


@dataclass(frozen=True)
class InputPorts:
    """Where MIDI comes from."""

    midi_api: Annotated[
        str | None,
        _ports(
            "--midi-api", metavar="API", help="UNIX_JACK, LINUX_ALSA, MACOSX_CORE or WINDOWS_MM; see livemix ports."
        ),
    ] = None
    virtual: Annotated[
        bool, _ports("--virtual", help=f"Open ports for others to connect to, `{IN_NAME}` and, of notes, `{OUT_NAME}`.")
    ] = False
    ins: Annotated[
        list[str] | None,
        _ports("--in", metavar="NAME", help="A MIDI input, or tcp:HOST:PORT to listen on. May be given several times."),
    ] = None

    def opened(self, has_virtual: bool) -> tuple[MidiIn, ...]:
        """The inputs asked for, after a virtual one if there is to be one."""
        named = tuple(MidiIn(name, api=self.midi_api) for name in self.ins or ())
        return ((MidiIn(virtual=True, api=self.midi_api),) if has_virtual else ()) + named


@dataclass(frozen=True)
class Ports(InputPorts):
    """Where notes go and control comes from."""

    outs: Annotated[
        list[str] | None,
        _ports("--out", metavar="NAME", help="A MIDI output, or tcp:HOST:PORT. May be given several times."),
    ] = None
    channel: Annotated[int, _ports("--channel", metavar="N", min=1, max=16, help="MIDI channel of the notes.")] = 1
    audio: Annotated[bool, _ports("--audio", help="Hear it without a synthesizer or DAW.")] = False
    soundfont: Annotated[
        Path | None, _ports("--soundfont", metavar="FILE", help="For --audio, played by FluidSynth.")
    ] = None
    clock_out: Annotated[bool, _ports("--clock-out", help="Send MIDI clock to the outputs.")] = False

    def midi_outs(self) -> tuple[MidiOut, ...]:
        """The outputs asked for; a virtual one where nothing would be heard."""
        named = tuple(MidiOut(name, api=self.midi_api) for name in self.outs or ())
        is_virtual = self.virtual or not (named or self.audio)
        return ((MidiOut(virtual=True, api=self.midi_api),) if is_virtual else ()) + named

    def midi_ins(self, osc_port: int | None) -> tuple[MidiIn, ...]:
        """The inputs asked for; a virtual one where no port was asked for at all."""
        return self.opened(self.virtual or not (self.ins or self.outs or self.audio or osc_port is not None))

    def check(self, is_sound: bool) -> None:
        """See to it that no option is without effect; whether sound is made is known elsewhere too."""
        if self.soundfont is not None and not is_sound:
            raise typer.BadParameter("expected --audio, which plays it", param_hint="--soundfont")


def parameter_values(
    settings: Sequence[str], parameters: Mapping[str, Parameter], others: bool = False
) -> dict[str, Value]:
    """What PARAMETER=VALUE says, several times over; a usage error where it says nothing.

    Args:
        others: attributes that are none of these parameters are left out: the model says which there are.
    """
    out = {}
    for text in settings:
        name, equals, value = text.partition("=")
        try:
            if not equals:
                raise InputError(f"expected PARAMETER=VALUE such as key=C:maj, found {text!r}")
            if not (others and name.startswith("attribute.") and name not in parameters):
                out[name] = check(name, value, parameters)
        except InputError as error:
            raise typer.BadParameter(str(error), param_hint="--set") from None
    return out


@dataclass(frozen=True)
class ControlOptions:
    """What moves the mix."""

    map: Annotated[
        str | None,
        _control("--map", metavar="FILE.toml|NAME", help="What the controller's knobs do; see livemix learn."),
    ] = None
    feedback: Annotated[
        str | None, _control("--feedback", metavar="NAME", help="MIDI output to the controller's lights and motors.")
    ] = None
    osc_port: Annotated[
        int | None, _control("--osc-port", metavar="N", min=0, max=65535, help="Listen for OSC on this UDP port.")
    ] = None
    osc_host: Annotated[str, _control("--osc-host", metavar="HOST", help="Address to listen on for OSC.")] = LOCAL_HOST
    osc_out: Annotated[
        str | None, _control("--osc-out", metavar="HOST:PORT", help="Send the parameters there by OSC as they move.")
    ] = None
    automation: Annotated[
        Path | None, _control("--plan", metavar="FILE.csv", help="Play a performance written down; see docs/live.md.")
    ] = None
    presets: Annotated[
        Path | None, _control("--presets", metavar="FILE.csv", help="What program changes recall; see docs/live.md.")
    ] = None
    settings: Annotated[
        list[str] | None,
        _control(
            "--set", metavar="PARAMETER=VALUE", help="To begin with, such as key=C:maj. May be given several times."
        ),
    ] = None
    keyboard: Annotated[bool, _control(help="The computer's keys move the mix too, in a terminal.")] = True

    def check(self) -> None:
        """See to it, before a model is loaded, that what was asked for can be had."""
        self.values(PARAMETERS, others=True)
        self.check_osc()

    def check_osc(self) -> None:
        """See to it that no option is without effect."""
        if self.osc_host != LOCAL_HOST and self.osc_port is None:
            raise typer.BadParameter("expected --osc-port N, the port to listen on there", param_hint="--osc-host")

    def values(self, parameters: Mapping[str, Parameter], others: bool = False) -> dict[str, Value]:
        """What `--set` says; where others are allowed, attributes that are none of these parameters are left out."""
        return parameter_values(self.settings or (), parameters, others)

    def osc_destination(self) -> tuple[str, int] | None:
        """Host and port of `--osc-out`."""
        if self.osc_out is None:
            return None
        found = split_address(self.osc_out)
        if found is None or found[1] == 0:
            raise typer.BadParameter(f"expected HOST:PORT, found {self.osc_out!r}", param_hint="--osc-out")
        return found


@dataclass(frozen=True)
class PlaybackOptions:
    """How it plays."""

    tempo: Annotated[
        float | None,
        _playback(
            "--tempo", metavar="BPM", callback=_tempo, help="Quarter notes a minute, 20 to 400; that of the first file."
        ),
    ] = None
    follow: Annotated[Follow, _playback("--follow", help="A change is heard at the next step, beat or bar.")] = "step"
    clock: Annotated[ClockName, _playback("--clock", help="Own tempo, MIDI clock in, or Ableton Link.")] = "internal"
    velocity: Annotated[int, _playback("--velocity", metavar="N", min=1, max=127, help="Of the notes.")] = 80
    spherical: Annotated[bool, _playback("--spherical", help="Mix along arcs instead of straight lines.")] = False
    record: Annotated[Path | None, _playback("--record", metavar="OUT.mid", help="Keep what was played.")] = None
    force: Annotated[bool, _playback("--force", help="Let --record, --render or --export replace a file.")] = False
    render: Annotated[
        Path | None,
        _playback("--render", metavar="OUT.mid|OUT.wav", help="Write the performance of --plan instead of playing it."),
    ] = None
    drums: Annotated[
        list[Path] | None,
        _playback(
            "--drums",
            metavar="FILE",
            help="A MIDI file whose drums play along on channel 10; several are mixed as the melodies are.",
        ),
    ] = None
    drums_model: Annotated[
        str, _playback("--drums-model", metavar="NAME|FOLDER", help="Of --drums; see docs/drums.md.")
    ] = "drums_2bar"
    kit: KitFile = None
    sound: Annotated[
        list[Path] | None,
        _playback(
            "--sound",
            metavar="A.wav",
            help=f"A recording, or one of {', '.join(PRESETS)}, that sings the notes; several are mixed.",
        ),
    ] = None
    sound_model: Annotated[
        str, _playback("--sound-model", metavar="NAME|FOLDER", help="Of --sound; see audiovq train-sound.")
    ] = "sound_48k"
    seconds: Annotated[
        float | None,
        _playback("--seconds", metavar="S", callback=_seconds, help="End after so long, from 0.1; else by Ctrl-C."),
    ] = None
    screen: Annotated[bool, _playback(help="Show what happens, in a terminal.")] = True

    def check_drums(self, channel: int, may_come: bool = False) -> None:
        """See to it that what is said of drums, which may come later, goes together and with the melody's channel."""
        if len(self.drums or ()) > MAX_MELODIES:
            raise typer.BadParameter(f"expected at most {MAX_MELODIES} files", param_hint="--drums")
        if self.kit is not None and not (self.drums or may_come):
            raise typer.BadParameter("expected --drums with --kit", param_hint="--kit")
        if self.drums and channel == DRUM_CHANNEL + 1:
            raise typer.BadParameter(f"expected another than that of the drums, {channel}", param_hint="--channel")


@dataclass(frozen=True)
class PagePlace:
    """Where a page is."""

    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=0, max=65535, help=f"0 is any free one; {USUAL_PORT} if it is free."),
    ] = None
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Listen beyond this machine; then a token is asked for.")
    ] = LOCAL_HOST
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="Also answer to this name, that of a proxy; then a token is asked for."
        ),
    ] = None
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True


@dataclass(frozen=True)
class PageOptions(PagePlace):
    """Where the page of the mixer is, and what it begins with."""

    session: Annotated[
        str | None,
        typer.Option("--session", metavar="FILE|LINK", help="Open a session that was saved, or sent as a link."),
    ] = None
    new: Annotated[bool, typer.Option("--new", help="Begin afresh, not with the session of last time.")] = False
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FILE.html", help="Write a page that needs no server, of 1 to 4 melodies, and end."
        ),
    ] = None


@dataclass(frozen=True)
class LiveOptions:
    """All that `play` and `web` share."""

    ports: Ports
    control: ControlOptions
    playback: PlaybackOptions
    source: PassageOptions
    model: ModelOptions
