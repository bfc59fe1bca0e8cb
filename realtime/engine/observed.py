"""What an engine tells others: snapshots, melodies, MIDI that arrived, what was recorded, where in the song it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from latentmix.errors import InputError

from ..music.clock import now
from ..music.drum_layer import DrumPattern
from ..music.sequencer import Pattern
from ..music.shares import Mode
from ..player.player import STEPS_A_BEAT
from .callbacks import Callbacks, Unsubscribe
from .loading import Loading
from .monitor import Monitor
from .recorder import PlayedNote, TempoChange
from .snapshot import Snapshot

if TYPE_CHECKING:
    from ..music.mixer import Mixer
    from ..music.parameters import Parameter


class Observed:
    """Who wants to be told, and what there is to tell. Methods are thread-safe, and real-time-safe unless they say
    otherwise. What comes back from `subscribe`, `on_pattern`, `on_drums` and `listen` ends it.
    """

    mixer: Mixer

    def __init__(self, monitor: Monitor, lock: threading.RLock) -> None:
        self._monitor, self._lock = monitor, lock
        self._loading: Loading | None = None
        self._on_snapshot, self._on_midi, self._on_pattern = Callbacks(), Callbacks(), Callbacks()
        self._on_drums = Callbacks()

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What can be moved, by name. Thread-safe, real-time-safe."""
        return self.mixer.parameters

    @property
    def mode(self) -> Mode:
        """Which of position, pad and weights says where the puck is: what was moved last."""
        return self.mixer.mode

    @property
    def beats_a_bar(self) -> float:
        """Quarter notes in a bar of the newest melody. Thread-safe; not real-time-safe: as `snapshot`."""
        return self.snapshot().melody.steps_per_bar / STEPS_A_BEAT

    def snapshot(self) -> Snapshot:
        """What is going on now. Thread-safe; not real-time-safe: it takes a millisecond and a lock."""
        raise NotImplementedError

    def subscribe(self, callback: Callable[[Snapshot], None]) -> Unsubscribe:
        """Call this with a snapshot whenever there is news: a melody, a step, a warning.

        It is called in the engine's worker, at most 60 times a second: while it runs, no melody is made.
        """
        return self._on_snapshot.add(callback)

    def on_pattern(self, callback: Callable[[Pattern], None]) -> Unsubscribe:
        """Call this with each melody as it goes to the player, before any snapshot; in the engine's worker too."""
        return self._on_pattern.add(callback)

    def on_drums(self, callback: Callable[[DrumPattern], None]) -> Unsubscribe:
        """Call this with the drums as they go to the player, in the engine's worker too."""
        return self._on_drums.add(callback)

    def listen(self, callback: Callable[[float, bytes], None]) -> Unsubscribe:
        """Call this with (time of arrival, bytes) of each MIDI message from the inputs.

        It is called in the thread that reads the player's reports, and holds those up.
        """
        return self._on_midi.add(callback)

    def beat(self) -> float:
        """Quarter notes from the start of the song to now. Thread-safe, real-time-safe."""
        told = self._monitor.progress
        if not told.running:
            return max(0.0, (told.step + 1) / STEPS_A_BEAT)
        return max(0.0, told.step / STEPS_A_BEAT + (now() - told.time) * told.tempo / 60)

    @property
    def problem(self) -> str | None:
        """Why nothing is played, a line for people; None while there is a player. Thread-safe, real-time-safe."""
        return self._monitor.problem

    @property
    def is_given_up(self) -> bool:
        """Whether the player is gone for good. Thread-safe, real-time-safe."""
        return self._monitor.is_given_up

    def recording(self) -> list[PlayedNote]:
        """The notes played while `record` was on. Thread-safe; not real-time-safe: it copies them."""
        with self._lock:
            return self._monitor.recorder.finished()

    def recorded_tempi(self) -> list[TempoChange]:
        """The tempo during the recording. Thread-safe; not real-time-safe: it copies them."""
        with self._lock:
            return list(self._monitor.recorder.tempi)

    @property
    def failure(self) -> str | None:
        """Why the model could not be loaded, a line for people; None: it was, or is being. Thread-safe."""
        return None if self._loading is None else self._loading.failure

    def wait_until_loaded(self, stop: threading.Event) -> None:
        """Until the model is there, or somebody says stop. Thread-safe; not real-time-safe.

        Raises:
            InputError: it cannot be loaded.
        """
        if self._loading is not None:
            self._loading.wait(stop)
        if self.failure is not None:
            raise InputError(self.failure)
