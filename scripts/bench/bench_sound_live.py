"""How sounds keep time when they are played live: delay, processor time, input to output, breaks, memory.

    python scripts/bench/bench_sound_live.py examples/reed.flac examples/bell.flac
    python scripts/bench/bench_sound_live.py A.wav B.wav --minutes 10 --json
    python scripts/bench/bench_sound_live.py A.wav B.wav --servers all --minutes 0.2

Each server is a JACK server of its own (`jackd -R -d dummy`, in real time where this user may). A client plays impulses
to a live input and listens to what comes out, in the same period; how late it is, is the middle of its energy, and the
median of all impulses. Beside it is what it comes to by construction (what lies in the rings, the model's window but
for its hop, and the period in which the device plays it), and the floor that was set: delay, 2 periods and 5 ms.
`empty` counts how often our ring was empty when the device asked, in so many minutes, while the puck moves 50 times a
second and a thread of another process computes without a pause: each call of the device that found too little counts,
and `breaks` are those before which it had found enough. `server` is what JACK said was late, whoever caused it. Breaks
that it was not late within a tenth of a second of are ours, but for those while the processor itself was `slow`: the
process that computes without a pause notes when a piece of its work takes three times the processor's time that it
usually does (`busy_thread.py`). `--log FILE` has breaks and the server with their times. The client that plays impulses
is a process of its own, and none of the others.

Memory is what the three processes have for themselves (`own`), and of libraries and other files what lies in memory
(`files`, which the system may drop and read again): once, if several of the three have it, and in full, though other
programs that run have it too. The server's own pages are left out (`jackd` gives each client some 100 MB to see).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from realtime.audio.live_sound import LiveSound
from scripts.bench.break_log import BreakLog
from scripts.bench.busy_thread import busy
from scripts.bench.jack_server import jack
from scripts.bench.process_memory import memory

MOVES = 50  # a second
APART = 0.2  # seconds between impulses
LEVEL = 0.9
STEPS, GROUP = 500, 50  # that are timed, and as many at a time
ALL = ",".join(f"{rate}:{period}" for rate in (44_100, 48_000, 96_000) for period in (64, 128, 441, 1024))


COPY = """
import sys, sounddevice
def callback(heard, out, frames, time, status):
    out[:] = heard
