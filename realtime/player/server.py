"""What the player's process does: ports, clock and player, from the first line of its standard input to its end.

See `client` for the other side of the pipes, and `messages` for what goes through them.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import mido

from latentmix.errors import InputError
from midi_vae.midi.score import DRUM_CHANNEL

from ..audio.live_sound import LiveSound
from ..audio.sound import BUILT_IN, SynthesizerOutput
from ..midi.jack import JackWatch
from ..midi.ports import open_input, open_output
from ..system.wakefulness import Wakefulness
from .lines import decode, encode
from .loop import PlayerLoop
from .messages import (
    Command,
    MidiReceived,
    OpeningFailed,
    PlayerSetup,
    PlayerWarning,
    PortsOpened,
    Report,
    SetPlaying,
    SetProgram,
    SetShares,
    Underruns,
)
from .player import TRANSPORT, make_player

CHECK_EVERY = 1.0  # seconds between two looks whether the ports are still there
FLUSH = 0.06  # seconds that the last messages have before their port is closed: JACK sends once a period
REAL_TIME_PRIORITY = 5  # below that of JACK
MAX_WAITING = 4096  # MIDI messages: of more, the oldest are dropped
SWITCH_SECONDS = 1e-4  # JACK's own thread waits for the interpreter to hand a message over: longer, and it loses some


class _Reports:
    """Reports on their way out, in a thread of their own: a reader that is busy must not make a note late.

    MIDI messages that wait go together, so that a controller that floods costs the reader little more than one that
    does not; where it cannot keep up, the newest are what counts.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._queue: queue.SimpleQueue[Report | None] = queue.SimpleQueue()
        self._midi: deque[tuple[float, bytes]] = deque(maxlen=MAX_WAITING)
        self._has_midi = False  # that the writer was told of
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def put(self, report: Report) -> None:
        self._queue.put(report)

    def put_midi(self, time: float, message: mido.Message) -> None:
        self._midi.append((time, bytes(message.bin())))
        if not self._has_midi:
            self._has_midi = True
            self._queue.put(MidiReceived(()))

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join(1.0)

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more
            while (report := self._queue.get()) is not None:
                if isinstance(report, MidiReceived):
                    self._has_midi = False  # what arrives from now on is told of anew
                    report = MidiReceived(tuple(self._midi.popleft() for _ in range(len(self._midi))))
                self._file.write(encode(report))
                if self._queue.empty():
                    self._file.flush()
            self._file.flush()


def main() -> None:
    """What the process does, from the first line of its standard input to the end of it."""
    commands, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries may print what they like
    # What all processes of a terminal, a service or a container are sent is for the one who started this: its end
    # closes our pipe. To end first would be a loss that it tells, and mends, while it ends itself.
    for name in ("SIGINT", "SIGHUP", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    setup = decode(commands.readline())
    assert isinstance(setup, PlayerSetup)
    reports = _Reports(out)
    held = contextlib.ExitStack()
    try:
        loop, sung = _open(setup, reports, held)
    except (InputError, OSError) as error:
        held.close()
        reports.put(OpeningFailed(str(error)))
        reports.close()
        os._exit(1)
    threading.Thread(target=_obey, args=(commands, loop, sung), daemon=True).start()
    _hurry()
    try:
        loop.run()
        time.sleep(FLUSH)
        loop.player.say_silence()  # once more, for JACK loses a period now and then where it is starved
        time.sleep(FLUSH)
    finally:
        held.close()
        reports.close()
    os._exit(0)  # a thread of a MIDI library that hangs must not hold us


def _open(setup: PlayerSetup, reports: _Reports, held: contextlib.ExitStack) -> tuple[PlayerLoop, Sequence[LiveSound]]:
    """Open ports and clock, closed by `held`; and what follows the puck."""

    def warn(text: str) -> None:
        reports.put(PlayerWarning(text))

    ports: list[Any] = []
    for out in setup.outs:
        ports.append(open_output(out, warn))
        held.callback(ports[-1].close)
    sounds = _open_sounds(setup, warn, held)
    player = make_player([*ports, *sounds], setup, reports.put)
    loop = PlayerLoop(player)

    def receive(time: float, message: mido.Message) -> None:
        if message.type not in TRANSPORT:
            reports.put_midi(time, message)
        else:
            loop.clock_message(time, message)

    for source in setup.ins:
        ports.append(open_input(source, receive, warn))
        held.callback(ports[-1].close)
    if any(getattr(port, "api", None) == "UNIX_JACK" for port in ports):
        held.push(_keep(JackWatch(lambda: _end(reports))))
    threading.Thread(target=_watch, args=(ports, sounds, reports), daemon=True).start()
    reports.put(PortsOpened(tuple(port.name for port in (*ports, *sounds))))
    if setup.program is not None:
        loop.command(SetProgram(setup.program))
    return loop, [each for each in sounds if isinstance(each, LiveSound)]


def _open_sounds(
    setup: PlayerSetup, warn: Callable[[str], None], held: contextlib.ExitStack
) -> list[SynthesizerOutput | LiveSound]:
    """What is heard without a port: a synthesizer, or an instrument of sounds with the kit beside it."""
    sounds: list[SynthesizerOutput | LiveSound] = []
    if setup.audio is None:
        return sounds
    audio, program = dict(setup.audio), setup.program or 0
    if "sources" in audio:
        drums = audio.pop("drums", None)
        audio["leaves_out"] = () if drums is None else (DRUM_CHANNEL,)
        sounds.append(held.enter_context(LiveSound(**audio, warn=warn)))
        if drums is not None:
            sounds.append(
                held.enter_context(SynthesizerOutput(soundfont=BUILT_IN, drums=drums, drums_only=True, warn=warn))
            )
    else:
        sounds.append(held.enter_context(SynthesizerOutput(**audio, program=program, warn=warn)))
    return sounds


def _obey(commands: Any, loop: PlayerLoop, sung: Sequence[LiveSound]) -> None:
    wakefulness = Wakefulness()  # that of the machine, so that the engine answers sooner too
    for line in commands:
        command = decode(line)
        if isinstance(command, SetPlaying):
            wakefulness.set(command.on)
        if isinstance(command, SetShares):
            for sound in sung:
                sound.set_shares(command.shares)
        elif isinstance(command, Command):
            loop.command(command)
    loop.stop()


def _watch(ports: list[Any], sounds: list[Any], reports: _Reports) -> None:
    while True:
        time.sleep(CHECK_EVERY)
        for port in ports:
            port.check()
        if sounds:
            reports.put(Underruns(sum(sound.underruns for sound in sounds)))


def _keep(thing: object) -> Callable[..., None]:
    """A callback that does nothing but hold something."""
    return lambda *_, held=thing: None


def _end(reports: _Reports) -> None:
    """JACK died, and cannot be found again by this process: the next one will see when it is back."""
    reports.put(PlayerWarning("the JACK server went away"))
    reports.close()
    os._exit(1)


def _hurry() -> None:
    """Be woken first where the system lets us, and do not look through memory for garbage that is not there.

    The other threads come next, before all that is not in real time: one of them may hold the interpreter, and must not
    be put aside with it while the player waits.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    if hasattr(os, "sched_setscheduler"):
        with contextlib.suppress(OSError):  # needs a right that the users of JACK mostly have
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REAL_TIME_PRIORITY))
            for thread in map(int, os.listdir("/proc/self/task")):
                if os.sched_getscheduler(thread) == os.SCHED_OTHER:  # JACK's are where they should be
                    os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(REAL_TIME_PRIORITY - 1))
    gc.collect()
    gc.freeze()
