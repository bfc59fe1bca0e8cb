"""The engine's worker: the one thread that computes with the model, and that tells subscribers what happens."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from latentmix.errors import InputError

from ..music.clock import now
from ..music.mixer import Mixer
from ..music.parameters import Value

CLOSED = "expected an engine that is open, found it is closed"
TELL_EVERY = 1 / 60  # seconds between two tellings, at least


class Worker:
    """Takes what was moved since it last looked, the newest value of each parameter, and asks for one melody.

    Methods are thread-safe; all but `change` and `close` are real-time-safe.

    Args:
        mixer: moved in the worker alone, under the lock.
        lock: of the mixer.
        offer: called in the worker where the melody may be another, with the time of the first move that made it so,
            None at the start.
        tell: called in the worker when there is news, at most 60 times a second.
        warn: called with a line about what went wrong in the worker; the music goes on.
        is_ready: whether there is a model; else jobs and mixes wait for `get_ready`.
        renew: called in the worker after `offer`, and where that was not called for the melody is the same.
    """

    def __init__(
        self,
        mixer: Mixer,
        lock: Any,
        offer: Callable[[float | None], None],
        tell: Callable[[], None],
        warn: Callable[[str], None],
        is_ready: bool = True,
        renew: Callable[[], None] = lambda: None,
    ) -> None:
        self._mixer, self._lock, self._offer, self._tell, self._warn = mixer, lock, offer, tell, warn
        self._renew = renew
        self._wake = threading.Condition()
        self._moved: dict[str, tuple[Value, float]] = {}
        self._moving: dict[str, tuple[Value, float]] = {}  # what the worker has taken, until the mixer has it
        self._jobs: deque[_Job] = deque()
        self._is_ready = is_ready
        self._has_news, self._is_open, self._told_at = False, True, 0.0
        self._thread = threading.Thread(target=self._run, name="latentmix engine", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def move(self, values: Mapping[str, Value]) -> None:
        """Parameters, checked, to be moved together."""
        with self._wake:
            for name, value in values.items():
                self._moved.pop(name, None)  # so that what was moved last comes last
                self._moved[name] = (value, now())
            self._wake.notify()

    def value(self, name: str) -> Value:
        """What a parameter was last set to, whether the mixer has it already or not."""
        with self._wake:
            moved = self._moved.get(name) or self._moving.get(name)
            return self._mixer.values[name] if moved is None else moved[0]

    def announce(self) -> None:
        """There is news."""
        with self._wake:
            self._has_news = True
            self._wake.notify()

    def change(self, job: Callable[[], object]) -> None:
        """Do something to the melodies in the worker, and wait for it.

        Raises:
            InputError: it is closed; else whatever the job raises.
        """
        with self._wake:
            if not self._is_open:
                raise InputError(CLOSED)
            waiting = _Job(job)
            self._jobs.append(waiting)
            self._wake.notify()
        waiting.wait()

    def get_ready(self, install: Callable[[], None]) -> None:
        """There is a model: `install` is called in the worker, under the lock, and what waited for it follows."""
        with self._wake:
            self._jobs.appendleft(_Job(install))
            self._is_ready = True
            self._wake.notify()

    def close(self) -> bool:
        """End, and wait for it; whether it was open."""
        with self._wake:
            if not self._is_open:
                return False
            self._is_open = False
            self._wake.notify()
        self._thread.join()
        return True

    def _run(self) -> None:
        self._offer(None)
        self._renew()
        while True:
            with self._wake:
                while not self._has_work():
                    self._wake.wait(max(0.001, self._told_at + TELL_EVERY - now()) if self._has_news else None)
                if not self._is_open:
                    break
                jobs = [self._jobs.popleft() for _ in range(len(self._jobs) if self._is_ready else 0)]
                self._moving, self._moved = self._moved, {}
            try:
                if self._moving or jobs:
                    self._take(self._moving, jobs)
            except Exception as error:  # the music goes on, whatever it was
                self._warn(f"{type(error).__name__}: {error}")
            self._tell_in_time()
        for job in self._jobs:
            job.refuse()

    def _has_work(self) -> bool:
        is_time = self._has_news and now() >= self._told_at + TELL_EVERY
        return bool(self._moved or (self._jobs and self._is_ready) or is_time or not self._is_open)

    def _take(self, moved: Mapping[str, tuple[Value, float]], jobs: Sequence[_Job]) -> None:
        since = min((time for _, time in moved.values()), default=now())
        with self._lock:
            changed = self._mixer.move({name: value for name, (value, _) in moved.items()})
        with self._wake:
            self._moving = {}
        for job in jobs:
            job.run(self._lock)
        if changed or (jobs and not self._mixer.values["hold"]):
            self._offer(since)
        self._renew()

    def _tell_in_time(self) -> None:
        if now() < self._told_at + TELL_EVERY:
            self._has_news = True
            return
        self._has_news, self._told_at = False, now()
        self._tell()


class _Job:
    """Something that one thread does for another, which waits for it."""

    def __init__(self, what: Callable[[], object]) -> None:
        self._what, self._done = what, threading.Event()
        self._error: Exception | None = None

    def run(self, lock: Any) -> None:
        """Do it."""
        try:
            with lock:
                self._what()
        except Exception as error:
            self._error = error
        self._done.set()

    def refuse(self) -> None:
        """It is not going to be done."""
        self._error = InputError(CLOSED)
        self._done.set()

    def wait(self) -> None:
        """Until it is done; raises what it raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
