"""What `livemix web` does once it is known what was asked."""

from __future__ import annotations

import contextlib
import sys
import threading
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from midi_vae.cli.options import ModelOptions as Model
from midi_vae.cli.options import PassageOptions as Source
from midi_vae.music.melody import Melody

from ..cli.options import ControlOptions, PlaybackOptions, Ports
from ..cli.play import STOPPED_BY, check_recording, connect_controllers, going_first, save, until_signal, watch
from ..engine.engine import Engine
from .addresses import addresses, qr_code
from .gate import Gate, is_loopback, new_token
from .hub import Hub
from .opening import TEMPO, opening_melodies
from .options import USUAL_PORT, Page
from .server import make_app, make_server, open_socket
from .sharing import read_session
from .store import Store, usual_folder


def run(
    files: Sequence[Path],
    page: Page,
    ports: Ports,
    control: ControlOptions,
    playback: PlaybackOptions,
    source: Source,
    model: Model,
) -> int:
    """Serve the page until a signal ends it; the exit status.

    Raises:
        InputError: anything that was asked for cannot be had.
    """
    check_recording(playback.record, files)
    opened = read_session(page.session) if page.session else None
    if opened is not None and files:
        raise typer.BadParameter("expected MIDI files or a session, found both", param_hint="--session")
    control.check()
    ports.check(is_sound=ports.audio)
    osc_destination = control.osc_destination()
    melodies = [passage.melody for passage in source.read(files)] if files else opening_melodies()
    sock = open_socket(page.host, page.port, USUAL_PORT)
    with until_signal() as (stop, caught), going_first(), contextlib.ExitStack() as held:
        held.callback(sock.close)
        names = tuple(name.lower() for name in page.allow_host or ())
        token = None if is_loopback(page.host) and not names else new_token()
        gate = Gate(sock.getsockname()[1], page.host, token, names)
        loaded = model.load()
        import torch

        from ..control.maps import DEFAULT, read_map
        from ..music.parameters import table

        parameters = table(tuple(loaded.attribute_names))
        settings, controller = control.values(parameters), read_map(control.map or DEFAULT, parameters)
        torch.set_num_threads(1)
        engine = Engine(loaded, melodies, **_options(files, melodies, ports, playback, model))
        held.callback(save, engine, playback.record, melodies[0])
        held.callback(engine.close)
        for name, value in settings.items():
            engine.set(name, value)
        if not any(name in settings for name in ("position", "x", "y")) and len(melodies) > 2:
            engine.set("x", 0.5)  # begin in the middle of the pad
        if playback.record is not None:
            engine.set("record", True)
        connect_controllers(engine, control, osc_destination, controller, stop, held, ports.midi_api)
        watch(engine, playback, held)

        store, resumes = Store(usual_folder()), not (files or page.new or opened)
        hub = Hub(engine, loaded, store, store.last_session() if resumes else opened, resumes)
        make_server(make_app(hub, loaded, gate, ports.soundfont), lambda: _tell(gate, page, hub)).run(sockets=[sock])
    return STOPPED_BY.get(caught[0], 0) if caught else 0


def _tell(gate: Gate, page: Page, hub: Hub) -> None:
    """Where the page is, for people and their phones, and whose session is in it."""
    typer.echo(f"latentmix at {gate.address} ; Ctrl-C ends it")
    if hub.came_back and not page.session:
        typer.echo("the session of last time is back; livemix web --new begins afresh")
    if page.port is None and gate.port != USUAL_PORT:
        typer.echo(
            f"port {USUAL_PORT} is taken, perhaps by another livemix web; this is one more, with a page of its own"
        )
    for name in gate.names:
        typer.echo(f"behind your proxy: https://{name}/?token={gate.token}, below its sub-path if it has one")
    if gate.host in ("0.0.0.0", "::"):
        others = addresses()
        for address in others:
            typer.echo(f"from elsewhere in your network: {gate.address_at(address)}")
        if others and sys.stdout.isatty():
            typer.echo(qr_code(gate.address_at(others[0])))
    sys.stdout.flush()
    if page.browser:
        threading.Thread(target=webbrowser.open, args=(gate.address,), daemon=True).start()


def _options(
    files: Sequence[Path], melodies: list[Melody], ports: Ports, playback: PlaybackOptions, model: Model
) -> dict[str, Any]:
    """Of the engine; ports only where they are asked for: the page itself makes sound."""
    wants_ports = ports.virtual or ports.outs or ports.ins
    return {
        "out": ports.midi_outs() if ports.virtual or ports.outs else None,
        "ins": ports.midi_ins(None) if wants_ports else (),
        "audio": {"soundfont": str(ports.soundfont) if ports.soundfont else None} if ports.audio else None,
        "clock": playback.clock.value,
        "tempo": playback.tempo if files or playback.tempo else TEMPO,
        "follow": playback.follow.value,
        "seed": model.drawn_seed(),
        "names": [path.stem for path in files] or None,
        "spherical": playback.spherical,
        "channel": ports.channel - 1,
        "velocity": playback.velocity,
        "sends_clock": ports.clock_out,
    }