apis = sounddevice.query_hostapis()
api = next(each for each in apis if "JACK" in each["name"])
device = api["default_input_device"], api["default_output_device"]
with sounddevice.Stream(device=device, channels=1, dtype="float32", latency="low", callback=callback):
    print(flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def copying() -> Iterator[None]:
    """A client that only copies what it hears: what the server itself takes, the same way."""
    process = subprocess.Popen([sys.executable, "-c", COPY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdin is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.stdin.close()
        process.wait()


class Probe:
    """A client of JACK that plays impulses to us and records what we play."""

    def __init__(self, rate: int) -> None:
        import jack  # type: ignore[import-untyped]

        self._rate, self._every, self._at = rate, round(APART * rate), 0
        self.sent: list[int] = []
        self.blocks: list[np.ndarray] = []
        self.is_on = False
        self.client = jack.Client("probe", no_start_server=True)
        self._out, self._in = self.client.outports.register("out"), self.client.inports.register("in")
        self.client.set_process_callback(self._call)
        self.client.activate()

    def begin(self) -> None:
        """Impulses go to the one client beside us, and what it plays is recorded."""
        ports = [port for port in self.client.get_ports(is_audio=True) if port.name.startswith("PortAudio")]
        self.client.connect(self._out, next(port for port in ports if port.is_input))
        self.client.connect(next(port for port in ports if port.is_output), self._in)
        self.is_on = True

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()

    def delays(self) -> np.ndarray:
        """Milliseconds from each impulse to the middle of the energy of what came of it."""
        sound, out = np.concatenate(self.blocks) ** 2, []
        for at in self.sent:
            heard = sound[at : at + self._every]
            if len(heard) == self._every and heard.max() > 1e-4:
                out.append(float(heard @ np.arange(len(heard)) / heard.sum()))
        return np.array(out) / self._rate * 1000

    def _call(self, frames: int) -> None:
        out = self._out.get_array()
        out[:] = 0.0
        if not self.is_on:
            return
        first = -(-self._at // self._every) * self._every
        if first < self._at + frames:
            out[first - self._at] = LEVEL
            self.sent.append(first)
        self._at += frames
        self.blocks.append(self._in.get_array().copy())


def _probe(rate: int, pipe: Connection) -> None:
    """A `Probe` in a process of its own: told to begin, told to end, it says what it found."""
    probe = Probe(rate)
    pipe.send(None)
    pipe.recv()
    probe.begin()
    pipe.recv()
    probe.is_on = False
    pipe.send(probe.delays())
    probe.close()


@contextlib.contextmanager
def probing(rate: int) -> Iterator[Connection]:
    """A process with a `Probe`, which begins when it is sent something, and says `delays` when it is again."""
    context = get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=_probe, args=(rate, other))
    process.start()
    pipe.recv()
    try:
        yield pipe
    finally:
        pipe.close()
        process.join()


def steps(files: list[str], model_name: str) -> dict[str, Any]:
    """Processor time of one frame, in percent of how long it sounds; this process is alone with it."""
    import torch

    from audiovq.sound.fitting import read_recording
    from audiovq.sound.model import SoundModel
    from realtime.audio.sound_instrument import SoundInstrument
    from realtime.audio.sound_mix import SoundMix

    torch.set_num_threads(1)
    model = SoundModel.from_pretrained(model_name)
    config = model.config
    recordings = [read_recording(model, each) for each in files]
    noise = np.random.default_rng(0).normal(0, 0.1, (1, config.hop)).astype(np.float32)
    live = SoundMix(model, [None, recordings[0]])
    mixes = {"two recordings": SoundMix(model, recordings[:2]), "a live input and a recording": live}
    makers: dict[str, Any] = dict(mixes)
    for voices in (1, 8):
        makers[f"{voices} voices"] = instrument = SoundInstrument(model, recordings, voices=voices)
        for pitch in range(voices):
            instrument.note_on(50 + 3 * pitch, 100)
    out: dict[str, Any] = {"delay_ms": 1000 * model.latency / config.sample_rate}
    took: dict[str, list[float]] = {name: [] for name in makers}
    used = dict.fromkeys(makers, 0.0)
    for _ in range(STEPS // GROUP):  # in turn, so that a busy second of the machine meets all
        for name, maker in makers.items():
            before = time.thread_time()  # some systems count it in steps of 10 ms: of a group together
            for _ in range(GROUP):
                start = time.perf_counter()
                if maker is live:
                    live.hear(noise)
                maker.render(config.hop)
                took[name].append(time.perf_counter() - start)
            used[name] += time.thread_time() - before
    percent = 100 * config.sample_rate / config.hop
    for name, times in took.items():
        wall = np.array(times) * percent
        processor = used[name] / len(times) * percent
        out[name] = {"p50": np.median(wall), "p99": np.percentile(wall, 99), "processor": processor}
    return out


def by_construction(rate: int, period: int, latency: float | None) -> dict[str, float]:
    """Milliseconds from input to output, and the floor that was set for them; latency None is the usual one."""
    from audiovq.sound.config import SoundConfig
    from realtime.audio.model_scheduler import distance, resampling_delay, usual_lateness

    config = SoundConfig()
    hop = math.ceil(config.hop * rate / config.sample_rate)
    common = math.gcd(hop, period) if rate == config.sample_rate else 1
    resampling = resampling_delay(config.sample_rate, rate)
    late = usual_lateness(period, common, rate, resampling) if latency is None else round(latency * rate)
    between = distance(hop, period, late, common) + resampling
    window, step = (1000 * each / config.sample_rate for each in (config.window, config.hop))
    return {
        "built_ms": 1000 * (between + period) / rate + window - step,
        "floor_ms": window + 2000 * period / rate + 5.0,
    }


def played(files: list[str], args: argparse.Namespace, rate: int, period: int) -> dict[str, Any]:
    """Input to output, breaks and memory through a server of its own."""
    with jack(rate, period), busy() as beside:
        with probing(rate) as probe, copying():
            probe.send(None)
            time.sleep(1.0)
            probe.send(None)
            loop = probe.recv()
        with (
            probing(rate) as probe,
            LiveSound(["in:system", *files[:1]], args.model, latency=args.latency, warn=told) as sound,
        ):
            assert sound._synth is not None
            time.sleep(2.0)
            ring, random, end = sound._ring, np.random.default_rng(), time.monotonic() + 60 * args.minutes
            empty, log = ring.underruns, BreakLog(ring)
            probe.send(None)
            while time.monotonic() < end:
                sound.move({"position": 0.05 * random.random()})
                time.sleep(1.0 / MOVES)
                log.look()
            empty, start = ring.underruns - empty, end - 60 * args.minutes
            processes = memory([os.getpid(), sound._synth.pid, sound._device.pid])
            probe.send(None)
            found = probe.recv()
    spells = beside.within(start, end)
    if args.log:
        log.write(args.log, f"{rate} Hz, {period} frames")
    return {
        "rate": rate,
        "period": period,
        "impulses": len(found),
        "loop_ms": float(np.median(loop)),
        "ms": float(np.median(found)) if len(found) else None,
        "ms_p99": float(np.percentile(found, 99)) if len(found) else None,
        "minutes": args.minutes,
        "empty": empty,
        "breaks": log.breaks,
        "ours": log.ours(beside.slow_at),
        "slow": log.ours() - log.ours(beside.slow_at),
        "spells": len(spells),
        "spell_ms": 1000 * float(np.median(spells)) if spells else 0.0,
        "server": log.server,
        "memory": dict(zip(("controls", "model", "device"), processes, strict=True)),
    }


def told(line: str) -> None:
    """A line for people, beside the figures."""
    print(line, file=sys.stderr)


def shown(milliseconds: float | None) -> str:
    """A figure, or that nothing was heard."""
    return "none heard" if milliseconds is None else f"{milliseconds:.1f}"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", help="two recordings")
    parser.add_argument("--model", default="sound_48k")
    parser.add_argument("--minutes", type=float, default=1.0, help="of each server")
    parser.add_argument("--latency", type=float, help="fixed; else as livemix sound has it, growing after breaks")
    parser.add_argument("--servers", default="48000:128,48000:64", help="rate:period, comma-separated; all; none")
    parser.add_argument("--log", help="a file for the times of breaks")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    loads = [os.getloadavg()[0]]
    code = "import sys, json; sys.argv = ['']; from scripts.bench.bench_sound_live import steps; print(json.dumps("
    code += f"steps({args.files!r}, {args.model!r})))"
    out = {"steps": json.loads(subprocess.run([sys.executable, "-c", code], stdout=-1, check=True).stdout)}
    servers = [
        tuple(map(int, each.split(":")))
        for each in (ALL if args.servers == "all" else args.servers).split(",")
        if ":" in each
    ]
    out["servers"] = [played(args.files, args, rate, period) for rate, period in servers]
    for each in out["servers"]:  # last: it imports torch, which would be in the memory of this process
        each |= by_construction(each["rate"], each["period"], args.latency)
    out["load"] = [*loads, os.getloadavg()[0]]
    if args.json:
        print(json.dumps(out))
        return
    print(f"algorithmic delay {out['steps'].pop('delay_ms'):.1f} ms; load {loads[0]:.1f} to {os.getloadavg()[0]:.1f}")
    for name, each in out["steps"].items():
        print(
            f"{name}: a frame takes {each['p50']:.0f} % of its time (p99 {each['p99']:.0f} %), "
            f"{each['processor']:.0f} % of a processor"
        )
    for each in out["servers"]:
        rest = ", ".join(f"{name} {own['own']:.0f} + {own['files']:.0f} MiB" for name, own in each["memory"].items())
        own = f", by construction {each['built_ms']:.1f}, floor {each['floor_ms']:.1f}"
        own += f", a client that copies {each['loop_ms']:.1f}"
        print(
            f"{each['rate']} Hz, {each['period']} frames: input to output {shown(each['ms'])} ms{own} "
            f"(p99 {shown(each['ms_p99'])}, {each['impulses']} impulses); "
            f"empty {each['empty']} in {each['breaks']} breaks, {each['ours']} of them ours, {each['slow']} while the "
            f"processor was slow ({each['spells']} spells, {each['spell_ms']:.1f} ms); "
            f"server {each['server']} in {each['minutes']:g} min; "
            f"{rest}"
        )


if __name__ == "__main__":
    main()
