"""Which melodies an engine mixes: others while it plays. The engine is one of these."""

from __future__ import annotations

from collections.abc import Callable

from midi_vae.music.melody import Melody

from ..music.shares import PadPoint
from .drummer import Drummer
from .explorer import Explorer
from .observed import Observed
from .worker import Worker


class Arranged(Observed):
    """Methods are thread-safe; none is real-time-safe: they wait until the worker has done it."""

    _worker: Worker
    _names: list[str]
    _drummer: Drummer | None
    _explorers: list[Explorer]

    def load(self, index: int, melody: Melody, name: str | None = None) -> None:
        """Put another melody in the place of one, while playing.

        Raises:
            InputError: as `Mixer.load`.
        """

        def job() -> None:
            self.mixer.load(index, melody)
            self._names[index] = name or melody.name or f"melody {index + 1}"

        self._arrange(job)

    def add(self, melody: Melody, name: str | None = None, place: PadPoint | None = None) -> None:
        """One more melody.

        Raises:
            InputError: as `Mixer.add`.
        """

        def job() -> None:
            self.mixer.add(melody, place)
            self._names.append(name or melody.name or f"melody {len(self._names) + 1}")

        self._arrange(job)

    def remove(self, index: int) -> None:
        """Take a melody away.

        Raises:
            InputError: as `Mixer.remove`.
        """

        def job() -> None:
            self.mixer.remove(index)
            del self._names[index]

        self._arrange(job)

    def place(self, index: int, x: float, y: float) -> None:
        """Put a melody elsewhere on the pad, both 0..1.

        Raises:
            InputError: as `Mixer.place`.
        """
        self._worker.change(lambda: self.mixer.place(index, x, y))

    def _arrange(self, job: Callable[[], None]) -> None:
        """Do it in the worker, drums after it, and look for new ways."""

        def all_of_it() -> None:
            job()
            if self._drummer is not None:
                self._drummer.mixer.fit()

        self._worker.change(all_of_it)
        self._look()

    def _look(self) -> None:
        for explorer in self._explorers:
            explorer.look()
