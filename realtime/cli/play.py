"""What `livemix play` does once it is known what was asked: open, play until the end, leave no note sounding."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from latentmix.cli import complain
from latentmix.errors import InputError
from midi_vae.music.melody import Melody

from ..engine.engine import Engine
from ..engine.loading import ModelLoader
from ..midi.ports import MidiOut, check_virtual
from ..player.messages import PlayerSetup
from .drums import read_drum_options
from .live import (
    STOPPED_BY,
    ControlSetup,
    connect_controllers,
    going_first,
    open_engine,
    play_automation,
    prepare,
    read_keys,
    until_signal,
    wait,
    watch,
)
from .options import ControlOptions, LiveOptions, PlaybackOptions, Ports

if TYPE_CHECKING:
    from ..engine.drummer import Drums
from .recording import check_new_file, is_midi


def play(files: Sequence[Path], live: LiveOptions) -> int:
    """Play; the exit status.

    The melodies are played while the model is being loaded, mixes of them from then on. What has to be the same each
    time, an automation or what is recorded, and what begins with a mix, waits for the model.

    Raises:
        InputError: anything that was asked for cannot be had, or playing came to an end by itself.
    """
    ports, control, playback = live.ports, live.control, live.playback
    loader, setup = prepare(files, live, wants_sound=playback.render is not None and not is_midi(playback.render))
    melodies = [passage.melody for passage in live.source.read(files)]
    drums = read_drum_options(playback)
    if playback.render is not None:
        check_new_file(playback.render, [*files, *(playback.drums or ())], playback.force)
        return render(playback.render, loader, melodies, drums, setup, live)
    with until_signal() as (stop, caught), going_first(), contextlib.ExitStack() as held:
        engine = open_engine(
            loader,
            melodies,
            [path.stem for path in files],
            drums,
            setup,
            live,
            held,
            outs=outs_of(ports, control),
            ins=ports.midi_ins(control.osc_port),
            tempo=playback.tempo,
        )
        connect_controllers(engine, control, setup, ports.midi_api, held)
        tell(engine, playback)
        present(engine, control, playback, held)
        if setup.automation is not None or setup.settings or playback.record is not None:
            engine.wait_until_loaded(stop)
        engine.start()
        play_automation(engine, setup, stop, held)
        wait(engine, stop, playback.seconds)
    return STOPPED_BY.get(caught[0], 0) if caught else 0


def render(
    path: Path,
    loader: ModelLoader,
    melodies: list[Melody],
    drums: Drums | None,
    setup: ControlSetup,
    live: LiveOptions,
) -> int:
    """Write a performance faster than real time."""
    from ..engine.decoder import Decoder
    from ..engine.explorer import all_asides
    from ..music.mixer import Mixer
    from ..music.shares import idle_puck, idle_puck_line
    from ..offline.render import perform, write_performance

    assert setup.automation is not None, "the command line has seen to it"
    ports, playback = live.ports, live.playback
    if playback.sound and is_midi(path):
        raise InputError(f"{path}: expected a name that ends in .wav, .flac or .ogg for --sound")
    decoder = Decoder(loader.get(), live.model.seed or 0)
    mixer = Mixer(decoder, melodies, spherical=playback.spherical)
    if not playback.spherical:
        mixer.asides = all_asides(decoder, mixer.coded)
    tempo = playback.tempo or min(max(melodies[0].tempo, 20.0), 400.0)
    player = PlayerSetup(tempo=tempo, follow=playback.follow, velocity=playback.velocity, channel=ports.channel - 1)
    sung = playback.sound or ()
    idle = idle_puck({**setup.automation.tracks, **setup.settings}, mixer.values.__getitem__)
    if idle is not None:
        complain("livemix", idle_puck_line(idle))
    performance = perform(mixer, setup.automation, player, setup.presets, setup.settings, drums, max(1, len(sung)))
    instrument = None
    if sung:
        from ..offline.sounds import load_instrument, shares_in_time

        shares = shares_in_time(performance.shares)
        tell = partial(complain, "livemix")
        instrument = load_instrument(playback.sound_model, sung, shares, tell)
    notes = drums.kit.general_notes() if drums is not None else {}
    write_performance(path, performance, melodies[0].metre, melodies[0].program, ports.soundfont, instrument, notes)
    typer.echo(f"{path}: {len(performance.notes)} notes")
    return 0


def outs_of(ports: Ports, control: ControlOptions) -> tuple[MidiOut, ...]:
    """MIDI outputs; none, and a line that says so, where no port can be opened and somebody asked for inputs only.

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


def present(engine: Engine, control: ControlOptions, playback: PlaybackOptions, held: contextlib.ExitStack) -> None:
    """The live screen and the computer's keys, in a terminal; elsewhere warnings as lines."""
    shown = playback.screen and sys.stdout.isatty()
    if not shown:
        watch(engine, held)
    keys = ""
    if control.keyboard and sys.stdin.isatty():
        from ..control.strokes import HELP

        keys = HELP if read_keys(engine, held) else ""
    if shown:
        from .screen import Screen

        held.callback(Screen(engine.snapshot, keys).close)


def tell(engine: Engine, playback: PlaybackOptions) -> None:
    """One line about what plays where."""
    snapshot = engine.snapshot()
    where = ", ".join(snapshot.ports) or "no MIDI port"
    clock = f"{snapshot.tempo:g} quarter notes a minute" if playback.clock == "internal" else f"{playback.clock} clock"
    typer.echo(f"playing {', '.join(snapshot.names)}: {clock}; {where}; Ctrl-C ends it")
    sys.stdout.flush()
