"""Which melodies an engine mixes: others while it plays. The engine is one of these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import numpy as np

from latentmix.errors import InputError
from midi_vae.drums.groove import Groove
from midi_vae.music.melody import Melody

from ..music.drum_layer import NO_DRUMS, DrumPattern
from ..music.shares import PadPoint
from .background import Background
from .drummer import Drummer
from .loading import Loading
from .observed import Observed
from .worker import Worker


class Arranged(Observed):
    """Methods are thread-safe; none is real-time-safe: they wait until the worker has done it."""

    _worker: Worker
    _names: list[str]
    _drummer: Drummer | None
    _searches: Sequence[Background] = ()
    _drum_loading: Loading | None = None  # of a model that was not needed to begin with

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

    def warn(self, text: str) -> None:
        """Something that a person should know."""
        raise NotImplementedError

    def drum(self, grooves: Sequence[Groove]) -> None:
        """Other grooves, or none, in the place of those that are mixed; their model is loaded when it is first needed.

        Raises:
            InputError: as `DrumMixer.lay`, or an engine without drums.
        """
        if self._drummer is None:
            raise InputError("expected an engine with drums, found one without")
        mixer = self._drummer.mixer
        self._worker.change(lambda: mixer.lay(grooves))
        if steps := self._drum_steps():
            self._drum_loading = Loading(steps, self.warn)
        self._look()

    @property
    def grooves(self) -> tuple[Groove, ...]:
        """The grooves that are mixed, as they were given."""
        return () if self._drummer is None else self._drummer.mixer.grooves

    def drums_at(self, shares: Sequence[np.ndarray]) -> list[DrumPattern]:
        """What is drummed where the melodies have shares (M,) each.

        It takes milliseconds each, of the thread that asks; nothing that plays waits for it.
        """
        if self._drummer is None:
            return [NO_DRUMS] * len(shares)
        with self._lock:
            mixer = copy(self._drummer.mixer)  # whose parts are replaced, never changed
        return [mixer.pattern(0, each) for each in shares]

    def _drum_steps(self) -> list[Callable[[], object]]:
        """What loads the model of drums, if that is to be done now."""
        drummer = self._drummer
        if drummer is None or not drummer.needs_model():
            return []
        return [lambda: self._get_ready(drummer.prepare())]

    def _get_ready(self, install: Callable[[], object]) -> None:
        def ready() -> None:
            install()
            self._look()

        self._worker.get_ready(ready)

    def _arrange(self, job: Callable[[], None]) -> None:
        """Do it in the worker, drums after it, and look for new ways."""

        def all_of_it() -> None:
            job()
            if self._drummer is not None:
                self._drummer.mixer.fit()

        self._worker.change(all_of_it)
        self._look()

    def _look(self) -> None:
        for each in self._searches:
            each.look()
