"""The MIDI systems of a machine, by rtmidi: which there are, which work, and what ports they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mido

from latentmix.errors import InputError

APIS = ("LINUX_ALSA", "UNIX_JACK", "MACOSX_CORE", "WINDOWS_MM")  # in the order in which they are tried
WITHOUT_MIDI = "--audio or --out tcp:HOST:PORT, moved by --osc-port N or --in tcp::PORT"


@dataclass(frozen=True)
class ApiPorts:
    """What there is through one API, or why nothing is; a problem is one line for people."""

    api: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    problem: str | None = None


def working_api(api: str | None = None, ask: Callable[[str], ApiPorts] | None = None) -> str:
    """An API, if it works, or the first that does.

    Args:
        api: one of `APIS`; None for any.
        ask: finds out whether one works; `api_ports` if None.

    Raises:
        InputError: python-rtmidi is not installed, no such API here, or none that works.
    """
    available, ask = compiled_apis(), ask or api_ports
    if api is not None:
        if api not in available:
            raise InputError(f"expected a MIDI API out of {', '.join(available)}, found {api!r}")
        problem = ask(api).problem
        if problem:
            raise InputError(f"{api}: {problem}")
        return api
    problems = []
    for each in available:
        problem = ask(each).problem
        if problem is None:
            return each
        problems.append(f"{each}: {problem}")
    raise InputError(
        f"expected a MIDI system, found none ({'; '.join(problems) or 'no API'}); start JACK or load snd-seq, or use "
        + WITHOUT_MIDI
    )


def compiled_apis() -> list[str]:
    """The APIs that rtmidi has here, in the order in which they are tried.

    Raises:
        InputError: python-rtmidi is not installed.
    """
    try:
        from mido.backends import rtmidi
    except ImportError as error:
        raise InputError(
            f"expected python-rtmidi for MIDI ports, found it cannot be imported ({error}); pip install python-rtmidi "
            f"(for Python 3.10 to 3.12), or use {WITHOUT_MIDI}"
        ) from None
    names = [name for name in rtmidi.get_api_names() if name in APIS]
    return sorted(names, key=APIS.index)


def api_ports(api: str) -> ApiPorts:
    """What there is through an API, or why nothing is."""
    backend = mido.Backend(f"mido.backends.rtmidi/{api}")
    try:
        return ApiPorts(api, tuple(backend.get_input_names()), tuple(backend.get_output_names()))
    except OSError as error:  # rtmidi's own are of this kind
        return ApiPorts(
            api, problem=" ".join(str(error).split(": ", 1)[-1].split()).rstrip(".") or "it cannot be opened"
        )
