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
import json
from collections.abc import Callable
from typing import Any

import torch

from midi_vae.vae import MelodyVAE
from realtime.cli.live import going_first
from realtime.engine.background import beside
from realtime.system.wakefulness import staying_awake
from scripts.bench.controller_flood import flood
from scripts.bench.knob_latency import decode_times, knob_times
from scripts.bench.live_stage import TEMPO, line, summary
from scripts.bench.note_jitter import mido_jitter, our_jitter, spin

COUNTS = (1, 2, 4, 8)  # melodies blended


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
    with beside("busy", spin):
        figures["note_jitter"] = summary(our_jitter(arguments.seconds))
        figures["mido_jitter"] = summary(mido_jitter(arguments.seconds))
    say(f"notes against their time, beside a busy thread: {line(figures['note_jitter'])}")
    say(f"the same, mido's MidiFile.play: {line(figures['mido_jitter'])}")
    return figures


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
