"""A ring buffer of samples in shared memory: one process writes, another reads, neither ever waits for the other.

Each of the two counters has one writer, and is an aligned word of 8 bytes, which is stored at once. It has to be seen
after the samples that it speaks of: what is written is published after it was stored, and what is read is given free
after it was loaded. x86 keeps that order by itself (total store order); ARM does not, and neither Python nor numpy
promise any. So between the samples and a counter stands a fence: a lock of this process alone, taken and given back,
for which nobody ever waits. POSIX counts locks among the functions that synchronize memory (XBD 4.12); on ARMv8 giving
a lock back is a store-release and taking one a load-acquire, which do not pass each other, and taking and giving back a
lock of Python is two of each at least. It costs less than a microsecond. What the fences are worth shows a memory that
keeps no order but theirs (`test_ring_buffer.py`); it has not been tried on an ARM processor.
"""

from __future__ import annotations

import contextlib
import math
import mmap
import os
import tempfile
import threading
import uuid
from collections.abc import Sequence

import numpy as np

WRITTEN, READ, UNDERRUNS, STATE, CHUNK, REPORTED, WANTED, BREAKS = range(8)  # counters
ORIGIN = 0  # times: when frame 0 was played, in seconds of `clock.now`
FADE = 64  # frames in which the sound dies away at an underrun, rather than click
CHANNELS = 2
MAX_WRITTEN = 1 << 12  # frames at a time, by anybody
HEADER = 128  # bytes before the samples: 8 counters, 8 times


class _Count:
    """A counter of a ring, as a whole number that is read."""

    def __init__(self, place: int) -> None:
        self.place = place

    def __get__(self, ring: Ring, owner: type[Ring]) -> int:
        return int(ring._counts[self.place])


