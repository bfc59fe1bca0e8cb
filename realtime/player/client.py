"""The player in a process of its own, which holds the ports: nothing that keeps this interpreter busy makes it late.

Messages go both ways through pipes, a line each (`messages`). When the pipe closes, for whatever reason, the process
ends what sounds and exits. A process that ends by itself is started again and goes on where the music would be by now.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace

from latentmix.errors import InputError

from ..music.clock import now
from ..system.pipes import pipes_of
from .lines import decode, encode
from .messages import (
    Command,
    OpeningFailed,
    Panic,
    PlayerLost,
    PlayerSetup,
    PlayerWarning,
    PortsOpened,
    Progress,
    Report,
    SetPlaying,
    SetTempo,
    Tap,
)
from .player import STEPS_A_BEAT

START_WITHIN = 200.0  # seconds that opening the ports may take: an instrument of sounds imports torch
STOP_WITHIN = 5.0
ENDED_WITHIN = 1.0  # a process whose pipe has closed
MAX_CRASHES, CRASH_MEMORY = 5, 10.0  # so many within so many seconds, and it is not started again
RETRY_EVERY = 2.0  # seconds, where the ports cannot be opened yet
REMIND_EVERY = 30.0  # seconds, that nothing is heard


class PlayerProcess:
    """One process of a player, from its start to its end.

    Args:
        setup: what it opens.
        report: called with each of its reports, in a thread of its own, before and after `wait_until_open` returns;
            with none once `silence` was called.
    """

    def __init__(self, setup: PlayerSetup, report: Callable[[Report], None]) -> None:
        self._report, self._opened = report, queue.SimpleQueue[PortsOpened | OpeningFailed | None]()
        self._errors = tempfile.TemporaryFile()  # what it and the libraries in it print, JACK's complaints among them
        code = f"import sys; sys.path[:] = {sys.path!r}; from realtime.player.server import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )
        self._in, self._out = pipes_of(self._process)
        self.write(setup)
        self._reader = threading.Thread(target=self._read, name="latentmix reports", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_open(self) -> tuple[str, ...]:
        """The names of its ports, once they are open.

        Raises:
            InputError: they cannot be opened, or it ended or does not answer; then it has ended.
        """
        try:
            answer = self._opened.get(timeout=START_WITHIN)
        except queue.Empty:
            answer = OpeningFailed(f"the player did not open its ports within {START_WITHIN:.0f} s")
            self.kill()
        if isinstance(answer, PortsOpened):
            return answer.ports
        reason = self.last_words() if answer is None else answer.reason
        self.end()
        raise InputError(reason)

    def write(self, message: PlayerSetup | Command) -> None:
        """Tell it something; lost if it has ended."""
        with contextlib.suppress(OSError, ValueError):
            self._in.write(encode(message))
            self._in.flush()

    def wait(self) -> None:
        """Until it has ended and all that it said has been reported."""
        self._reader.join()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self) -> None:
        """Ask it to end, then insist; no note is left sounding. A second time does nothing."""
        with contextlib.suppress(OSError, ValueError):
            self._in.close()
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._out.close()
        self._errors.close()

    def last_words(self) -> str:
        """Why it ended; what it and its libraries printed is not always about that."""
        with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
            if (status := self._process.wait(ENDED_WITHIN)) < 0:
                return f"ended by {signal.Signals(-status).name}"
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            lines = self._errors.read()[-4000:].decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return "it said nothing"

    def _read(self) -> None:
        with contextlib.suppress(ValueError):  # half a line, of a process that was killed while it wrote
            for line in self._out:
                report = decode(line)
                if isinstance(report, PortsOpened | OpeningFailed):
                    self._opened.put(report)
                elif isinstance(report, Report):
                    self._report(report)
        self._opened.put(None)


class PlayerClient:
    """A player process, started with this object and again if it should die.

    What was set last holds in the next process too, and the music goes on at the beat where it would be by then. Ports
    that are not there yet are tried again every 2 s, for as long as it takes; a process that crashes five times within
    10 s is given up (`PlayerLost.is_final`).

    Methods are thread-safe. None is real-time-safe: they write to a pipe.

    Args:
        setup: what it opens.
        report: called with each report, in a thread of its own, also before this returns.

    Attributes:
        ports: names of the ports that are open; none while there is no process.

    Raises:
        InputError: a port that cannot be opened, a clock that is not there.
    """

    def __init__(self, setup: PlayerSetup, report: Callable[[Report], None]) -> None:
        self._setup, self._report = setup, report
        self._state: dict[type, Command] = {}  # the newest of each kind
        self._progress: Progress | None = None
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._crashes: list[float] = []
        self._process = PlayerProcess(setup, self._hear)
        self.ports = self._process.wait_until_open()
        self._supervisor = threading.Thread(target=self._supervise, name="latentmix player", daemon=True)
        self._supervisor.start()

    @property
    def pid(self) -> int:
        """Of the process that plays."""
        return self._process.pid

    def command(self, command: Command) -> None:
        """As `Player.command`."""
        with self._lock:
            if not isinstance(command, Panic | Tap):
                self._state[type(command)] = command
            self._process.write(command)

    def close(self) -> None:
        """Stop; no note is left sounding. A process that hangs is killed."""
        self._closing.set()
        if self._lock.acquire(timeout=STOP_WITHIN):  # else somebody waits for a process that reads no more
            self._lock.release()
        else:
            self._process.kill()
        self._process.end()
        self._supervisor.join()

    def _hear(self, report: Report) -> None:
        if isinstance(report, Progress):
            self._progress = report
            if report.source == "internal":  # taps move it too
                self._state[SetTempo] = SetTempo(report.tempo)
        self._report(report)

    def _supervise(self) -> None:
        while True:
            self._process.wait()
            if self._closing.is_set():
                return
            reason = self._process.last_words()
            self._process.end()
            self.ports = ()
            time = now()
            self._crashes = [at for at in self._crashes if time - at < CRASH_MEMORY] + [time]
            if len(self._crashes) >= MAX_CRASHES:
                self._report(PlayerLost(f"the player stopped {MAX_CRASHES} times in a row ({reason})", is_final=True))
                return
            self._report(PlayerLost(f"the player stopped ({reason})"))
            if not self._start_again():
                return

    def _start_again(self) -> bool:
        """Try until it plays again; whether it does."""
        told, told_at, wait = "", now(), 0.0
        while not self._closing.wait(wait):
            with self._lock:  # what is set meanwhile waits in its pipe, and `close` ends it
                process = self._process = PlayerProcess(self._setup, self._hear)
            try:
                ports = process.wait_until_open()
            except InputError as error:
                if str(error) != told or now() - told_at > REMIND_EVERY:
                    told, told_at = str(error), now()
                    self._report(PlayerWarning(f"the player cannot be started yet, nothing is heard: {told}"))
                wait = RETRY_EVERY
                continue
            with self._lock:
                self.ports = ports
                process.write(Panic())  # what sounded when it died
                for command in self._resumed():
                    process.write(command)
            self._report(PlayerWarning("the player was started again"))
            return True
        return False

    def _resumed(self) -> list[Command]:
        """What the next process has to know: all that was set, and where the music would be by now."""
        state, told = dict(self._state), self._progress
        playing = state.pop(SetPlaying, None)
        if isinstance(playing, SetPlaying) and playing.on and told is not None and told.running:
            beat = told.step / STEPS_A_BEAT + (now() - told.time) * told.tempo / 60
            playing = replace(playing, beat=max(0.0, beat))
        return [*state.values(), *([] if playing is None else [playing])]
