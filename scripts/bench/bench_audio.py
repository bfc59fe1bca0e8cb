"""Underruns of the built-in sound through a JACK server of its own, while the engine decodes all the time.

    python scripts/bench/bench_audio.py                        # 128 and 64 frames, 10 minutes each
    python scripts/bench/bench_audio.py --frames 64 --minutes 1 --json

The position moves 200 times a second, so that the decoder never rests; notes sound in the player's process by the
synthesizer and the device in theirs, as on stage. `ours` are frames that were missing in the ring; `reported` what
PortAudio says, which is every overrun of the JACK server, whoever caused it; `machine` the same of a second server
beside it, meanwhile, whose only client does nothing. The servers run in real time (`jackd -R`) where this user may.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from midi_vae.importing import read_melody
from midi_vae.vae import MelodyVAE
from realtime.audio.sound import LATENCY, SynthesizerOutput
from realtime.cli.live import going_first
from realtime.engine.engine import Engine
from realtime.system.pipes import pipes_of
from scripts.bench.jack_server import jack

RATE = 48000
MOVES = 200  # a second
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


# A client that plays silence, until its standard input ends; then it says how many overruns there were.
EMPTY = """
import sys, sounddevice
overruns = [0]
def callback(out, frames, time, status):
    out.fill(0)
    overruns[0] += bool(status and status.output_underflow)
apis = sounddevice.query_hostapis()
device = next(each["default_output_device"] for each in apis if "JACK" in each["name"])
with sounddevice.OutputStream(device=device, channels=2, dtype="float32", latency="low", callback=callback):
    for line in sys.stdin:
        print(overruns[0], flush=True)
"""


def is_realtime(process: subprocess.Popen[bytes]) -> bool:
    """Whether a thread of a process goes before all that is not in real time: JACK goes on without, if it must."""
    threads = [int(thread) for thread in os.listdir(f"/proc/{process.pid}/task")]
    return any(os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR) for thread in threads)


@contextlib.contextmanager
def empty_callback(frames: int) -> Iterator[Callable[[], int]]:
    """A callback that does nothing, on a server of its own; what comes back says how many overruns it saw so far."""
    with jack(RATE, frames):
        client = subprocess.Popen([sys.executable, "-c", EMPTY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        asks, answers = pipes_of(client)

        def overruns() -> int:
            asks.write(b"\n")
            asks.flush()
            return int(answers.readline())

        try:
            overruns()  # it plays
            yield overruns
        finally:
            client.communicate()


def measure(
    model: MelodyVAE, minutes: float, latency: float, soundfont: str | None, overruns: Callable[[], int]
) -> dict[str, float | str]:
    """Play for so long; what was missing."""
    melodies = [read_melody(EXAMPLES / f"{name}.mid")[0] for name in ("lively", "lyrical")]
    random = np.random.default_rng(0)
    with (
        SynthesizerOutput(soundfont=soundfont, latency=latency) as sound,
        Engine(model, melodies, out=sound, tempo=150) as engine,
    ):
        engine.start()
        time.sleep(2.0)
        start, before = time.monotonic(), (sound._ring.underruns, sound._ring.reported, overruns())
        first = engine.snapshot().version
        while time.monotonic() < start + 60 * minutes:
            engine.set("position", float(random.random()))
            time.sleep(1 / MOVES)
        versions = engine.snapshot().version - first
        snapshot = engine.snapshot()
        return {
            "minutes": minutes,
            "ours": sound._ring.underruns - before[0],
            "reported": sound._ring.reported - before[1],
            "machine": overruns() - before[2],
            "decodes": versions,
            "decode_p99_ms": round(snapshot.decode_p99_ms, 3),
            "notes": snapshot.notes,
            "late_p99_ms": round(snapshot.late_p99_ms, 3),
            "load": round(os.getloadavg()[0], 1),
            "sound": sound.name,
        }


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description="Underruns of the built-in sound through JACK while decoding.")
    parser.add_argument("--frames", type=int, nargs="+", default=[128, 64], help="of a period of JACK")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each")
    parser.add_argument("--latency", type=float, default=LATENCY, help="seconds by which the synthesizer runs ahead")
    parser.add_argument("--soundfont", help="a file, or built-in; FluidSynth with what the system has if left out")
    parser.add_argument("--json", action="store_true", help="for machines")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = MelodyVAE.from_pretrained("melody_2bar")
    found: dict[int, dict[str, float | str]] = {}
    for frames in options.frames:
        with going_first(), empty_callback(frames) as overruns, jack(RATE, frames) as server:
            found[frames] = {"realtime": is_realtime(server)}
            found[frames] |= measure(model, options.minutes, options.latency, options.soundfont, overruns)
        if not options.json:
            print(f"{frames} frames, {1000 * options.latency:.0f} ms ahead: " + json.dumps(found[frames]), flush=True)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
