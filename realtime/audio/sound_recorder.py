"""What is heard, written into a file while it is heard; no torch here."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Protocol

from audiovq.audio_io.writer import GrowingWav, open_growing
from latentmix.closing import Closing
from latentmix.errors import InputError

from .tap import Tap

LOOK_SECONDS = 0.05  # between two looks at what was heard
SETTLE_SECONDS = 5.0  # of sound that a crash costs at most


class Heard(Protocol):
    """See `output.SoundOutput`."""

    sample_rate: int

    def tap(self) -> Tap: ...


class SoundRecorder(Closing):
    """Writes one channel of what is heard, from now until `close`, in a thread of its own. Not real-time-safe.

    Args:
        path: of a WAV file; one that is there is replaced.
        sound: whose channels are all the same.
        failed: called with a line where it cannot go on (a full disk); what was written stays.

    Raises:
        InputError: a place that cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], sound: Heard, failed: Callable[[str], object] = lambda line: None
    ) -> None:
        self.path = os.fspath(path)
        self._failed, self._tap, self._over = failed, sound.tap(), threading.Event()
        self._held = contextlib.ExitStack()
        self._sink = self._held.enter_context(open_growing(path, sound.sample_rate, 1))
        self._thread = threading.Thread(target=self._run, name="latentmix recording", daemon=True)
        self._thread.start()

    @property
    def frames(self) -> int:
        """How many are written by now."""
        return self._sink.samples

    @property
    def seconds(self) -> float:
        """How long it is by now."""
        return self._sink.samples / self._sink.sample_rate

    @property
    def remark(self) -> str:
        """That there is silence in it which this was too late to hear; "" if there is none."""
        lost = self._tap.lost / self._sink.sample_rate
        return f"{lost:.2f} s could not be recorded and are silent: the machine was busy" if lost else ""

    def close(self) -> None:
        """Write what was heard until now, and end; a second time does nothing. Any thread."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._held:
                self._listen(self._sink)
        except InputError as error:
            self._failed(f"recording ended: {error}")

    def _listen(self, sink: GrowingWav) -> None:
        settled = 0
        while not self._over.wait(LOOK_SECONDS):
            sink.write(self._tap.take()[:1])
            if sink.samples - settled >= SETTLE_SECONDS * sink.sample_rate:
                sink.settle()
                settled = sink.samples
        sink.write(self._tap.take()[:1])
