"""Processes of the sound: started with what they need alone, spoken to through pipes, sharing a ring.

They are fresh interpreters and not copies of this one, so that neither torch nor a caller's script is in them. When the
pipe closes, for whatever reason, they end.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from latentmix.errors import InputError

from ..system.pipes import pipes_of
from .ring_buffer import Ring

EVENT = struct.Struct("<dBBBd")  # time in seconds of `clock.now`, MIDI bytes, the value of what is no MIDI
START_SECONDS = 180.0  # a cold or busy machine takes its time to import numpy, and torch
STOP_SECONDS = 3.0
SWITCH_SECONDS = 0.0002  # after which a thread of a child lets the callback go on

Event = tuple[float, int, int, int, float]
RUNG: Event = (0.0, 0, 0, 0, 0.0)  # no event, but a ring that has what its reader waits for


class ChildProcess:
    """A process that this one started.

    Args:
        kind: the module of this package whose `main` it runs, which calls `serve`.
        ring: shared with it.
        inputs: likewise, of what comes in from the device; None where nothing does.
    """

    def __init__(self, kind: str, ring: Ring, inputs: Ring | None = None) -> None:
        self._kind, self._rings = kind, [ring] if inputs is None else [ring, inputs]
        self._said = queue.SimpleQueue[dict[str, Any] | None]()
        self._lock = threading.Lock()
        code = f"import sys; sys.path[:] = {sys.path!r}; from realtime.audio.{kind} import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ALSA and JACK print their search for devices
            pass_fds=[file for each in self._rings for file in each.files],
            bufsize=0,
        )
        self._in, self._out = pipes_of(self._process)
        if os.name != "nt":  # whoever plays must not wait for a process that hangs
            os.set_blocking(self._in.fileno(), False)
        self._reader = threading.Thread(target=self._read, name=f"latentmix {kind}", daemon=True)
        self._reader.start()

    def begin(self, options: Mapping[str, Any], warn: Callable[[str], object] = lambda line: None) -> dict[str, Any]:
        """Tell it what to do, and wait for what it says when it is ready.

        Args:
            options: of what its `main` serves; they go through JSON.
            warn: is given the lines for people that it has before.

        Raises:
            InputError: what it could not do, or that it ended or does not answer.
        """
        self.prepare(options)
        return self.first_words(warn)

    def prepare(self, options: Mapping[str, Any]) -> None:
        """As `begin`, without waiting."""
        names = ("capacity", "handle", "channels", "bell")
        rings = [{name: getattr(each, name) for name in names} for each in self._rings]
        setup = {"rings": rings, "options": dict(options)}
        self.send(json.dumps(setup).encode() + b"\n")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def send(self, data: bytes) -> None:
        """Bytes to its standard input; lost if it has ended or takes no more."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._in.write(data)

    def first_words(self, warn: Callable[[str], object] = lambda line: None) -> dict[str, Any]:
        """What it says when it is ready; what it has to say before goes to `warn`, a line each.

        Raises:
            InputError: what it could not do, or that it ended or does not answer.
        """
        while True:
            try:
                said = self._said.get(timeout=START_SECONDS)
            except queue.Empty:
                raise InputError(
                    f"sound: expected its {self._kind} to answer within {START_SECONDS:.0f} s, found it did not"
                ) from None
            if said is None:
                raise InputError(f"sound: expected its {self._kind} to start, found it ended at once")
            if "error" in said:
                raise InputError(said["error"])
            if "warning" not in said:
                return said
            if said["warning"]:
                warn(said["warning"])

    def news(self) -> list[dict[str, Any]]:
        """What it said since."""
        said = []
        with contextlib.suppress(queue.Empty):
            while True:
                said.append(self._said.get_nowait())
        return [each for each in said if each is not None]

    def end(self) -> None:
        """Ask it to end, then insist; a second time does nothing."""
        with self._lock, contextlib.suppress(OSError):
            self._in.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join()
        self._out.close()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        rest = b""
        while data := self._out.read(4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._said.put(json.loads(line))
        self._said.put(None)


class Inbox:
    """What the parent sends, read in a thread: events, and at the end None."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def listen_to(self, ring: Ring) -> None:
        """`RUNG` is an event too, each time that the bell of this ring is rung."""

        def listen() -> None:
            while ring.listen():
                self._events.put(RUNG)

        threading.Thread(target=listen, daemon=True).start()

    def get(self, seconds: float) -> Event | None:
        """The next event, waiting so long for it; None once the parent wants no more.

        Raises:
            queue.Empty: there is none.
        """
        return self._events.get(timeout=seconds)

    def is_closed(self, seconds: float) -> bool:
        """Whether the parent wants no more, after waiting so long for it; events are dropped."""
        try:
            return self._events.get(timeout=seconds) is None
        except queue.Empty:
            return False

    def _read(self) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := os.read(self._file, 1 << 14):
                rest += data
                whole = len(rest) // EVENT.size * EVENT.size
                for event in EVENT.iter_unpack(rest[:whole]):
                    self._events.put(event)
                rest = rest[whole:]
        self._events.put(None)


def serve(run: Callable[..., None], priority: int) -> None:
    """What a child does: `run(ring, inbox, tell, **options)`, and end; with a ring of inputs as `inputs`.

    Args:
        run: raises InputError with a line for people.
        priority: among the processes that are woken first, 1 to 99, where the system lets us have any.
    """
    for name in ("SIGINT", "SIGHUP", "SIGTERM"):  # all processes get them, and they are for the one who started this
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    out, lock = os.dup(1), threading.Lock()
    os.dup2(2, 1)  # libraries may print what they like
    line = b""
    while not line.endswith(b"\n"):  # byte by byte: what follows is for the inbox
        byte = os.read(0, 1)
        if not byte:
            os._exit(0)
        line += byte
    setup = json.loads(line)

    def tell(**what: Any) -> None:
        with lock, contextlib.suppress(OSError):
            os.write(out, json.dumps(what).encode() + b"\n")

    try:
        hurry(priority)
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.collect()
        gc.freeze()  # a look through all modules for garbage would take longer than a period of the device
        ring, *inputs = [Ring(**each) for each in setup["rings"]]
        run(ring, Inbox(0), tell, **setup["options"], **({"inputs": inputs[0]} if inputs else {}))
    except InputError as error:
        tell(error=str(error))
    except Exception as error:
        tell(error=f"sound: {type(error).__name__}: {error}")
    os._exit(0)  # a thread of a sound library that hangs must not hold us


def settle() -> None:
    """Give back to the system what loading took and nothing needs any more, where the C library can (glibc)."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # other systems have no such thing
        ctypes.CDLL(None).malloc_trim(0)


def hurry(priority: int) -> None:
    """Be woken first where the system lets us."""
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):  # needs a right that the users of JACK mostly have
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))


def is_hurried() -> bool:
    """Whether this process is woken first, where the system has such a thing; True where it has none."""
    return not hasattr(os, "sched_getscheduler") or os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
