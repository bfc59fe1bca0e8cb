"""How late live playing is: decode time, from the knob to the melody and to the note, and notes against their time.

    python scripts/bench/bench_latency.py            # a minute or so, for people
    python scripts/bench/bench_latency.py --json     # the same for machines
    python scripts/bench/bench_latency.py --flood 1000 --minutes 60   # memory and lateness under so many/s

Everything is measured on the way it takes on stage: a knob's bytes through a real connection (TCP on this machine, so
that it runs where there is no MIDI system) into the player's process, from there to the engine, back to the player, and
out again. The jitter of notes is measured where they are handed to the port, for our player and for mido's
`MidiFile.play` one after the other, beside the same thread that keeps the interpreter busy.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import mido
import numpy as np
import torch

from midi_vae.music.melody import Melody
from midi_vae.vae import MelodyVAE
from realtime.cli.live import going_first
from realtime.control.maps import parse_map
from realtime.control.surface import ControlSurface
from realtime.engine.decoder import Decoder
from realtime.engine.engine import Engine
from realtime.midi.ports import MidiIn, MidiOut
from realtime.midi.sockets import SocketIn, SocketOut
from realtime.music.clock import now
from realtime.music.mixer import Mixer
from realtime.music.sequencer import Pattern
from realtime.player.client import PlayerClient
from realtime.player.messages import MidiReceived, PlayerSetup, PlayPattern, Progress, Report, SetPlaying
from realtime.player.server import REAL_TIME_PRIORITY
from realtime.system.pipes import pipes_of
from realtime.system.wakefulness import staying_awake

COUNTS = (1, 2, 4, 8)  # melodies blended
TEMPO = 150.0
KNOBS = """
name = "bench"
[[bind]]
target = "position"
kind = "cc"
number = 1
[[bind]]
target = "octave"
kind = "cc"
number = 2
range = [-1, 1]
"""
DENSE = Pattern(1, tuple(62 + k % 24 for k in range(32)))


def summary(seconds: list[float]) -> dict[str, float]:
    """Milliseconds: the middle, the slowest of a hundred, the slowest of all."""
    ms = 1000 * np.abs(np.array(seconds))
    return {
        "p50_ms": round(float(np.percentile(ms, 50)), 4),
        "p99_ms": round(float(np.percentile(ms, 99)), 4),
        "max_ms": round(float(ms.max()), 4),
        "n": len(ms),
    }


def melodies(count: int, seed: int = 0) -> list[Melody]:
    """Melodies of two bars, one like no other."""
    random = np.random.default_rng(seed)
    return [
        Melody.from_notes([(2 * k, 2 * k + 2, int(p)) for k, p in enumerate(random.integers(55, 80, 16))], name=str(n))
        for n in range(count)
    ]


def decode_times(model: MelodyVAE, count: int, runs: int) -> list[float]:
    """Seconds from moved weights to the melody, at so many melodies."""
    decoder = Decoder(model, seed=0)
    mixer = Mixer(decoder, melodies(count))
    decoder.warm_up(1)
    random, times = np.random.default_rng(1), []
    mixer.set("attribute.density", 0.1)  # so that one melody alone is decoded too
    for run in range(runs + 20):
        start = now()
        for number in range(1, count + 1):
            mixer.set(f"weight.{number}", float(random.random()) + 0.01)
        mixer.melody()
        if run >= 20:
            times.append(now() - start)
    return times


def knob_times(model: MelodyVAE, runs: int) -> tuple[list[float], list[float]]:
    """Seconds from a knob's bytes to the melody decoded and on its way to the player, and to the next note of it."""
    port, heard = free_port(), []
    synth = SocketIn(("127.0.0.1", 0), lambda time, message: heard.append((time, message)), print)
    out, knobs = MidiOut(f"tcp::{synth.port}"), MidiIn(f"tcp::{port}")
    decoded, notes = [], []
    with Engine(model, melodies(4), out=out, ins=[knobs], tempo=TEMPO, seed=0) as engine:
        patterns = Patterns(engine)
        surface = ControlSurface(engine, parse_map(KNOBS, "bench"))
        knob = SocketOut(("127.0.0.1", port), print)
        engine.start()
        time.sleep(1.0)
        random = np.random.default_rng(2)
        for run in range(runs):
            value = int(random.integers(1, 127))
            decoded.append(one_knob(knob, 1, value, patterns))
            if run % 10 == 0:
                octave = run // 10 % 2
                sent = now()
                one_knob(knob, 2, 127 * octave, patterns)
                time.sleep(0.25)
                notes += [at - sent for at, m in heard if at > sent and m.type == "note_on"][:1]
            time.sleep(float(random.uniform(0.005, 0.03)))
        surface.close()
        knob.close()
    synth.close()
    return [each for each in decoded if each is not None], notes