class Ring:
    """Frames between two processes.

    Args:
        capacity: frames.
        handle: of a ring that another process made (its attribute `handle`, a file that this process was given; on
            Windows a name); None makes one.
        channels: of a frame.
        bell: the two ends of a pipe by which the writer wakes the reader (`make_bell`); None for none.

    Attributes:
        capacity, handle, channels, bell: as above.
        written, read: frames so far.
        underruns: how often frames were missing when they were to be heard.
        breaks: how often it broke off: those underruns before which there had been enough.
        reported: how often the device said that it had not been given its frames in time.
        chunk: frames that the reader asks for at a time, the most so far.
    """

    written, read, chunk = _Count(WRITTEN), _Count(READ), _Count(CHUNK)
    underruns, breaks, reported = _Count(UNDERRUNS), _Count(BREAKS), _Count(REPORTED)

    def __init__(
        self,
        capacity: int,
        handle: int | str | None = None,
        channels: int = CHANNELS,
        bell: Sequence[int] | None = None,
    ) -> None:
        self.capacity, self.channels, self.bell = capacity, channels, bell
        size = HEADER + 4 * channels * capacity
        if os.name == "nt":
            self.handle: int | str = handle or f"latentmix-{uuid.uuid4().hex}"
            self._memory = mmap.mmap(-1, size, tagname=str(self.handle))  # type: ignore[call-arg]
        else:
            self.handle = _make_file(size) if handle is None else int(handle)
            self._memory = mmap.mmap(self.handle, size)
        self._counts = np.frombuffer(self._memory, np.uint64, 8)
        self._times = np.frombuffer(self._memory, np.float64, 8, offset=64)
        self._samples = np.frombuffer(self._memory, np.float32, channels * capacity, offset=HEADER)
        self._samples = self._samples.reshape(capacity, channels)
        self._last = np.zeros(channels, np.float32)
        self._is_broken = False
        self._lock = threading.Lock()  # of this object alone: only for the order of memory
        if handle is None:
            self._times[ORIGIN] = math.nan

    def close(self) -> None:
        """Give the file back; what is mapped stays until nobody uses it."""
        if isinstance(self.handle, int) and self.handle >= 0:
            with contextlib.suppress(OSError):
                os.close(self.handle)
            self.handle = -1
        for each in self.bell or ():
            with contextlib.suppress(OSError):
                os.close(each)
        self.bell = None

    @property
    def files(self) -> list[int]:
        """That another process needs, to have this ring too."""
        return [*([self.handle] if isinstance(self.handle, int) else []), *(self.bell or ())]

    @property
    def filled(self) -> int:
        """Frames that wait to be read."""
        return self.written - self.read

    def count_reported(self) -> None:
        """For the reader."""
        self._counts[REPORTED] += 1

    @property
    def is_heard(self) -> bool:
        """Whether a sound device plays what is read."""
        return bool(self._counts[STATE])

    @is_heard.setter
    def is_heard(self, value: bool) -> None:
        self._counts[STATE] = value

    @property
    def origin(self) -> float:
        """When frame 0 was played or would have been, by what the reader saw last; NaN before it."""
        return float(self._times[ORIGIN])

    def write(self, block: np.ndarray) -> None:
        """Add frames (channels, n); n is at most `capacity - filled`.

        Raises:
            ValueError: there is no room.
        """
        frames, written = block.shape[1], self.written
        if frames > self.capacity - (written - self.read):
            raise ValueError(f"expected at most {self.capacity - self.filled} frames, found {frames}")
        self._fence()
        start = written % self.capacity
        first = min(frames, self.capacity - start)
        self._samples[start : start + first] = block[:, :first].T
        self._samples[: frames - first] = block[:, first:].T
        self._fence()
        self._counts[WRITTEN] = written + frames

    def read_into(self, out: np.ndarray, time: float, sample_rate: float) -> None:
        """Move frames into out (n, channels); where there are too few, the sound dies away and an underrun is counted.

        Args:
            out: float32.
            time: now, when the first of these frames was asked for.
            sample_rate: frames a second.
        """
        frames, read = len(out), self.read
        if frames > self._counts[CHUNK]:
            self._counts[CHUNK] = frames
        there = min(frames, self.written - read)
        self._fence()
        start = read % self.capacity
        first = min(there, self.capacity - start)
        out[:first] = self._samples[start : start + first]
        out[first:there] = self._samples[: there - first]
        self._fence()
        self._counts[READ] = read + there
        if there < frames:
            self._counts[UNDERRUNS] += 1
            self._counts[BREAKS] += not self._is_broken
            last = out[there - 1] if there else self._last
            fade = min(FADE, frames - there)
            out[there:] = 0.0
            out[there : there + fade] = last * np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
        self._is_broken = there < frames
        self._last = out[-1].copy()
        self._see_origin(time - read / sample_rate)

    def offer(self, block: np.ndarray) -> None:
        """Add frames (channels, n), as many as there is room for; the rest is lost."""
        self.write(block[:, : self.capacity - self.filled])

    def ring(self) -> None:
        """For the writer, who never waits here: wake the reader, if there is what it waits for (`want`)."""
        if self.bell is not None and self.written >= self._counts[WANTED]:
            with contextlib.suppress(OSError):  # full, as nobody has listened for long
                os.write(self.bell[1], b"\0")

    def want(self, frames: int) -> None:
        """For the reader: be woken once so many frames, and no fewer, wait to be read."""
        self._counts[WANTED] = self.read + frames
        self._fence()

    def listen(self) -> bool:
        """For a thread of the reader: sleep until the bell was rung; False once nobody can ring it any more."""
        return self.bell is not None and bool(os.read(self.bell[0], 1 << 12))

    def take(self, most: int) -> np.ndarray:
        """Frames (channels, n) that wait to be read, at most so many: for a reader who may wait for more."""
        read = self.read
        there = min(most, self.written - read)
        self._fence()
        start = read % self.capacity
        first = min(there, self.capacity - start)
        out = np.concatenate([self._samples[start : start + first], self._samples[: there - first]]).T
        self._fence()
        self._counts[READ] = read + there
        return out

    def peek(self, start: int) -> tuple[np.ndarray, int]:
        """For a third, in any process, who only listens: frames (channels, n) from one on, as far as they were read.

        Those that the writer has written over by now, or may be about to, are silent; it is told how many.

        Args:
            start: number of a frame.
        """
        end = max(self.read, start)
        first = max(start, end - self.capacity)
        self._fence()
        out = self._samples[np.arange(first, end) % self.capacity].T
        self._fence()
        gone = min(max(self.written + MAX_WRITTEN - self.capacity - start, 0), end - start)
        out = np.pad(out, ((0, 0), (first - start, 0)))
        out[:, :gone] = 0.0
        return out, gone

    def skip(self, frames: int, time: float, sample_rate: float) -> None:
        """Read frames that nobody hears, as many as there are at most: time goes on without a device."""
        read = self.read
        self._counts[READ] = read + min(frames, self.written - read)
        self._see_origin(time - read / sample_rate)

    def _fence(self) -> None:
        """What was loaded and stored before is so for all processors, before anything that comes after."""
        with self._lock:
            pass

    def _see_origin(self, seen: float) -> None:
        """Smooth the jitter of the moments at which frames are asked for; follow a jump at once."""
        origin = self.origin
        near = abs(seen - origin) < 0.02  # not with NaN
        self._times[ORIGIN] = origin + 0.02 * (seen - origin) if near else seen


def make_bell() -> Sequence[int] | None:
    """Of a ring whose reader is to be woken once there is enough; None where processes share no files (Windows)."""
    if os.name == "nt":
        return None
    ends = os.pipe()
    os.set_blocking(ends[1], False)
    return ends


def _make_file(size: int) -> int:
    """A file without a name, in memory where the system has such a place."""
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    handle, path = tempfile.mkstemp(dir=folder)
    os.unlink(path)
    os.ftruncate(handle, size)
    return handle
