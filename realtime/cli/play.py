"""What `livemix play` does once it is known what was asked: open, play until the end, leave no note sounding."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from latentmix.errors import InputError
from midi_vae.cli.options import ModelOptions as Model
from midi_vae.cli.options import PassageOptions as Source
from midi_vae.cli.outputs import MIDI_SUFFIXES
from midi_vae.music.melody import Melody

from ..control.bindings import ControllerMap
from ..engine.engine import Engine
from ..engine.snapshot import Snapshot
from ..midi.ports import MidiOut, check_virtual, open_output
from ..midi.sockets import join_address
from ..music.automation import Automation, check_presets, read_automation, read_presets
from ..music.parameters import Value, table
from ..player.messages import PlayerSetup
from .options import ControlOptions, PlaybackOptions, Ports

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE

SWITCH_SECONDS = 0.001  # after which a busy thread lets others go on
NICENESS = -19  # of the engine; the player and the sound go before it, in real time
STOPPED_BY = {"SIGTERM": 143, "SIGHUP": 129}  # exit status; Ctrl-C is the ordinary end


def play(
    files: Sequence[Path],
    ports: Ports,
    control: ControlOptions,
    playback: PlaybackOptions,
    source: Source,
    model: Model,
) -> int:
    """Play; the exit status.

    Raises:
        InputError: anything that was asked for cannot be had; nothing has sounded then.
    """
    check_recording(playback.record, files)
    control.check()
    ports.check(is_sound=ports.audio or (playback.render is not None and not is_midi(playback.render)))
    osc_destination = control.osc_destination()
    passages = source.read(files)
    melodies = [passage.melody for passage in passages]
    loaded = model.load()
    parameters = table(tuple(loaded.attribute_names))
    settings = control.values(parameters)
    automation = read_automation(control.automation, parameters) if control.automation is not None else None
    presets = read_presets(control.presets, parameters) if control.presets is not None else {}
    if automation is not None:
        check_presets(automation, presets)
    if playback.render is not None and automation is not None:
        return render(
            playback.render, files, loaded, melodies, automation, presets, settings, ports, playback, model.seed
        )
    from ..control.maps import DEFAULT, read_map

    controller = read_map(control.map or DEFAULT, parameters)
    import torch

    torch.set_num_threads(1)
    audio = {"soundfont": str(ports.soundfont) if ports.soundfont else None} if ports.audio else None
    with until_signal() as (stop, caught), going_first(), contextlib.ExitStack() as held:
        engine = Engine(
            loaded,
            melodies,
            out=outs_of(ports, control),
            ins=ports.midi_ins(control.osc_port),
            audio=audio,
            clock=playback.clock.value,
            tempo=playback.tempo,
            follow=playback.follow.value,
            seed=model.drawn_seed(),
            names=[path.stem for path in files],
            spherical=playback.spherical,
            channel=ports.channel - 1,
            velocity=playback.velocity,
            sends_clock=ports.clock_out,
        )
        held.callback(save, engine, playback.record, melodies[0])
        held.callback(engine.close)
        engine.presets = presets
        for name, value in settings.items():
            engine.set(name, value)
        if playback.record is not None:
            engine.set("record", True)
        connect_controllers(engine, control, osc_destination, controller, stop, held, ports.midi_api)
        tell(engine, playback)
        present(engine, control, playback, held)
        engine.start()
        if automation is not None:
            from ..control.surface import AutomationPlayer

            held.callback(AutomationPlayer(engine, automation, stop.set).close)
        wait(stop, playback.seconds)
    return STOPPED_BY.get(caught[0], 0) if caught else 0


def render(
    path: Path,
    files: Sequence[Path],
    loaded: MelodyVAE,
    melodies: list[Melody],
    automation: Automation,
    presets: Mapping[int, Mapping[str, Value]],
    settings: Mapping[str, Value],
    ports: Ports,
    playback: PlaybackOptions,
    seed: int | None,
) -> int:
    """Write a performance faster than real time."""
    from ..engine.decoder import Decoder
    from ..music.mixer import Mixer
    from ..offline.render import check_place, perform, write_performance

    check_place(path, files)
    mixer = Mixer(Decoder(loaded, 0 if seed is None else seed), melodies, spherical=playback.spherical)
    tempo = playback.tempo or min(max(melodies[0].tempo, 20.0), 400.0)
    setup = PlayerSetup(
        tempo=tempo, follow=playback.follow.value, velocity=playback.velocity, channel=ports.channel - 1
    )
    performance = perform(mixer, automation, setup, presets, settings)
    write_performance(path, performance, melodies[0].metre, melodies[0].program, ports.soundfont)
    typer.echo(f"{path}: {len(performance.notes)} notes")
    return 0


def outs_of(ports: Ports, control: ControlOptions) -> tuple[MidiOut, ...]:
    """MIDI outputs; none, and a line that says so, where no port can be opened and somebody asked for hands only.

    Raises:
        InputError: no MIDI system, and nothing else to play with.
    """
    from .listing import api_of

    outs, has_control = ports.midi_outs(), bool(ports.ins) or control.osc_port is not None
    if outs and has_control and not (ports.virtual or ports.outs):
        try:
            check_virtual(outs[0])
            api_of([None], ports.midi_api)
        except InputError as error:
            typer.echo(f"livemix: nothing is going to be heard: {error}", err=True)
            return ()
    return outs


def connect_controllers(
    engine: Engine,
    control: ControlOptions,
    osc_destination: tuple[str, int] | None,
    controller: ControllerMap,
    stop: threading.Event,
    held: contextlib.ExitStack,
    api: str | None = None,
) -> None:
    """Controller, OSC and keyboard."""
    from ..control.surface import ControlSurface

    osc = lights = None
    parameters = engine.mixer.parameters
    if control.osc_port is not None or osc_destination is not None:
        from ..control.osc import OscIn, OscOut

        if control.osc_port is not None:
            listener = OscIn(engine.move, engine.warn, control.osc_port, control.osc_host, parameters)
            held.callback(listener.close)
            typer.echo(f"OSC on {join_address(control.osc_host, listener.port)}, such as /latentmix/position 0.5")
        if osc_destination is not None:
            osc = OscOut(*osc_destination, parameters)
            held.callback(osc.close)
    if control.feedback is not None:
        from .listing import api_of

        lights = open_output(MidiOut(control.feedback, api=api_of([control.feedback], api)), engine.warn)
        held.callback(lights.close)
    surface = ControlSurface(engine, controller, lights, osc)
    held.callback(surface.close)


def present(engine: Engine, control: ControlOptions, playback: PlaybackOptions, held: contextlib.ExitStack) -> None:
    """The live screen and the computer's keys, in a terminal; elsewhere warnings as lines."""
    from ..control.keyboard import HELP, KeyReader, Keys
    from .screen import Screen

    shown = playback.screen and sys.stdout.isatty()
    if not shown:
        watch(engine, playback, held)
    keys = ""
    if control.keyboard:
        pressed = Keys(engine.set, engine.value, engine.count, engine.mixer.parameters, engine.warn)
        reader = KeyReader(pressed.press)
        held.callback(reader.close)
        keys = HELP if reader.is_reading else ""
    if shown:
        held.callback(Screen(engine.snapshot, keys).close)


