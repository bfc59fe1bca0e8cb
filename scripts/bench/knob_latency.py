"""From moved weights to a melody, and from a knob's bytes to the melody and to its next note."""

from __future__ import annotations

import threading
import time

import mido
import numpy as np

from midi_vae.vae import MelodyVAE
from realtime.control.maps import parse_map
from realtime.control.surface import ControlSurface
from realtime.engine.decoder import Decoder
from realtime.engine.engine import Engine
from realtime.midi.ports import MidiIn, MidiOut
from realtime.midi.sockets import SocketIn, SocketOut
from realtime.music.clock import now
from realtime.music.mixer import Mixer
from realtime.music.sequencer import Pattern
from scripts.bench.live_stage import KNOBS, TEMPO, free_port, melodies


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
