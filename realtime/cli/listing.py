"""Which MIDI ports are there: each MIDI system is asked in a process of its own, for it may print, hang or crash."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

import typer

from latentmix.errors import InputError

from ..control.maps import shipped_map_for
from ..midi.apis import WITHOUT_MIDI, ApiPorts, compiled_apis, working_api
from ..midi.panic import panic_messages
from ..midi.ports import MidiOut, open_output
from ..midi.sockets import PREFIX
from ..player.server import FLUSH

ASK_WITHIN = 10.0  # seconds


def scan() -> list[ApiPorts]:
    """What there is through each API that is compiled in.

    Raises:
        InputError: python-rtmidi is not installed.
    """
    return [ask(api) for api in compiled_apis()]


def show(found: Sequence[ApiPorts], as_json: bool) -> None:
    """For people, or for machines."""
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        typer.echo(f"{each.api}: {each.problem}" if each.problem else each.api)
        for kind, names in (("in ", each.inputs), ("out", each.outputs)):
            for name in names:
                fitting = shipped_map_for(name) if kind == "in " else None
                typer.echo(f"  {kind}  {name}" + (f"  (--map {fitting})" if fitting else ""))
        if not each.problem and not each.inputs and not each.outputs:
            typer.echo("  works, and has no ports but those of its own")
    if all(each.problem for each in found):
        typer.echo(f"no MIDI system: start JACK or load snd-seq, or use {WITHOUT_MIDI}")


def panic(names: Sequence[str], api: str | None) -> list[str]:
    """Send all notes off to these outputs, or to all; the ports that got it.

    Raises:
        InputError: no such port, or no MIDI system.
    """
    if not names:
        found = [each for each in scan() if each.problem is None and api in (None, each.api)]
        wanted = [MidiOut(name, api=each.api) for each in found for name in dict.fromkeys(each.outputs)]
        if not wanted:
            raise InputError("expected a MIDI output to send all notes off to, found none; see livemix ports")
    else:
        api = api_of(names, api)
        wanted = [MidiOut(name, api=api) for name in names]
    reached = []
    for spec in wanted:
        with contextlib.closing(open_output(spec, lambda line: None)) as port:
            for message in panic_messages():
                port.send(message)
            time.sleep(FLUSH)
            reached.append(port.name)
    return reached


def api_of(names: Sequence[str | None], api: str | None) -> str | None:
    """The API to open ports with in this process, where those that do not work print what they like; None for sockets.

    Raises:
        InputError: as `apis.working_api`.
    """
    return api if all(name is not None and name.startswith(PREFIX) for name in names) else working_api(api, ask)


def ask(api: str) -> ApiPorts:
    """What there is through an API, found out by another process."""
    code = (
        f"import json, sys; sys.path[:] = {sys.path!r}; from dataclasses import asdict; "
        f"from realtime.midi.apis import api_ports; print('\\n' + json.dumps(asdict(api_ports({api!r}))))"
    )
    try:
        asked = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=ASK_WITHIN)
        answer = json.loads(asked.stdout.splitlines()[-1])
        return ApiPorts(api, tuple(answer["inputs"]), tuple(answer["outputs"]), answer["problem"])
    except subprocess.TimeoutExpired:
        return ApiPorts(api, problem=f"it did not answer within {ASK_WITHIN:.0f} s")
    except (OSError, ValueError, IndexError, KeyError):
        return ApiPorts(api, problem="asking it for its ports crashed")
