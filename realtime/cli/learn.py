"""What `livemix learn` does: a controller's port, and a person who moves its knobs."""

from __future__ import annotations

import queue
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import mido
import typer

from latentmix.errors import InputError

from ..control.bindings import Binding
from ..control.learn import learn, write_bindings
from ..midi.port_names import stable_name
from ..midi.ports import MidiIn, open_input
from ..music.clock import now
from ..music.parameters import find
from .listing import api_of


def run(parameters: Sequence[str], path: Path, ins: Sequence[str], api: str | None, virtual: bool) -> None:
    """Bind parameters one after another and add them to a map's file.

    Raises:
        InputError: no such parameter or port, a file that cannot be written, nothing learned.
    """
    for parameter in parameters:
        find(parameter)
    inbox: queue.SimpleQueue[tuple[float, mido.Message]] = queue.SimpleQueue()
    asked, api = api, api_of(list(ins) or [None], api)
    specs = [MidiIn(name, api=api) for name in ins] or [MidiIn(virtual=virtual, api=api)]
    opened = []
    try:
        for spec in specs:
            opened.append(open_input(spec, lambda time, message: inbox.put((time, message)), _warn))
        typer.echo(f"listening to {', '.join(port.name for port in opened)}; Ctrl-C skips what is left")
        learned: list[Binding] = []
        try:
            for parameter in parameters:
                learned += learn([parameter], lambda seconds: _receive(inbox, seconds), typer.echo, bound=learned)
        except KeyboardInterrupt:
            typer.echo("")
    finally:
        for port in opened:
            port.close()
    if not learned:
        raise InputError(f"{path}: expected a knob to be moved, found none; nothing is written")
    device = stable_name(opened[0].name, getattr(opened[0], "api", None))
    write_bindings(path, learned, device)
    where = [] if asked is None else ["--midi-api", asked]
    typer.echo(f"{path}: {len(learned)} bound; play with it by {_command(path, device, ins, virtual, where)}")


def _command(path: Path, device: str, ins: Sequence[str], virtual: bool, where: Sequence[str]) -> str:
    """The command that plays with the controller that was learned, as the shell of this system wants it."""
    ports = ["--virtual"] if virtual and not ins else [word for name in ins or [device] for word in ("--in", name)]
    words = ["livemix", "play", "A.mid", "B.mid", *ports, "--map", str(path), *where]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _receive(inbox: queue.SimpleQueue[tuple[float, mido.Message]], seconds: float) -> tuple[float, mido.Message | None]:
    try:
        return inbox.get(timeout=seconds)
    except queue.Empty:
        return now(), None


def _warn(text: str) -> None:
    typer.echo(f"livemix: {text}", err=True)