class Patterns:
    """When melodies are handed to the player; who waits for one does not keep the engine's interpreter busy."""

    def __init__(self, engine: Engine) -> None:
        self._at = 0.0
        self._has_news = threading.Event()

        def made(pattern: Pattern) -> None:
            self._at = now()
            self._has_news.set()

        engine.on_pattern(made)

    def next(self, seconds: float) -> float | None:
        """When the next one is handed over, waiting so long for it; None if there is none."""
        return self._at if self._has_news.wait(seconds) else None

    def forget(self) -> None:
        """What was handed over so far is not the next one."""
        self._has_news.clear()


def one_knob(knob: SocketOut, control: int, value: int, patterns: Patterns) -> float | None:
    """Turn a knob; seconds until a melody was decoded, None where it stood there already."""
    patterns.forget()
    sent = now()
    knob.send(mido.Message("control_change", control=control, value=value))
    at = patterns.next(0.5)
    return None if at is None else at - sent


@contextlib.contextmanager
def busy_thread() -> Iterator[None]:
    """A thread that keeps this interpreter busy."""
    done = threading.Event()

    def spin() -> None:
        while not done.is_set():
            sum(k * k for k in range(1000))

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def our_jitter(seconds: float) -> list[float]:
    """Seconds by which our player's notes were late."""
    late: list[float] = []
    synth = SocketIn(("127.0.0.1", 0), lambda time, message: None, print)

    def hear(report: Report) -> None:
        if isinstance(report, Progress) and report.late is not None:
            late.append(report.late)

    player = PlayerClient(PlayerSetup((MidiOut(f"tcp::{synth.port}"),), tempo=TEMPO), hear)
    player.command(PlayPattern(DENSE))
    player.command(SetPlaying(True))
    time.sleep(seconds)
    player.close()
    synth.close()
    return late[1:]


def mido_jitter(seconds: float) -> list[float]:
    """Seconds by which `MidiFile.play` was late with the same notes."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=round(6e7 / TEMPO))])
    for k in range(round(seconds * TEMPO / 15)):
        track.append(mido.Message("note_on", note=60 + k % 24, time=0))
        track.append(mido.Message("note_off", note=60 + k % 24, time=120))
    late, start, due = [], now(), 0.0
    for message in mido.MidiFile(tracks=[track], ticks_per_beat=480).play(now=now):
        due += message.time
        if message.type == "note_on" and message.time == 0 and due > 0:
            late.append(now() - start - due)
    return late


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


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def measure(arguments: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    figures: dict[str, Any] = {"torch": torch.__version__, "decode": {}, "seconds": arguments.seconds}
    for device in ["cpu", *["cuda"] * torch.cuda.is_available()]:
        model = MelodyVAE.from_pretrained(arguments.model, device)
        for count in COUNTS:
            found = summary(decode_times(model, count, arguments.runs))
            figures["decode"].setdefault(device, {})[str(count)] = found
            say(f"decode, {device}, {count} melodies: {line(found)}")
        decoded, notes = knob_times(model, arguments.runs)
        figures.setdefault("knob_to_melody", {})[device] = summary(decoded)
        figures.setdefault("knob_to_note", {})[device] = summary(notes)
        say(f"knob to melody decoded, {device}: {line(summary(decoded))}")
        say(f"knob to next note, {device} (a step is {15000 / TEMPO:.0f} ms): {line(summary(notes))}")
    with busy_thread():
        figures["note_jitter"] = summary(our_jitter(arguments.seconds))
        figures["mido_jitter"] = summary(mido_jitter(arguments.seconds))
    say(f"notes against their time, beside a busy thread: {line(figures['note_jitter'])}")
    say(f"the same, mido's MidiFile.play: {line(figures['mido_jitter'])}")
    return figures


def line(found: dict[str, float]) -> str:
    return f"p50 {found['p50_ms']:.3f} ms, p99 {found['p99_ms']:.3f} ms, max {found['max_ms']:.3f} ms ({found['n']})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="melody_2bar", help="name or folder")
    parser.add_argument("--runs", type=int, default=1000, help="decodes and turns of a knob")
    parser.add_argument("--seconds", type=float, default=20.0, help="of notes, for each player")
    parser.add_argument("--flood", type=int, help="controller messages a second")
    parser.add_argument("--minutes", type=float, default=60.0, help="of flood")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    say = (lambda text: None) if arguments.json else print
    with going_first(), staying_awake() as awake:  # both players alike
        is_awake = awake.is_on
        say(f"processors {'stay awake' if is_awake else 'may fall asleep (realtime/system/wakefulness.py)'}")
        if arguments.flood:
            figures = flood(MelodyVAE.from_pretrained(arguments.model), arguments.flood, arguments.minutes, say)
        else:
            figures = measure(arguments, say)
    figures["awake"] = is_awake
    if arguments.json:
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