def watch(engine: Engine, playback: PlaybackOptions, held: contextlib.ExitStack) -> None:
    """Warnings as lines on standard error."""
    told = 0

    def say(snapshot: Snapshot) -> None:
        nonlocal told
        new, told = snapshot.warned - told, snapshot.warned
        for line in snapshot.warnings[-new:] if new else ():
            typer.echo(f"livemix: {line}", err=True)

    held.callback(engine.subscribe(say))


@contextlib.contextmanager
def going_first() -> Iterator[None]:
    """Meanwhile no thread of this process holds up another for long, and no other program this process, if we may."""
    switch = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        with _niceness():
            yield
    finally:
        sys.setswitchinterval(switch)


@contextlib.contextmanager
def _niceness() -> Iterator[None]:
    """Before other programs; needs a right (RLIMIT_NICE) that groups for audio sometimes have."""
    if not hasattr(os, "setpriority"):
        yield
        return
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, min(NICENESS, before))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


def tell(engine: Engine, playback: PlaybackOptions) -> None:
    """One line about what plays where."""
    snapshot = engine.snapshot()
    where = ", ".join(snapshot.ports) or "no MIDI port"
    clock = (
        f"{snapshot.tempo:g} quarter notes a minute"
        if playback.clock.value == "internal"
        else f"{playback.clock.value} clock"
    )
    typer.echo(f"playing {', '.join(snapshot.names)}: {clock}; {where}; Ctrl-C ends it")


def save(engine: Engine, path: Path | None, first: Melody) -> None:
    """Write what was played."""
    if path is None:
        return
    from ..engine.recorder import write_recording

    notes = engine.recording()
    write_recording(path, notes, engine.recorded_tempi(), first.metre, first.program)
    typer.echo(f"{path}: {len(notes)} notes")


def is_midi(path: Path) -> bool:
    """Whether a file of this name holds MIDI."""
    return path.suffix.lower() in MIDI_SUFFIXES


def check_recording(path: Path | None, files: Sequence[Path]) -> None:
    """See to it before playing that it can be written afterwards.

    Raises:
        InputError: it cannot.
    """
    if path is None:
        return
    if not is_midi(path):
        raise InputError(f"{path}: expected the name of a MIDI file, which ends in .mid")
    from ..offline.render import check_place

    check_place(path, files)


def wait(stop: threading.Event, seconds: float | None) -> None:
    """Until something says stop, or for so many seconds."""
    end = None if seconds is None else time.monotonic() + seconds
    while not stop.wait(0.2 if end is None else max(0.0, min(0.2, end - time.monotonic()))):
        if end is not None and time.monotonic() >= end:
            return


@contextlib.contextmanager
def until_signal() -> Iterator[tuple[threading.Event, list[str]]]:
    """An event that Ctrl-C, SIGTERM and SIGHUP set, and the names of those that did."""
    stop, caught = threading.Event(), []

    def handle(number: int, frame: object) -> None:
        caught.append(signal.Signals(number).name)
        stop.set()

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.signal(getattr(signal, name), handle) for name in names}
    try:
        yield stop, caught
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
