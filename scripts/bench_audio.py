"""Underruns of the built-in sound through a JACK server of its own, while the engine decodes all the time.

    python scripts/bench_audio.py                        # 128 and 64 frames, 10 minutes each
    python scripts/bench_audio.py --frames 64 --minutes 1 --json

The position moves 200 times a second, so that the decoder never rests; notes sound in the player's process by the
synthesizer and the device in theirs, as on stage. `ours` are frames that were missing in the ring; `reported` what
PortAudio says, which is every overrun of the JACK server, whoever caused it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from midi_vae.melody import read_melody
from midi_vae.model import MelodyVAE
from realtime.audio import LATENCY, Sound
from realtime.engine import Engine

RATE = 48000
MOVES = 200  # a second
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@contextlib.contextmanager
def jack(frames: int) -> Iterator[None]:
    """A JACK server with periods of so many frames, which this process finds."""
    name = f"bench-{os.getpid()}-{frames}"
    os.environ |= {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    nowhere = subprocess.DEVNULL
    command = ["jackd", "-n", name, "-d", "dummy", "-r", str(RATE), "-p", str(frames)]
    server = subprocess.Popen(command, stdout=nowhere, stderr=nowhere)
    try:
        time.sleep(2.0)
        yield
    finally:
        server.terminate()
        server.wait()


def measure(model: MelodyVAE, minutes: float, latency: float, soundfont: str | None) -> dict[str, float]:
    """Play for so long; what was missing."""
    melodies = [read_melody(EXAMPLES / f"{name}.mid")[0] for name in ("lively", "lyrical")]
    random = np.random.default_rng(0)
    with Sound(soundfont=soundfont, latency=latency) as sound, Engine(model, melodies, out=sound, tempo=150) as engine:
        engine.start()
        time.sleep(2.0)
        start, before, versions = time.monotonic(), (sound._ring.underruns, sound._ring.reported), 0
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
    found = {}
    for frames in options.frames:
        with jack(frames):
            found[frames] = measure(model, options.minutes, options.latency, options.soundfont)
        if not options.json:
            print(f"{frames} frames, {1000 * options.latency:.0f} ms ahead: " + json.dumps(found[frames]), flush=True)
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
