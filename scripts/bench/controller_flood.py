"""A controller that sends without end: notes late, memory, messages heard."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from midi_vae.vae import MelodyVAE
from realtime.control.maps import parse_map
from realtime.control.surface import ControlSurface
from realtime.engine.engine import Engine
from realtime.midi.ports import MidiIn, MidiOut
from realtime.midi.sockets import SocketIn
from realtime.music.clock import now
from realtime.player.messages import MidiReceived, Progress, Report
from realtime.player.server import REAL_TIME_PRIORITY
from realtime.system.pipes import pipes_of
from scripts.bench.live_stage import KNOBS, TEMPO, free_port, line, melodies, summary

# Wakes every ten milliseconds, in real time where it may; for each line it is sent it says how late it was at most, in
# seconds, and how often by more than 20 ms.
IDLE = """
import contextlib, os, sys, threading, time
worst = often = 0
with contextlib.suppress(AttributeError, OSError):
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
def wake():
    global worst, often
    due = time.perf_counter()
    while True:
        due += 0.01
        time.sleep(max(0.0, due - time.perf_counter()))
        late = time.perf_counter() - due
        worst, often, due = max(worst, late), often + (late > 0.02), due + late // 0.01 * 0.01
threading.Thread(target=wake, daemon=True).start()
for line in sys.stdin:
    print(worst, often, flush=True)
"""


@contextlib.contextmanager
def idle_process() -> Iterator[Callable[[], tuple[float, int]]]:
    """A process that only wakes, as soon as the player does: where it is late, it was the machine; see `IDLE`."""
    code = IDLE.replace("PRIORITY", str(REAL_TIME_PRIORITY))
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    asks, answers = pipes_of(process)

    def lateness() -> tuple[float, int]:
        asks.write(b"\n")
        asks.flush()
        worst, often = answers.readline().split()
        return float(worst), int(often)

    try:
        yield lateness
    finally:
        process.communicate()


# A controller: so many messages a second, in real time where it may, as if it were another machine.
CONTROLLER = """
import contextlib, os, socket, sys, time
with contextlib.suppress(AttributeError, OSError):
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
cable = socket.create_connection(("127.0.0.1", PORT))
sent, start = 0, time.perf_counter()
while time.perf_counter() - start < SECONDS:
    due = int((time.perf_counter() - start) * RATE)
    cable.sendall(b"".join(bytes((0xB0, 1, k % 128)) for k in range(sent, due)))
    sent = due
    time.sleep(0.002)
print(sent)
"""


def flood(model: MelodyVAE, rate: int, minutes: float, say: Callable[[str], None]) -> dict[str, Any]:
    """A knob that is turned without end, so many messages a second: notes late, memory in MiB, once a minute."""
    port, heard = free_port(), [0]
    late: list[float] = []
    memory: list[list[float]] = []
    synth = SocketIn(("127.0.0.1", 0), lambda time, message: None, print)
    out, knobs = MidiOut(f"tcp::{synth.port}"), MidiIn(f"tcp::{port}")
    engine = Engine(model, melodies(4), out=out, ins=[knobs], tempo=TEMPO, seed=0)
    player: Any = engine._player  # looked into from outside, as only a benchmark may
    report = player._report

    def hear(what: Report) -> None:
        if isinstance(what, Progress) and what.late is not None:
            late.append(what.late)
        if isinstance(what, MidiReceived):
            heard[0] += len(what.messages)
        report(what)

    player._report = hear
    with engine, idle_process() as idle:
        surface = ControlSurface(engine, parse_map(KNOBS, "bench"))
        engine.start()
        code = CONTROLLER.replace("PORT", str(port)).replace("RATE", str(rate)).replace("SECONDS", str(60 * minutes))
        knob, start = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE), now()
        while knob.poll() is None:
            if now() - start >= 60 * len(memory):
                memory.append([resident("self"), resident(player.pid)])
                so_far = f"{heard[0]} messages, {engine.snapshot().version} melodies, {len(late)} notes"
                latest = f"{1000 * max(late, default=0.0):.2f} ms late (an idle process {1000 * idle()[0]:.2f})"
                say(f"minute {len(memory) - 1}: {memory[-1]} MiB, {so_far}, {latest}")
            time.sleep(0.2)
        sent, skipped, (worst, often) = int(knob.communicate()[0]), engine.snapshot().skipped, idle()
        memory.append([resident("self"), resident(player.pid)])
        surface.close()
    synth.close()
    found: dict[str, Any] = {
        "sent": sent,
        "heard": heard[0],
        "skipped_steps": skipped,
        "notes_late": summary(late),
        "notes_late_20_ms": sum(each > 0.02 for each in late),
        "idle_late": {"max_ms": round(1000 * worst, 4), "late_20_ms": often},
        "memory_mib": memory,
    }
    say(f"{sent} messages, {heard[0]} heard, {skipped} steps left out, {memory[-1]} MiB at the end")
    say(f"notes late: {line(found['notes_late'])}, {found['notes_late_20_ms']} by more than 20 ms")
    say(f"an idle process in real time: max {1000 * worst:.3f} ms, {often} times by more than 20 ms")
    return found


def resident(pid: int | str) -> float:
    """Memory of a process in MiB; 0 where /proc is not there."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return round(int(file.read().split()[1]) * 4096 / 2**20, 1)
    return 0.0
