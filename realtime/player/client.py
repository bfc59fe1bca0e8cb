"""The player in a process of its own, which holds the ports: nothing that keeps this interpreter busy makes it late.

Lines of JSON go both ways through pipes: commands in (`Player.command`), reports out (`Player.report`, MIDI that
arrived, what became of the ports). When the pipe closes, for whatever reason, the process ends what sounds and exits.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from latentmix.errors import InputError

from ..midi.ports import MidiIn, MidiOut
from ..music.clock import InternalClock, Timeline, now
from .external_clock import LinkClock, MidiClock
from .player import Player, Sink

START_WITHIN = 60.0  # seconds that opening the ports may take
STOP_WITHIN = 5.0
ENDED_WITHIN = 1.0  # a process whose pipe has closed
MAX_RESTARTS, RESTART_MEMORY = 3, 10.0  # within so many seconds; more often only every
RETRY_EVERY = 2.0  # seconds
ONCE = ("panic", "tap")  # commands that a player which is started again need not know


@dataclass(frozen=True)
class PlayerSetup:
    """What a player process is to open and how it starts.

    Attributes:
        outs, ins: MIDI ports.
        audio: options of `audio.Sound`, None for none.
        clock: internal, midi or link.
        tempo, follow, velocity, channel, program: to begin with; program None sends none.
        sends_clock: whether MIDI clock goes out.
    """

    outs: tuple[MidiOut, ...] = ()
    ins: tuple[MidiIn, ...] = ()
    audio: Mapping[str, Any] | None = None
    clock: str = "internal"
    tempo: float = 120.0
    follow: str = "step"
    velocity: int = 80
    channel: int = 0
    program: int | None = None
    sends_clock: bool = False


class PlayerClient:
    """A player process, started with this object and again if it should die.

    Attributes:
        ports: names of the ports that are open.

    Raises:
        InputError: a port that cannot be opened, a clock that is not there.
    """

    def __init__(self, setup: PlayerSetup, report: Callable[[dict[str, Any]], None]) -> None:
        self._setup, self._report = setup, report
        self._state: dict[str, Any] = {}
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._starts: list[float] = []
        self._process, self.ports = self._start()
        self._reader = threading.Thread(target=self._read, name="latentmix reports", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the process that plays."""
        return self._process.pid

    def command(self, command: Mapping[str, Any]) -> None:
        """As `Player.command`."""
        with self._lock:
            self._state.update({name: value for name, value in command.items() if name not in ONCE})
            self._write(command)

    def close(self) -> None:
        """Stop; no note is left sounding."""
        self._closing.set()
        with self._lock, contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()
        self._let_go()

    def _write(self, command: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):  # it died: `_read` sees to it
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()

    def _start(self) -> tuple[subprocess.Popen, list[str]]:
        self._errors = tempfile.TemporaryFile()  # what it and the libraries in it print, JACK's complaints among them
        code = f"import sys; sys.path[:] = {sys.path!r}; from realtime.player.server import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )
        process.stdin.write(json.dumps(asdict(self._setup)).encode() + b"\n")
        process.stdin.flush()
        self._starts.append(now())
        guard = threading.Timer(START_WITHIN, process.kill)
        guard.start()
        line = process.stdout.readline()
        guard.cancel()
        answer = json.loads(line) if line else {"error": self._last_words(process)}
        if "error" in answer:
            process.stdin.close()
            process.wait()
            process.stdout.close()
            self._errors.close()
            raise InputError(answer["error"])
        return process, answer["ports"]

    def _read(self) -> None:
        while True:
            for line in self._process.stdout:
                self._report(json.loads(line))
            if self._closing.is_set() or not self._start_again():
                return

    def _start_again(self) -> bool:
        """After the process died: try until it plays again; whether it does."""
        words, self._starts = (
            self._last_words(self._process),
            [at for at in self._starts if now() - at < RESTART_MEMORY],
        )
        self._report({"warning": f"the player stopped ({words}); it is started again"})
        self._let_go()
        while not self._closing.wait(RETRY_EVERY * (len(self._starts) >= MAX_RESTARTS)):
            try:
                process, ports = self._start()
            except InputError as error:
                if str(error) != words:
                    words = str(error)
                    self._report({"warning": f"the player cannot be started yet: {words}"})
                self._starts += [now()] * MAX_RESTARTS  # not so often
                continue
            with self._lock:
                self._process, self.ports = process, ports
                if self._closing.is_set():  # `close` has told the one before to end
                    process.stdin.close()
                    return True
                self._write({"panic": True})  # what sounded when it died
                self._write(self._state)
            self._report({"warning": "the player was started again"})
            return True
        return False

    def _let_go(self) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _last_words(self, process: subprocess.Popen) -> str:
        """Why it ended; what it and its libraries printed is not always about that."""
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            if (status := process.wait(ENDED_WITHIN)) < 0:
                return f"ended by {signal.Signals(-status).name}"
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            lines = self._errors.read()[-4000:].decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return "it said nothing"


def make_player(
    outs: list[Sink],
    setup: Mapping[str, Any],
    report: Callable[[dict[str, Any]], None],
    clock: Callable[[], float] = now,
) -> Player:
    """A player as a setup (its fields) wants it, which waits for the command `play`.

    Raises:
        InputError: a clock that is not there.
    """
    options = {name: setup[name] for name in ("follow", "velocity", "channel", "sends_clock")}
    return Player(outs, _timeline(setup, clock), report, clock, is_on=False, **options)


def _timeline(setup: Mapping[str, Any], clock: Callable[[], float]) -> Timeline:
    if setup["clock"] == "midi":
        return MidiClock(setup["tempo"])
    if setup["clock"] == "link":
        return LinkClock(setup["tempo"], clock)
    return InternalClock(setup["tempo"], clock())
