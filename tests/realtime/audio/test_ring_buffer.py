"""The order in which a ring buffer's memory is seen by the other process, on a memory that keeps none but at fences."""

from __future__ import annotations

import numpy as np
import pytest

from realtime.audio.ring_buffer import CHANNELS, READ, WRITTEN, Ring

CAPACITY = 64


class Memory:
    """What all processors see, and the stores of one that are still on their way: they arrive in any order.

    Loads are as bad: a value that was loaded may have been loaded at any time since the last fence.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.counts = np.zeros(8, np.uint64)
        self.samples = np.zeros((CAPACITY, CHANNELS), np.float32)


class Processor:
    """One process's view of the memory: stores wait in a buffer, loads come from a picture that may be old."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.waiting = memory, []
        self.fence()

    def fence(self) -> None:
        self._store(len(self.waiting))
        self.counts, self.samples = self.memory.counts.copy(), self.memory.samples.copy()

    def some_time_passes(self) -> None:
        """Some of the stores arrive, in any order; some of what is loaded is loaded anew."""
        self.memory.random.shuffle(self.waiting)
        self._store(int(self.memory.random.integers(0, len(self.waiting) + 1)))
        for name in ("counts", "samples"):
            if self.memory.random.random() < 0.5:
                setattr(self, name, getattr(self.memory, name).copy())
        for name, at, value in self.waiting:  # a processor sees its own stores
            getattr(self, name)[at] = value

    def _store(self, count: int) -> None:
        for name, at, value in self.waiting[:count]:
            getattr(self.memory, name)[at] = value
        del self.waiting[:count]


class Array:
    """An array of a processor as the ring uses it: loads and stores item by item, each at its own time."""

    def __init__(self, processor: Processor, name: str) -> None:
        self.processor, self.name = processor, name

    def __getitem__(self, at):
        value = getattr(self.processor, self.name)[at].copy()
        self.processor.some_time_passes()
        return value

    def __setitem__(self, at, value) -> None:
        view = getattr(self.processor, self.name)
        view[at] = value
        places = range(*at.indices(len(view))) if isinstance(at, slice) else [at]
        self.processor.waiting += [(self.name, place, view[place].copy()) for place in places]
        self.processor.some_time_passes()


def ring_of(memory: Memory, monkeypatch, with_fences: bool) -> tuple[Ring, Processor]:
    ring, processor = Ring(CAPACITY), Processor(memory)
    ring._counts, ring._samples = Array(processor, "counts"), Array(processor, "samples")
    monkeypatch.setattr(ring, "_fence", processor.fence if with_fences else lambda: None)
    return ring, processor


def stale_frames(seed: int, monkeypatch, with_fences: bool) -> int:
    """How many frames are read that are not those that were written, in a thousand turns of both processes."""
    random = np.random.default_rng(seed)
    memory = Memory(random)
    writer, one = ring_of(memory, monkeypatch, with_fences)
    reader, two = ring_of(memory, monkeypatch, with_fences)
    wrong = 0
    for _ in range(300):
        room = CAPACITY - int(writer._counts[WRITTEN]) + int(writer._counts[READ])
        if random.random() < 0.5 and room > 0:
            frames = int(random.integers(1, room + 1))
            first = int(writer._counts[WRITTEN])
            writer.write(np.tile(np.arange(first + 1, first + frames + 1, dtype=np.float32), (CHANNELS, 1)))
        else:
            first, out = int(reader._counts[READ]), np.zeros((int(random.integers(1, 24)), CHANNELS), np.float32)
            reader.read_into(out, 0.0, 48000)
            there = int(reader._counts[READ]) - first
            wrong += int((out[:there, 0] != np.arange(first + 1, first + there + 1)).sum())
        for processor in (one, two):
            processor.some_time_passes()
    writer.close()
    reader.close()
    return wrong


@pytest.mark.parametrize("seed", range(3))
def test_no_sample_is_read_before_it_is_there_whatever_the_order_of_memory(seed, monkeypatch):
    assert stale_frames(seed, monkeypatch, with_fences=True) == 0


def test_without_fences_such_a_memory_would_give_other_samples(monkeypatch):
    assert sum(stale_frames(seed, monkeypatch, with_fences=False) for seed in range(3)) > 0
