"""What the benchmarks of live playing have in common: melodies, a knob's map, milliseconds."""

from __future__ import annotations

import socket

import numpy as np

from midi_vae.music.melody import Melody

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


def summary(seconds: list[float]) -> dict[str, float]:
    """Milliseconds: the middle, the slowest of a hundred, the slowest of all."""
    ms = 1000 * np.abs(np.array(seconds))
    return {
        "p50_ms": round(float(np.percentile(ms, 50)), 4),
        "p99_ms": round(float(np.percentile(ms, 99)), 4),
        "max_ms": round(float(ms.max()), 4),
        "n": len(ms),
    }


def line(found: dict[str, float]) -> str:
    return f"p50 {found['p50_ms']:.3f} ms, p99 {found['p99_ms']:.3f} ms, max {found['max_ms']:.3f} ms ({found['n']})"


def melodies(count: int, seed: int = 0) -> list[Melody]:
    """Melodies of two bars, one like no other."""
    random = np.random.default_rng(seed)
    return [
        Melody.from_notes([(2 * k, 2 * k + 2, int(p)) for k, p in enumerate(random.integers(55, 80, 16))], name=str(n))
        for n in range(count)
    ]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
