"""What `livemix play` and `livemix web` have in common: an engine as its options say, what moves it, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from audiovq.sound.preset_names import preset_of
from latentmix.errors import InputError
from midi_vae.cli.options import ModelOptions
from midi_vae.music.melody import Melody

from ..control.bindings import ControllerMap
from ..control.movable import Movable
from ..engine.drummer import Drums
from ..engine.engine import Engine
from ..engine.loading import ModelLoader
from ..engine.snapshot import Snapshot
from ..midi.ports import MidiIn, MidiOut, open_output
from ..midi.sockets import join_address
from ..music.automation import Automation, check_presets, read_automation, read_presets
from ..music.parameters import Parameter, Value, table
from .options import ControlOptions, LiveOptions
from .recording import check_recording, keeping

SWITCH_SECONDS = 0.001  # after which a busy thread lets others go on
NICENESS = -19  # of the engine; the player and the sound go before it, in real time
STOPPED_BY = {"SIGTERM": 143, "SIGHUP": 129}  # exit status; Ctrl-C is the ordinary end
LOOK_SECONDS = 0.2  # between two looks whether the engine still plays


@dataclass(frozen=True)
class ControlSetup:
    """What the options of control say, read and checked before anything is opened.

    Attributes:
        settings: of parameters, to begin with.
        automation: None for none.
        presets: what the parameter `preset` recalls.
        controller: what its knobs do.
        osc_destination: host and port that OSC goes to, None for none.
    """

    settings: Mapping[str, Value]
    automation: Automation | None
    presets: Mapping[int, Mapping[str, Value]]
    controller: ControllerMap
    osc_destination: tuple[str, int] | None


def read_control_setup(control: ControlOptions, parameters: Mapping[str, Parameter]) -> ControlSetup:
    """Read maps and tables.

    Raises:
        InputError: one of them cannot be used.
    """
    from ..control.maps import DEFAULT, read_map

    settings = control.values(parameters)
    automation = read_automation(control.automation, parameters) if control.automation is not None else None
    presets = read_presets(control.presets, parameters) if control.presets is not None else {}
    if automation is not None:
        check_presets(automation, presets)
    controller = read_map(control.map or DEFAULT, parameters)
    return ControlSetup(settings, automation, presets, controller, control.osc_destination())


def loader_of(model: ModelOptions) -> ModelLoader:
    """What loads the model; that there is one of that name is seen at once.

    Raises:
        InputError: there is none.
    """
    model.check()

    def load() -> Any:
        loaded = model.load()
        import torch

        torch.set_num_threads(1)
        return loaded

    return ModelLoader(load)


def prepare(files: Sequence[Path], live: LiveOptions, wants_sound: bool = False) -> tuple[ModelLoader, ControlSetup]:
    """Check all that was asked for before anything is opened.

    Args:
        wants_sound: whether a synthesizer is needed without audio output too.

    Raises:
        InputError: something that cannot be had, or a map or table that cannot be used.
    """
    check_recording(live.playback.record, [*files, *(live.playback.drums or ())], live.playback.force)
    live.control.check()
    live.ports.check(is_sound=live.ports.audio or wants_sound)
    loader = loader_of(live.model)
    return loader, read_control_setup(live.control, table(loader.attributes))


def open_engine(
    loader: ModelLoader,
    melodies: Sequence[Melody],
    names: Sequence[str] | None,
    drums: Drums | None,
    setup: ControlSetup,
    live: LiveOptions,
    held: contextlib.ExitStack,
    *,
    outs: Sequence[MidiOut],
    ins: Sequence[MidiIn],
    tempo: float | None,
) -> Engine:
    """An engine as it was asked for, set to begin with; closed, and what it recorded written, by `held`.

    Raises:
        InputError: a port that cannot be opened, a clock that is not there.
    """
    ports, playback = live.ports, live.playback
    engine = Engine(
        loader,
        melodies,
        drums=drums,
        out=outs,
        ins=ins,
        audio=_audio(live, drums),
        clock=playback.clock,
        tempo=tempo,
        follow=playback.follow,
        seed=live.model.drawn_seed(),
        names=names,
        spherical=playback.spherical,
        channel=ports.channel - 1,
        velocity=playback.velocity,
        sends_clock=ports.clock_out,
    )
    if playback.record is not None:
        held.enter_context(keeping(engine, playback.record, melodies[0]))
    held.callback(engine.close)
    engine.presets = setup.presets
    engine.move(setup.settings)
    if playback.record is not None:
        engine.set("record", True)
    return engine


def _audio(live: LiveOptions, drums: Drums | None) -> dict[str, Any] | None:
    """What is heard without a port."""
    ports, playback = live.ports, live.playback
    kit = {} if drums is None else {"drums": list(drums.kit.general_notes().items())}
    if playback.sound:
        files = [preset_of(path) or str(path.resolve()) for path in playback.sound]
        return {"sources": files, "model": playback.sound_model, "voices": 1, **kit}
    return {"soundfont": str(ports.soundfont) if ports.soundfont else None, **kit} if ports.audio else None


def connect_controllers(
    engine: Movable, control: ControlOptions, setup: ControlSetup, api: str | None, held: contextlib.ExitStack
) -> None:
    """Controller and OSC."""
    from ..control.surface import ControlSurface

    osc = lights = None
    parameters = engine.parameters
    if control.osc_port is not None or setup.osc_destination is not None:
        from ..control.osc import OscIn, OscOut

        if control.osc_port is not None:
            listener = OscIn(engine.move, engine.warn, control.osc_port, control.osc_host, parameters)
            held.callback(listener.close)
            typer.echo(f"OSC on {join_address(control.osc_host, listener.port)}, such as /latentmix/position 0.5")
        if setup.osc_destination is not None:
            osc = OscOut(*setup.osc_destination, parameters)
            held.callback(osc.close)
    if control.feedback is not None:
        from .listing import api_of

        lights = open_output(MidiOut(control.feedback, api=api_of([control.feedback], api)), engine.warn)
        held.callback(lights.close)
    held.callback(ControlSurface(engine, setup.controller, lights, osc).close)


def play_automation(
    engine: Movable, setup: ControlSetup, finished: threading.Event, held: contextlib.ExitStack
) -> None:
    """Follow the automation, if there is one; at its end, say so."""
    if setup.automation is not None:
        from ..control.surface import AutomationPlayer

        held.callback(AutomationPlayer(engine, setup.automation, finished.set).close)


def read_keys(engine: Movable, held: contextlib.ExitStack) -> bool:
    """The computer's keys move the engine; whether they are read."""
    from ..control.strokes import KeyReader, Keys

    pressed = Keys(engine.set, engine.value, engine.count, engine.parameters, engine.warn)
    reader = KeyReader(pressed.press)
    held.callback(reader.close)
    return reader.is_reading


def watch(engine: Engine, held: contextlib.ExitStack) -> None:
    """Warnings as lines on standard error."""
    told = 0

    def say(snapshot: Snapshot) -> None:
        nonlocal told
        new, told = snapshot.warned - told, snapshot.warned
        for line in snapshot.warnings[-new:] if new else ():
            typer.echo(f"livemix: {line}", err=True)

    held.callback(engine.subscribe(say))


def wait(engine: Engine, stop: threading.Event, seconds: float | None = None) -> None:
    """Until something says stop, or for so many seconds, or until there is nothing to wait for.

    Raises:
        InputError: the model cannot be loaded, the player was given up, or there is none at the end.
    """
    from ..music.clock import now

    end = None if seconds is None else now() + seconds
    while not stop.wait(LOOK_SECONDS if end is None else max(0.0, min(LOOK_SECONDS, end - now()))):
        if engine.failure is not None:
            raise InputError(engine.failure)
        if engine.is_given_up:
            raise InputError(f"{engine.problem}; nothing is played any more")
        if end is not None and now() >= end:
            break
    if engine.problem is not None:
        raise InputError(f"{engine.problem}; it was not playing again at the end")


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
