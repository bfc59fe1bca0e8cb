"""What `livemix sound` does: recordings and live inputs mixed, heard or written."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from latentmix.errors import InputError

from ..audio.live_sound import InputPort, LiveSound
from ..audio.sound_recorder import SoundRecorder
from ..engine.warned import Warned
from ..music.automation import Automation
from ..music.clock import now
from ..music.sound_parameters import SOUND_PARAMETERS
from .live import (
    LOOK_SECONDS,
    STOPPED_BY,
    ControlSetup,
    connect_controllers,
    going_first,
    play_automation,
    read_control_setup,
    read_keys,
    until_signal,
)
from .options import ControlOptions
from .recording import check_new_file
from .sound_options import SoundMaking, SoundPage, SoundPlace

if TYPE_CHECKING:
    from ..engine.sounds import SoundEngine

USUAL_SECONDS, MOST_SECONDS = 8.0, 1200.0  # of what is written without a plan


@dataclass(frozen=True)
class SoundRequest:
    """What was asked for; see `app.sound`."""

    sources: Sequence[str]
    place: SoundPlace
    making: SoundMaking
    page: SoundPage
    control: ControlOptions


def run(asked: SoundRequest) -> int:
    """Play or write the mix; the exit status.

    Raises:
        InputError: anything that was asked for cannot be had.
    """
    check_record(asked)
    setup = read_control_setup(asked.control, SOUND_PARAMETERS)
    if setup.automation is not None and not setup.automation.end:
        raise InputError(f"{asked.control.automation}: expected a last row after 0, found a plan without length")
    if asked.making.render is not None:
        write_mix(asked, asked.making.render, setup)
        return 0
    return play_mix(asked, setup)


def check_record(asked: SoundRequest) -> None:
    """See to it before playing that what is heard can be written.

    Raises:
        InputError: it cannot, or there is such a file already and nobody said that it may go.
    """
    path = asked.place.record
    if path is None:
        return
    if path.suffix.lower() != ".wav":
        raise InputError(f"{path}: expected the name of a WAV file, which ends in .wav")
    check_new_file(path, [Path(each) for each in asked.sources], asked.making.force)


def write_mix(asked: SoundRequest, path: Path, setup: ControlSetup) -> None:
    """Render the mix faster than real time."""
    import torch

    from audiovq.audio_io.writer import check_suffix
    from audiovq.sound.fitting import read_recording
    from audiovq.sound.model import SoundModel

    from ..audio.sound_mix import SoundMix
    from ..offline.sounds import render_mix

    torch.set_num_threads(1)
    files = [Path(each) for each in asked.sources]
    check_suffix(path)
    check_new_file(path, files, asked.making.force)
    seconds = asked.making.seconds or USUAL_SECONDS
    if seconds > MOST_SECONDS:
        raise InputError(f"{path}: expected at most {MOST_SECONDS:g} seconds, found {seconds:g}")
    plan = setup.automation or Automation("seconds", {"position": ((0.0, seconds), (0.0, 1.0))}, seconds)
    model = SoundModel.from_pretrained(asked.making.model)
    mix = SoundMix(model, [read_recording(model, each, say) for each in files])
    seconds = render_mix(path, mix, plan, setup.settings, asked.making.tempo)
    typer.echo(f"{path}: {seconds:.2f} s")


def play_mix(asked: SoundRequest, setup: ControlSetup) -> int:
    """Play it until something says stop; the exit status."""
    from ..engine.sounds import SoundEngine

    place, making = asked.place, asked.making
    warned = Warned(say)
    with until_signal() as (stop, caught), going_first(), contextlib.ExitStack() as held:
        serve = _page(asked, held) if asked.page.page else None
        sound = LiveSound(
            asked.sources,
            making.model,
            place.voices,
            device=place.device,
            block=place.block,
            latency=place.latency,
            warn=warned,
            settings=setup.settings,
            mpe=place.mpe,
        )
        held.callback(sound.close)
        engine = SoundEngine(
            sound, len(asked.sources), place.opened(place.virtual), setup.settings, setup.presets, making.tempo, warned
        )
        held.callback(engine.close)
        if place.record is not None:
            held.enter_context(_recording(place.record, sound, warned))
        connect_controllers(engine, asked.control, setup, place.midi_api, held)
        if asked.control.keyboard and sys.stdin.isatty():
            read_keys(engine, held)
        heard = ", ".join([sound.name, *engine.ports])
        typer.echo(f"playing {', '.join(_names(asked))}: {heard}, {sound.sample_rate} Hz; Ctrl-C ends it")
        sys.stdout.flush()
        if serve is not None:
            serve(engine, not (setup.settings or setup.automation))
        play_automation(engine, setup, stop, held)
        _wait(sound, stop, making.seconds)
    return STOPPED_BY.get(caught[0], 0) if caught else 0


def _names(asked: SoundRequest) -> list[str]:
    return [each if InputPort.parse(each) else Path(each).stem for each in asked.sources]


@contextlib.contextmanager
def _recording(path: Path, sound: LiveSound, warn: Callable[[str], object]) -> Iterator[None]:
    """Meanwhile what is heard is written; at the end, how long it is."""
    recorder = SoundRecorder(path, sound, warn)
    try:
        yield
    finally:
        recorder.close()
        typer.echo(f"{path}: {recorder.seconds:.2f} s")
        if recorder.remark:
            warn(f"{path}: {recorder.remark}")


def _page(asked: SoundRequest, held: contextlib.ExitStack) -> Callable[[SoundEngine, bool], None]:
    """A place for the page, and what has it served there, in a thread, once there is something to show.

    What it has served takes whether the session of last time may come back.

    Raises:
        InputError: a place that cannot be had.
    """
    from ..web.server import make_server
    from ..web.sharing import read_session
    from ..web.sound_page import SoundHub, make_sound_app
    from ..web.sound_session import FORMAT
    from ..web.store import Store, usual_folder
    from .page import open_gate, tell_place

    opened = read_session(str(asked.page.session), FORMAT) if asked.page.session else None
    store = Store(usual_folder(), "sound sessions", ".wav")
    sock, gate = open_gate(asked.page)
    held.callback(sock.close)

    def serve(engine: SoundEngine, may_resume: bool) -> None:
        live = [InputPort.parse(each) is not None for each in asked.sources]
        hub = SoundHub(engine, _names(asked), live, store, opened, may_resume and not asked.page.new)
        if hub.has_resumed:
            typer.echo("the session of last time comes back; --new begins afresh")
        server = make_server(make_sound_app(hub, gate), lambda: tell_place(gate, asked.page))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="latentmix page", daemon=True)

        def end() -> None:
            server.should_exit = True
            thread.join()

        thread.start()
        held.callback(end)

    return serve


def say(line: str) -> None:
    """A line for people."""
    typer.echo(f"livemix: {line}", err=True)


def _wait(sound: LiveSound, stop: threading.Event, seconds: float | None) -> None:
    """Until something says stop, or for so many seconds.

    Raises:
        InputError: there is nothing that makes sound any more.
    """
    end = None if seconds is None else now() + seconds
    while not stop.wait(LOOK_SECONDS if end is None else max(0.0, min(LOOK_SECONDS, end - now()))):
        if sound.problem is not None:
            raise InputError(sound.problem)
        if end is not None and now() >= end:
            return
